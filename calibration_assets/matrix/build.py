"""The one road from simulated values to the calibration matrix."""

from collections.abc import Mapping

import pandas as pd

from calibration_assets.imputation.takeup import take_up_of
from calibration_assets.matrix.assemble import Allocate, assemble, in_memory
from calibration_assets.matrix.calibration_matrix import CalibrationMatrix
from calibration_assets.matrix.concepts import index_rows
from calibration_assets.matrix.tables import tabulate_concepts
from calibration_assets.microdata.dataset import Dataset
from calibration_assets.simulation.copies import every_household
from calibration_assets.simulation.places import Placement
from calibration_assets.simulation.values import StateValues

VERSION = 4


def build_matrix(
    dataset: Dataset,
    columns: pd.DataFrame,
    targets: pd.DataFrame,
    constraints: pd.DataFrame,
    values: Mapping[int, StateValues],
    placement: Placement,
    allocate: Allocate = in_memory,
) -> CalibrationMatrix:
    """The matrix of all targets (schemas.TARGETS) for all columns (schemas.COLUMNS).

    `constraints` is schemas.CONSTRAINTS; `values` holds, by state, each required value by row of its entity for the
    state's residents of `placement`.
    """
    rows, households = index_rows(targets, constraints), every_household(dataset)
    concepts = tabulate_concepts(rows.concepts, households, values, columns, placement, take_up_of(dataset))
    return CalibrationMatrix(assemble(concepts, rows, columns, allocate), targets, columns)
