"""The points of a sweep, one partition each, and their comparison."""

from dagster import AssetExecutionContext, Output, asset

from calibration_assets.defs.config import FrontierConfig, SweepConfig
from calibration_assets.defs.metadata import stored_output, tell_observations
from calibration_assets.defs.partitions import SWEEP_POINTS
from calibration_assets.defs.resources import CalibrationStorage
from calibration_assets.fit.points import read_points
from calibration_assets.storage.store import StoredValue


@asset(
    group_name="weights", kinds={"pytorch"}, io_manager_key="stored_value", pool="fit", partitions_def=SWEEP_POINTS
)
def sweep_weights(
    context: AssetExecutionContext, config: SweepConfig, storage: CalibrationStorage, calibration_package: StoredValue
) -> Output[StoredValue]:
    """Weights of one named point of `sweep.yaml`, fitted as `weights` are."""
    from calibration_assets.pipeline import sweep

    sweep.use_threads(config.threads)
    fit = (config.settings, config.target_config, config.allow_stale, tell_observations(context))
    return stored_output(
        sweep.sweep_weights(storage.open(), calibration_package, read_points(), context.partition_key, *fit)
    )


@asset(group_name="weights", kinds={"csv"}, io_manager_key="stored_value", deps=[sweep_weights])
def sweep_frontier(
    config: FrontierConfig, storage: CalibrationStorage, calibration_package: StoredValue
) -> Output[StoredValue]:
    """The stored points compared: accuracy against columns kept, the frontier, its knee, and which point to take."""
    from calibration_assets.pipeline import sweep

    return stored_output(
        sweep.sweep_frontier(storage.open(), calibration_package, read_points(), config.target_config)
    )
