"""Concept values of every household in every state and combination of take-up, and which of them each column draws.

A household in a state is a cell; cells that differ in who takes up a shared programme have been simulated apart. A
concept that a programme of the unit's own changes has cells of its own kind, one for every combination of the units of
the household that matter. So a column lies in one cell of each kind.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from calibration_assets.errors import CalibrationError
from calibration_assets.imputation.takeup import OWN, PROGRAMMES, Programme, TakeUp
from calibration_assets.matrix.concepts import Concept
from calibration_assets.matrix.evaluate import evaluate
from calibration_assets.simulation.copies import Copies
from calibration_assets.simulation.places import Placement
from calibration_assets.simulation.switches import Switches
from calibration_assets.simulation.values import SWITCH_PREFIX, SWITCH_VALUES, StateValues, Values


@dataclass(frozen=True)
class ConceptValues:
    """`amounts` of all concepts by cell, CSR float32 (cells, concepts), and the cells of every column.

    `cell` is int32 (kinds of cells, columns); a column's value of a concept is the sum over its cells, of which one at
    most holds it. Every cell has a column.
    """

    amounts: sparse.csr_matrix
    cell: np.ndarray


def tabulate_concepts(
    concepts: tuple[Concept, ...],
    households: Copies,
    values: Mapping[int, StateValues],
    columns: pd.DataFrame,
    placement: Placement,
    take_up: TakeUp,
) -> ConceptValues:
    """The values of all concepts for columns (schemas.COLUMNS) and the simulated values of their states' residents."""
    states = [int(state) for state in np.unique(columns["state"].to_numpy())]
    needed = sorted(set().union(*(concept.needed for concept in concepts)))
    for state in states:
        _check_values(state, [*needed, *SWITCH_VALUES], values.get(state, {}))
    programme_of = {state: _own_programmes(concepts, state, values[state]) for state in states}
    found = set().union(*(of_state.values() for of_state in programme_of.values()))
    groups = [None, *(programme for programme in OWN if programme.variable in found)]
    row = {group: np.zeros(len(columns), dtype=np.int32) for group in groups}
    stacked: dict[Programme | None, list[sparse.csr_matrix]] = {group: [] for group in groups}
    for state in states:
        at = np.flatnonzero(columns["state"].to_numpy() == state)
        drawn = {name: columns[name].to_numpy()[at] for name in ("household_id", "clone", "state")}
        residents = placement.residents[state]
        cells = _Cells.of(households.take(residents.record), values[state])
        resident = residents.find(columns["record"].to_numpy()[at], placement.county[at])
        cell = cells.switches.choose(take_up, resident, **drawn)
        for group in groups:
            members = [programme_of[state].get(concept) == (group and group.variable) for concept in concepts]
            table, switches = _concept_table(concepts, members, group, cells)
            first = sum(part.shape[0] for part in stacked[group])
            row[group][at] = first + (cell if switches is None else switches.choose(take_up, cell, **drawn))
            stacked[group].append(table)
    tables = [sparse.vstack(stacked[group], format="csr") for group in groups]
    first = np.cumsum([0, *(table.shape[0] for table in tables[:-1])])
    cell = np.stack([row[group] + start for group, start in zip(groups, first, strict=True)])
    return _in_order_of_records(sparse.vstack(tables, format="csr"), cell, columns["record"].to_numpy())


def _in_order_of_records(amounts: sparse.csr_matrix, cell: np.ndarray, record: np.ndarray) -> ConceptValues:
    """The cells that have a column, those of a household together: sums over their columns then read what is near."""
    of_cell = np.full(amounts.shape[0], -1)
    for kind in cell:
        of_cell[kind] = record
    order = np.argsort(of_cell, kind="stable")[np.count_nonzero(of_cell < 0) :]
    number = np.empty(len(of_cell), dtype=np.int32)
    number[order] = np.arange(len(order))
    return ConceptValues(amounts[order], number[cell])


@dataclass(frozen=True)
class _Cells:
    """One state's residents and their variants, with their values, each read once."""

    switches: Switches
    copies: Copies
    by_name: Mapping[str, Values]

    @classmethod
    def of(cls, residents: Copies, values: StateValues) -> "_Cells":
        switched = tuple(one for one in PROGRAMMES if SWITCH_PREFIX + one.variable in values)
        matters = {one.variable: values[SWITCH_PREFIX + one.variable].array for one in switched}
        switches = Switches.where(switched, residents, matters)
        copies = residents.take(np.r_[np.arange(len(residents)), switches.variants()[0]])
        return cls(switches, copies, {name: _of_cells(values[name], residents, copies) for name in values})


def _of_cells(value: Values, residents: Copies, copies: Copies) -> Values:
    """The values by row of the cells' entity, also of a value that residents bring along wherever they are."""
    if value.placed:
        return value
    return Values(value.entity, value.array[residents.source[value.entity][copies.source[value.entity]]])


def _concept_table(
    concepts: tuple[Concept, ...], members: list[bool], group: Programme | None, cells: _Cells
) -> tuple[sparse.csr_matrix, Switches | None]:
    """The values of the member concepts (rows, concepts), and the switches that number the rows beyond the cells."""
    copies, values, switches = cells.copies, cells.by_name, None
    if group is not None and any(members):
        switches = Switches.where((group,), copies, {group.variable: _matters(group, copies, values)})
        parent, pattern = switches.variants()
        parent = np.r_[np.arange(len(copies)), parent]
        copies = cells.copies.take(parent)
        turned = switches.turned(copies, parent, np.r_[np.zeros(len(cells.copies), np.int64), pattern])
        values = _Turned(values, group, copies, turned[group.variable])
    table = [
        sparse.csc_matrix(evaluate(concept, copies, values.__getitem__)[:, None])
        if member
        else sparse.csc_matrix((len(copies), 1))
        for concept, member in zip(concepts, members, strict=True)
    ]
    return sparse.hstack(table, format="csr", dtype=np.float32), switches


class _Turned(dict[str, Values]):
    """Values of copies taken from cells, where some units of a programme are the other way round."""

    def __init__(self, values: Mapping[str, Values], programme: Programme, copies: Copies, turned: np.ndarray) -> None:
        super().__init__()
        self.values_of_cells, self.programme, self.copies, self.turned = values, programme, copies, turned

    def __missing__(self, name: str) -> Values:
        value = self.values_of_cells[name]
        source = self.copies.source[value.entity]
        array = value.array[source]
        if self.programme.variable in value.turned:
            turned = self.turned[self.copies.units_of(value.entity, self.programme.entity)]
            array = np.where(turned, value.turned[self.programme.variable][source], array)
        self[name] = Values(value.entity, array)
        return self[name]


def _matters(programme: Programme, copies: Copies, values: Mapping[str, Values]) -> np.ndarray:
    """Which rows of the programme's entity have a value that depends on it."""
    matters = np.zeros(len(copies.rows[programme.entity]), dtype=bool)
    for value in values.values():
        if programme.variable in value.turned:
            differs = value.array != value.turned[programme.variable]
            matters[copies.units_of(value.entity, programme.entity)[differs]] = True
    return matters


def _own_programmes(concepts: tuple[Concept, ...], state: int, values: StateValues) -> dict[Concept, str]:
    """The programme variable of each concept that reads a value which a programme not shared changes in this state."""
    of_value = {name: set(value.turned) for name, value in values.items()}
    found = {concept: sorted(set().union(*(of_value[name] for name in concept.needed))) for concept in concepts}
    for concept, programmes in found.items():
        if len(programmes) > 1:
            raise CalibrationError(
                f"target {concept.variable} with [{', '.join(map(str, concept.constraints))}] depends on "
                f"{' and '.join(programmes)} in state {state}, expected one programme; run with "
                "--skip-takeup-rerandomize, or deactivate the target."
            )
    return {concept: programmes[0] for concept, programmes in found.items() if programmes}


def _check_values(state: int, needed: list[str], values: StateValues) -> None:
    missing = [name for name in needed if name not in values]
    if missing:
        raise CalibrationError(
            f"simulated values: {missing[0]} was not simulated for state {state} ({len(missing)} of {len(needed)} "
            "values are missing), expected every value that the targets read; simulate the missing ones."
        )
