"""Which counties a congressional district lies in, as compiled into `reference/county_shares.parquet`."""

from pathlib import Path

import pandas as pd

from calibration_assets.schemas import COUNTY_SHARES

PATH = Path(__file__).parents[1] / "reference" / "county_shares.parquet"


def read_county_shares(path: Path = PATH) -> pd.DataFrame:
    """The share of each district's 2020 population by county (schemas.COUNTY_SHARES), 119th Congress."""
    return COUNTY_SHARES.validate(pd.read_parquet(path))
