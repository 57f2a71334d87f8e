"""Simulated values by state, and the calibration package that they become."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import pandas as pd

from calibration_assets.diagnostics.plots import row_entries_png, seconds_png
from calibration_assets.errors import CalibrationError
from calibration_assets.fit.forecast import forecast_fit
from calibration_assets.geography import shares
from calibration_assets.imputation import takeup
from calibration_assets.matrix import build
from calibration_assets.matrix.concepts import required_values
from calibration_assets.matrix.initial_weights import initial_weights
from calibration_assets.matrix.support import describe_support
from calibration_assets.microdata import sources
from calibration_assets.microdata.dataset import Dataset
from calibration_assets.package.folder import create_array, write_package
from calibration_assets.pipeline.records import COLUMNS_FILE, DATABASE_FILE
from calibration_assets.settings import MODEL_YEAR, FitSettings, SimulationSettings, TargetSettings
from calibration_assets.simulation import states, stored
from calibration_assets.simulation.catalogue import place_free
from calibration_assets.simulation.engine import engine_version
from calibration_assets.simulation.passes import PassTimes
from calibration_assets.simulation.places import Placement, default_counties
from calibration_assets.simulation.values import SWITCH_VALUES, StateValues
from calibration_assets.storage.keys import content_key, file_key
from calibration_assets.storage.store import Store, StoredValue
from calibration_assets.targets import select
from calibration_assets.targets.names import target_names

INDEX_FILE = "index.json"
ANYWHERE = 0
"""In the place of a state: values that a household has by itself, which are simulated once."""


def missing_values(
    store: Store,
    records: StoredValue,
    target_database: StoredValue,
    cloned_records: StoredValue,
    settings: SimulationSettings,
) -> dict[int, list[str]]:
    """By state, the values that the database's targets need and the store does not hold."""
    return {
        state: [name for name in keys if name not in found]
        for state, keys in _value_keys(records, target_database, cloned_records, settings).items()
        if len(found := _find_values(store, state, keys)) < len(keys)
    }


def simulate_batch(
    store: Store,
    records: StoredValue,
    cloned_records: StoredValue,
    missing: Mapping[int, Sequence[str]],
    settings: SimulationSettings,
) -> None:
    """Simulate the missing values of some states; each state is stored as soon as it is done."""
    dataset, _ = sources.read_records(records.folder)
    residents = place_columns(dataset, read_columns(cloned_records), settings).residents
    asked = {state: residents[state] for state in sorted(missing) if state != ANYWHERE}
    names = sorted(set().union(*(missing[state] for state in asked)) - set(SWITCH_VALUES))
    seen_in, passes, told = _seen_in(cloned_records, settings), PassTimes(), Counter[str]()
    simulated = states.simulate_states(dataset, asked, names, settings.rerandomize_takeup, passes)
    for state, values in chain(_unplaced(dataset, missing.get(ANYWHERE, ()), passes), simulated):
        keys = _state_keys(records, seen_in.get(state, ""), state, sorted(values), settings)
        seconds = Counter(passes.seconds)
        seconds.subtract(told)
        told = Counter(passes.seconds)

        def write(
            folder: Path, values: StateValues = values, seconds: Counter[str] = seconds
        ) -> dict[str, Any]:
            stored.write_state_values(values, folder)
            return {"values": len(values), "pass_seconds": {name: round(one, 2) for name, one in seconds.items()}}

        key = content_key("values_of_a_state", states.VERSION, keys)
        store.put(f"simulated_values/{state}", key, write, parts=keys.values())


def _unplaced(
    dataset: Dataset, names: Sequence[str], passes: PassTimes
) -> Iterator[tuple[int, StateValues]]:
    if names:
        with passes.measure(states.UNPLACED):
            county = next(iter(default_counties(shares.read_county_shares()).values()))
            values = states.simulate_unplaced(dataset, county, names)
        yield ANYWHERE, values


def simulated_values(
    store: Store,
    records: StoredValue,
    target_database: StoredValue,
    cloned_records: StoredValue,
    settings: SimulationSettings,
) -> StoredValue:
    """The index of all simulated values that the database's targets need: which version of which state holds each."""
    keys = _value_keys(records, target_database, cloned_records, settings)
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
        seconds = _total_seconds(opened.values())
        (folder / "seconds.png").write_bytes(seconds_png(seconds))
        return {
            "states": len(index) - 1,
            "values_by_state": max(len(names) for state, names in keys.items() if state != ANYWHERE),
            "values_by_household_alone": len(keys[ANYWHERE]),
            "settings": asdict(settings),
            "pass_seconds": seconds,
            "stored_megabytes": round(sum(value.size for value in opened.values()) / 1e6, 1),
            # By these names pruning knows that the index needs them.
            "versions_by_state": {state: sorted(set(names.values())) for state, names in versions.items()},
        }

    key = content_key("simulated_values", states.VERSION, flat)
    value = store.find("simulated_values", key)
    return value if value is not None and _is_whole(store, value) else store.put("simulated_values", key, make)


def _is_whole(store: Store, index: StoredValue) -> bool:
    """Whether every version that an index names is still stored."""
    versions = {(state, one) for state, names in _read_index(index).items() for one in names.values()}
    return all(store.has(f"simulated_values/{state}", version) for state, version in sorted(versions))


def _read_index(index: StoredValue) -> dict[str, dict[str, str]]:
    return json.loads((index.folder / INDEX_FILE).read_text())


def _total_seconds(values: Iterable[StoredValue]) -> dict[str, float]:
    total = Counter[str]()
    for value in values:
        total.update(value.metadata["pass_seconds"])
    return {name: round(seconds, 1) for name, seconds in sorted(total.items())}


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
        columns, constraints = read_columns(cloned_records), selection.constraints
        placement = place_columns(dataset, columns, settings_of(simulated_values))
        values, allocate = open_values(store, simulated_values), partial(create_array, folder)
        matrix = build.build_matrix(dataset, columns, targets, constraints, values, placement, allocate)
        write_package(matrix.matrix, targets, columns, initial_weights(matrix, dataset), folder)
        (folder / "entries.png").write_bytes(row_entries_png(targets, matrix.matrix.entries))
        return {
            "targets": len(targets),
            "n_records": len(columns),
            "base_n_records": matrix.n_records,
            "n_clones": matrix.n_clones,
            "seed": cloned_records.metadata["seed"],
            "dataset_path": str(records.folder / sources.DATASET_FILE),
            "db_path": str(target_database.folder / DATABASE_FILE),
            "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "target_config": None,
            "keys": {**inputs, "rules": engine_version()},
            "forecast": forecast_fit(matrix.matrix).sentence(FitSettings.epochs),
            **describe_support(matrix),
        }

    return store.build("calibration_package", key, make)


def open_values(store: Store, simulated_values: StoredValue) -> dict[int, stored.StoredStateValues]:
    """The simulated values of every state, read as they are asked for."""
    folders: dict[int, dict[str, Path]] = {}
    for state, versions in _read_index(simulated_values).items():
        name = f"simulated_values/{state}"
        opened = {version: store.open(name, version).folder for version in set(versions.values())}
        folders[int(state)] = {one: opened[version] for one, version in versions.items()}
    anywhere = folders.pop(ANYWHERE)
    return {state: stored.StoredStateValues({**anywhere, **of_state}) for state, of_state in folders.items()}


def settings_of(simulated_values: StoredValue) -> SimulationSettings:
    """What the simulated values were simulated with."""
    return SimulationSettings(**simulated_values.metadata["settings"])


def place_columns(dataset: Dataset, columns: pd.DataFrame, settings: SimulationSettings) -> Placement:
    """Who is simulated where, and where the rules see each column (schemas.COLUMNS)."""
    if settings.county_level:
        return Placement.by_county(columns)
    counties = default_counties(shares.read_county_shares())
    return Placement.by_state(columns, len(dataset.tables["household"]), counties)


def read_columns(cloned_records: StoredValue) -> pd.DataFrame:
    """The matrix's columns (schemas.COLUMNS)."""
    return pd.read_parquet(cloned_records.folder / COLUMNS_FILE)


def _value_keys(
    records: StoredValue, target_database: StoredValue, cloned_records: StoredValue, settings: SimulationSettings
) -> dict[int, dict[str, str]]:
    selection = select.read_targets(target_database.folder / DATABASE_FILE, TargetSettings(), MODEL_YEAR)
    names = [*required_values(selection.targets, selection.constraints), *SWITCH_VALUES]
    alone = place_free(names, engine_version())
    by_state = sorted(set(names) - alone)
    seen_in = sorted(_seen_in(cloned_records, settings).items())
    keys = {state: _state_keys(records, seen, state, by_state, settings) for state, seen in seen_in}
    return {ANYWHERE: _state_keys(records, "", ANYWHERE, sorted(alone), settings), **keys}


def _seen_in(cloned_records: StoredValue, settings: SimulationSettings) -> dict[int, str]:
    """By state, what its values depend on besides the records: the county of all, or which clones live where."""
    if settings.county_level:
        return dict.fromkeys(map(int, read_columns(cloned_records)["state"].unique()), cloned_records.key)
    return {state: str(county) for state, county in default_counties(shares.read_county_shares()).items()}


def _state_keys(
    records: StoredValue, seen: str, state: int, names: Sequence[str], settings: SimulationSettings
) -> dict[str, str]:
    inputs = {"records": records.key, "rules": engine_version()}
    if state == ANYWHERE:
        return {name: content_key("values_alone", states.VERSION, {**inputs, "value": name}) for name in names}
    place = {**inputs, "state": str(state), "seen_in": seen}
    return {name: content_key("values", states.VERSION, {**place, "value": name}, settings) for name in names}


def _find_values(store: Store, state: int, keys: Mapping[str, str]) -> dict[str, StoredValue]:
    found = store.find_many(f"simulated_values/{state}", keys.values())
    return {name: found[key] for name, key in keys.items() if key in found}
