"""Households that receive SNAP by district: Census ACS 1-year subject table S2201, scaled to the states of USDA FNS.

Respondents report 70 % of the households that the states pay (15.6 of 22.2 million in 2024), so the survey says how a
state's households lie over its districts (119th Congress) and the administrative count says how many there are.
"""

from collections.abc import Mapping

import pandas as pd

from calibration_assets.targets.figures import figure_table, join_figures
from calibration_assets.targets.sources import fns_snap
from calibration_assets.targets.sources import source as shape

YEAR = 2024
URL = f"https://api.census.gov/data/{YEAR}/acs/acs1/subject"
FILE = f"acs_S2201_district_{YEAR}.json"
ALL_HOUSEHOLDS = "S2201_C01_001E"
RECEIVING = "S2201_C03_001E"


def parse(raw: bytes) -> pd.DataFrame:
    """Households that report SNAP by district: geography int32, value float64; territories dropped."""
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


def scale_to_states(districts: pd.DataFrame, states: pd.DataFrame) -> pd.DataFrame:
    """Districts' values times their state's households over the sum of its districts' values."""
    joined = districts.assign(state=districts["geography"] // 100).merge(
        states.rename(columns={"geography": "state"}), on="state", validate="m:1"
    )
    shape.check_districts(FILE, joined["geography"])
    share = joined["value"] / joined.groupby("state")["value"].transform("sum")
    return joined.assign(value=share * joined["households"])[["geography", "value"]]


def figures(raw: Mapping[str, bytes]) -> pd.DataFrame:
    """Targets: household_count where snap > 0."""
    scaled = scale_to_states(parse(raw[FILE]), fns_snap.parse(raw[fns_snap.FILE]))
    return join_figures([figure_table(scaled, SOURCE.key, "household_count", YEAR, ["snap>0"])])


SOURCE = shape.Source(
    key="Census ACS S2201",
    publisher="Census Bureau",
    table="ACS 1-year subject table S2201, food stamps/SNAP, scaled to the state counts of USDA FNS",
    vintage=YEAR,
    url=URL,
    files=(
        shape.RawFile(
            FILE, f"{URL}?get=group(S2201)&for=congressional district:*&in=state:*", "application/json", parse
        ),
        *fns_snap.SOURCE.files,
    ),
    figures=figures,
)
