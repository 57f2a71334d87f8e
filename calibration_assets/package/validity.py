"""What makes a package unfit for any fit: numbers that are none, entries outside the matrix, names that repeat.

Shapes are checked when a package is opened; how many targets can be met is no fault of the package's.
"""

import numpy as np
import pandas as pd

from calibration_assets.errors import CalibrationError
from calibration_assets.package.package import CalibrationPackage


def package_faults(package: CalibrationPackage) -> list[str]:
    """Why a package must not be fitted, a sentence a fault; shapes have been checked when it was opened."""
    X, targets = package.X_sparse, package.targets_df
    value, start = targets["value"].to_numpy(np.float64), package.initial_weights
    outside = int(((X.indices < 0) | (X.indices >= X.shape[1])).sum()) if X.nnz else 0
    descending = int((np.diff(X.indptr) < 0).sum())
    faulty_start = 0 if start is None else int((~(start >= 0) | np.isinf(start)).sum())
    counts = {
        f"entries name no column of the {X.shape[1]:,}": outside,
        "rows end before they begin": descending,
        "entries of the matrix are not finite": int((~np.isfinite(X.data)).sum()),
        "targets are not finite": int((~np.isfinite(value)).sum()),
        "initial weights are negative or not finite": faulty_start,
        "names of targets repeat another": int(pd.Index(package.target_names).duplicated().sum()),
    }
    faults = [f"{count:,} {what}, expected none" for what, count in counts.items() if count]
    return [f"calibration_package: {fault}; build it again" for fault in faults]


def refuse_unsound(package: CalibrationPackage) -> None:
    """Stop before a package is fitted that must not be."""
    faults = package_faults(package)
    if faults:
        raise CalibrationError(faults[0])
