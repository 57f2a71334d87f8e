"""Fits and whole builds on Modal, on a GPU rented by the minute; needs the extra `modal` and `modal setup`.

    modal volume put calibration-data storage/calibration/calibration_package.pkl calibration_package.pkl
    modal run deploy/modal_app.py --package-volume --gpu T4 --epochs 1000 --beta 0.65 --lambda-l0 1e-8 --lambda-l2 1e-8
    modal run deploy/modal_app.py --gpu T4 --profile profiles/full.yaml      # the package is built there, too

Results are values of the store, with a manifest each. What a fit or a build does stays in calibration_assets.
"""

import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import modal

ROOT = Path(__file__).resolve().parents[1]
IMAGE = "CALIBRATION_IMAGE"
"""The image's name and tag in a registry; without it the image is built from this checkout's Dockerfile."""
DATA = "/data"
PACKAGE = f"{DATA}/calibration_package.pkl"
HOURS = 3600

app = modal.App("calibration-assets")
volume = modal.Volume.from_name("calibration-data", create_if_missing=True)
image = (
    modal.Image.from_registry(os.environ[IMAGE])
    if os.environ.get(IMAGE)
    else modal.Image.from_dockerfile(ROOT / "deploy" / "Dockerfile", context_dir=ROOT, build_args={"TORCH": "cu130"})
)
secret = modal.Secret.from_name("calibration-store")
"""CALIBRATION_STORE, and what reaches it; `CALIBRATION_STORE=/data/store` keeps the store on the volume."""
machine = {"image": image, "volumes": {DATA: volume}, "secrets": [secret], "timeout": 24 * HOURS}


@app.function(**machine)
def fit_package(package: str, settings: Mapping[str, Any], target_config: str = "") -> str:
    """Fit a package file with the manual's flags; the manual's files become the stored value `package_fit`."""
    from calibration_assets.flags import parse_request
    from calibration_assets.storage.keys import content_key, file_key
    from calibration_assets.unified_calibration import fit_package as fit

    def make(folder: Path) -> dict[str, Any]:
        with _as_file(target_config) as config:
            given = {
                **settings,
                "package_path": package,
                "output": folder / "unified_weights.npy",
                "target_config": config,
            }
            fit(parse_request([f"--{name.replace('_', '-')}={value}" for name, value in given.items() if value != ""]))
        return {"settings": dict(settings), "package": package}

    store = _store()
    key = content_key("package_fit", 1, {"package": file_key(Path(package))}, [dict(settings), target_config])
    value = store.build("package_fit", key, make)
    store.set_current(value)
    return f"stored {store.base / value.name / value.version}"


@app.function(**machine)
def run(job: str, profile: Mapping[str, Any], target_config: str = "") -> str:
    """A job of the pipeline over the store: what is stored already is not made again."""
    from calibration_assets.defs.run import run_job

    with _as_file(target_config) as config, tempfile.TemporaryDirectory() as home:
        os.environ["DAGSTER_HOME"] = home
        given = _with_weights(profile, {"target_config": config} if config else {})
        run_job(job, given)
    last = _store().current("weights" if job == "calibrate" else "calibration_package")
    return f"stored {_store().base / last.name / last.version}"


@app.function(**machine)
def fit(request: Mapping[str, Any]) -> str:
    """The fit that a Dagster run asks for."""
    from calibration_assets.defs.fit_worker import make_fit

    return make_fit(request, lambda figures: _say(str(figures)))


@app.local_entrypoint()
def main(
    package_volume: bool = False,
    gpu: str = "T4",
    epochs: int = 100,
    beta: float = 0.35,
    lambda_l0: float = 1e-8,
    lambda_l2: float = 1e-12,
    target_config: str = "",
    profile: str = "profiles/full.yaml",
) -> None:
    """The manual's workflow 4; --gpu '' fits on CPUs."""
    settings = {"epochs": epochs, "beta": beta, "lambda_l0": lambda_l0, "lambda_l2": lambda_l2}
    settings |= {"device": "cuda" if gpu else "cpu"}
    targets = Path(target_config).read_text() if target_config else ""
    rented = {"gpu": gpu or None}
    if package_volume:
        _say(fit_package.with_options(**rented).remote(PACKAGE, settings, targets))
        return
    from calibration_assets.defs.run import read_profile

    given = _with_weights(read_profile(Path(profile)), settings)
    run.remote("calibrate_build", given)  # the rules need no GPU
    _say(run.with_options(**rented).remote("calibrate", given, targets))


@app.local_entrypoint()
def weights(gpu: str = "T4") -> None:
    """For CALIBRATION_FIT_COMMAND='modal run deploy/modal_app.py::weights': the fit of the run that started this."""
    from dagster_pipes import open_dagster_pipes

    from calibration_assets.defs.fit_worker import request_of

    with open_dagster_pipes() as pipes:
        pipes.log.info(fit.with_options(gpu=gpu or None).remote(request_of(pipes)))


def _store() -> Any:
    from calibration_assets.defs.resources import CalibrationStorage

    return CalibrationStorage().open()


def _with_weights(profile: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """A profile whose weights are fitted with these settings."""
    ops = profile.get("ops") or {}
    config = (ops.get("weights") or {}).get("config") or {}
    return {**profile, "ops": {**ops, "weights": {"config": {**config, **settings}}}}


@contextmanager
def _as_file(text: str) -> Iterator[str]:
    """The path of a YAML file of this text while it is needed; empty for an empty text."""
    if not text:
        yield ""
        return
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(text)
        file.flush()
        yield file.name


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
