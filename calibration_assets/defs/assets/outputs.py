"""What the weights are worth."""

from dagster import AssetExecutionContext, Output, asset

from calibration_assets.defs.config import DiagnosticsConfig, HeldOutConfig
from calibration_assets.defs.metadata import stored_output
from calibration_assets.defs.partitions import SWEEP_POINTS
from calibration_assets.defs.resources import CalibrationStorage
from calibration_assets.storage.store import StoredValue


@asset(group_name="outputs", kinds={"parquet"}, io_manager_key="stored_value", pool="fit")
def held_out_accuracy(
    config: HeldOutConfig, storage: CalibrationStorage, calibration_package: StoredValue, weights: StoredValue
) -> Output[StoredValue]:
    """Every target's error under weights that were fitted without it, beside its error in sample."""
    from calibration_assets.pipeline import held_out

    return stored_output(held_out.held_out_accuracy(storage.open(), calibration_package, weights, config.settings))


@asset(group_name="outputs", kinds={"parquet"}, io_manager_key="stored_value", pool="fit", partitions_def=SWEEP_POINTS)
def sweep_held_out_accuracy(
    context: AssetExecutionContext,
    config: HeldOutConfig,
    storage: CalibrationStorage,
    calibration_package: StoredValue,
    sweep_weights: StoredValue,
) -> Output[StoredValue]:
    """The same of one point of a sweep, on request."""
    from calibration_assets.pipeline import held_out

    name = f"sweep_held_out_accuracy/{context.partition_key}"
    fit = (calibration_package, sweep_weights, config.settings, name)
    return stored_output(held_out.held_out_accuracy(storage.open(), *fit))


@asset(group_name="outputs", kinds={"csv"}, io_manager_key="stored_value")
def diagnostics(
    config: DiagnosticsConfig,
    storage: CalibrationStorage,
    imputed_cps: StoredValue,
    calibration_package: StoredValue,
    weights: StoredValue,
    held_out_accuracy: StoredValue,
) -> Output[StoredValue]:
    """Every target against its estimate, by level and family; what cannot be met and why."""
    from calibration_assets.pipeline import diagnostics as judging

    inputs = (imputed_cps, calibration_package, weights, held_out_accuracy)
    return stored_output(judging.diagnostics(storage.open(), *inputs, config.settings))


@asset(group_name="outputs", kinds={"html"}, io_manager_key="stored_value")
def report(storage: CalibrationStorage, diagnostics: StoredValue) -> Output[StoredValue]:
    """The report in the browser: everything above to look at and search, compared with the previous run."""
    from calibration_assets.pipeline import reporting

    return stored_output(reporting.report(storage.open(), diagnostics))
