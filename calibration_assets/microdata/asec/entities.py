"""The six entities of an ASEC: ids, links and roles, by the file's own pointers.

* Household `H_SEQ`, SPM unit `SPM_ID`, family `FH_SEQ` and `FFPOS` (`PF_SEQ` of the person), tax unit `TAX_ID` of the
  Census Bureau's tax model.
* A marital unit is a person and the spouse that `A_SPOUSE` points to, where the pointers agree.
* In a tax unit, `DEP_STAT` marks who is another's dependant; the first other person is the head, that person's spouse
  the spouse, anyone else a dependant. Where all are marked (a dependant who files alone), the eldest is the head and
  is claimed on another return.
* Households without persons (not interviewed) are left out.
"""

import numpy as np
import pandas as pd

from calibration_assets.errors import CalibrationError
from calibration_assets.microdata.asec.files import AsecFiles
from calibration_assets.microdata.links import GROUPS, id_column, link_column

PERSON_COLUMNS = ("PH_SEQ", "PF_SEQ", "P_SEQ", "A_LINENO", "A_SPOUSE", "TAX_ID", "SPM_ID", "DEP_STAT", "A_AGE")
FAMILY_COLUMNS = ("FH_SEQ", "FFPOS")
HOUSEHOLD_COLUMNS = ("H_SEQ",)
PLACES = 100
"""Families and lines of one household are numbered below this."""


def order_files(files: AsecFiles) -> AsecFiles:
    """Persons by household and line, households with persons by number; a record without an entity is an error."""
    person, household = files.person, files.household
    _check_pointers(person)
    if household["H_SEQ"].duplicated().any():
        number = household.loc[household["H_SEQ"].duplicated(), "H_SEQ"].iloc[0]
        raise CalibrationError(f"ASEC household {number:g} occurs more than once, expected once; fetch the zip again.")
    _check_known(person["PH_SEQ"], household["H_SEQ"], "household file")
    families = files.family["FH_SEQ"] * PLACES + files.family["FFPOS"]
    _check_known(person["PH_SEQ"] * PLACES + person["PF_SEQ"], families, "family file")
    lived_in = household["H_SEQ"].isin(person["PH_SEQ"])
    return AsecFiles(
        files.year,
        person.sort_values(["PH_SEQ", "A_LINENO"], ignore_index=True),
        files.family,
        household[lived_in].sort_values("H_SEQ", ignore_index=True),
    )


def link_persons(person: pd.DataFrame) -> pd.DataFrame:
    """Ids, links, tax-unit role and who is claimed on another return, of persons in order."""
    household = person["PH_SEQ"].astype("int64")
    line = person["A_LINENO"].astype("int64")
    role, claimed = _tax_unit_roles(person)
    return pd.DataFrame(
        {
            "person_id": household * PLACES + line,
            "person_household_id": household,
            "person_tax_unit_id": person["TAX_ID"].astype("int64"),
            "person_spm_unit_id": person["SPM_ID"].astype("int64"),
            "person_family_id": household * PLACES + person["PF_SEQ"].astype("int64"),
            "person_marital_unit_id": household * PLACES + np.minimum(line, _spouse_line(person)),
            "tax_unit_role_input": role,
            "claimed_as_dependent_on_another_return": claimed,
        }
    )


def group_tables(person: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """One table with sorted ids for every group that persons link to."""
    return {group: pd.DataFrame({id_column(group): np.unique(person[link_column(group)])}) for group in GROUPS}


def count_own_children(person: pd.DataFrame) -> np.ndarray:
    """Persons of the household whose parent pointers (`PEPAR1`, `PEPAR2`) name the person, int32 (persons,)."""
    parents = pd.concat([person["PH_SEQ"] * PLACES + person[column].where(person[column] > 0) for column in PARENTS])
    children = parents.dropna().value_counts()
    own = person["PH_SEQ"] * PLACES + person["A_LINENO"]
    return own.map(children).fillna(0).to_numpy(np.int32)


PARENTS = ("PEPAR1", "PEPAR2")


def _check_pointers(person: pd.DataFrame) -> None:
    """Every person has every pointer, and a line of its own."""
    for column in ("PH_SEQ", "PF_SEQ", "A_LINENO", "TAX_ID", "SPM_ID"):
        bad = ~(person[column] > 0)
        if bad.any():
            raise CalibrationError(
                f"ASEC person {int(bad.to_numpy().argmax()) + 1} of the file has {person.loc[bad, column].iloc[0]} in "
                f"{column}, expected the number of an entity ({int(bad.sum()):,} persons); fetch the zip again."
            )
    repeated = person.duplicated(["PH_SEQ", "A_LINENO"])
    if repeated.any():
        row = person[repeated].iloc[0]
        raise CalibrationError(
            f"ASEC household {row['PH_SEQ']:g} has line {row['A_LINENO']:g} twice, expected once; fetch the zip again."
        )


def _check_known(pointer: pd.Series, known: pd.Series, where: str) -> None:
    missing = ~pointer.isin(known)
    if missing.any():
        raise CalibrationError(
            f"ASEC person {int(missing.to_numpy().argmax()) + 1} of the file points to {pointer[missing].iloc[0]:g}, "
            f"which the {where} does not hold ({int(missing.sum()):,} persons), expected a record; fetch the zip again."
        )


def _spouse_line(person: pd.DataFrame) -> pd.Series:
    """The line of the spouse who points back, else the person's own."""
    line = person["A_LINENO"].astype("int64")
    own = person["PH_SEQ"] * PLACES + line
    spouse = person["PH_SEQ"] * PLACES + person["A_SPOUSE"].where(person["A_SPOUSE"] > 0, line)
    pointed_back = spouse.map(pd.Series(spouse.to_numpy(), index=own)).eq(own)
    return person["A_SPOUSE"].where(pointed_back & (spouse != own), line).astype("int64")


def _tax_unit_roles(person: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Text role of every person in the tax unit, and whether the head of it is another's dependant."""
    dependant = person["DEP_STAT"].fillna(0) > 0
    unit = person["TAX_ID"]
    rank = pd.DataFrame({"unit": unit, "dependant": dependant, "older": -person["A_AGE"].where(dependant, 0)})
    heads = rank.sort_values(["unit", "dependant", "older"], kind="stable").drop_duplicates("unit").index
    is_head = person.index.isin(heads)
    head_line = unit.map(pd.Series(person["A_LINENO"].to_numpy()[is_head], index=unit[is_head]))
    is_spouse = ~is_head & ~dependant & (_spouse_line(person) == head_line)
    role = np.select([is_head, is_spouse], ["HEAD", "SPOUSE"], "DEPENDENT")
    return role, np.asarray(is_head & dependant)
