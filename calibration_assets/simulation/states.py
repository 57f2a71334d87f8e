"""Values of variables with every household placed in a state: the input of the matrix.

A batch of states is an independent, pure call; its values do not depend on which other states are in the batch.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from calibration_assets.microdata.dataset import Dataset
from calibration_assets.simulation.copies import Copies, copied_inputs, copy_households, link_entities
from calibration_assets.simulation.engine import calculate, entity_of, open_simulation, set_input

VERSION = 2
HOUSEHOLDS_A_SIMULATION = 12_000
"""Copied households in one simulation: about a gigabyte."""

BENEFITS = ("ssi", "tanf", "snap")
REFORM_PREFIX = "income_tax_change_without_"
"""A reform target's value is the change of income_tax when its variable is neutralised, by tax unit."""


@dataclass(frozen=True)
class Values:
    """One variable's values by row of its entity, households in record order."""

    entity: str
    array: np.ndarray


StateValues = Mapping[str, Values]
"""Values by variable, for one state."""


def reform_value(variable: str) -> str:
    """The name that the values of a reform of this variable are kept under."""
    return REFORM_PREFIX + variable


def default_counties(county_shares: pd.DataFrame) -> dict[int, int]:
    """Each state's most populous county, by FIPS number: districts are equal in population, so shares add up.

    `county_shares` is schemas.COUNTY_SHARES.
    """
    by_state = county_shares.assign(state=county_shares["county"] // 1000).groupby(["state", "county"])
    totals = by_state["probability"].sum()
    return {int(state): int(county) for state, county in totals.groupby(level="state").idxmax()}


def simulate_states(
    dataset: Dataset, counties: Mapping[int, int], states: Iterable[int], variables: Sequence[str]
) -> Iterator[tuple[int, StateValues]]:
    """State after state, the values of the variables with every household in that state's county of `counties`.

    Several states share one fresh simulation, since each simulation costs some seconds whatever its size.
    """
    links = link_entities(dataset)
    for together in _batches(list(states), max(HOUSEHOLDS_A_SIMULATION // links.n_households, 1)):
        record = np.tile(np.arange(links.n_households), len(together))
        state = np.repeat(together, links.n_households)
        county = np.repeat([counties[one] for one in together], links.n_households)
        copies = copy_households(links, record)
        values = simulate_copies(dataset, copies, state, county, variables)
        for position, one in enumerate(together):
            yield one, {name: _part(value, position, len(together)) for name, value in values.items()}


def simulate_copies(
    dataset: Dataset,
    copies: Copies,
    state: np.ndarray,
    county: np.ndarray,
    variables: Sequence[str],
    inputs: Mapping[str, np.ndarray] = MappingProxyType({}),
) -> StateValues:
    """The values of the variables for copied households in places (copies,), in one fresh simulation.

    `inputs` replaces variables of the dataset, by copied row. Benefits that no tax changes are calculated first: what
    is stored before a reform's variable is kept when it is neutralised, and they take most of the time.
    """
    simulation = open_simulation(copied_inputs(dataset, copies, state, county, inputs))
    where = f"states {', '.join(map(str, np.unique(state)))}" if len(np.unique(state)) > 1 else f"state {state[0]}"
    for name in BENEFITS:
        calculate(simulation, name, where)
    plain = [name for name in sorted(variables) if not name.startswith(REFORM_PREFIX)]
    reformed = [name.removeprefix(REFORM_PREFIX) for name in sorted(variables) if name.startswith(REFORM_PREFIX)]
    changes = {reform_value(name): Values("tax_unit", _income_tax_change(simulation, name, where)) for name in reformed}
    return changes | {name: Values(entity_of(name), calculate(simulation, name, where)) for name in plain}


def _batches(items: list[int], size: int) -> list[list[int]]:
    return [items[first : first + size] for first in range(0, len(items), size)]


def _part(value: Values, position: int, parts: int) -> Values:
    size = len(value.array) // parts
    return Values(value.entity, value.array[position * size : (position + 1) * size].copy())


def _income_tax_change(simulation: Any, variable: str, where: str) -> np.ndarray:
    baseline = calculate(simulation, "income_tax", where)
    reformed = simulation.get_branch(f"without_{variable}")
    set_input(reformed, variable, np.zeros_like(calculate(simulation, variable, where)))
    return calculate(reformed, "income_tax", where) - baseline
