"""Persons with Medicaid or other means-tested public coverage: Census ACS 1-year subject table S2704, by district.

The survey counts respondents' coverage during the year; CMS counts enrolment in a month, by state alone.
"""

from collections.abc import Mapping

import pandas as pd

from calibration_assets.targets.figures import figure_table, join_figures
from calibration_assets.targets.sources import source as shape

YEAR = 2024
FILE = f"acs_S2704_district_{YEAR}.json"
URL = f"https://api.census.gov/data/{YEAR}/acs/acs1/subject"
ALL_PERSONS = "S2704_C01_001E"
COVERED = "S2704_C02_006E"


def parse(raw: bytes) -> pd.DataFrame:
    """Covered persons by district: geography int32, value float64; territories dropped."""
    answer = shape.read_census_json(FILE, raw, ["GEO_ID", ALL_PERSONS, COVERED])
    table = pd.DataFrame(
        {
            "geography": shape.geography_from_ucgid(answer["GEO_ID"]),
            "persons": shape.numbers(FILE, answer[ALL_PERSONS]),
            "value": shape.numbers(FILE, answer[COVERED]),
        }
    )
    table = table.dropna(subset="geography").astype({"geography": "int32"})
    shape.check_districts(FILE, table["geography"])
    shape.check_parts(FILE, table["value"], table["persons"], "persons covered", "persons")
    return table[["geography", "value"]]


def figures(raw: Mapping[str, bytes]) -> pd.DataFrame:
    """Targets: person_count where medicaid_enrolled."""
    return join_figures([figure_table(parse(raw[FILE]), SOURCE.key, "person_count", YEAR, ["medicaid_enrolled==True"])])


SOURCE = shape.Source(
    key="Census ACS S2704",
    publisher="Census Bureau",
    table="ACS 1-year subject table S2704, public health insurance by type",
    vintage=YEAR,
    url=URL,
    files=(
        shape.RawFile(
            FILE, f"{URL}?get=group(S2704)&for=congressional district:*&in=state:*", "application/json", parse
        ),
    ),
    figures=figures,
)
