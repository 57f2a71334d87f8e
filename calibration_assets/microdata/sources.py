"""Sources of CPS records by name, and the folder that holds records between steps.

A source gives a dataset and, where it knows it, the AGI of its households; where it does not, the rules compute it.
"""

import shutil
import tempfile
from pathlib import Path

import pandas as pd
from upath import UPath

from calibration_assets.errors import CalibrationError
from calibration_assets.microdata.dataset import Dataset, read_dataset, write_dataset
from calibration_assets.microdata.taxcalc_cps import open_taxcalc_cps
from calibration_assets.schemas import HOUSEHOLD_AGI
from calibration_assets.settings import MODEL_YEAR

VERSION = 1
"""The meaning of the records that a source gives; raised when the same source gives other records."""

EMBEDDED = "taxcalc"
DATASET_FILE = "dataset.h5"
AGI_FILE = "household_agi.parquet"


def open_source(dataset: str) -> tuple[Dataset, pd.DataFrame | None]:
    """Records of `taxcalc` (the embedded public CPS) or of an H5 file given by a local path or a URL.

    The second value is AGI by household (`schemas.HOUSEHOLD_AGI`), None where the source does not know it.
    """
    if dataset == EMBEDDED:
        return open_taxcalc_cps(MODEL_YEAR)
    place = UPath(dataset)
    if place.suffix not in (".h5", ".hdf5"):
        raise CalibrationError(
            f"dataset {dataset}: no source has this name, expected `{EMBEDDED}` or the path or URL of an .h5 file; "
            "correct the setting `dataset`."
        )
    if place.protocol in ("", "file", "local"):
        return read_dataset(Path(place.path)), None
    with tempfile.TemporaryDirectory() as folder:
        return read_dataset(_download(place, Path(folder) / DATASET_FILE)), None


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


def _download(place: UPath, target: Path) -> Path:
    """Copy a remote file to a local one, which HDF5 needs for reading."""
    try:
        with place.open("rb") as remote, target.open("wb") as local:
            shutil.copyfileobj(remote, local)
    except (OSError, ImportError, ValueError) as error:
        raise CalibrationError(
            f"dataset {place}: it could not be fetched ({error}), expected a readable H5 file; check the address, the "
            "network and, for a bucket, the credentials and the extra that its protocol needs (s3: `s3`)."
        ) from error
    return target
