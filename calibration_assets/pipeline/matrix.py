"""Simulated values by state, and the calibration package that they become."""

import json
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from calibration_assets.errors import CalibrationError
from calibration_assets.geography import shares
from calibration_assets.imputation import takeup
from calibration_assets.matrix import build
from calibration_assets.matrix.concepts import required_values
from calibration_assets.matrix.initial_weights import initial_weights
from calibration_assets.microdata import sources
from calibration_assets.package.folder import create_array, write_package
from calibration_assets.pipeline.records import COLUMNS_FILE, DATABASE_FILE
from calibration_assets.settings import MODEL_YEAR, SimulationSettings, TargetSettings
from calibration_assets.simulation import states, stored
from calibration_assets.simulation.engine import engine_version
from calibration_assets.storage.keys import content_key, file_key
from calibration_assets.storage.store import Store, StoredValue
from calibration_assets.targets import select
from calibration_assets.targets.names import target_names

INDEX_FILE = "index.json"


def missing_values(
    store: Store, records: StoredValue, target_database: StoredValue, settings: SimulationSettings
) -> dict[int, list[str]]:
    """By state, the values that the database's targets need and the store does not hold."""
    return {
        state: [name for name in keys if name not in found]
        for state, keys in _value_keys(records, target_database, settings).items()
        if len(found := _find_values(store, state, keys)) < len(keys)
    }


def simulate_batch(
    store: Store, records: StoredValue, missing: Mapping[int, Sequence[str]], settings: SimulationSettings
) -> None:
    """Simulate the missing values of some states; each state is stored as soon as it is done."""
    dataset, _ = sources.read_records(records.folder)
    counties = states.default_counties(shares.read_county_shares())
    names = sorted(set().union(*missing.values()) - set(states.SWITCH_VALUES))
    started = time.monotonic()
    simulated = states.simulate_states(dataset, counties, sorted(missing), names, settings.rerandomize_takeup)
    for state, values in simulated:
        keys = _state_keys(records, state, counties[state], sorted(values), settings)
        seconds = round(time.monotonic() - started, 2)

        def write(folder: Path, values: states.StateValues = values, seconds: float = seconds) -> dict[str, Any]:
            stored.write_state_values(values, folder)
            return {"values": len(values), "simulation_seconds": seconds}

        key = content_key("values_of_a_state", states.VERSION, keys)
        store.put(f"simulated_values/{state}", key, write, parts=keys.values())
        started = time.monotonic()


def simulated_values(
    store: Store, records: StoredValue, target_database: StoredValue, settings: SimulationSettings
) -> StoredValue:
    """The index of all simulated values that the database's targets need: which version of which state holds each."""
    keys = _value_keys(records, target_database, settings)
    flat = {f"{state}/{name}": one for state, names in keys.items() for name, one in names.items()}

    def make(folder: Path) -> dict[str, Any]:
        index = {state: _find_values(store, state, names) for state, names in keys.items()}
        missing = [(name, state) for state, names in keys.items() for name in names if name not in index[state]]
        if missing:
            name, state = missing[0]
            raise CalibrationError(
                f"simulated_values: {len(missing)} values are not stored, the first is {name} in state {state}; "
                "materialise simulated_values again"
            )
        versions = {state: {name: value.version for name, value in found.items()} for state, found in index.items()}
        (folder / INDEX_FILE).write_text(json.dumps(versions, sort_keys=True))
        opened = {value.version: value for found in index.values() for value in found.values()}
        return {
            "states": len(index),
            "values_a_state": len(next(iter(keys.values()))),
            "simulation_seconds": round(sum(value.metadata["simulation_seconds"] for value in opened.values()), 1),
            "stored_megabytes": round(sum(value.size for value in opened.values()) / 1e6, 1),
        }

    return store.build("simulated_values", content_key("simulated_values", states.VERSION, flat), make)


def calibration_package(
    store: Store,
    records: StoredValue,
    target_database: StoredValue,
    cloned_records: StoredValue,
    simulated_values: StoredValue,
    settings: TargetSettings,
) -> StoredValue:
    """The sparse matrix with its targets, columns and initial weights."""
    inputs = {
        "records": records.key,
        "targets": target_database.key,
        "clones": cloned_records.key,
        "values": simulated_values.key,
        "take_up": content_key("take_up", takeup.VERSION, {"rates": file_key(takeup.RATES)}),
        "selection": str(select.VERSION),
    }
    key = content_key("calibration_package", build.VERSION, inputs, settings)

    def make(folder: Path) -> dict[str, Any]:
        dataset, _ = sources.read_records(records.folder)
        selection = select.read_targets(target_database.folder / DATABASE_FILE, settings, MODEL_YEAR)
        targets = selection.targets.assign(target_name=target_names(selection.targets, selection.constraints))
        columns = pd.read_parquet(cloned_records.folder / COLUMNS_FILE)
        values, allocate = open_values(store, simulated_values), partial(create_array, folder)
        matrix = build.build_matrix(dataset, columns, targets, selection.constraints, values, allocate)
        write_package(matrix.matrix, targets, columns, initial_weights(matrix, dataset), folder)
        return {
            "targets": len(targets),
            "n_records": len(columns),
            "non_zeros": int(matrix.matrix.nnz),
            "base_n_records": matrix.n_records,
            "n_clones": matrix.n_clones,
            "seed": cloned_records.metadata["seed"],
            "dataset_path": str(records.folder / sources.DATASET_FILE),
            "db_path": str(target_database.folder / DATABASE_FILE),
            "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "target_config": None,
            "keys": {**inputs, "rules": engine_version()},
        }

    return store.build("calibration_package", key, make)


def open_values(store: Store, simulated_values: StoredValue) -> dict[int, stored.StoredStateValues]:
    """The simulated values of every state, read as they are asked for."""
    index = json.loads((simulated_values.folder / INDEX_FILE).read_text())
    opened = {}
    for state, versions in index.items():
        name = f"simulated_values/{state}"
        folders = {version: store.open(name, version).folder for version in set(versions.values())}
        opened[int(state)] = stored.StoredStateValues({one: folders[version] for one, version in versions.items()})
    return opened


def _value_keys(
    records: StoredValue, target_database: StoredValue, settings: SimulationSettings
) -> dict[int, dict[str, str]]:
    selection = select.read_targets(target_database.folder / DATABASE_FILE, TargetSettings(), MODEL_YEAR)
    names = [*required_values(selection.targets, selection.constraints), *states.SWITCH_VALUES]
    counties = states.default_counties(shares.read_county_shares())
    return {state: _state_keys(records, state, county, names, settings) for state, county in sorted(counties.items())}


def _state_keys(
    records: StoredValue, state: int, county: int, names: Sequence[str], settings: SimulationSettings
) -> dict[str, str]:
    place = {"records": records.key, "rules": engine_version(), "state": str(state), "county": str(county)}
    return {name: content_key("values", states.VERSION, {**place, "value": name}, settings) for name in names}


def _find_values(store: Store, state: int, keys: Mapping[str, str]) -> dict[str, StoredValue]:
    found = store.find_many(f"simulated_values/{state}", keys.values())
    return {name: found[key] for name, key in keys.items() if key in found}
