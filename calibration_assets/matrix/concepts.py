"""Concepts: what is measured, without where. A concept's targets differ in geography alone, so its value for a
household is calculated once and serves the nation's row, the state's and the district's.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from calibration_assets.errors import CalibrationError
from calibration_assets.matrix.constraints import Constraint
from calibration_assets.microdata.links import ENTITIES
from calibration_assets.schemas import LEVELS
from calibration_assets.simulation.values import SWITCH_VALUES, reform_value

GEOGRAPHIC_VARIABLES = ("state_fips", "state_code", "congressional_district_geoid", "ucgid_str")
SIZES = {"national": 1, "state": 57, "district": 5700}
"""Length of the row index of each level, by geographic number: 0 for the nation, else the FIPS number."""


@dataclass(frozen=True, order=True)
class Concept:
    """A variable's sum, or a count of units, over those who fulfil the constraints."""

    variable: str
    reform_id: int
    constraints: tuple[Constraint, ...]

    @property
    def counted_entity(self) -> str | None:
        """The entity that is counted, for `person_count`, `tax_unit_count` and their like."""
        entity = self.variable.removesuffix("_count")
        return entity if entity in ENTITIES and entity != self.variable else None

    @property
    def value(self) -> str | None:
        """The name of the simulated value that is summed; None for a count."""
        if self.counted_entity:
            return None
        return reform_value(self.variable) if self.reform_id else self.variable

    @property
    def needed(self) -> set[str]:
        """Every simulated value that the concept reads."""
        return {constraint.variable for constraint in self.constraints} | ({self.value} if self.value else set())


@dataclass(frozen=True)
class RowIndex:
    """The concepts of a set of targets, and which row each has in which place.

    `rows[level][concept, place]` is the target's row, -1 where there is none; places are numbered 0 for the nation,
    else by the FIPS number of the state or district.
    """

    concepts: tuple[Concept, ...]
    rows: Mapping[str, np.ndarray]


def required_values(targets: pd.DataFrame, constraints: pd.DataFrame) -> list[str]:
    """The simulated values that these targets and constraints read, and the switches of take-up, sorted by name."""
    concepts = index_rows(targets, constraints).concepts
    return sorted(set(SWITCH_VALUES).union(*(concept.needed for concept in concepts)))


def index_rows(targets: pd.DataFrame, constraints: pd.DataFrame) -> RowIndex:
    """Sort targets (schemas.TARGETS) into concepts by their strata's constraints (schemas.CONSTRAINTS)."""
    by_stratum = _constraints_by_stratum(constraints)
    of_target = [
        Concept(variable, int(reform), by_stratum.get(stratum, ()))
        for variable, reform, stratum in zip(
            targets["variable"], targets["reform_id"], targets["stratum_id"], strict=True
        )
    ]
    concepts = tuple(sorted(set(of_target)))
    number = {concept: position for position, concept in enumerate(concepts)}
    rows = {level: np.full((len(concepts), SIZES[level]), -1, dtype=np.int32) for level in LEVELS}
    places = zip(targets["geo_level"], targets["geographic_id"], strict=True)
    for row, (concept, (level, place)) in enumerate(zip(of_target, places, strict=True)):
        cell = number[concept], _place_number(level, place)
        if rows[level][cell] >= 0:
            raise CalibrationError(
                f"targets: rows {rows[level][cell]} and {row} both are {concept.variable} of {level} {place} under the "
                "same constraints, expected one; deactivate one of them in the target database."
            )
        rows[level][cell] = row
    return RowIndex(concepts, rows)


def _constraints_by_stratum(constraints: pd.DataFrame) -> dict[int, tuple[Constraint, ...]]:
    own = constraints[~constraints["constraint_variable"].isin(GEOGRAPHIC_VARIABLES)]
    found: dict[int, list[Constraint]] = {}
    for stratum, *values in own[["stratum_id", "constraint_variable", "operation", "value"]].itertuples(index=False):
        found.setdefault(int(stratum), []).append(Constraint(*values))
    return {stratum: tuple(sorted(items)) for stratum, items in found.items()}


def _place_number(level: str, place: str) -> int:
    if level == "national":
        return 0
    if not place.isdigit() or not 0 < int(place) < SIZES[level]:
        raise CalibrationError(
            f"targets: geographic_id {place!r} is no {level}, expected its FIPS number; correct it in the target "
            "database."
        )
    return int(place)
