"""Columns as forests see them: numbers as they are, booleans as 0 and 1, categories as numbers of a sorted list."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from calibration_assets.errors import CalibrationError


def check_columns(frame: pd.DataFrame, names: Sequence[str], what: str) -> None:
    """Every column is there once and has a finite number, boolean or text in every row."""
    missing = [name for name in names if name not in frame]
    if missing:
        raise CalibrationError(
            f"{what}: {', '.join(missing)} not found among {len(frame.columns)} columns, expected all of "
            f"{len(names)} ({', '.join(names[:8])}{', …' if len(names) > 8 else ''}); add the columns."
        )
    for name in names:
        column = frame[name]
        bad = ~np.isfinite(column) if column.dtype.kind == "f" else column.isna()
        if bad.any():
            raise CalibrationError(
                f"{what}: {name} has {int(bad.sum()):,} missing or infinite values, expected a value in every row; "
                "fill them or leave the rows out."
            )


def read_categories(frame: pd.DataFrame, names: Iterable[str]) -> dict[str, np.ndarray]:
    """The sorted categories of every text column among `names`."""
    return {name: np.unique(frame[name].to_numpy(str)) for name in names if not _is_number(frame[name])}


def encode(column: pd.Series, name: str, categories: Mapping[str, np.ndarray], what: str) -> np.ndarray:
    """A column as float64 (rows,); a category that is not in the list is an error."""
    if name not in categories:
        if not _is_number(column):
            raise CalibrationError(
                f"{what}: {name} holds text such as {column.iloc[0]!r}, the donors' is a number; give both alike."
            )
        return column.to_numpy(np.float64)
    known = categories[name]
    text = column.to_numpy(str)
    place = np.minimum(np.searchsorted(known, text), len(known) - 1)
    strange = known[place] != text
    if strange.any():
        raise CalibrationError(
            f"{what}: {name} is {text[strange][0]} in {int(strange.sum()):,} rows, which no donor has; expected one of "
            f"{', '.join(known[:8])}; recode it, or leave {name} out."
        )
    return place.astype(np.float64)


def restore(codes: np.ndarray, name: str, categories: Mapping[str, np.ndarray], dtype: Any) -> np.ndarray:
    """Values of a column again, in the donors' type."""
    return categories[name][codes.astype(np.int64)] if name in categories else codes.astype(dtype)


def _is_number(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column.dtype) or pd.api.types.is_bool_dtype(column.dtype)
