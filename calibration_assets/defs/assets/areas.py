"""The calibrated records by area, one partition each: the nation, the states, the districts."""

from dagster import AssetExecutionContext, Output, asset

from calibration_assets.defs.metadata import stored_output
from calibration_assets.defs.partitions import AREAS
from calibration_assets.defs.resources import CalibrationStorage
from calibration_assets.storage.store import StoredValue


@asset(group_name="outputs", kinds={"hdf5"}, io_manager_key="stored_value", partitions_def=AREAS)
def area_datasets(
    context: AssetExecutionContext,
    storage: CalibrationStorage,
    imputed_cps: StoredValue,
    cloned_records: StoredValue,
    simulated_values: StoredValue,
    calibration_package: StoredValue,
    weights: StoredValue,
) -> Output[StoredValue]:
    """The weighted clones of one area as an H5 file that policyengine-us opens."""
    from calibration_assets.pipeline import areas

    inputs = (imputed_cps, cloned_records, simulated_values, calibration_package, weights)
    return stored_output(areas.area_dataset(storage.open(), *inputs, context.partition_key))
