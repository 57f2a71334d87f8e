"""Simulated values, and what they are called: variables, reforms, and the switches of take-up."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from calibration_assets.imputation.takeup import OWN, SHARED

REFORM_PREFIX = "income_tax_change_without_"
"""A reform target's value is the change of income_tax when its variable is neutralised, by tax unit."""

SWITCH_PREFIX = "switch_"
"""For which units it matters whether they take up a shared programme, by row of the programme's entity."""

SWITCH_VALUES = tuple(SWITCH_PREFIX + programme.variable for programme in SHARED)
OWN_SWITCHES = tuple(SWITCH_PREFIX + programme.variable for programme in OWN)
"""Come with a state's values only where some unit has one."""


@dataclass(frozen=True)
class Values:
    """One variable's values by row of its entity: a state's residents in order, then their variants' rows.

    Not `placed` is a value that every household has by itself, wherever it lives: by row of every household. A variant
    is a household with another combination of units that take up the shared programmes (see switches). For each other
    programme that changes the variable, `turned` holds the values with every unit without a switch the other way round.
    """

    entity: str
    array: np.ndarray
    turned: Mapping[str, np.ndarray] = field(default_factory=dict)
    placed: bool = True


StateValues = Mapping[str, Values]
"""Values by variable, for one state."""


def reform_value(variable: str) -> str:
    """The name that the values of a reform of this variable are kept under."""
    return REFORM_PREFIX + variable
