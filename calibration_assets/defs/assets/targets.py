"""The target database."""

from dagster import Output, asset

from calibration_assets.defs.config import DatabaseConfig
from calibration_assets.defs.metadata import stored_output
from calibration_assets.defs.resources import CalibrationStorage
from calibration_assets.storage.store import StoredValue


@asset(group_name="targets", kinds={"sqlite"}, io_manager_key="stored_value")
def target_database(config: DatabaseConfig, storage: CalibrationStorage) -> Output[StoredValue]:
    """Administrative totals for the nation, 51 states and 436 districts, each with its source."""
    from calibration_assets.pipeline import records

    return stored_output(records.target_database(storage.open(), config.settings))
