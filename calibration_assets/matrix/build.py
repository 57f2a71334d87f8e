"""The one road from simulated values to the calibration matrix."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import sparse

from calibration_assets.errors import CalibrationError
from calibration_assets.matrix.assemble import Allocate, Places, assemble, concept_blocks, in_memory, stack_cells
from calibration_assets.matrix.calibration_matrix import CalibrationMatrix
from calibration_assets.matrix.concepts import Concept, index_rows
from calibration_assets.matrix.evaluate import evaluate
from calibration_assets.microdata.dataset import Dataset
from calibration_assets.simulation.copies import Copies, copy_households, link_entities
from calibration_assets.simulation.states import StateValues

VERSION = 1


def build_matrix(
    dataset: Dataset,
    columns: pd.DataFrame,
    targets: pd.DataFrame,
    constraints: pd.DataFrame,
    values: Mapping[int, StateValues],
    allocate: Allocate = in_memory,
) -> CalibrationMatrix:
    """The matrix of all targets (schemas.TARGETS) for all columns (schemas.COLUMNS).

    `constraints` is schemas.CONSTRAINTS; `values` holds, by state, each required value by row of its entity.
    """
    rows = index_rows(targets, constraints)
    links = link_entities(dataset)
    copies = copy_households(links, np.arange(links.n_households))
    states = [int(state) for state in np.unique(columns["state"].to_numpy())]
    _check_values(rows.concepts, states, values)
    tables = {state: concept_table(rows.concepts, copies, values[state]) for state in states}
    by_cell, cell = stack_cells(tables, columns)
    matrix = assemble(concept_blocks(by_cell, cell), rows, Places.of(columns), len(targets), allocate)
    return CalibrationMatrix(matrix, targets, columns)


def concept_table(concepts: tuple[Concept, ...], copies: Copies, values: StateValues) -> sparse.csr_matrix:
    """Every concept's value for every copied household, float32 (copies, concepts)."""
    table = [sparse.csc_matrix(evaluate(concept, copies, values.__getitem__)[:, None]) for concept in concepts]
    return sparse.hstack(table, format="csr", dtype=np.float32)


def _check_values(concepts: tuple[Concept, ...], states: list[int], values: Mapping[int, StateValues]) -> None:
    needed = sorted(set().union(*(concept.needed for concept in concepts)))
    for state in states:
        missing = [name for name in needed if name not in values.get(state, {})]
        if missing:
            raise CalibrationError(
                f"simulated values: {missing[0]} was not simulated for state {state} ({len(missing)} of {len(needed)} "
                "values are missing), expected every value that the targets read; simulate the missing ones."
            )
