"""Fitted weights."""

from dagster import AssetExecutionContext, Output, asset

from calibration_assets.defs.config import WeightsConfig
from calibration_assets.defs.fit_place import FitPlace
from calibration_assets.defs.metadata import stored_output, tell_observations
from calibration_assets.defs.resources import CalibrationStorage
from calibration_assets.fit.points import read_points
from calibration_assets.storage.store import StoredValue


@asset(group_name="weights", kinds={"pytorch"}, io_manager_key="stored_value", pool="fit")
def weights(
    context: AssetExecutionContext,
    config: WeightsConfig,
    storage: CalibrationStorage,
    fit_place: FitPlace,
    calibration_package: StoredValue,
) -> Output[StoredValue]:
    """Weights that reproduce the targets: columns selected by L0 gates, then refitted by L-BFGS."""
    from calibration_assets.pipeline import sweep

    store, fit = storage.open(), (config.settings, config.target_config, config.allow_stale, tell_observations(context))
    fit_place.prepare(context, config, store, calibration_package)
    return stored_output(sweep.chosen_weights(store, calibration_package, read_points(), config.point, *fit))
