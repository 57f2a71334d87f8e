"""Advance premium tax credits by state: CMS effectuated enrolment of early 2024, persons and dollars a month.

A month's credits times twelve are the year's; persons are those covered with a credit, not tax units.
"""

from collections.abc import Mapping

import pandas as pd

from calibration_assets.geography.crosswalk import STATE_FIPS
from calibration_assets.targets.figures import figure_table, join_figures
from calibration_assets.targets.sources import source as shape

YEAR = 2024
FILE = f"aca_spending_and_enrollment_{YEAR}.csv"
URL = "https://www.cms.gov/marketplace/resources/data/public-use-files"
MONTHS = 12


def parse(raw: bytes) -> pd.DataFrame:
    """By state: geography int32, persons and credits (dollars a year) float64."""
    text = shape.read_csv(FILE, raw, ["state", "enrollment", "spending"])
    table = pd.DataFrame(
        {
            "geography": text["state"].map(STATE_FIPS),
            "persons": shape.numbers(FILE, text["enrollment"]),
            "credits": shape.numbers(FILE, text["spending"]) * MONTHS,
        }
    )
    shape.check_states(FILE, table["geography"])
    return table.astype({"geography": "int32"}).sort_values("geography", ignore_index=True)


def figures(raw: Mapping[str, bytes]) -> pd.DataFrame:
    """Targets: person_count of the covered with a credit, and aca_ptc in dollars."""
    table = parse(raw[FILE])
    persons = table.rename(columns={"persons": "value"})
    dollars = table.rename(columns={"credits": "value"})
    covered = ["aca_ptc>0", "is_aca_ptc_eligible==True"]
    return join_figures(
        [
            figure_table(persons, SOURCE.key, "person_count", YEAR, covered),
            figure_table(dollars, SOURCE.key, "aca_ptc", YEAR, ["aca_ptc>0"]),
        ]
    )


SOURCE = shape.Source(
    key="CMS premium tax credit",
    publisher="Centers for Medicare & Medicaid Services",
    table="Effectuated enrollment and advance premium tax credits by state",
    vintage=YEAR,
    url=URL,
    files=(shape.RawFile(FILE, None, "text/csv"),),
    figures=figures,
)
