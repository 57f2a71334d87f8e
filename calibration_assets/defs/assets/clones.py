"""Where every clone of every household lives."""

from dagster import Output, asset

from calibration_assets.defs.config import CloneConfig
from calibration_assets.defs.metadata import stored_output
from calibration_assets.defs.resources import CalibrationStorage
from calibration_assets.storage.store import StoredValue


@asset(group_name="clones", kinds={"parquet"}, io_manager_key="stored_value")
def cloned_records(
    config: CloneConfig, storage: CalibrationStorage, imputed_cps: StoredValue, target_database: StoredValue
) -> Output[StoredValue]:
    """The matrix's columns: household, clone, district, county and state of each."""
    from calibration_assets.pipeline import records

    return stored_output(records.cloned_records(storage.open(), imputed_cps, target_database, config.settings))
