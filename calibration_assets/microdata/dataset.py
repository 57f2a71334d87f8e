"""The dataset contract: CPS records as one table per entity, and the H5 file that policyengine-us opens.

A file holds one group per variable and one array per period (`/employment_income/2024`), text as fixed-length bytes.
Sources of records, sampling and rules stay out.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd

from calibration_assets.errors import CalibrationError
from calibration_assets.microdata.links import (
    ENTITIES,
    GROUPS,
    PERSON,
    find_rows,
    household_rows,
    id_column,
    link_column,
)
from calibration_assets.settings import MODEL_YEAR
from calibration_assets.storage.reference import read_reference

NO_STATE = (3, 7, 14, 43, 52)
"""Numbers between 1 and 56 that no state has."""


@dataclass(frozen=True)
class Dataset:
    """CPS records of one year: a table per entity, checked when made.

    Each table has its id (`<entity>_id`, int64, unique) and its variables as columns, named as policyengine-us names
    its inputs; text columns hold enum member names. The person table links to every group by `person_<entity>_id`; the
    household table has `household_weight` and `state_fips`. Every group has at least one person and lies in one
    household. Rows may come in any order, which is kept.
    """

    period: int
    tables: Mapping[str, pd.DataFrame]

    def __post_init__(self) -> None:
        tables = {entity: frame.reset_index(drop=True) for entity, frame in self.tables.items()}
        _check_tables(tables)
        object.__setattr__(self, "tables", tables)


def select_households(dataset: Dataset, household_ids: np.ndarray) -> Dataset:
    """The given households (unique ids) in the given order, with all their persons and units; ids stay as they are."""
    tables = dict(dataset.tables)
    wanted = find_rows(tables["household"]["household_id"], np.asarray(household_ids), "selected households")
    if len(np.unique(wanted)) < len(wanted):
        raise CalibrationError("selected households: an id was given twice, expected each once; drop the repetition.")
    place = np.full(len(tables["household"]), -1, dtype=np.int64)
    place[wanted] = np.arange(len(wanted))
    selected = {}
    for entity, frame in tables.items():
        new_place = place[household_rows(tables, entity)]
        order = np.argsort(new_place, kind="stable")
        selected[entity] = frame.iloc[order[new_place[order] >= 0]]
    return Dataset(dataset.period, selected)


def write_dataset(dataset: Dataset, path: Path | str) -> None:
    """Write the dataset as an H5 file; the file appears complete or not at all."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with h5py.File(part, "w", track_order=True) as file:
            for entity, frame in dataset.tables.items():
                for variable in frame.columns:
                    group = file.create_group(str(variable))
                    group.attrs["entity"] = entity
                    values = _to_stored(frame[variable])
                    group.create_dataset(str(dataset.period), data=values, compression="lzf", shuffle=True)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def read_dataset(path: Path | str) -> Dataset:
    """Read an H5 file of the contract, published ones included.

    The period is the year of `household_weight`. A variable held by month alone becomes annual: numbers with decimals
    are summed, anything else is January's. The entity is what this project's own files say, else the one whose count
    equals the array's length, where several do the one of the variable catalogue.
    """
    try:
        with h5py.File(path, "r") as file:
            period = _find_period(file, path)
            arrays = {name: _read_values(file[name], name, period, path) for name in file}
            stated = {name: str(file[name].attrs["entity"]) for name in file if "entity" in file[name].attrs}
    except FileNotFoundError:
        raise CalibrationError(f"dataset {path}: no such file, expected an H5 dataset; check the path.") from None
    except (OSError, RuntimeError) as error:
        raise CalibrationError(
            f"dataset {path}: it cannot be read ({error}), expected an H5 dataset; make or fetch the file anew."
        ) from error
    return Dataset(period, _group_by_entity(arrays, stated, path))


def _find_period(file: h5py.File, path: Path | str) -> int:
    """The year that `household_weight` is stored for; of several years the model year."""
    group = file.get("household_weight")
    if not isinstance(group, h5py.Group):
        kind = "a pandas table file" if PERSON in file else f"{len(file)} entries without that group"
        raise CalibrationError(
            f"dataset {path}: no group household_weight was found ({kind}), expected one group per variable with one "
            "array per period; convert the file to the TIME_PERIOD_ARRAYS layout."
        )
    years = sorted(int(key) for key in group if re.fullmatch(r"\d{4}", key))
    if len(years) == 1:
        return years[0]
    if MODEL_YEAR in years:
        return MODEL_YEAR
    raise CalibrationError(
        f"dataset {path}: household_weight is stored for {years or sorted(group)}, expected one year or {MODEL_YEAR} "
        "among several; store it under its year."
    )


def _read_values(group: Any, name: str, period: int, path: Path | str) -> np.ndarray:
    """Values of one variable for the period: annual, lasting, or made annual from its months."""
    if not isinstance(group, h5py.Group):
        raise CalibrationError(
            f"dataset {path}: {name} is an array without a period, expected /{name}/{period}; store it under its year."
        )
    for key in (str(period), "ETERNITY"):
        if key in group:
            return _to_memory(group[key][()])
    months = [f"{period}-{month:02d}" for month in range(1, 13)]
    found = [key for key in months if key in group]
    if found and group[found[0]].dtype.kind != "f" and found[0] == months[0]:
        return _to_memory(group[found[0]][()])
    if found != months:
        raise CalibrationError(
            f"dataset {path}: {name} is stored for {sorted(group)}, expected {period}, ETERNITY or the twelve months "
            f"of {period}; store it for the year."
        )
    return np.sum([group[key][()] for key in months], axis=0)


def _to_memory(values: np.ndarray) -> np.ndarray:
    """Text from bytes; everything else as it is."""
    if values.dtype.kind == "S":
        return np.char.decode(values, "utf-8")
    if values.dtype.kind == "O":
        return np.array([value.decode("utf-8") if isinstance(value, bytes) else str(value) for value in values])
    return values


def _to_stored(values: pd.Series) -> np.ndarray:
    """Numbers as they are; text as fixed-length UTF-8 bytes."""
    if pd.api.types.is_numeric_dtype(values.dtype) or pd.api.types.is_bool_dtype(values.dtype):
        return values.to_numpy()
    return np.char.encode(values.to_numpy(dtype=str), "utf-8")


def _group_by_entity(
    arrays: dict[str, np.ndarray], stated: dict[str, str], path: Path | str
) -> dict[str, pd.DataFrame]:
    """Sort the arrays into tables, in the order of the file."""
    required = [id_column(entity) for entity in ENTITIES] + [link_column(group) for group in GROUPS]
    missing = [name for name in required if name not in arrays]
    if missing:
        raise CalibrationError(
            f"dataset {path}: {', '.join(missing)} not found, expected the ids of six entities and five links; "
            "write the file with all of them."
        )
    counts = {entity: len(arrays[id_column(entity)]) for entity in ENTITIES}
    catalogue = {} if set(arrays) == set(stated) else _read_catalogue()
    columns: dict[str, dict[str, np.ndarray]] = {entity: {} for entity in ENTITIES}
    known = {id_column(entity): entity for entity in ENTITIES} | {link_column(group): PERSON for group in GROUPS}
    for name, values in arrays.items():
        entity = known.get(name) or stated.get(name) or catalogue.get(name)
        matching = [entity for entity in ENTITIES if counts[entity] == len(values)]
        if entity is None and len(matching) == 1:
            entity = matching[0]
        if entity not in matching:
            raise CalibrationError(
                f"dataset {path}: {name} has {len(values):,} values, expected the count of "
                f"{entity or 'exactly one entity, since no variable of policyengine-us has this name'} ("
                + ", ".join(f"{entity} {count:,}" for entity, count in counts.items())
                + "); drop or rename the variable."
            )
        columns[entity][name] = _whole_numbers(values, name, path) if name in known else values
    return {entity: pd.DataFrame(values) for entity, values in columns.items()}


def _read_catalogue() -> dict[str, str]:
    """Entity of every variable of policyengine-us, from the compiled catalogue."""
    catalogue = read_reference("variables")
    return dict(zip(catalogue["variable"], catalogue["entity"], strict=True))


def _whole_numbers(values: np.ndarray, name: str, path: Path | str) -> np.ndarray:
    """Ids as int64, from any numeric type that holds whole numbers."""
    if values.dtype.kind not in "iuf" or not (values == np.floor(values)).all():
        raise CalibrationError(
            f"dataset {path}: {name} holds {values.dtype} values that are not all whole numbers, expected ids; "
            "store ids as integers."
        )
    return values.astype(np.int64)


def _check_tables(tables: dict[str, pd.DataFrame]) -> None:
    """Refuse tables that break the contract, with a sentence."""
    if set(tables) != set(ENTITIES):
        raise CalibrationError(
            f"dataset: tables {sorted(tables)} were found, expected {sorted(ENTITIES)}; give a table per entity."
        )
    for entity, frame in tables.items():
        _check_ids(entity, frame)
        _check_values(entity, frame)
    names = pd.Series([name for frame in tables.values() for name in frame.columns])
    if names.duplicated().any():
        raise CalibrationError(
            f"dataset: {names[names.duplicated()].iloc[0]} is a column of two tables, expected one; drop one of them."
        )
    for group in GROUPS:
        household_rows(tables, group)
    _check_households(tables["household"])


def _check_ids(entity: str, frame: pd.DataFrame) -> None:
    """Ids and links are there, int64, and ids are unique."""
    needed = [id_column(entity)] + ([link_column(group) for group in GROUPS] if entity == PERSON else [])
    for column in needed:
        if column not in frame or frame[column].dtype != np.int64:
            found = frame[column].dtype if column in frame else "nothing"
            raise CalibrationError(
                f"dataset, {entity} table: {column} is {found}, expected int64 ids; add or convert the column."
            )
    ids = frame[id_column(entity)]
    if not ids.is_unique:
        raise CalibrationError(
            f"dataset, {entity} table: id {ids[ids.duplicated()].iloc[0]} occurs more than once, expected unique ids; "
            "renumber the entity."
        )
    if frame.empty:
        raise CalibrationError(f"dataset, {entity} table: 0 rows, expected at least one; choose a source with records.")


def _check_values(entity: str, frame: pd.DataFrame) -> None:
    """No value is missing or infinite."""
    for column in frame.columns:
        values = frame[column]
        bad = ~np.isfinite(values) if values.dtype.kind == "f" else values.isna()
        if bad.any():
            raise CalibrationError(
                f"dataset, {entity} table: {column} has {int(bad.sum()):,} missing or infinite values, the first in "
                f"row {int(np.argmax(bad))}, expected a value in every row; fill or drop the variable."
            )


def _check_households(households: pd.DataFrame) -> None:
    """Weights are there and not negative, states exist."""
    for column in ("household_weight", "state_fips"):
        if column not in households:
            raise CalibrationError(
                f"dataset, household table: {column} is missing, expected in every dataset; add the column."
            )
    if (households["household_weight"] < 0).any():
        raise CalibrationError(
            f"dataset, household table: the smallest household_weight is {households['household_weight'].min():g}, "
            "expected none below zero; correct the weights."
        )
    states = households["state_fips"]
    unknown = states[~states.between(1, 56) | states.isin(NO_STATE)]
    if not unknown.empty:
        raise CalibrationError(
            f"dataset, household table: state_fips {unknown.iloc[0]} is no state, expected a FIPS number of the 50 "
            "states or 11 (District of Columbia); correct the states."
        )
