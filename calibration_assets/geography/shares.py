"""Which counties a congressional district lies in, as compiled into `reference/county_shares.parquet`."""

import pandas as pd

from calibration_assets.schemas import COUNTY_SHARES
from calibration_assets.storage.keys import file_key
from calibration_assets.storage.reference import REFERENCE, read_reference

NAME = "county_shares"


def read_county_shares() -> pd.DataFrame:
    """The share of each district's 2020 population by county (schemas.COUNTY_SHARES), 119th Congress."""
    return COUNTY_SHARES.validate(read_reference(NAME))


def county_shares_key() -> str:
    """What draws from the shares hang on."""
    return file_key(REFERENCE / f"{NAME}.parquet")
