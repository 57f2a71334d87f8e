"""American Community Survey, 1-year public-use microdata: rent and real estate taxes of households.

Columns: https://www2.census.gov/programs-surveys/acs/tech_docs/pums/data_dict/PUMS_Data_Dictionary_2022.pdf. Dollars
carry the file's own adjustment to the survey year (`ADJINC`, `ADJHSG`, six decimals implied). Donors are the reference
persons of occupied housing units.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from calibration_assets.errors import CalibrationError
from calibration_assets.microdata.surveys.formats import check_year, open_members, read_batches
from calibration_assets.microdata.surveys.survey import WEIGHT, DonorModel, RawFile, Survey

YEAR = 2022
PERSON_COLUMNS = ("SERIALNO", "RELSHIPP", "AGEP", "SEX", "WAGP", "SEMP", "SSP", "RETP", "ADJINC")
UNIT_COLUMNS = ("SERIALNO", "ST", "NP", "WGTP", "TYPEHUGQ", "TEN", "RNTP", "TAXAMT", "ADJHSG")
REFERENCE_PERSON = 20
HOUSING_UNIT = 1
FEMALE = 2
IMPLIED = 1e6
TENURE = {1: "OWNED", 2: "OWNED", 3: "RENTED", 4: "NONE"}
"""Owned with a mortgage, owned free and clear, rented, occupied without payment of rent."""
_FOLDER = f"https://www2.census.gov/programs-surveys/acs/data/pums/{YEAR}/1-Year"
PERSONS = RawFile(f"acs_{YEAR}_csv_pus.zip", f"{_FOLDER}/csv_pus.zip", "application/")
UNITS = RawFile(f"acs_{YEAR}_csv_hus.zip", f"{_FOLDER}/csv_hus.zip", "application/")
HOUSING = DonorModel(
    "housing",
    "head",
    (
        "age", "is_female", "tenure", "employment_income", "self_employment_income", "social_security",
        "pension_income", "household_size", "state_fips",
    ),
    ("pre_subsidy_rent", "real_estate_taxes"),
    10_000,
)  # fmt: skip


def read_housing(paths: Mapping[str, Path]) -> dict[str, pd.DataFrame]:
    """The donors of rent and real estate taxes, dollars of the survey year."""
    persons = _read(paths[PERSONS.name], PERSON_COLUMNS, "RELSHIPP", REFERENCE_PERSON)
    units = _read(paths[UNITS.name], UNIT_COLUMNS, "TYPEHUGQ", HOUSING_UNIT)
    heads = persons.merge(units[units["TEN"] > 0], on="SERIALNO", validate="one_to_one")
    if heads.empty:
        raise CalibrationError(
            f"ACS {YEAR}: no reference person lives in a housing unit of the other file, expected the two files of one "
            "release; fetch both again."
        )
    check_year(f"ACS {YEAR}", heads["SERIALNO"].str[:4].astype(int), YEAR)
    income, housing = heads["ADJINC"] / IMPLIED, heads["ADJHSG"] / IMPLIED
    donors = {
        "age": heads["AGEP"],
        "is_female": heads["SEX"] == FEMALE,
        "tenure": heads["TEN"].map(TENURE),
        "employment_income": heads["WAGP"] * income,
        "self_employment_income": heads["SEMP"] * income,
        "social_security": heads["SSP"] * income,
        "pension_income": heads["RETP"] * income,
        "household_size": heads["NP"],
        "state_fips": heads["ST"],
        "pre_subsidy_rent": 12 * heads["RNTP"] * housing,
        "real_estate_taxes": heads["TAXAMT"] * housing,
        WEIGHT: heads["WGTP"],
    }
    return {HOUSING.name: pd.DataFrame(donors)}


def _read(path: Path, columns: Sequence[str], column: str, code: int) -> pd.DataFrame:
    """The rows of all the zip's files that have the code; blank amounts are none."""
    parts = [
        batch[batch[column] == code]
        for name, stream in open_members(path, ".csv")
        for batch in read_batches(stream, name, columns, text=["SERIALNO"])
    ]
    return pd.concat(parts, ignore_index=True).fillna(0)


ACS = Survey("acs", f"ACS {YEAR}", YEAR, (PERSONS, UNITS), (HOUSING,), read_housing)
