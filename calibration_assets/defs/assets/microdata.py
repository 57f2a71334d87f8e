"""CPS records: from their source to the stratified sample."""

from dagster import Output, asset

from calibration_assets.defs.config import SampleConfig, SourceConfig
from calibration_assets.defs.metadata import stored_output
from calibration_assets.defs.resources import CalibrationStorage
from calibration_assets.storage.store import StoredValue


@asset(group_name="microdata", kinds={"hdf5"}, io_manager_key="stored_value")
def extended_cps(config: SourceConfig, storage: CalibrationStorage) -> Output[StoredValue]:
    """CPS records: persons, tax units and households with their incomes, from the embedded public file or your own."""
    from calibration_assets.pipeline import records

    return stored_output(records.extended_cps(storage.open(), config.settings))


@asset(group_name="microdata", kinds={"hdf5"}, io_manager_key="stored_value")
def stratified_cps(config: SampleConfig, storage: CalibrationStorage, extended_cps: StoredValue) -> Output[StoredValue]:
    """A sample of households, drawn by AGI so that high incomes stay."""
    from calibration_assets.pipeline import records

    return stored_output(records.stratified_cps(storage.open(), extended_cps, config.settings))
