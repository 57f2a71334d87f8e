"""Sources of CPS records by name, and the folder that holds records between steps.

A source gives a dataset and, where it knows it, the AGI of its households; where it does not, the rules compute it.
"""

import shutil
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
import pandas as pd
from upath import UPath

from calibration_assets.errors import CalibrationError
from calibration_assets.microdata.asec.files import find_zip, is_asec
from calibration_assets.microdata.asec.records import MAPPING as ASEC_MAPPING
from calibration_assets.microdata.asec.records import open_asec
from calibration_assets.microdata.dataset import Dataset, read_dataset, write_dataset
from calibration_assets.microdata.taxcalc_cps import MAPPING, open_taxcalc_cps
from calibration_assets.microdata.taxcalc_units import taxcalc_version
from calibration_assets.schemas import HOUSEHOLD_AGI
from calibration_assets.settings import MODEL_YEAR, RAW_FOLDER
from calibration_assets.storage.keys import file_key
from calibration_assets.storage.reference import REFERENCE

VERSION = 1
"""The meaning of the records that a source gives; raised when the same source gives other records."""

EMBEDDED = "taxcalc"
DATASET_FILE = "dataset.h5"
AGI_FILE = "household_agi.parquet"


def open_source(dataset: str, raw_folder: Path = Path(RAW_FOLDER)) -> tuple[Dataset, pd.DataFrame | None]:
    """Records of `taxcalc` (the embedded public CPS), of an ASEC, or of an H5 file given by a local path or a URL.

    The second value is AGI by household (`schemas.HOUSEHOLD_AGI`), None where the source does not know it.
    """
    if dataset == EMBEDDED:
        return open_taxcalc_cps(MODEL_YEAR)
    if is_asec(dataset):
        return open_asec(find_zip(dataset, raw_folder)), None
    with _local_file(dataset) as path:
        return read_dataset(path), None


def source_key(dataset: str, raw_folder: Path = Path(RAW_FOLDER)) -> str:
    """What a source's records hang on: the version of the package they come in, or the sha256 of their file."""
    if dataset == EMBEDDED:
        return f"{EMBEDDED} {taxcalc_version()} {file_key(MAPPING)}"
    if is_asec(dataset):
        zip_key = file_key(find_zip(dataset, raw_folder))
        return f"asec {zip_key} {file_key(ASEC_MAPPING)} {file_key(REFERENCE / 'uprating.parquet')}"
    with _local_file(dataset) as path:
        return file_key(path)


def read_mapping(dataset: str) -> pd.DataFrame:
    """How a source's columns become variables, one row each; no rows for files that hold variables already."""
    if dataset != EMBEDDED and not is_asec(dataset):
        return pd.DataFrame()
    return pd.read_csv(MAPPING if dataset == EMBEDDED else ASEC_MAPPING, dtype=str, keep_default_na=False)


def describe_records(dataset: Dataset, household_agi: pd.DataFrame | None) -> dict[str, float]:
    """Rows of every entity, and weighted persons, households and, where it is known, AGI in dollars."""
    tables = dataset.tables
    household = tables["household"]
    weight = pd.Series(household["household_weight"].to_numpy(np.float64), index=household["household_id"])
    described: dict[str, float] = {f"{entity} rows": len(frame) for entity, frame in tables.items()}
    described["weighted households"] = round(float(weight.sum()))
    described["weighted persons"] = round(float(weight.loc[tables["person"]["person_household_id"]].sum()))
    if household_agi is not None:
        agi = household_agi.set_index("household_id")["adjusted_gross_income"]
        described["weighted AGI"] = float((agi * weight).sum())
    return described


def write_records(dataset: Dataset, household_agi: pd.DataFrame | None, folder: Path) -> None:
    """Write records, and AGI by household where it is known, into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    write_dataset(dataset, folder / DATASET_FILE)
    if household_agi is not None:
        HOUSEHOLD_AGI.validate(household_agi).to_parquet(folder / AGI_FILE, index=False)


def read_records(folder: Path) -> tuple[Dataset, pd.DataFrame | None]:
    """Read what `write_records` wrote."""
    known = folder / AGI_FILE
    return read_dataset(folder / DATASET_FILE), pd.read_parquet(known) if known.exists() else None


def read_household_agi(folder: Path) -> pd.DataFrame:
    """AGI by household of records that have it (schemas.HOUSEHOLD_AGI)."""
    if not (folder / AGI_FILE).exists():
        raise CalibrationError(f"{folder}: no {AGI_FILE} was found, expected AGI by household; draw the sample again.")
    return HOUSEHOLD_AGI.validate(pd.read_parquet(folder / AGI_FILE))


@contextmanager
def _local_file(dataset: str) -> Iterator[Path]:
    """The H5 file of a source: where it is, or a copy for as long as it is read."""
    if not dataset.endswith((".h5", ".hdf5")):
        raise CalibrationError(
            f"dataset {dataset}: no source has this name, expected `{EMBEDDED}`, `census:{MODEL_YEAR}`, or the path or "
            "URL of an .h5 file; correct the setting `dataset`."
        )
    if "://" not in dataset:
        if not Path(dataset).is_file():
            raise CalibrationError(f"dataset {dataset}: no such file, expected an H5 dataset; check the path.")
        yield Path(dataset)
        return
    with tempfile.TemporaryDirectory() as folder:
        yield _download(dataset, Path(folder) / DATASET_FILE)


def _download(url: str, target: Path) -> Path:
    """Copy a remote file to a local one, which HDF5 needs for reading."""
    try:
        with _open_remote(url) as remote, target.open("wb") as local:
            shutil.copyfileobj(remote, local)
    except (OSError, ImportError, ValueError) as error:
        raise CalibrationError(
            f"dataset {url}: it could not be fetched ({error}), expected a readable H5 file; check the address, the "
            "network and, for a bucket, the credentials and the extra that its protocol needs (s3: `s3`)."
        ) from error
    return target


def _open_remote(url: str) -> IO[bytes]:
    """Open a URL: the web and Hugging Face (`hf://owner/repository/file`, branch main) directly, others by UPath."""
    protocol, _, place = url.partition("://")
    if protocol == "hf":
        owner, repository, file = place.split("/", 2)
        url = f"https://huggingface.co/{owner}/{repository}/resolve/main/{file}"
    if protocol in ("http", "https", "hf"):
        return urllib.request.urlopen(url, timeout=60)  # noqa: S310 - the protocol is one of three
    return UPath(url).open("rb")
