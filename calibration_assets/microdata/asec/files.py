"""The ASEC zip of the Census Bureau: person, family and household files, fetched through the raw cache.

Layout: the technical documentation of each year, https://www2.census.gov/programs-surveys/cps/techdocs/cpsmar24.pdf.
What the columns become stays out.
"""

import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from calibration_assets.errors import CalibrationError
from calibration_assets.storage.raw_cache import RawCache

YEARS = (2022, 2023, 2024)
"""Years of income; the survey is of the March after."""
MEMBERS = {"person": "pppub", "family": "ffpub", "household": "hhpub"}
FETCH_SECONDS = (10, 1800)
_PLAIN_NAME = re.compile(r"census:(\d{4})")


@dataclass(frozen=True)
class AsecFiles:
    """The three files of one year of income, the columns that were asked for as numbers; blanks are missing."""

    year: int
    person: pd.DataFrame
    family: pd.DataFrame
    household: pd.DataFrame


def is_asec(dataset: str) -> bool:
    """Whether a source's name means an ASEC: `census:2024`, or the path of its zip."""
    return dataset.startswith("census:") or dataset.endswith(".zip")


def find_zip(dataset: str, raw_folder: Path) -> Path:
    """Where the zip of a source lies; `census:<year of income>` is fetched into the raw cache first."""
    if not dataset.startswith("census:"):
        if not Path(dataset).is_file():
            raise CalibrationError(f"dataset {dataset}: no such file, expected an ASEC zip; check the path.")
        return Path(dataset)
    named = _PLAIN_NAME.fullmatch(dataset)
    if not named or int(named[1]) not in YEARS:
        raise CalibrationError(
            f"dataset {dataset}: no ASEC of this year is known, expected one of "
            f"{', '.join(f'census:{year}' for year in YEARS)} (the year of income); correct the setting `dataset`."
        )
    survey = int(named[1]) + 1
    name = f"asecpub{survey % 100:02}csv.zip"
    url = f"https://www2.census.gov/programs-surveys/cps/datasets/{survey}/march/{name}"
    cache = RawCache(raw_folder, timeout_seconds=FETCH_SECONDS)
    cache.fetch(name, url, "application/", lambda body: check_zip(name, body))
    return cache.path(name)


def check_zip(name: str, body: bytes) -> None:
    """Stop at bytes that are no zip."""
    if not zipfile.is_zipfile(io.BytesIO(body)):
        raise CalibrationError(f"{name} is no zip ({len(body):,} bytes), expected the agency's file; fetch it again.")


def read_files(path: Path, columns: Mapping[str, Sequence[str]]) -> AsecFiles:
    """The named columns of each file in an ASEC zip; its year is that of the members' names."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = _find_members(path, archive)
            year = _year_of(path, members)
            tables = {kind: _read_member(archive, members[kind], columns[kind]) for kind in MEMBERS}
    except (zipfile.BadZipFile, OSError) as error:
        raise CalibrationError(f"dataset {path}: {error}, expected an ASEC zip; fetch it again.") from error
    return AsecFiles(year, **tables)


def _find_members(path: Path, archive: zipfile.ZipFile) -> dict[str, str]:
    """The name of each file inside the zip, in whatever folder."""
    members = {
        kind: name
        for name in archive.namelist()
        for kind, stem in MEMBERS.items()
        if re.fullmatch(stem + r"\d\d\.csv", Path(name).name)
    }
    missing = [kind for kind in MEMBERS if kind not in members]
    if missing:
        raise CalibrationError(
            f"dataset {path}: the zip has no {missing[0]} file ({MEMBERS[missing[0]]}YY.csv), expected a person, a "
            "family and a household file; take the Census Bureau's asecpubYYcsv.zip."
        )
    return members


def _year_of(path: Path, members: Mapping[str, str]) -> int:
    """The year of income that all three files belong to."""
    years = {1999 + int(Path(name).stem[-2:]) for name in members.values()}
    if len(years) > 1 or not years <= set(YEARS):
        raise CalibrationError(
            f"dataset {path}: its files are of the years of income {sorted(years)}, expected one of {YEARS}; take the "
            "zip of another year."
        )
    return years.pop()


def _read_member(archive: zipfile.ZipFile, name: str, columns: Sequence[str]) -> pd.DataFrame:
    """The named columns of one file as numbers."""
    with archive.open(name) as stream:
        header = pd.read_csv(stream, nrows=0).columns
    missing = [column for column in columns if column not in header]
    if missing:
        raise CalibrationError(
            f"{name} has no column {', '.join(missing[:5])} ({len(missing)} missing of {len(columns)}), expected the "
            "layout of the ASEC of 2023 to 2025; take that file, or correct the mapping."
        )
    with archive.open(name) as stream:
        table = pd.read_csv(stream, usecols=list(columns))
    text = [column for column in columns if not pd.api.types.is_numeric_dtype(table[column])]
    if text or table.empty:
        found = "no rows" if table.empty else f"text in {text[0]}"
        raise CalibrationError(f"{name} has {found}, expected numbers in every row; fetch the zip again.")
    return table
