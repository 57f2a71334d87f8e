"""What the matrix says of itself before any fit: which targets no column can move, and how many carry each."""

import numpy as np
import pandas as pd

from calibration_assets.matrix.calibration_matrix import CalibrationMatrix

EMPTY = "no column counts"
WRONG_SIGN = "every entry has the other sign"


def row_support(matrix: CalibrationMatrix) -> pd.DataFrame:
    """For every target: `columns` with an entry, distinct `households` among them, and why it cannot be met, if so.

    Weights are not negative, so a target is met only by entries of its own sign; a target of 0 is always met. `reason`
    is None where the target can be met. Age bands and high incomes of a district are rows of their own here.
    """
    X, record = matrix.matrix, matrix.columns["record"].to_numpy()
    value = matrix.targets["value"].to_numpy()
    columns = np.diff(X.indptr)
    largest, smallest = (np.zeros(len(columns), dtype=np.float32) for _ in range(2))
    filled = np.flatnonzero(columns)
    if len(filled):
        largest[filled] = np.maximum.reduceat(X.data, X.indptr[filled])
        smallest[filled] = np.minimum.reduceat(X.data, X.indptr[filled])
    wrong = ((value > 0) & (largest <= 0)) | ((value < 0) & (smallest >= 0))
    reason = np.where(columns == 0, EMPTY, WRONG_SIGN).astype(object)
    reason[~wrong] = None
    households = [
        len(np.unique(record[X.indices[first:last]])) for first, last in zip(X.indptr[:-1], X.indptr[1:], strict=True)
    ]
    return pd.DataFrame({"columns": columns, "households": households, "reason": pd.Series(reason, dtype=object)})


def describe_support(matrix: CalibrationMatrix, support: pd.DataFrame) -> dict[str, float]:
    """The figures of a package's page: entries, targets that cannot be met, columns a target and targets a column."""
    n_rows, n_columns = matrix.matrix.shape
    reachable = support[support["reason"].isna()]
    districts = matrix.columns["district"].value_counts()
    return {
        "entries": int(matrix.matrix.nnz),
        "targets_a_column": round(matrix.matrix.nnz / n_columns, 2),
        "unreachable_targets": int(n_rows - len(reachable)),
        "median_columns_a_target": float(reachable["columns"].median()),
        "fewest_columns_a_target": int(reachable["columns"].min()) if len(reachable) else 0,
        "districts": len(districts),
        "fewest_columns_a_district": int(districts.min()),
    }
