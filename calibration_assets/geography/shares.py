"""Which counties a congressional district lies in: as compiled (`reference/county_shares.parquet`), or from blocks."""

from pathlib import Path

import pandas as pd

from calibration_assets.errors import CalibrationError
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


def read_block_shares(path: Path) -> pd.DataFrame:
    """County shares (schemas.COUNTY_SHARES) from a file of census blocks by district, plain or compressed CSV.

    Columns: `cd_geoid` (at-large as 00 or 01, DC also as 98), `block_geoid` (15-character text) and `probability`, the
    block's share of its district's population.
    """
    try:
        blocks = pd.read_csv(path, dtype={"block_geoid": str})
    except (OSError, ValueError) as error:
        raise CalibrationError(f"block file {path} cannot be read ({error}); give a CSV of blocks") from error
    missing = {"cd_geoid", "block_geoid", "probability"}.difference(blocks.columns)
    if missing or not blocks["block_geoid"].str.fullmatch(r"\d{15}").all():
        found = f"lacks {', '.join(sorted(missing))}" if missing else "has block_geoid that are not 15 digits"
        raise CalibrationError(f"block file {path} {found}, expected cd_geoid, block_geoid and probability; correct it")
    number = blocks["cd_geoid"] % 100
    district = blocks["cd_geoid"].where(~number.isin([0, 98]), blocks["cd_geoid"] // 100 * 100 + 1).astype("int32")
    county = blocks["block_geoid"].str[:5].astype("int32")
    shares = blocks["probability"].groupby([district.rename("district"), county.rename("county")]).sum().reset_index()
    whole = shares.groupby("district")["probability"].transform("sum")
    return COUNTY_SHARES.validate(shares.assign(probability=shares["probability"] / whole))
