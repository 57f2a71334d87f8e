"""Runs the pipeline's jobs from the terminal: `make` with a profile, the command line with its flags.

Both execute the same Dagster job and then lay out the manual's files; what a job does stays in the assets.
"""

import argparse
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from dagster import DagsterInstance, DagsterInvalidConfigError, JobDefinition, build_reconstructable_job, execute_job

from calibration_assets import exports
from calibration_assets.definitions import JOBS, defs
from calibration_assets.defs.resources import CalibrationStorage
from calibration_assets.errors import CalibrationError
from calibration_assets.settings import SURVEYS, ObservationSettings, RunRequest
from calibration_assets.storage.store import Store
from calibration_assets.targets.config import DEFAULT_CONFIG, load_target_config

STEPS = ("records", "matrix", "sweep", "held_out", "diagnostics", "reporting")
PRELOADED = ["calibration_assets.definitions", *(f"calibration_assets.pipeline.{step}" for step in STEPS)]
"""What the steps of a job import, paid once for all its processes."""

PROCESSES = {
    "multiprocess": {
        "max_concurrent": os.cpu_count() or 1,
        "start_method": {"forkserver": {"preload_modules": PRELOADED}},
    }
}


def main(arguments: list[str] | None = None) -> int:
    """`python -m calibration_assets.defs.run JOB --profile FILE`: 0 where the job succeeded, 1 with a sentence."""
    parser = argparse.ArgumentParser(prog="calibration_assets.defs.run", description="Run a job of the pipeline.")
    parser.add_argument("job", choices=JOBS)
    parser.add_argument("--profile", type=Path, required=True, help="a Dagster run config file")
    parser.add_argument("--output-folder", type=Path, default=Path("storage"), help="where the manual's files go")
    parser.add_argument("--puf-dataset", default="", help="a Public Use File to clone the records with")
    given = parser.parse_args(arguments)
    try:
        profile = read_profile(given.profile)
        run = run_job(given.job, with_puf(profile, given.puf_dataset) if given.puf_dataset else profile)
        show_results(given.job, CalibrationStorage().open(run), given.output_folder)
    except CalibrationError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def run_pipeline(request: RunRequest) -> None:
    """What the command line asks for without a package: the same job in this process, then the files it names."""
    if request.observation != ObservationSettings():
        raise CalibrationError(
            "checkpoint, resume, log and --force flags belong to the fit of a package; give --package-path with them, "
            "or leave them out"
        )
    job = "calibrate_build" if request.build_only else "calibrate"
    config = {"execution": {"config": {"in_process": {}}}, "loggers": {"progress": {}}, "ops": _ops(request)}
    instance = DagsterInstance.get() if "DAGSTER_HOME" in os.environ else DagsterInstance.ephemeral()
    with instance:
        result = resolve_job(job).execute_in_process(config, instance, raise_on_error=False)
        _check_success(job, result.success)
    storage = CalibrationStorage().open(result.run_id)
    output = Path(request.files.output)
    if request.build_only or request.files.package_output:
        target = Path(request.files.package_output or output.with_name("calibration_package.pkl"))
        config = asdict(load_target_config(request.files.target_config or DEFAULT_CONFIG))
        sys.stdout.write(f"{exports.save_package(storage, target, config)}\n")
    if not request.build_only:
        sys.stdout.write((storage.current("diagnostics").folder / exports.SUMMARY_FILE).read_text() + "\n")
        sys.stdout.write("".join(f"{path}\n" for path in exports.lay_out_fit(storage, output)))


def _ops(request: RunRequest) -> dict[str, Any]:
    """The request as run config: its dataset and database taken as they are, everything else from its settings."""
    settings: dict[str, dict[str, Any]] = {
        "extended_cps": {"dataset": _existing(request.files.dataset, "make data")},
        "stratified_cps": {"target_households": 0},
        "imputed_cps": {
            "puf_dataset": "" if request.skip_puf else request.files.puf_dataset or "",
            "sources": () if request.skip_source_impute else SURVEYS,
        },
        "target_database": {"path": _existing(request.files.db_path, "make database")},
        "cloned_records": asdict(request.clone),
        "simulated_values": asdict(request.simulation),
        "calibration_package": asdict(request.target),
    }
    if not request.build_only:
        own = {"target_config": request.files.target_config or "", "allow_stale": request.allow_stale}
        settings["weights"] = {**asdict(request.fit), **own}
    return {asset: {"config": _listed(config)} for asset, config in settings.items()}


def _listed(config: Mapping[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in config.items()}


def _existing(path: str, command: str) -> str:
    if "://" not in path and not path.startswith("census:") and not Path(path).is_file():
        raise CalibrationError(f"{path}: no such file; make it with `{command}`, or give the path of another")
    return path


def show_results(job: str, store: Store, folder: Path) -> None:
    """Lay out the manual's files of a job and print where they are, after the page of figures where there is one."""
    assets = [key.to_user_string() for key in resolve_job(job).asset_layer.executable_asset_keys]
    written = exports.lay_out(store, sorted(assets), folder)
    if job == "calibrate_build":
        written.append(exports.save_package(store, folder / "calibration" / "calibration_package.pkl"))
    if "diagnostics" in assets:
        sys.stdout.write((store.current("diagnostics").folder / exports.SUMMARY_FILE).read_text() + "\n")
    sys.stdout.write("".join(f"{path}\n" for path in written))


def read_profile(path: Path) -> dict[str, Any]:
    """A profile's run config."""
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in path.parent.glob("*.yaml"))) or "none"
        raise CalibrationError(f"profile {path}: no such file; the profiles in {path.parent} are: {known}")
    try:
        config = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise CalibrationError(f"profile {path} is not YAML ({error}); correct the file") from error
    if not isinstance(config, dict) or not isinstance(config.get("ops", {}), dict):
        raise CalibrationError(f"profile {path} holds {type(config).__name__}, expected run config with the key ops")
    return config


def with_puf(profile: Mapping[str, Any], path: str) -> dict[str, Any]:
    """A profile whose records are cloned with a Public Use File."""
    ops = profile.get("ops") or {}
    config = (ops.get("imputed_cps") or {}).get("config") or {}
    return {**profile, "ops": {**ops, "imputed_cps": {"config": {**config, "puf_dataset": path}}}}


def run_job(name: str, config: Mapping[str, Any]) -> str:
    """Execute a job, by default over as many processes as there are cores; its run, or CalibrationError.

    A profile speaks of the whole pipeline; a shorter job takes the part that concerns its assets.
    """
    check_home()
    run_config = job_config(name, config)
    with DagsterInstance.get() as instance:
        try:
            job = build_reconstructable_job("calibration_assets.defs.run", "resolve_job", (name,))
            result = execute_job(job, instance, run_config=run_config)
        except DagsterInvalidConfigError as error:
            raise CalibrationError(f"the profile is refused: {error.errors[0].message}") from error
        _check_success(name, result.success)
        return result.run_id


def check_home() -> None:
    """Stop where there is no place for the history of runs."""
    if not Path(os.environ.get("DAGSTER_HOME", "")).is_absolute():
        raise CalibrationError(
            "DAGSTER_HOME is not an absolute folder, expected one for the history of runs; use `make`, or export "
            "DAGSTER_HOME=$PWD/.dagster"
        )


def _check_success(job: str, success: bool) -> None:
    if not success:
        raise CalibrationError(f"{job} stopped at the step marked above; what was stored before is as it was")


def job_config(name: str, profile: Mapping[str, Any]) -> dict[str, Any]:
    """The run config of a job: what a profile says of its steps, by default over as many processes as cores."""
    ops, own = profile.get("ops") or {}, _steps(name)
    known = own.union(*(_steps(job.name) for job in defs.resolve_all_job_defs()))
    for step in ops:
        if step not in known:
            near = ", ".join(get_close_matches(step, known, n=3)) or ", ".join(sorted(known))
            raise CalibrationError(f"the profile names the asset {step!r}, which no job has; nearest names: {near}")
    chosen = {step: entry for step, entry in ops.items() if step in own}
    return {"execution": {"config": PROCESSES}, "loggers": {"progress": {}}, **profile, "ops": chosen}


def _steps(name: str) -> set[str]:
    return {node.name for node in resolve_job(name).nodes}


def resolve_job(name: str) -> JobDefinition:
    """The job of this name; the executor's processes call it too."""
    return defs.resolve_job_def(name)


if __name__ == "__main__":
    raise SystemExit(main())
