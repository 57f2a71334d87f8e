"""Simulated values, fanned out over batches of states, and the calibration package."""

import os
from collections.abc import Iterator
from typing import Any

from dagster import DynamicOut, DynamicOutput, Out, Output, asset, config_mapping, graph_asset, op
from pydantic import Field

from calibration_assets.defs.config import SimulationConfig, TargetConfig
from calibration_assets.defs.metadata import stored_output
from calibration_assets.defs.resources import CalibrationStorage
from calibration_assets.storage.store import StoredValue

Batch = dict[str, list[str]]
"""By state, the names of the values to simulate."""


class BatchConfig(SimulationConfig):
    """What the rules are run on, and over how many processes; the values do not depend on the latter."""

    batches: int = Field(default=os.cpu_count() or 1, description="Batches of states, simulated independently")


@op(out=DynamicOut(io_manager_key="stored_value"))
def plan_batches(
    config: BatchConfig,
    storage: CalibrationStorage,
    imputed_cps: StoredValue,
    target_database: StoredValue,
    cloned_records: StoredValue,
) -> Iterator[DynamicOutput[Batch]]:
    """The states that lack values, in batches of about equal work; none where all values are stored."""
    from calibration_assets.pipeline import matrix

    missing = matrix.missing_values(storage.open(), imputed_cps, target_database, cloned_records, config.settings)
    for number in range(min(config.batches, len(missing))):
        states = sorted(missing)[number :: config.batches]
        yield DynamicOutput({str(state): missing[state] for state in states}, mapping_key=f"batch_{number}")


@op(out=Out(io_manager_key="stored_value"))
def simulate_batch(
    config: SimulationConfig,
    storage: CalibrationStorage,
    imputed_cps: StoredValue,
    cloned_records: StoredValue,
    batch: Batch,
) -> list[str]:
    """Values of one batch of states, stored state by state."""
    from calibration_assets.pipeline import matrix

    missing = {int(state): names for state, names in batch.items()}
    matrix.simulate_batch(storage.open(), imputed_cps, cloned_records, missing, config.settings)
    return sorted(batch)


@op(out=Out(io_manager_key="stored_value"))
def index_values(
    config: SimulationConfig,
    storage: CalibrationStorage,
    imputed_cps: StoredValue,
    target_database: StoredValue,
    cloned_records: StoredValue,
    simulated: list[list[str]],
) -> Output[StoredValue]:
    """Where each value of each state is stored, once all are."""
    from calibration_assets.pipeline import matrix

    inputs = (imputed_cps, target_database, cloned_records)
    return stored_output(matrix.simulated_values(storage.open(), *inputs, config.settings))


@config_mapping
def for_every_step(config: BatchConfig) -> dict[str, Any]:
    """The asset's one config, as its steps take it."""
    rules = config.model_dump(exclude={"batches"})
    return {
        "plan_batches": {"config": {**rules, "batches": config.batches}},
        "simulate_batch": {"config": rules},
        "index_values": {"config": rules},
    }


@graph_asset(group_name="matrix", kinds={"python"}, config=for_every_step)
def simulated_values(
    imputed_cps: StoredValue, target_database: StoredValue, cloned_records: StoredValue
) -> StoredValue:
    """By state, every value that the targets need, from policyengine-us: every household in every state, or, at county
    level, every clone in its county.
    """
    batches = plan_batches(imputed_cps, target_database, cloned_records)
    simulated = batches.map(lambda batch: simulate_batch(imputed_cps, cloned_records, batch))
    return index_values(imputed_cps, target_database, cloned_records, simulated.collect())


@asset(group_name="matrix", kinds={"scipy"}, io_manager_key="stored_value")
def calibration_package(
    config: TargetConfig,
    storage: CalibrationStorage,
    imputed_cps: StoredValue,
    target_database: StoredValue,
    cloned_records: StoredValue,
    simulated_values: StoredValue,
) -> Output[StoredValue]:
    """The sparse matrix of all active targets by all columns, with targets, columns and initial weights."""
    from calibration_assets.pipeline import matrix

    inputs = (imputed_cps, target_database, cloned_records, simulated_values)
    return stored_output(matrix.calibration_package(storage.open(), *inputs, config.settings))
