"""The matrix with its meaning: a row for every target, a column for every clone of every household."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from calibration_assets.errors import CalibrationError
from calibration_assets.matrix.cell_matrix import CellMatrix
from calibration_assets.schemas import COLUMNS, TARGETS


@dataclass(frozen=True)
class CalibrationMatrix:
    """Estimates are `matrix @ weights`: row i is targets row i, column j is columns row j = clone * n_records + record.

    `matrix` is (targets, columns), float32 with int32 indices, in the unit of each target (dollars a year, persons,
    units); `targets` is schemas.TARGETS, `columns` schemas.COLUMNS.
    """

    matrix: CellMatrix
    targets: pd.DataFrame
    columns: pd.DataFrame

    def __post_init__(self) -> None:
        found, expected = self.matrix.shape, (len(self.targets), len(self.columns))
        if found != expected:
            raise CalibrationError(
                f"matrix: shape {found} was found, expected {expected} from its targets and columns; build it again."
            )
        for part in (self.matrix.by_column, self.matrix.by_cell):
            if part.dtype != np.float32 or part.indices.dtype != np.int32:
                raise CalibrationError(
                    f"matrix: {part.dtype} values with {part.indices.dtype} indices were found, expected float32 with "
                    "int32; build it again."
                )
            bad = np.count_nonzero(~np.isfinite(part.data))
            if bad:
                raise CalibrationError(
                    f"matrix: {bad:,} entries are not finite, expected numbers; correct the simulated values."
                )
        TARGETS.validate(self.targets)
        COLUMNS.validate(self.columns)
        _check_order(self.columns)

    @property
    def n_records(self) -> int:
        """Households, each with a column for every clone."""
        return int(self.columns["record"].iloc[-1]) + 1

    @property
    def n_clones(self) -> int:
        """Clones of every household."""
        return len(self.columns) // self.n_records


def _check_order(columns: pd.DataFrame) -> None:
    n_records = int(columns["record"].iloc[-1]) + 1
    position = columns["clone"].to_numpy(np.int64) * n_records + columns["record"].to_numpy()
    wrong = position != np.arange(len(columns))
    if wrong.any():
        raise CalibrationError(
            f"columns: row {int(np.argmax(wrong))} is column {int(position[np.argmax(wrong)])}, expected clone * "
            f"{n_records} + record to number the rows; sort the columns by clone and record."
        )
