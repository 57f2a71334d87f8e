"""What the weights are worth."""

from dagster import Output, asset

from calibration_assets.defs.metadata import stored_output
from calibration_assets.defs.resources import CalibrationStorage
from calibration_assets.pipeline import diagnostics as judging
from calibration_assets.storage.store import StoredValue


@asset(group_name="outputs", kinds={"csv"}, io_manager_key="stored_value")
def diagnostics(
    storage: CalibrationStorage, stratified_cps: StoredValue, calibration_package: StoredValue, weights: StoredValue
) -> Output[StoredValue]:
    """Every target against its estimate, by level and family; what cannot be met and why."""
    return stored_output(judging.diagnostics(storage.open(), stratified_cps, calibration_package, weights))
