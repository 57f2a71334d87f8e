"""One batch of placed households through the rules: as they are, and in every combination of take-up that matters.

Which households make a batch, and what becomes of the values, is said in `states.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from calibration_assets.imputation.takeup import OWN, PROGRAMMES, SHARED, Programme
from calibration_assets.microdata.dataset import Dataset
from calibration_assets.microdata.links import PERSON
from calibration_assets.simulation.copies import Copies, copied_inputs
from calibration_assets.simulation.engine import (
    calculate,
    entity_of,
    forget_simulations,
    has_read,
    open_simulation,
    set_input,
)
from calibration_assets.simulation.passes import PassTimes
from calibration_assets.simulation.switches import Switches
from calibration_assets.simulation.values import REFORM_PREFIX, SWITCH_PREFIX, StateValues, Values

SNAP = "snap_if_takes_up"
BENEFITS = ("ssi", "tanf", SNAP)
"""Calculated first: they take most of the time, and what is stored before an input is changed need not be repeated."""

LAST = frozenset({"aca_ptc", "assigned_aca_ptc", "medicaid", "medicaid_enrolled", "snap", "used_aca_ptc"})
"""Calculated last, for the same reason: what a unit's own programme changes. The values do not depend on the order."""

PLACED, COMBINATIONS, OWN_PROGRAMMES, REFORMS = "as placed", "take-up combinations", "own programmes", "reforms"
"""The passes over the households of a simulation."""


@dataclass(frozen=True)
class Place:
    """The state and county of each copy, FIPS numbers."""

    state: np.ndarray
    county: np.ndarray

    def of(self, copy: np.ndarray) -> "Place":
        """The places of copies taken from these."""
        return Place(self.state[copy], self.county[copy])

    def __str__(self) -> str:
        states = np.unique(self.state)
        return f"state{'s' if len(states) > 1 else ''} {', '.join(map(str, states))}"


@dataclass(frozen=True)
class Part:
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


def simulate_combinations(
    dataset: Dataset,
    copies: Copies,
    place: Place,
    variables: Sequence[str],
    rerandomize_takeup: bool,
    passes: PassTimes,
) -> list[Part]:
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
    found = calculate_all(simulation, asked, own, str(place), passes, PLACED)
    del simulation
    with passes.measure(COMBINATIONS):
        variants, matters = _open_variants(dataset, copies, place, matters, left_out)
    own = {one: matters[one.variable] for one in own}
    parts = [Part(np.arange(len(copies)), copies, _leave_switched(found, own) | _switch_values(matters))]
    if variants:
        own = {one: switched[variants.copies.source[one.entity]] for one, switched in own.items()}
        values = calculate_all(variants.simulation, asked, own, str(place), passes, COMBINATIONS)
        nothing = {one.variable: np.zeros(0, dtype=bool) for one in PROGRAMMES}
        parts.append(Part(variants.parent, variants.copies, _switch_values(nothing) | values))
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
    place: Place,
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


def calculate_all(
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
