"""Persons enrolled in Medicaid: CMS monthly state applications, eligibility and enrolment data.

Persons, without CHIP, by the final reports of December. A state
whose December figure is missing or zero counts with its latest earlier final report.
"""

from collections.abc import Mapping

import pandas as pd

from calibration_assets.geography.crosswalk import STATE_FIPS
from calibration_assets.targets.figures import figure_table, join_figures
from calibration_assets.targets.sources import source as shape

YEAR = 2024
FILE = f"medicaid_enrollment_{YEAR}.csv"
URL = "https://data.medicaid.gov/dataset/6165f45b-ca93-5bb5-9d06-db29c692a360"
STATE, PERIOD, FINAL, ENROLLED = (
    "State Abbreviation", "Reporting Period", "Final Report", "Total Medicaid Enrollment"
)  # fmt: skip


def parse(raw: bytes, year: int = YEAR) -> pd.DataFrame:
    """Persons enrolled at the year's end by state: geography int32, value float64."""
    text = shape.read_csv(FILE, raw, [STATE, PERIOD, FINAL, ENROLLED])
    month = shape.numbers(FILE, text[PERIOD]).astype(int)
    final = text[
        (text[FINAL] == "Y") & (month <= year * 100 + 12) & (text[ENROLLED] != "") & text[STATE].isin(STATE_FIPS)
    ]
    table = pd.DataFrame(
        {
            "geography": final[STATE].map(STATE_FIPS).astype("int32"),
            "month": month[final.index],
            "value": shape.numbers(FILE, final[ENROLLED]),
        }
    )
    latest = table[table["value"] > 0].sort_values("month").drop_duplicates("geography", keep="last")
    shape.check_states(FILE, latest["geography"])
    return latest.sort_values("geography", ignore_index=True)[["geography", "value"]]


def figures(raw: Mapping[str, bytes]) -> pd.DataFrame:
    """Targets: person_count where medicaid_enrolled."""
    return join_figures([figure_table(parse(raw[FILE]), SOURCE.key, "person_count", YEAR, ["medicaid_enrolled==True"])])


SOURCE = shape.Source(
    key="CMS Medicaid",
    publisher="Centers for Medicare & Medicaid Services",
    table="State Medicaid and CHIP applications, eligibility determinations and enrollment",
    vintage=YEAR,
    url=URL,
    files=(shape.RawFile(FILE, None, "text/csv"),),
    figures=figures,
)
