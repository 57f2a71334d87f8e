"""Values of variables with households placed in states: the input of the matrix.

A batch of states is an independent, pure call; its values do not depend on which other states are in the batch.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from calibration_assets.microdata.dataset import Dataset
from calibration_assets.simulation.combinations import PLACED, Place, calculate_all, simulate_combinations
from calibration_assets.simulation.copies import Copies, copied_inputs, every_household
from calibration_assets.simulation.engine import (
    calculate,
    entity_of,
    forget_simulations,
    open_simulation,
    patient_collector,
)
from calibration_assets.simulation.passes import PassTimes
from calibration_assets.simulation.places import Residents
from calibration_assets.simulation.values import OWN_SWITCHES, SWITCH_VALUES, StateValues, Values

VERSION = 8
HOUSEHOLDS_A_SIMULATION = 24_000
"""Placed households in one simulation: half of a simulation of 12,000 is cost that does not grow with them."""

STATES_A_SIMULATION = 6
"""Every state brings rules of its own, whose values all households have: 26 states of 400 households took 12 GB."""

UNPLACED = "in no place"
"""The pass over households for values that no place changes."""


def simulate_states(
    dataset: Dataset,
    residents: Mapping[int, Residents],
    variables: Sequence[str],
    rerandomize_takeup: bool = True,
    passes: PassTimes | None = None,
) -> Iterator[tuple[int, StateValues]]:
    """State after state, the values of the variables for its residents, by row of the residents' entities.

    With `rerandomize_takeup` the dataset's own take-up is put aside and every combination that matters is simulated;
    without it no unit has a switch. The switches come with the values. Small states share a simulation, since each
    costs some seconds whatever its size, and a large one takes several; the values do not depend on it. The seconds of
    each pass are added to `passes`.
    """
    households, passes = every_household(dataset), passes or PassTimes()
    names = sorted({*variables, *SWITCH_VALUES, *OWN_SWITCHES})
    placed: defaultdict[int, list[StateValues]] = defaultdict(list)
    varied: defaultdict[int, list[StateValues]] = defaultdict(list)
    for batch in batches({state: len(one) for state, one in residents.items()}, HOUSEHOLDS_A_SIMULATION):
        forget_simulations()
        record, county = (
            np.concatenate([getattr(residents[state], name)[first:last] for state, first, last in batch])
            for name in ("record", "county")
        )
        state_of = np.concatenate([np.full(last - first, state) for state, first, last in batch])
        with patient_collector():
            simulated = simulate_combinations(
                dataset, households.take(record), Place(state_of, county), variables, rerandomize_takeup, passes
            )
        start = 0
        for state, first, last in batch:
            inside = start, start + last - first
            for part, kept in zip(simulated, (placed, varied), strict=False):
                kept[state].append({name: part.within(name, *inside) for name in names})
            start += last - first
            if last == len(residents[state]):
                whole = placed.pop(state) + varied.pop(state, [])
                joined = {name: _join([one[name] for one in whole]) for name in names}
                yield state, {
                    name: value for name, value in joined.items() if name not in OWN_SWITCHES or value.array.any()
                }
        del simulated


def simulate_unplaced(dataset: Dataset, county: int, variables: Sequence[str]) -> StateValues:
    """The values of variables that no place changes, by row of every household; `county` is any, by FIPS number."""
    households = every_household(dataset)
    place = Place(np.full(len(households), county // 1000), np.full(len(households), county))
    simulation = open_simulation(copied_inputs(dataset, households, place.state, place.county, {}))
    names = sorted(variables)
    arrays = {name: calculate(simulation, name, str(place)) for name in names}
    return {name: Values(entity_of(name), array, placed=False) for name, array in arrays.items()}


def simulate_copies(
    dataset: Dataset,
    copies: Copies,
    state: np.ndarray,
    county: np.ndarray,
    variables: Sequence[str],
    inputs: Mapping[str, np.ndarray],
) -> StateValues:
    """The values of the variables for copied households in places (copies,), in one fresh simulation.

    `inputs` replaces variables of the dataset, by copied row.
    """
    with patient_collector():
        simulation = open_simulation(copied_inputs(dataset, copies, state, county, inputs))
        return calculate_all(simulation, variables, {}, str(Place(state, county)), PassTimes(), PLACED)


def _join(values: list[Values]) -> Values:
    """The values of households and of their variants as one, `turned` only where it differs."""
    array = np.concatenate([value.array for value in values])
    turned = {
        programme: np.concatenate([value.turned.get(programme, value.array) for value in values])
        for programme in sorted(set().union(*(value.turned for value in values)))
    }
    differing = {programme: other for programme, other in turned.items() if not np.array_equal(other, array)}
    return Values(values[0].entity, array, differing)


def batches(sizes: Mapping[int, int], most: int) -> list[list[tuple[int, int, int]]]:
    """Pieces (state, first, last) by batch: up to six states with `most` households, a larger state in pieces."""
    found: list[list[tuple[int, int, int]]] = []
    room = 0
    for state, size in sizes.items():
        for first in range(0, size, most):
            last = min(first + most, size)
            if last - first > room or first or len(found[-1]) == STATES_A_SIMULATION:
                found.append([])
                room = most
            found[-1].append((state, first, last))
            room -= last - first
    return found
