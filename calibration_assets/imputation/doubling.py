"""Doubling of records: every household twice, the second time without weight and with other values for some variables.

Which values those are is decided elsewhere; calibration gives every column its own weight afterwards.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from calibration_assets.errors import CalibrationError
from calibration_assets.microdata.dataset import Dataset
from calibration_assets.microdata.links import GROUPS, id_column, link_column

VERSION = 1

Values = Mapping[str, Mapping[str, np.ndarray]]
"""By entity and column, one value a row of the entity's table."""


def double_records(dataset: Dataset, first: Values, second: Values, defaults: Mapping[str, float]) -> Dataset:
    """The records followed by their doubles.

    Ids and links of the second half go on after the largest of the first; its weights are 0. Columns named in `first`
    or `second` take those values in that half; a column that the records lack has its default, or 0, in a half that is
    not given. Everything else is the same in both halves.
    """
    offsets = {entity: int(frame[id_column(entity)].max()) + 1 for entity, frame in dataset.tables.items()}
    shifts = {id_column(entity): offset for entity, offset in offsets.items()}
    shifts |= {link_column(group): offsets[group] for group in GROUPS}
    tables = {}
    for entity, frame in dataset.tables.items():
        given = (first.get(entity, {}), second.get(entity, {}))
        _check_lengths(entity, frame, given)
        halves = []
        for half, values in enumerate(given):
            new = [name for values in given for name in values if name not in frame]
            filled = {name: np.full(len(frame), defaults.get(name, 0.0), np.float32) for name in dict.fromkeys(new)}
            replaced = frame.assign(**{**filled, **values})
            halves.append(replaced if half == 0 else _move(replaced, shifts))
        tables[entity] = _restore_types(pd.concat(halves, ignore_index=True), frame, given)
    return Dataset(dataset.period, tables)


def _move(frame: pd.DataFrame, shifts: Mapping[str, int]) -> pd.DataFrame:
    """Ids and links after those of the first half, weights 0."""
    moved = {name: frame[name] + shift for name, shift in shifts.items() if name in frame}
    weights = {str(name): 0.0 for name in frame if str(name).endswith("_weight")}
    return frame.assign(**moved, **weights)


def _restore_types(
    doubled: pd.DataFrame, frame: pd.DataFrame, given: tuple[Mapping[str, np.ndarray], Mapping[str, np.ndarray]]
) -> pd.DataFrame:
    """Columns in the type that the records have; new ones bool where a half is given as bool, else float32."""
    types: dict[str, Any] = {}
    for name in map(str, doubled.columns):
        flags = any(values[name].dtype == bool for values in given if name in values)
        types[name] = frame[name].dtype if name in frame else np.dtype(bool if flags else np.float32)
    return doubled.astype(types)


def _check_lengths(entity: str, frame: pd.DataFrame, given: tuple[Mapping[str, np.ndarray], ...]) -> None:
    for values in given:
        for name, column in values.items():
            if len(column) != len(frame):
                raise CalibrationError(
                    f"{name}: {len(column):,} values were given for the {entity} table, expected {len(frame):,}; give "
                    "one a row."
                )
