"""Values of variables with every household placed in a state: the input of the matrix.

A batch of states is an independent, pure call; its values do not depend on which other states are in the batch.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from calibration_assets.microdata.dataset import Dataset
from calibration_assets.simulation.copies import Links, copied_inputs, copy_households, link_entities
from calibration_assets.simulation.engine import calculate, entity_of, open_simulation, set_input

VERSION = 1
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
    """State after state, the values of the variables with every household in that state's county of `counties`."""
    links = link_entities(dataset)
    for state in states:
        yield state, simulate_state(dataset, links, state, counties[state], variables)


def simulate_state(dataset: Dataset, links: Links, state: int, county: int, variables: Sequence[str]) -> StateValues:
    """The values of the variables with every household in one place, in a fresh simulation."""
    copies = copy_households(links, np.arange(links.n_households))
    place = np.full(links.n_households, state), np.full(links.n_households, county)
    simulation = open_simulation(copied_inputs(dataset, copies, *place, inputs={}))
    where = f"state {state}"
    values = {}
    for name in sorted(variables):
        if not name.startswith(REFORM_PREFIX):
            values[name] = Values(entity_of(name), calculate(simulation, name, where))
    for name in sorted(variables):
        if name.startswith(REFORM_PREFIX):
            values[name] = Values("tax_unit", _income_tax_change(simulation, name.removeprefix(REFORM_PREFIX), where))
    return values


def _income_tax_change(simulation: object, variable: str, where: str) -> np.ndarray:
    baseline = calculate(simulation, "income_tax", where)
    reformed = simulation.get_branch(f"without_{variable}")  # type: ignore[attr-defined]
    set_input(reformed, variable, np.zeros_like(calculate(simulation, variable, where)))
    return calculate(reformed, "income_tax", where) - baseline
