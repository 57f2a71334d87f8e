"""Reading what the agencies publish: delimited text and Stata files, plain or in a zip, the named columns alone.

Column names come out in capitals, whatever the file's; what they mean stays with each survey.
"""

import io
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import pandas as pd
import pyarrow as pa
from pyarrow import csv

from calibration_assets.errors import CalibrationError

BLOCK_BYTES = 1 << 24
"""Text in memory at once; the SIPP has some 5,000 columns."""


def read_batches(
    stream: IO[bytes], name: str, columns: Sequence[str], *, text: Sequence[str] = (), delimiter: str = ","
) -> Iterator[pd.DataFrame]:
    """The named columns of a delimited file, some rows at a time: numbers (blank is missing) or, in `text`, text."""
    header = stream.readline().decode("utf-8-sig").strip().upper()
    present = [column.strip('"') for column in header.split(delimiter)]
    check_columns(name, columns, present)
    types = {column: pa.string() if column in text else pa.float64() for column in columns}
    try:
        yield from (
            batch.to_pandas()
            for batch in csv.open_csv(
                stream,
                csv.ReadOptions(column_names=present, block_size=BLOCK_BYTES),
                csv.ParseOptions(delimiter=delimiter),
                csv.ConvertOptions(include_columns=list(columns), column_types=types),
            )
        )
    except pa.ArrowInvalid as error:
        reason = str(error).partition(chr(10))[0]
        raise CalibrationError(f"{name}: {reason}, expected numbers in columns; fetch the file again.") from error


def open_members(path: Path, suffix: str) -> Iterator[tuple[str, IO[bytes]]]:
    """The zip's members that end in `suffix`, in the order of their names; none, or no zip, is an error."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = sorted(name for name in archive.namelist() if name.lower().endswith(suffix))
            if not names:
                raise CalibrationError(f"{path} holds no file *{suffix}, expected the agency's zip; fetch it again.")
            for name in names:
                with archive.open(name) as stream:
                    yield name, stream
    except zipfile.BadZipFile as error:
        raise CalibrationError(f"{path}: {error}, expected the agency's zip; fetch it again.") from error


def read_stata_member(path: Path, stem: str, columns: Sequence[str]) -> pd.DataFrame:
    """The named columns of the zip's Stata file, whose name must be `<stem>.dta`: it holds the survey's year."""
    for name, stream in open_members(path, ".dta"):
        if Path(name).stem.lower() != stem:
            raise CalibrationError(f"{path} holds {name}, expected {stem}.dta; put the zip of that year in its place.")
        body = io.BytesIO(stream.read())
    with pd.read_stata(body, iterator=True) as reader:
        spelled = {column.upper(): column for column in reader.variable_labels()}
    check_columns(f"{stem}.dta", columns, list(spelled))
    body.seek(0)
    table = pd.read_stata(body, columns=[spelled[column] for column in columns], convert_categoricals=False)
    return table.rename(columns=str.upper)


def check_columns(name: str, columns: Sequence[str], present: Sequence[str]) -> None:
    """Stop where a file lacks a column."""
    missing = [column for column in columns if column not in present]
    if missing:
        raise CalibrationError(
            f"{name} has no column {', '.join(missing[:5])} ({len(missing)} missing of {len(columns)}; it begins with "
            f"{', '.join(list(present)[:4])}), expected the agency's layout; fetch the file again."
        )


def check_year(name: str, years: pd.Series, expected: int) -> None:
    """Stop where a file has records of another year."""
    other = years[years != expected]
    if len(other):
        raise CalibrationError(
            f"{name} has records of {other.iloc[0]:g}, expected {expected}; put the file of that year in its place."
        )
