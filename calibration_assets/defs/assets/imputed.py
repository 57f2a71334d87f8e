"""What is imputed to the sampled records before they are cloned."""

from dagster import Output, asset

from calibration_assets.defs.config import ImputationConfig
from calibration_assets.defs.metadata import stored_output
from calibration_assets.defs.resources import CalibrationStorage
from calibration_assets.storage.store import StoredValue


@asset(group_name="microdata", kinds={"hdf5"}, io_manager_key="stored_value")
def imputed_cps(
    config: ImputationConfig, storage: CalibrationStorage, stratified_cps: StoredValue
) -> Output[StoredValue]:
    """The sample with tax detail of the Public Use File in a second half, and rents, wealth and tips of surveys."""
    from calibration_assets.pipeline import imputed

    return stored_output(imputed.imputed_cps(storage.open(), stratified_cps, config.settings))
