"""What makes a package unfit for any fit: numbers that are none, entries outside the matrix, names that repeat.

Shapes are checked when a package is opened; how many targets can be met is no fault of the package's.
"""

import numpy as np
import pandas as pd
from scipy import sparse

from calibration_assets.errors import CalibrationError
from calibration_assets.package.package import CalibrationPackage


def package_faults(package: CalibrationPackage) -> list[str]:
    """Why a package must not be fitted, a sentence a fault; shapes have been checked when it was opened."""
    matrix, targets = package.matrix, package.targets_df
    value, start = targets["value"].to_numpy(np.float64), package.initial_weights
    nowhere = int((matrix.cell < 0).sum())
    faulty_start = 0 if start is None else int((~(start >= 0) | np.isinf(start)).sum())
    parts = {"column": matrix.by_column, "cell": matrix.by_cell}
    counts = {
        **{f"entries name no {unit} of the {part.shape[1]:,}": _outside(part) for unit, part in parts.items()},
        "columns lie in no cell": nowhere,
        "rows end before they begin": sum(int((np.diff(part.indptr) < 0).sum()) for part in parts.values()),
        "entries of the matrix are not finite": sum(int((~np.isfinite(part.data)).sum()) for part in parts.values()),
        "targets are not finite": int((~np.isfinite(value)).sum()),
        "initial weights are negative or not finite": faulty_start,
        "names of targets repeat another": int(pd.Index(package.target_names).duplicated().sum()),
    }
    faults = [f"{count:,} {what}, expected none" for what, count in counts.items() if count]
    return [f"calibration_package: {fault}; build it again" for fault in faults]


def _outside(part: sparse.csr_matrix) -> int:
    return int(((part.indices < 0) | (part.indices >= part.shape[1])).sum()) if part.nnz else 0


def refuse_unsound(package: CalibrationPackage) -> None:
    """Stop before a package is fitted that must not be."""
    faults = package_faults(package)
    if faults:
        raise CalibrationError(faults[0])
