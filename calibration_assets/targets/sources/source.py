"""The one shape of a source: what it is, its raw files, and how their bytes become figures.

Reads and checks what the agencies' formats share; fetches and stores nothing.
"""

import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from calibration_assets.errors import CalibrationError
from calibration_assets.geography.crosswalk import N_DISTRICTS, STATE_FIPS, normalise_districts
from calibration_assets.targets.figures import NATION

N_STATES = len(STATE_FIPS)


@dataclass(frozen=True)
class RawFile:
    """A file as its publisher gives it: its name in the raw folder, its address, the content type of a true answer.

    A file without an address is put into the folder by hand. `check` raises CalibrationError at bytes that are none.
    """

    name: str
    url: str | None
    content_type: str
    check: Callable[[bytes], object] = bytes


@dataclass(frozen=True)
class Source:
    """A publisher's table and how its raw files become figures (schemas.FIGURES)."""

    key: str
    publisher: str
    table: str
    vintage: int
    url: str
    files: tuple[RawFile, ...]
    figures: Callable[[Mapping[str, bytes]], pd.DataFrame]


def read_census_json(name: str, raw: bytes, columns: Sequence[str]) -> pd.DataFrame:
    """A Census API answer (a list of rows, the first the header) as text columns; missing columns are an error."""
    try:
        rows = json.loads(raw)
    except ValueError as error:
        raise CalibrationError(f"{name} is not JSON ({error}), expected a Census API answer; fetch it again") from error
    if not isinstance(rows, list) or len(rows) < 2 or not isinstance(rows[0], list):
        raise CalibrationError(f"{name} holds no rows below a header, expected a Census API answer; fetch it again")
    frame = pd.DataFrame(rows[1:], columns=rows[0])
    check_columns(name, frame, columns)
    return frame[list(columns)]


def read_csv(name: str, raw: bytes, columns: Sequence[str], **options: Any) -> pd.DataFrame:
    """A CSV file's named columns as text; a page instead of a table and missing columns are errors."""
    if raw.lstrip()[:1] == b"<":
        raise CalibrationError(f"{name} begins with '<', a web page and not a table; fetch it again")
    try:
        frame = pd.read_csv(io.BytesIO(raw), dtype=str, keep_default_na=False, **options)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise CalibrationError(f"{name} cannot be read as CSV ({error}); fetch it again") from error
    check_columns(name, frame, columns)
    return frame[list(columns)]


def check_columns(name: str, frame: pd.DataFrame, columns: Sequence[str]) -> None:
    """Stop where a table lacks a column."""
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        found = ", ".join(map(str, list(frame.columns)[:6]))
        raise CalibrationError(
            f"{name} has no column {missing[0]!r} (it has {found}, …); correct the file or its parser"
        )


def numbers(name: str, column: pd.Series) -> pd.Series:
    """A text column as float64, thousands commas allowed; anything else is an error that names the row."""
    values = pd.to_numeric(column.str.replace(",", "").str.strip(), errors="coerce")
    bad = column[values.isna()]
    if len(bad):
        raise CalibrationError(
            f"{name}, row {bad.index[0] + 1}, column {column.name} has {bad.iloc[0]!r}, expected a number; "
            "correct the file or its parser"
        )
    return values.astype("float64")


def states_from_fips(codes: pd.Series) -> pd.Series:
    """State FIPS numbers from text, missing where the code is no state (territories)."""
    numeric = codes.astype(int)
    return numeric.where(numeric.isin(STATE_FIPS.values()))


def geography_from_ucgid(codes: pd.Series) -> pd.Series:
    """Geography of Census codes (`0100000US`, `0400000US06`, `5001900US0601`); territories and `ZZ` are missing."""
    part = codes.str.split("US").str[1]
    known = codes.str.fullmatch(r"0100000US|0400000US\d\d|500(18|19)00US\d\d\d\d|500(18|19)00US\d\dZZ")
    if not known.all():
        raise CalibrationError(
            f"geography {codes[~known].iloc[0]!r} is no nation, state or district of Congress 118 or 119"
        )
    part = part[~part.str.endswith("ZZ")]
    number = part.where(part != "", "0").astype(int)
    state = number.where(number < 100, number // 100)
    inside = number[(state == NATION) | state.isin(STATE_FIPS.values())]
    return inside.where(inside < 100, normalise_districts(inside)).astype("int32").reindex(codes.index)


def check_sums(name: str, parts: pd.Series, total: pd.Series, parts_are: str, total_is: str) -> None:
    """Stop where parts differ from their published total by more than 1 %: a moved header or a changed unit."""
    gap = ((parts - total).abs() > 0.01 * total.abs() + 1) | parts.isna() | total.isna()
    if gap.any():
        row = int(gap.to_numpy().argmax())
        raise CalibrationError(
            f"{name}, row {row + 1}: {parts_are} sum to {parts.iloc[row]:,.0f}, {total_is} is {total.iloc[row]:,.0f}, "
            "expected the same; check the file's header and units"
        )


def check_parts(name: str, part: pd.Series, whole: pd.Series, part_is: str, whole_is: str) -> None:
    """Stop where a part is negative or exceeds its whole."""
    wrong = (part < 0) | (part > whole)
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        raise CalibrationError(
            f"{name}, row {row + 1}: {part.iloc[row]:,.0f} {part_is} of {whole.iloc[row]:,.0f} {whole_is}, "
            "expected a part; check the file's columns"
        )


def check_states(name: str, geography: pd.Series) -> None:
    """Every state and DC exactly once, and nothing else."""
    _check_complete(name, geography, set(STATE_FIPS.values()), "states")


def check_districts(name: str, geography: pd.Series) -> None:
    """Every district exactly once."""
    repeated = geography[geography.duplicated()]
    if len(repeated) or geography.nunique() != N_DISTRICTS:
        detail = f", district {repeated.iloc[0]} twice" if len(repeated) else ""
        raise CalibrationError(
            f"{name} has {geography.nunique()} districts{detail}, expected each of {N_DISTRICTS} once"
        )


def _check_complete(name: str, geography: pd.Series, expected: set[int], noun: str) -> None:
    repeated = geography[geography.duplicated()]
    missing = expected - set(geography)
    extra = set(geography) - expected
    if len(repeated) or missing or extra:
        found = (
            f"{sorted(missing)[0]} missing"
            if missing
            else f"{sorted(extra)[0] if extra else repeated.iloc[0]} too many"
        )
        raise CalibrationError(f"{name} has {len(geography)} {noun} ({found}), expected each of {len(expected)} once")
