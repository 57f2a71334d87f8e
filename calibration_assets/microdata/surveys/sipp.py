"""Survey of Income and Program Participation 2023: tips, liquid assets and vehicles in 2022.

Columns: https://www.census.gov/programs-surveys/sipp/tech-documentation/data-dictionaries.html. The file has a row for
every person and month of 2022, `|` between columns. A person's income is the mean of the months there, times twelve;
everything else is December's. Amounts are the columns `TJB*_TXAMT` and the like, never their allocation flags (`AJB*`).
"""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from calibration_assets.microdata.surveys.formats import check_year, open_members, read_batches
from calibration_assets.microdata.surveys.survey import WEIGHT, DonorModel, RawFile, Survey

FILE_YEAR = 2023
YEAR = FILE_YEAR - 1
JOBS = range(1, 8)
EARNINGS = [f"TJB{job}_MSUM" for job in JOBS]
TIPS = [f"TJB{job}_TXAMT" for job in JOBS]
MONTHLY = [*EARNINGS, *TIPS, "TINC_BANK", "TINC_BOND", "TINC_STMF", "TINC_RENT"]
ASSETS = {"bank_account_assets": "TVAL_BANK", "stock_assets": "TVAL_STMF", "bond_assets": "TVAL_BOND"}
HOUSEHOLD = ["SSUID", "ERESIDENCEID"]
PERSON = ["SSUID", "PNUM"]
DECEMBER = 12
FEMALE, MARRIED_SPOUSE_PRESENT = 2, 1
COLUMNS = (
    *PERSON, "ERESIDENCEID", "SPANEL", "SWAVE", "MONTHCODE", "WPFINWGT", "TAGE", "ESEX", "EMS", *MONTHLY,
    *ASSETS.values(), "TVEH_NUM", "THVAL_VEH", "THVAL_HOME",
)  # fmt: skip
FILE = RawFile(
    f"sipp_pu{FILE_YEAR}_csv.zip",
    f"https://www2.census.gov/programs-surveys/sipp/data/datasets/{FILE_YEAR}/pu{FILE_YEAR}_csv.zip",
    "application/",
)
TIP_MODEL = DonorModel(
    "tips", "person", ("employment_income", "age", "count_under_18", "count_under_6"), ("tip_income",), 10_000,
    among="employment_income", at_most="employment_income",
)  # fmt: skip
ASSET_MODEL = DonorModel(
    "liquid assets",
    "person",
    (
        "employment_income", "interest_income", "dividend_income", "rental_income", "age", "is_female", "is_married",
        "count_under_18",
    ),
    tuple(ASSETS),
    20_000,
)  # fmt: skip
VEHICLE_MODEL = DonorModel(
    "vehicles",
    "household",
    (
        "employment_income", "interest_income", "dividend_income", "rental_income", "age", "is_female", "is_married",
        "count_under_18", "household_size", "is_homeowner",
    ),
    ("household_vehicles_owned", "household_vehicles_value"),
    20_000,
)  # fmt: skip


def read_sipp(paths: Mapping[str, Path]) -> dict[str, pd.DataFrame]:
    """The donors of tips and liquid assets (persons) and of vehicles (households), dollars of 2022."""
    months = _read_months(paths[FILE.name])
    annual = 12 * months.groupby(PERSON)[MONTHLY].mean()
    december = months[months["MONTHCODE"] == DECEMBER].drop(columns=MONTHLY)
    persons = _describe(december.merge(annual, left_on=PERSON, right_index=True, validate="one_to_one"))
    return {TIP_MODEL.name: persons, ASSET_MODEL.name: persons, VEHICLE_MODEL.name: _describe_households(persons)}


def _read_months(path: Path) -> pd.DataFrame:
    """Persons by month; blank amounts are none."""
    parts = [
        batch
        for name, stream in open_members(path, ".csv")
        for batch in read_batches(stream, name, COLUMNS, delimiter="|")
    ]
    months = pd.concat(parts, ignore_index=True)
    check_year(path.name, months["SPANEL"] + months["SWAVE"] - 1, FILE_YEAR)
    return months.fillna(dict.fromkeys([*MONTHLY, *ASSETS.values(), "TVEH_NUM", "THVAL_VEH", "THVAL_HOME"], 0))


def _describe(december: pd.DataFrame) -> pd.DataFrame:
    """A row a person: predictors, amounts, and the household's columns that vehicles need."""
    household = december.groupby(HOUSEHOLD)
    under = {age: (december["TAGE"] < age).groupby([december[key] for key in HOUSEHOLD]) for age in (6, 18)}
    return pd.DataFrame(
        {
            **{key: december[key] for key in [*HOUSEHOLD, "TVEH_NUM", "THVAL_VEH", "THVAL_HOME"]},
            "age": december["TAGE"],
            "is_female": december["ESEX"] == FEMALE,
            "is_married": december["EMS"] == MARRIED_SPOUSE_PRESENT,
            "count_under_6": under[6].transform("sum"),
            "count_under_18": under[18].transform("sum"),
            "household_size": household["PNUM"].transform("size"),
            "employment_income": december[EARNINGS].sum(axis=1),
            "interest_income": december["TINC_BANK"] + december["TINC_BOND"],
            "dividend_income": december["TINC_STMF"],
            "rental_income": december["TINC_RENT"],
            "tip_income": december[TIPS].sum(axis=1),
            **{variable: december[column] for variable, column in ASSETS.items()},
            WEIGHT: december["WPFINWGT"],
        }
    )


def _describe_households(persons: pd.DataFrame) -> pd.DataFrame:
    """A row a household: its incomes added up, the eldest's age, sex, marriage and weight, and what it owns."""
    eldest = persons.sort_values("age", ascending=False, kind="stable").drop_duplicates(HOUSEHOLD)
    incomes = ["employment_income", "interest_income", "dividend_income", "rental_income"]
    summed = persons.groupby(HOUSEHOLD)[incomes].sum()
    owned = persons.groupby(HOUSEHOLD)[["TVEH_NUM", "THVAL_VEH", "THVAL_HOME"]].max()
    households = eldest.drop(columns=[*incomes, *owned.columns]).merge(
        summed.join(owned), left_on=HOUSEHOLD, right_index=True, validate="one_to_one"
    )
    return households.assign(
        is_homeowner=households["THVAL_HOME"] > 0,
        household_vehicles_owned=households["TVEH_NUM"].astype(int),
        household_vehicles_value=households["THVAL_VEH"],
    )


SIPP = Survey("sipp", f"SIPP {FILE_YEAR}", YEAR, (FILE,), (TIP_MODEL, ASSET_MODEL, VEHICLE_MODEL), read_sipp)
