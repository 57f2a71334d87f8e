"""A calibration package in memory, as it was opened from a folder or a pickle.

Needs numpy, scipy and pandas alone: packages are fitted where nothing else is installed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from calibration_assets.errors import CalibrationError
from calibration_assets.matrix.cell_matrix import CellMatrix

ITEMS = ("X_sparse", "targets_df", "target_names", "metadata", "columns", "initial_weights")
MANUAL_ITEMS = ITEMS[:4]
"""What every package holds; columns and initial weights came later."""


@dataclass(frozen=True)
class CalibrationPackage:
    """The matrix and its meaning; items and attributes are the same values.

    `matrix` is (targets, columns) as the package keeps it, `X_sparse` the same as scipy's CSR, float32, which takes
    several times the memory; `targets_df` a row for each of its rows; `target_names` their names; `columns` a row for
    each of its columns and `initial_weights` float64 (columns,), both None in an old pickle.
    """

    matrix: CellMatrix
    targets_df: pd.DataFrame
    target_names: list[str]
    metadata: Mapping[str, Any]
    columns: pd.DataFrame | None = None
    initial_weights: np.ndarray | None = None

    def __post_init__(self) -> None:
        n_rows, n_columns = self.matrix.shape
        lengths = {
            "targets_df": (len(self.targets_df), n_rows),
            "target_names": (len(self.target_names), n_rows),
            "columns": (n_columns if self.columns is None else len(self.columns), n_columns),
            "initial_weights": (n_columns if self.initial_weights is None else len(self.initial_weights), n_columns),
        }
        for item, (found, expected) in lengths.items():
            if found != expected:
                raise CalibrationError(
                    f"package: {item} has {found:,} entries, expected {expected:,} as in the matrix of "
                    f"{n_rows:,} targets and {n_columns:,} columns; build the package again."
                )

    @cached_property
    def X_sparse(self) -> sparse.csr_matrix:  # noqa: N802 - the manual's name
        """The matrix as CSR float32 (targets, columns), made when it is first asked for."""
        return self.matrix.tocsr()

    def __getitem__(self, item: str) -> Any:
        if item not in ITEMS:
            raise KeyError(f"a package has {', '.join(ITEMS)}, not {item}")
        return getattr(self, item)
