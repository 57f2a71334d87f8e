"""The truth test: what the matrix says of columns against a simulation of the cloned households themselves.

Every sampled column becomes a household of its own, in its place, with its own take-up as input, and is simulated in
one go. Targets are then summed from that simulation, without the matrix's tables.
"""

import numpy as np
import pandas as pd

from calibration_assets.imputation.takeup import PROGRAMMES, take_up_of
from calibration_assets.matrix.calibration_matrix import CalibrationMatrix
from calibration_assets.matrix.concepts import index_rows
from calibration_assets.matrix.evaluate import evaluate
from calibration_assets.microdata.dataset import Dataset
from calibration_assets.schemas import LEVELS
from calibration_assets.simulation.copies import Copies, every_household
from calibration_assets.simulation.states import simulate_copies
from calibration_assets.simulation.values import StateValues


def take_up_inputs(dataset: Dataset, copies: Copies, columns: pd.DataFrame) -> dict[str, np.ndarray]:
    """Who takes up what in copied households, one copy a row of `columns` (schemas.COLUMNS).

    Bool by copied row of each programme's entity, by variable: the inputs of a simulation or of a written dataset.
    """
    take_up = take_up_of(dataset)
    inputs = {}
    for programme in PROGRAMMES:
        copy = copies.copy_of(programme.entity)
        household_id, clone, state = (columns[name].to_numpy()[copy] for name in ("household_id", "clone", "state"))
        rows, position = copies.rows[programme.entity], copies.position_of(programme.entity)
        inputs[programme.variable] = take_up.takes_up(programme, rows, household_id, clone, position, state)
    return inputs


def simulate_columns(
    dataset: Dataset, columns: pd.DataFrame, county: np.ndarray, variables: list[str], rerandomize_takeup: bool
) -> tuple[Copies, StateValues]:
    """Columns (rows of schemas.COLUMNS) as households of their own in the given counties, and their values."""
    copies = every_household(dataset).take(columns["record"].to_numpy())
    inputs = take_up_inputs(dataset, copies, columns) if rerandomize_takeup else {}
    return copies, simulate_copies(dataset, copies, columns["state"].to_numpy(), county, variables, inputs)


def compare_columns(
    matrix: CalibrationMatrix,
    constraints: pd.DataFrame,
    dataset: Dataset,
    chosen: np.ndarray,
    county: np.ndarray,
    rerandomize_takeup: bool,
) -> pd.DataFrame:
    """For chosen columns in the counties that the rules see, every target's sum by the matrix and by simulation.

    Columns: `matrix` and `simulated`, float64, in the target's unit; rows as the targets.
    """
    columns = matrix.columns.iloc[chosen]
    rows = index_rows(matrix.targets, constraints)
    names = sorted(set().union(*(concept.needed for concept in rows.concepts)))
    copies, values = simulate_columns(dataset, columns, county, names, rerandomize_takeup)
    simulated = np.zeros(len(matrix.targets))
    places = {"national": np.zeros(len(columns), int), **{level: columns[level].to_numpy() for level in LEVELS[1:]}}
    for number, concept in enumerate(rows.concepts):
        amounts = evaluate(concept, copies, values.__getitem__)
        for level in LEVELS:
            row = rows.rows[level][number, places[level]]
            np.add.at(simulated, row[row >= 0], amounts[row >= 0])
    by_matrix = matrix.matrix.take_columns(chosen) @ np.ones(len(chosen))
    return pd.DataFrame({"matrix": by_matrix, "simulated": simulated})
