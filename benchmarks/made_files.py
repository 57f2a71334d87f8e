"""Survey files as large as the agencies': made persons, as many rows and columns as the real files have.

The generators of the tests write the columns that are read; here every line gets as many more, blank or zero, as the
agency's has, since reading time goes into bytes.
"""

import io
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd

from calibration_assets.microdata.surveys import acs, org, scf, sipp
from calibration_assets_tests.microdata.surveys import made

HOUSEHOLDS = {"acs": 1_350_000, "sipp": 17_500, "org": 50_000, "scf": 4_600}
"""Households that give about as many rows as the files: 3.4 million persons, 476,000 months of persons, 125,000 persons
a month, five implicates of 4,600 families."""
COLUMNS = {"acs": 288, "sipp": 5_200, "org": 390, "scf": 5_300}
WRITERS = {"acs": made.write_acs, "sipp": made.write_sipp, "org": made.write_org, "scf": made.write_scf}


def write_survey(key: str, folder: Path, households: int) -> int:
    """Write a survey's files into the folder; returns the bytes of all text and tables in them."""
    WRITERS[key](folder, households)
    if key == "scf":
        return _widen_stata(folder / scf.FULL.name)
    if key == "org":
        return sum(_widen_text(folder / file.name, ",") for file in org.FILES)
    files = (acs.PERSONS, acs.UNITS) if key == "acs" else (sipp.FILE,)
    return sum(_widen_zip(folder / file.name, COLUMNS[key], "," if key == "acs" else "|") for file in files)


def _widen_zip(path: Path, columns: int, delimiter: str) -> int:
    """Every line of every file in the zip with blank columns at its end."""
    size, wider = 0, path.with_suffix(".wider")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(wider, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as new:
        for name in old.namelist():
            with old.open(name) as source, new.open(name, "w", force_zip64=True) as target:
                size += _widen_lines(source, target, columns, delimiter)
    wider.replace(path)
    return size


def _widen_text(path: Path, delimiter: str) -> int:
    wider = path.with_suffix(".wider")
    with path.open("rb") as source, wider.open("wb") as target:
        size = _widen_lines(source, target, COLUMNS["org"], delimiter)
    wider.replace(path)
    return size


def _widen_lines(source: io.BufferedIOBase, target: io.BufferedIOBase, columns: int, delimiter: str) -> int:
    header = source.readline().rstrip(b"\r\n")
    more = columns - header.count(delimiter.encode()) - 1
    names = delimiter + delimiter.join(f"BLANK{number}" for number in range(more))
    size = target.write(header + names.encode() + b"\n")
    blank = (delimiter + "00" if delimiter == "," else delimiter).encode() * more
    for line in source:
        size += target.write(line.rstrip(b"\r\n") + blank + b"\n")
    return size


def _widen_stata(path: Path) -> int:
    """The Stata file in the zip with columns of zeros."""
    with zipfile.ZipFile(path) as archive:
        name = archive.namelist()[0]
        table = pd.read_stata(io.BytesIO(archive.read(name)))
    more = COLUMNS["scf"] - len(table.columns)
    blank = pd.DataFrame(np.zeros((len(table), more), np.int32), columns=[f"x9{number:04}" for number in range(more)])
    body = io.BytesIO()
    pd.concat([table, blank], axis=1).to_stata(body, write_index=False)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr(name, body.getvalue())
    return len(body.getvalue())
