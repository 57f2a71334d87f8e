"""Outgoing rotation groups of the CPS 2024: hourly wages and unions, from the twelve basic monthly files.

Columns: https://www2.census.gov/programs-surveys/cps/datasets/2024/basic/2024_Basic_CPS_Public_Use_Record_Layout_plus_IO_Code_list.txt.
Donors are wage and salary workers of 16 or over in their fourth or eighth month of interviews. Earnings have two
decimals implied, weights four.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from calibration_assets.microdata.surveys.formats import check_year, read_batches
from calibration_assets.microdata.surveys.survey import WEIGHT, DonorModel, RawFile, Survey

YEAR = 2024
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
COLUMNS = (
    "HRYEAR4", "HRMIS", "GESTFIPS", "PRTAGE", "PESEX", "PTDTRACE", "PEHSPNON", "PEMLR", "PEIO1COW", "PRERELG",
    "PEHRUSLT", "PEERNHRY", "PTERNHLY", "PTERNWA", "PEERNLAB", "PEERNCOV", "PWORWGT",
)  # fmt: skip
OUTGOING = (4, 8)
EMPLOYED = (1, 2)
WAGE_AND_SALARY = (1, 2, 3, 4, 5)
YES, FEMALE, HISPANIC = 1, 2, 1
WHITE, BLACK = 1, 2
CENTS = 100
WEIGHT_UNIT = 10_000
WEEKS = 52
_FOLDER = f"https://www2.census.gov/programs-surveys/cps/datasets/{YEAR}/basic"
FILES = tuple(
    RawFile(f"cps_{month}{YEAR % 100}pub.csv", f"{_FOLDER}/{month}{YEAR % 100}pub.csv", "") for month in MONTHS
)
WAGES = DonorModel(
    "wages and unions",
    "person",
    ("employment_income", "weekly_hours_worked", "age", "is_female", "race", "state_fips"),
    ("hourly_wage", "is_paid_hourly", "is_union_member_or_covered"),
    20_000,
    among="employment_income",
)


def read_wages(paths: Mapping[str, Path]) -> dict[str, pd.DataFrame]:
    """The donors of hourly wages and unions."""
    workers = pd.concat([_read_month(paths[file.name]) for file in FILES], ignore_index=True)
    weekly, hours = workers["PTERNWA"] / CENTS, workers["PEHRUSLT"]
    stated = workers["PEERNHRY"].eq(YES) & (workers["PTERNHLY"] > 0)
    donors = {
        "employment_income": weekly * WEEKS,
        "weekly_hours_worked": hours,
        "age": workers["PRTAGE"],
        "is_female": workers["PESEX"] == FEMALE,
        "race": np.select(
            [workers["PEHSPNON"] == HISPANIC, workers["PTDTRACE"] == WHITE, workers["PTDTRACE"] == BLACK],
            ["HISPANIC", "WHITE", "BLACK"],
            "OTHER",
        ),
        "state_fips": workers["GESTFIPS"],
        "hourly_wage": np.where(stated, workers["PTERNHLY"] / CENTS, weekly / hours),
        "is_paid_hourly": workers["PEERNHRY"] == YES,
        "is_union_member_or_covered": workers["PEERNLAB"].eq(YES) | workers["PEERNCOV"].eq(YES),
        WEIGHT: workers["PWORWGT"] / WEIGHT_UNIT,
    }
    return {WAGES.name: pd.DataFrame(donors)}


def _read_month(path: Path) -> pd.DataFrame:
    """Workers of one month who were asked for their earnings and usual hours."""
    with path.open("rb") as stream:
        month = pd.concat(read_batches(stream, path.name, COLUMNS), ignore_index=True)
    check_year(path.name, month["HRYEAR4"], YEAR)
    asked = (
        month["HRMIS"].isin(OUTGOING)
        & month["PRERELG"].eq(YES)
        & month["PEMLR"].isin(EMPLOYED)
        & month["PEIO1COW"].isin(WAGE_AND_SALARY)
        & month["PRTAGE"].ge(16)
        & month["PEHRUSLT"].gt(0)
        & month["PTERNWA"].gt(0)
    )
    return month[asked]


ORG = Survey("org", f"CPS ORG {YEAR}", YEAR, FILES, (WAGES,), read_wages)
