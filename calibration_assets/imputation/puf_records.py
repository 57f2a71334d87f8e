"""What the records know of the PUF: its predictors, and which of its variables they hold, where and by which name."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from calibration_assets.microdata.dataset import Dataset
from calibration_assets.microdata.links import PERSON, group_rows
from calibration_assets.microdata.puf import puf_variables
from calibration_assets.storage.reference import read_reference

SOCIAL_SECURITY = "social_security"
PARTS = (
    "social_security_retirement",
    "social_security_disability",
    "social_security_survivors",
    "social_security_dependents",
)
ADULT = 18


@dataclass(frozen=True)
class Place:
    """Where a variable stands in the records: table, column, and whether the records hold it already."""

    entity: str
    column: str
    held: bool


def person_predictors(dataset: Dataset) -> pd.DataFrame:
    """The PUF's predictors that the records know, one row a person: all but `is_male` where they have no sex."""
    person = dataset.tables[PERSON]
    unit = group_rows(dataset.tables, "tax_unit")
    role = _tax_unit_roles(person, unit)
    dependents = np.bincount(unit, role == "DEPENDENT", minlength=len(dataset.tables["tax_unit"]))
    has_spouse = np.bincount(unit, role == "SPOUSE", minlength=len(dataset.tables["tax_unit"])) > 0
    known = {"age": person["age"].to_numpy(np.float64)}
    if "is_male" in person:
        known["is_male"] = person["is_male"].to_numpy(bool)
    elif "is_female" in person:
        known["is_male"] = ~person["is_female"].to_numpy(bool)
    known["tax_unit_is_joint"] = has_spouse[unit]
    known["tax_unit_count_dependents"] = dependents[unit].astype(np.int64)
    for name in ("head", "spouse", "dependent"):
        known[f"is_tax_unit_{name}"] = role == name.upper()
    return pd.DataFrame(known)


def find_places(dataset: Dataset) -> dict[str, Place]:
    """Where each variable that the records can take stands: under the PUF's name if they hold it, else the input's."""
    entities = read_reference("variables").set_index("variable")["entity"]
    holders = {str(column): entity for entity, frame in dataset.tables.items() for column in frame.columns}
    places = {}
    for variable, column in puf_variables()["input"].items():
        name = str(variable) if variable in holders else column
        if name and name != SOCIAL_SECURITY:
            places[str(variable)] = Place(holders.get(name, str(entities.get(name))), name, name in holders)
    return places


def person_values(dataset: Dataset, variable: str) -> np.ndarray | None:
    """A person variable of the records by the PUF's name, float64 (persons,); None where they do not hold it."""
    person = dataset.tables[PERSON]
    if variable == SOCIAL_SECURITY:
        held = [name for name in PARTS if name in person]
        return person[held].to_numpy(np.float64).sum(axis=1) if held else None
    place = find_places(dataset).get(variable)
    return person[place.column].to_numpy(np.float64) if place and place.held and place.entity == PERSON else None


def _tax_unit_roles(person: pd.DataFrame, unit: np.ndarray) -> np.ndarray:
    """HEAD, SPOUSE or DEPENDENT for every person: as stored, else by policyengine-us's rule.

    The rule: the oldest adult of the unit is its head, the next its spouse, where nobody is stored as a dependant.
    """
    if "tax_unit_role_input" in person:
        return person["tax_unit_role_input"].to_numpy(str)
    if "is_tax_unit_head" in person and "is_tax_unit_spouse" in person:
        head, spouse = person["is_tax_unit_head"].to_numpy(bool), person["is_tax_unit_spouse"].to_numpy(bool)
        return np.select([head, spouse], ["HEAD", "SPOUSE"], "DEPENDENT")
    candidate = person["age"].to_numpy() >= ADULT
    if "is_tax_unit_dependent" in person:
        candidate &= ~person["is_tax_unit_dependent"].to_numpy(bool)
    order = np.lexsort([np.arange(len(person)), -person["age"].to_numpy(), ~candidate, unit])
    first = np.r_[True, np.diff(unit[order]) > 0]
    rank = np.empty(len(person), dtype=np.int64)
    rank[order] = np.arange(len(person)) - np.maximum.accumulate(np.where(first, np.arange(len(person)), 0))
    return np.select([rank == 0, (rank == 1) & candidate], ["HEAD", "SPOUSE"], "DEPENDENT")
