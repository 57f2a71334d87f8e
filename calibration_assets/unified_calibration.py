"""The manual's command line and its three portable functions; a thin door in front of the core.

With `--package-path` a package is fitted here; without it the flags go to the Dagster job, run in process.
"""

import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd

from calibration_assets.diagnostics.run_config import run_config, write_run_config
from calibration_assets.diagnostics.targets import target_errors, write_target_errors
from calibration_assets.errors import CalibrationError
from calibration_assets.fit.examine import examine_targets
from calibration_assets.fit.fit import fit, fit_l0_weights
from calibration_assets.fit.forecast import forecast_fit
from calibration_assets.fit.problem import check_matrix, check_targets
from calibration_assets.fit.ranks import Ranks, join_ranks
from calibration_assets.fit.result import FitResult, write_fit
from calibration_assets.flags import parse_request
from calibration_assets.package.load import load_calibration_package
from calibration_assets.settings import ObservationSettings, RunRequest
from calibration_assets.targets.config import apply_target_config, count_matches, load_target_config, target_groups

__all__ = ["apply_target_config", "fit_l0_weights", "load_calibration_package", "main"]


def main(arguments: list[str] | None = None) -> int:
    """The command line: 0 where all went well, 1 after one sentence on standard error."""
    request = parse_request(arguments)
    try:
        if request.files.package_path is None:
            from calibration_assets.defs.run import run_pipeline

            run_pipeline(request)
        else:
            fit_package(request)
    except CalibrationError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def fit_package(request: RunRequest) -> None:
    """Fit the package of `--package-path` and write weights, diagnostics and run configuration."""
    began = time.perf_counter()
    for flag, given in (("--build-only", request.build_only), ("--puf-dataset", request.files.puf_dataset)):
        if given:
            raise CalibrationError(f"Both {flag} and --package-path are given, expected one of them: drop the other.")
    ranks = join_ranks(request.fit.device)
    package = load_calibration_package(request.files.package_path or "")
    config = load_target_config(request.files.target_config or package.metadata.get("target_config"))
    _tell(ranks, _matches(count_matches(package.targets_df, config)))
    targets_df, X, names = apply_target_config(package.targets_df, package.matrix, package.target_names, config)
    X, targets = check_matrix(X), check_targets(targets_df["value"].to_numpy(), X.shape[0])
    _tell(ranks, examine_targets(X, targets, names).sentences())
    _tell(ranks, [forecast_fit(X, ranks.size).sentence(request.fit.epochs)])
    result = fit(
        X,
        targets,
        request.fit,
        initial_weights=package.initial_weights,
        target_names=names,
        groups=target_groups(targets_df),
        observation=_with_log(request),
    )
    if ranks.rank == 0:
        errors = target_errors(X, targets_df, names, result.weights)
        _write(request, result, errors, time.perf_counter() - began)


def _matches(rules: pd.DataFrame) -> list[str]:
    """How many targets each rule of the config matched, a line a rule."""
    lines = []
    for rule, *fields, matches in rules.itertuples(index=False):
        where = ", ".join(field for field in fields if isinstance(field, str))
        lines.append(f"{rule} {where}: {matches:,} targets")
    return lines


def _with_log(request: RunRequest) -> ObservationSettings:
    """The observation with the epoch log beside the output, unless it is named."""
    log = request.observation.epoch_log or str(Path(request.files.output).with_name("calibration_log.parquet"))
    return replace(request.observation, epoch_log=log)


def _write(request: RunRequest, result: FitResult, errors: pd.DataFrame, seconds: float) -> None:
    """The manual's three files beside each other, the fit's own folder, and where they are."""
    output = Path(request.files.output)
    fit_folder = output.with_name("unified_fit")
    fit_folder.mkdir(parents=True, exist_ok=True)
    write_fit(result, fit_folder)
    partial = output.with_name(output.name + ".part")
    with partial.open("wb") as file:
        np.save(file, result.weights)
    partial.replace(output)
    diagnostics, config = output.with_name("unified_diagnostics.csv"), output.with_name("unified_run_config.json")
    write_target_errors(errors, diagnostics)
    flags = _flat(asdict(request)) | {"lambda_l0": result.record["lambda_l0"]}
    files = {output.name: output, diagnostics.name: diagnostics}
    described = run_config(flags, errors, result.weights, elapsed_seconds=seconds, files=files)
    write_run_config(described | {"epochs_total": result.record["epochs_run"]}, config)
    _tell(Ranks(), [result.record["stopped"], *result.record["notes"], _refit_sentence(result)])
    _tell(Ranks(), [f"OUTPUT_PATH:{output}", f"LOG_PATH:{diagnostics}", f"CONFIG_PATH:{config}"])


def _flat(nested: dict) -> dict:
    """Settings by their own names, whatever class they belong to."""
    flat: dict = {}
    for name, value in nested.items():
        flat |= _flat(value) if isinstance(value, dict) else {name: value}
    return flat


def _refit_sentence(result: FitResult) -> str:
    """What became of the refit, in words."""
    certificate = result.record["refit"]
    if certificate is None:
        return f"{result.record['kept_columns']:,} columns kept; no refit."
    return (
        f"{result.record['kept_columns']:,} columns kept; refit: {certificate['reason']} "
        f"{certificate['iterations']} iterations, relative gradient norm {certificate['relative_gradient_norm']:.2g}."
    )


def _tell(ranks: Ranks, lines: list[str]) -> None:
    """Print lines, once for all ranks."""
    if ranks.rank == 0:
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
