"""Survey of Consumer Finances 2022: net worth and vehicle loans of households.

The summary extract (`SCFP`, all five implicates, weights already divided by five) knows net worth, income and the
household; the full public file knows what is owed on each vehicle loan and its annual rate (hundredths of a per cent).
Columns: https://www.federalreserve.gov/econres/files/bulletin.macro.txt and codebk2022.txt in the same folder.
"""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from calibration_assets.errors import CalibrationError
from calibration_assets.microdata.surveys.formats import read_stata_member
from calibration_assets.microdata.surveys.survey import WEIGHT, DonorModel, RawFile, Survey

YEAR = 2022
SUMMARY_COLUMNS = (
    "Y1", "WGT", "AGE", "HHSEX", "MARRIED", "KIDS", "RACECL4", "WAGEINC", "INTDIVINC", "SSRETINC", "NETWORTH",
)  # fmt: skip
LOANS = {"X2218": "X2219", "X2318": "X2319", "X2418": "X2419", "X7169": "X7170"}
"""What is still owed on the loans of the first to the fourth vehicle, and the rate of each."""
RATE_UNIT = 10_000
FEMALE, MARRIED = 2, 1
_FOLDER = "https://www.federalreserve.gov/econres/files"
SUMMARY = RawFile(f"scfp{YEAR}s.zip", f"{_FOLDER}/scfp{YEAR}s.zip", "application/")
FULL = RawFile(f"scf{YEAR}s.zip", f"{_FOLDER}/scf{YEAR}s.zip", "application/")
WEALTH = DonorModel(
    "wealth",
    "household",
    (
        "age", "is_female", "race", "is_married", "own_children_in_household", "employment_income",
        "interest_dividend_income", "social_security_pension_income",
    ),
    ("net_worth", "auto_loan_balance", "auto_loan_interest"),
    11_500,
)  # fmt: skip
RACES = {1: "WHITE", 2: "BLACK", 3: "HISPANIC", 4: "OTHER"}


def read_wealth(paths: Mapping[str, Path]) -> dict[str, pd.DataFrame]:
    """The donors of net worth and vehicle loans, one an implicate, dollars of the survey year."""
    summary = read_stata_member(paths[SUMMARY.name], f"rscfp{YEAR}", SUMMARY_COLUMNS)
    full = read_stata_member(paths[FULL.name], f"p{YEAR % 100}i6", ("Y1", *LOANS, *LOANS.values()))
    families = summary.merge(full, on="Y1", how="left", validate="one_to_one", indicator=True)
    if (families["_merge"] != "both").any():
        raise CalibrationError(
            f"SCF {YEAR}: {int((families['_merge'] != 'both').sum()):,} of {len(families):,} implicates of the summary "
            "are not in the full file, expected all; fetch both files again."
        )
    # Below zero are codes: no loan, no interest charged.
    owed = {loan: families[loan].clip(lower=0) for loan in LOANS}
    interest = [owed[loan] * families[rate].clip(lower=0) / RATE_UNIT for loan, rate in LOANS.items()]
    donors = {
        "age": families["AGE"],
        "is_female": families["HHSEX"] == FEMALE,
        "race": families["RACECL4"].map(RACES),
        "is_married": families["MARRIED"] == MARRIED,
        "own_children_in_household": families["KIDS"],
        "employment_income": families["WAGEINC"],
        "interest_dividend_income": families["INTDIVINC"],
        "social_security_pension_income": families["SSRETINC"],
        "net_worth": families["NETWORTH"],
        "auto_loan_balance": sum(owed.values()),
        "auto_loan_interest": sum(interest),
        WEIGHT: families["WGT"],
    }
    return {WEALTH.name: pd.DataFrame(donors)}


SCF = Survey("scf", f"SCF {YEAR}", YEAR, (SUMMARY, FULL), (WEALTH,), read_wealth)
