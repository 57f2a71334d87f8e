"""Values of variables with households placed in states: the input of the matrix.

A batch of states is an independent, pure call; its values do not depend on which other states are in the batch.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from calibration_assets.imputation.takeup import OWN, PROGRAMMES, SHARED, Programme
from calibration_assets.microdata.dataset import Dataset
from calibration_assets.microdata.links import PERSON
from calibration_assets.simulation.copies import Copies, copied_inputs, every_household
from calibration_assets.simulation.engine import (
    calculate,
    entity_of,
    forget_simulations,
    has_read,
    open_simulation,
    patient_collector,
    set_input,
)
from calibration_assets.simulation.passes import PassTimes
from calibration_assets.simulation.places import Residents
from calibration_assets.simulation.switches import Switches

VERSION = 7
HOUSEHOLDS_A_SIMULATION = 24_000
"""Placed households in one simulation: half of a simulation of 12,000 is cost that does not grow with them."""

STATES_A_SIMULATION = 6
"""Every state brings rules of its own, whose values all households have: 26 states of 400 households took 12 GB."""

SNAP = "snap_if_takes_up"
BENEFITS = ("ssi", "tanf", SNAP)
"""Calculated first: they take most of the time, and what is stored before an input is changed need not be repeated."""

LAST = frozenset({"aca_ptc", "assigned_aca_ptc", "medicaid", "medicaid_enrolled", "snap", "used_aca_ptc"})
"""Calculated last, for the same reason: what a unit's own programme changes. The values do not depend on the order."""

REFORM_PREFIX = "income_tax_change_without_"
"""A reform target's value is the change of income_tax when its variable is neutralised, by tax unit."""

PLACED, COMBINATIONS, OWN_PROGRAMMES, REFORMS = "as placed", "take-up combinations", "own programmes", "reforms"
UNPLACED = "in no place"
"""The passes over the households of a simulation."""

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
            simulated = _simulate_combinations(
                dataset, households.take(record), _Place(state_of, county), variables, rerandomize_takeup, passes
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
    place = _Place(np.full(len(households), county // 1000), np.full(len(households), county))
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
        return _calculate_all(simulation, variables, {}, str(_Place(state, county)), PassTimes(), PLACED)


@dataclass(frozen=True)
class _Place:
    """The state and county of each copy, FIPS numbers."""

    state: np.ndarray
    county: np.ndarray

    def of(self, copy: np.ndarray) -> "_Place":
        """The places of copies taken from these."""
        return _Place(self.state[copy], self.county[copy])

    def __str__(self) -> str:
        states = np.unique(self.state)
        return f"state{'s' if len(states) > 1 else ''} {', '.join(map(str, states))}"


@dataclass(frozen=True)
class _Part:
    """Values of copies that each stand for a copy `parent` of the batch, ascending."""

    parent: np.ndarray
    copies: Copies
    values: StateValues

    def within(self, name: str, first: int, last: int) -> Values:
        """The values of the copies whose parents are `first` to `last`."""
        value = self.values[name]
        own = slice(*np.searchsorted(self.parent, [first, last]))
        rows = slice(*self.copies.start[value.entity][[own.start, own.stop]])
        turned = {programme: array[rows] for programme, array in value.turned.items()}
        return Values(value.entity, value.array[rows], turned)


def _simulate_combinations(
    dataset: Dataset,
    copies: Copies,
    place: _Place,
    variables: Sequence[str],
    rerandomize_takeup: bool,
    passes: PassTimes,
) -> list[_Part]:
    """The copies as they are, and their variants where there are any."""
    left_out = [programme.variable for programme in PROGRAMMES] if rerandomize_takeup else []
    with passes.measure(PLACED):
        simulation = open_simulation(copied_inputs(dataset, copies, place.state, place.county, {}, left_out))
        for name in BENEFITS:
            calculate(simulation, name, str(place))
    with passes.measure(COMBINATIONS):
        matters: Mapping[str, np.ndarray] = _find_switches(simulation, copies, str(place), rerandomize_takeup)
    asked = [name for name in variables if not name.startswith(SWITCH_PREFIX)]
    own = {one: matters[one.variable] for one in OWN} if rerandomize_takeup else {}
    found = _calculate_all(simulation, asked, own, str(place), passes, PLACED)
    del simulation
    with passes.measure(COMBINATIONS):
        variants, matters = _open_variants(dataset, copies, place, matters, left_out)
    own = {one: matters[one.variable] for one in own}
    parts = [_Part(np.arange(len(copies)), copies, _leave_switched(found, own) | _switch_values(matters))]
    if variants:
        own = {one: switched[variants.copies.source[one.entity]] for one, switched in own.items()}
        values = _calculate_all(variants.simulation, asked, own, str(place), passes, COMBINATIONS)
        nothing = {one.variable: np.zeros(0, dtype=bool) for one in PROGRAMMES}
        parts.append(_Part(variants.parent, variants.copies, _switch_values(nothing) | values))
    return parts


@dataclass(frozen=True)
class _Variants:
    """The variants of a batch's copies: the copy each is of, and their simulation, its benefits calculated."""

    parent: np.ndarray
    copies: Copies
    simulation: Any


def _open_variants(
    dataset: Dataset,
    copies: Copies,
    place: _Place,
    matters: Mapping[str, np.ndarray],
    left_out: Sequence[str],
) -> tuple[_Variants | None, Mapping[str, np.ndarray]]:
    """The variants of the copies, if there are any, and all that has a switch.

    Where a variant's SNAP depends on a programme of a unit's own, as its copy's did not, the units get switches, too.
    """
    forget_simulations()
    switches = Switches.where(PROGRAMMES, copies, matters)
    parent, pattern = switches.variants()
    if not len(parent):
        return None, matters
    varied, there = copies.take(parent), place.of(parent)
    turned = switches.turned(varied, parent, pattern)
    given = [one for one in PROGRAMMES if one.shared or matters[one.variable].any()]
    inputs = {one.variable: turned[one.variable] ^ one.default for one in given}
    simulation = open_simulation(copied_inputs(dataset, varied, there.state, there.county, inputs, left_out))
    for name in BENEFITS:
        calculate(simulation, name, str(place))
    switched = {variable: rows.copy() for variable, rows in matters.items()}
    for one in OWN:
        switched[one.variable][varied.source[one.entity][_reaching_snap(one, [simulation], varied, str(place))]] = True
    if all(np.array_equal(switched[variable], rows) for variable, rows in matters.items()):
        return _Variants(parent, varied, simulation), matters
    del simulation
    return _open_variants(dataset, copies, place, switched, left_out)


def _leave_switched(values: Mapping[str, Values], own: Mapping[Programme, np.ndarray]) -> dict[str, Values]:
    """The values with those rows of a programme's entity that have a switch as they are, also where it is turned."""
    left = dict(values)
    for name, value in values.items():
        turned = {
            programme.variable: np.where(switched, value.array, value.turned[programme.variable])
            for programme, switched in own.items()
            if programme.variable in value.turned and programme.entity == value.entity
        }
        left[name] = replace(value, turned={**value.turned, **turned})
    return left


def _find_switches(
    simulation: Any, copies: Copies, where: str, rerandomize_takeup: bool
) -> dict[str, np.ndarray]:
    """By programme variable, for which of its entity's rows it matters to others whether they take up."""
    if not rerandomize_takeup:
        return {one.variable: np.zeros(len(copies.rows[one.entity]), dtype=bool) for one in PROGRAMMES}
    ssi, tanf, filing = SHARED
    files = calculate(simulation, "tax_unit_is_filer", where)
    without_ssi = _turn(simulation, ssi, where)
    return {
        ssi.variable: calculate(simulation, "ssi", where) > 0,
        tanf.variable: (calculate(simulation, "tanf", where) > 0) | (calculate(without_ssi, "tanf", where) > 0),
        filing.variable: files != calculate(_turn(simulation, filing, where), "tax_unit_is_filer", where),
        **{one.variable: _reaching_snap(one, (simulation, without_ssi), copies, where) for one in OWN},
    }


def _reaching_snap(programme: Programme, simulations: Sequence[Any], copies: Copies, where: str) -> np.ndarray:
    """The programme's rows in SPM units whose SNAP depends on who takes it up, bool.

    Colorado's old age pension, which SNAP counts as income, depends on whether the pensioner is on Medicaid.
    """
    affected = np.zeros(len(copies.rows["spm_unit"]), dtype=bool)
    for simulation in simulations:
        if has_read(simulation, programme.variable):
            turned = _turn(simulation, programme, where, purpose="snap")
            affected |= calculate(turned, SNAP, where) != calculate(simulation, SNAP, where)
    persons = affected[copies.group["spm_unit"]]
    if programme.entity == PERSON:
        return persons
    return np.bincount(copies.group[programme.entity], persons, len(copies.rows[programme.entity])) > 0


def _switch_values(matters: Mapping[str, np.ndarray]) -> dict[str, Values]:
    return {SWITCH_PREFIX + one.variable: Values(one.entity, matters[one.variable]) for one in PROGRAMMES}


def _calculate_all(
    simulation: Any,
    variables: Sequence[str],
    own: Mapping[Programme, np.ndarray],
    where: str,
    passes: PassTimes,
    name_of_pass: str,
) -> dict[str, Values]:
    """All variables and reforms in one simulation, with the values where a unit's own programmes are turned.

    `own` says which rows of each are left as they are, since they have switches.

    Benefits and reforms come first, so that what a branch changes is all that it calculates anew.
    """
    reformed = [name for name in sorted(variables) if name.startswith(REFORM_PREFIX)]
    plain = sorted(set(variables) - set(reformed), key=lambda name: (name in LAST, name))
    with passes.measure(name_of_pass):
        for name in (*BENEFITS, "income_tax"):
            calculate(simulation, name, where)
    with passes.measure(REFORMS):
        values = {name: Values("tax_unit", _income_tax_change(simulation, name, where)) for name in reformed}
    with passes.measure(name_of_pass):
        values |= {name: Values(entity_of(name), calculate(simulation, name, where)) for name in plain}
    with passes.measure(OWN_PROGRAMMES):
        for programme, left in own.items():
            branch = _turn(simulation, programme, where, left)
            values |= _turned_values(simulation, branch, programme, values, plain, reformed, where)
    return values


def _turned_values(
    simulation: Any,
    branch: Any,
    programme: Programme,
    values: Mapping[str, Values],
    plain: Sequence[str],
    reformed: Sequence[str],
    where: str,
) -> dict[str, Values]:
    """The values that change on a branch where units of the programme are the other way round, each with both."""
    turned = {name: calculate(branch, name, where) for name in plain}
    income_tax = calculate(simulation, "income_tax", where)
    if not np.array_equal(calculate(branch, "income_tax", where), income_tax):
        turned |= {name: _income_tax_change(branch, name, where) for name in reformed}
    return {
        name: replace(values[name], turned={**values[name].turned, programme.variable: array})
        for name, array in turned.items()
        if not np.array_equal(array, values[name].array)
    }


def _turn(
    simulation: Any, programme: Programme, where: str, left: np.ndarray | None = None, purpose: str = "turned"
) -> Any:
    """A branch of the simulation where every unit of the programme is the other way round, but for those `left`."""
    now = calculate(simulation, programme.variable, where)
    branch = simulation.get_branch(f"{purpose}_{programme.variable}")
    set_input(branch, programme.variable, ~now if left is None else np.where(left, now, ~now))
    return branch


def _income_tax_change(simulation: Any, name: str, where: str) -> np.ndarray:
    variable = name.removeprefix(REFORM_PREFIX)
    baseline = calculate(simulation, "income_tax", where)
    reformed = simulation.get_branch(f"without_{variable}")
    set_input(reformed, variable, np.zeros_like(calculate(simulation, variable, where)))
    return calculate(reformed, "income_tax", where) - baseline


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
