"""Households that received SNAP in the past 12 months: Census ACS 1-year subject table S2201, by district (119th)."""

from collections.abc import Mapping

import pandas as pd

from calibration_assets.targets.figures import figure_table, join_figures
from calibration_assets.targets.sources import source as shape

YEAR = 2024
URL = f"https://api.census.gov/data/{YEAR}/acs/acs1/subject"
FILE = f"acs_S2201_district_{YEAR}.json"
ALL_HOUSEHOLDS = "S2201_C01_001E"
RECEIVING = "S2201_C03_001E"


def parse(raw: bytes) -> pd.DataFrame:
    """Households that receive SNAP by district: geography int32, value float64; territories dropped."""
    answer = shape.read_census_json(FILE, raw, ["GEO_ID", ALL_HOUSEHOLDS, RECEIVING])
    table = pd.DataFrame(
        {
            "geography": shape.geography_from_ucgid(answer["GEO_ID"]),
            "households": shape.numbers(FILE, answer[ALL_HOUSEHOLDS]),
            "value": shape.numbers(FILE, answer[RECEIVING]),
        }
    )
    table = table.dropna(subset="geography").astype({"geography": "int32"})
    shape.check_districts(FILE, table["geography"])
    shape.check_parts(FILE, table["value"], table["households"], "households with SNAP", "households")
    return table[["geography", "value"]]


def figures(raw: Mapping[str, bytes]) -> pd.DataFrame:
    """Targets: household_count where snap > 0."""
    return join_figures([figure_table(parse(raw[FILE]), SOURCE.key, "household_count", YEAR, ["snap>0"])])


SOURCE = shape.Source(
    key="Census ACS S2201",
    publisher="Census Bureau",
    table="ACS 1-year subject table S2201, food stamps/SNAP",
    vintage=YEAR,
    url=URL,
    files=(shape.RawFile(FILE, f"{URL}?get=group(S2201)&for=congressional district:*&in=state:*", "application/json"),),
    figures=figures,
)
