"""A concept's value for each household, from the values of its persons and units.

Constraints hold or not at their own entity and are then joined person by person; a unit counts if any of its members
fulfils all of them. Place and weights stay out.
"""

from collections.abc import Callable

import numpy as np

from calibration_assets.matrix.concepts import Concept
from calibration_assets.matrix.constraints import Constraint
from calibration_assets.microdata.links import PERSON
from calibration_assets.simulation.copies import Copies
from calibration_assets.simulation.values import Values

Read = Callable[[str], Values]
"""The values of a variable by copied row."""


def evaluate(concept: Concept, copies: Copies, read: Read) -> np.ndarray:
    """The concept's value by copied household, float64 (copies,)."""
    if concept.value is None:
        entity, amounts = str(concept.counted_entity), None
    else:
        values = read(concept.value)
        entity, amounts = values.entity, values.array.astype(np.float64)
    if concept.constraints:
        members = fulfilling_persons(concept.constraints, copies, read)
        included = members if entity == PERSON else _any_member(members, copies, entity)
        amounts = included if amounts is None else np.where(included, amounts, 0.0)
    return np.bincount(copies.copy_of(entity), weights=amounts, minlength=len(copies)).astype(np.float64)


def fulfilling_persons(constraints: tuple[Constraint, ...], copies: Copies, read: Read) -> np.ndarray:
    """Which copied persons fulfil all the constraints, those of their units included, bool (persons,)."""
    fulfil = np.ones(len(copies.rows[PERSON]), dtype=bool)
    for constraint in constraints:
        values = read(constraint.variable)
        holds = constraint.holds(values.array)
        fulfil &= holds if values.entity == PERSON else holds[copies.group[values.entity]]
    return fulfil


def _any_member(members: np.ndarray, copies: Copies, entity: str) -> np.ndarray:
    included = np.zeros(len(copies.rows[entity]), dtype=bool)
    included[copies.group[entity][members]] = True
    return included
