"""The whole pipeline: its assets, jobs, storage and terminal output; nothing is computed or read here."""

from collections.abc import Mapping
from typing import Any

from dagster import (
    AssetSelection,
    Definitions,
    define_asset_job,
    in_process_executor,
    load_assets_from_package_module,
)

from calibration_assets.defs import assets
from calibration_assets.defs.automation import SlackAlerts, nightly_schedule, prune_schedule, sensors
from calibration_assets.defs.checks import CHECKS
from calibration_assets.defs.executors import processes_or_pods
from calibration_assets.defs.fit_place import FitPlace
from calibration_assets.defs.io_managers import StoredValueIOManager
from calibration_assets.defs.progress import progress
from calibration_assets.defs.prune import prune_store
from calibration_assets.defs.resources import CalibrationStorage

JOBS = {
    "calibrate": ("report", "Records, targets, matrix, weights and how good they are."),
    "calibrate_build": ("calibration_package", "Everything up to the calibration package, without fitting."),
    "data": ("stratified_cps", "The stratified sample of CPS records."),
    "database": ("target_database", "The target database."),
}
"""Every job's last asset; the job materialises all that it needs."""

SWEEP_JOBS = [
    define_asset_job(
        "sweep",
        AssetSelection.assets("sweep_weights"),
        description="A fit for every named point of sweep.yaml, from the stored package.",
        executor_def=in_process_executor,
    ),
    define_asset_job(
        "compare_points",
        AssetSelection.assets("sweep_frontier"),
        description="The stored points of a sweep side by side.",
        executor_def=in_process_executor,
    ),
]
"""A run a point, in one process each."""


def build_defs(*, resources: Mapping[str, Any] | None = None) -> Definitions:
    """The pipeline's definitions, with resources replaced by name (a test's store, a team's bucket)."""
    storage = CalibrationStorage()
    replaced = dict(resources or {})
    replaced.setdefault("storage", storage)
    replaced.setdefault("alerts", SlackAlerts())
    replaced.setdefault("fit_place", FitPlace())
    replaced.setdefault("stored_value", StoredValueIOManager(storage=replaced["storage"]))
    return Definitions(
        assets=load_assets_from_package_module(assets),
        asset_checks=CHECKS,
        schedules=[nightly_schedule(), prune_schedule()],
        sensors=sensors(),
        jobs=[
            define_asset_job(name, AssetSelection.assets(last).upstream(), description=description)
            for name, (last, description) in JOBS.items()
        ]
        + [*SWEEP_JOBS, prune_store],
        resources=replaced,
        executor=processes_or_pods,
        loggers={"progress": progress},
    )


defs = build_defs()
