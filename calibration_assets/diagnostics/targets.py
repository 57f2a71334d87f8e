"""Every target against its estimate: errors, what can be met, what cannot and why.

Needs numpy, scipy and pandas only. Sums run in float64 over blocks of rows, so that a memory-mapped float32 matrix is
read once and never copied. Statistics over many targets are in `families`.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

from calibration_assets.errors import CalibrationError

BLOCK_NONZEROS = 1 << 22
"""Non-zeros read at a time; scipy's product casts one block of float32 values to float64."""

CSV_COLUMNS = ["target", "true_value", "estimate", "rel_error", "abs_rel_error", "achievable"]

NO_COLUMN = "no column has a value"
ONLY_NEGATIVE = "only negative values for a positive target"
ONLY_POSITIVE = "only positive values for a negative target"


def row_blocks(X: sparse.csr_matrix, nonzeros: int = BLOCK_NONZEROS, rows: int | None = None) -> Iterator[slice]:
    """Consecutive ranges of rows, each of at most `nonzeros` entries and `rows` rows, but one row at least."""
    indptr = np.asarray(X.indptr)
    first, most = 0, X.shape[0] if rows is None else max(rows, 1)
    while first < X.shape[0]:
        last = int(np.searchsorted(indptr, indptr[first] + nonzeros, side="right")) - 1
        last = min(max(last, first + 1), first + most, X.shape[0])
        yield slice(first, last)
        first = last


def block_of_rows(X: sparse.csr_matrix, rows: slice) -> sparse.csr_matrix:
    """A range of rows of X over views of its values and column numbers."""
    low, high = int(X.indptr[rows.start]), int(X.indptr[rows.stop])
    indices = X.indices[low:high]
    indptr = (np.asarray(X.indptr[rows.start : rows.stop + 1]) - low).astype(indices.dtype)
    return sparse.csr_matrix((X.data[low:high], indices, indptr), shape=(rows.stop - rows.start, X.shape[1]))


def checked_weights(weights: np.ndarray, n_columns: int) -> np.ndarray:
    """Weights as float64, one a column, finite and not negative; CalibrationError where they are not."""
    values = np.asarray(weights, dtype=np.float64)
    if values.shape != (n_columns,):
        raise CalibrationError(
            f"Weights have shape {values.shape} but the package has {n_columns:,} columns: "
            "use the weights that were fitted to this package."
        )
    wrong = ~(np.isfinite(values) & (values >= 0))
    if wrong.any():
        first = int(np.argmax(wrong))
        raise CalibrationError(
            f"{int(wrong.sum()):,} of {n_columns:,} weights are negative or not finite, the first {values[first]} at "
            f"column {first}, where every weight must be 0 or more: fit the package again."
        )
    return values


def weighted_sums(X: sparse.csr_matrix, weights: np.ndarray) -> np.ndarray:
    """X @ weights in float64 by blocks of rows; weights (columns,) or (columns, vectors)."""
    sums = np.empty((X.shape[0], *weights.shape[1:]))
    for rows in row_blocks(X):
        sums[rows] = block_of_rows(X, rows) @ weights
    return sums


def row_extremes(X: sparse.csr_matrix) -> tuple[np.ndarray, np.ndarray]:
    """Smallest and largest stored value of every row, 0 for a row without any."""
    indptr = np.asarray(X.indptr)
    filled = np.flatnonzero(np.diff(indptr))
    smallest, largest = np.zeros(X.shape[0]), np.zeros(X.shape[0])
    if len(filled):
        smallest[filled] = np.minimum.reduceat(X.data, indptr[filled])
        largest[filled] = np.maximum.reduceat(X.data, indptr[filled])
    return smallest, largest


def unachievable_reasons(X: sparse.csr_matrix, true_values: np.ndarray) -> np.ndarray:
    """Why no weights >= 0 can move a row's sum from 0 towards its target; empty text where they can.

    A target of 0 is met by weights of 0, whatever the row holds.
    """
    smallest, largest = row_extremes(X)
    reasons = np.full(X.shape[0], "", dtype=object)
    reasons[(true_values > 0) & (largest <= 0)] = ONLY_NEGATIVE
    reasons[(true_values < 0) & (smallest >= 0)] = ONLY_POSITIVE
    reasons[(true_values != 0) & (smallest == 0) & (largest == 0)] = NO_COLUMN
    return reasons


def target_errors(
    X: sparse.spmatrix, targets_df: pd.DataFrame, target_names: Sequence[str], weights: np.ndarray
) -> pd.DataFrame:
    """The manual's table, one row a target in the matrix's order.

    X is (targets, columns), weights (columns,). `rel_error` is (estimate - true) / |true|, 0 where the true value is 0;
    `achievable` says whether some weights >= 0 move the estimate towards the true value.
    """
    matrix = X.tocsr()
    if not matrix.shape[0] == len(targets_df) == len(target_names):
        raise CalibrationError(
            f"The matrix has {matrix.shape[0]:,} rows, the targets table {len(targets_df):,} and the names "
            f"{len(target_names):,}, where row i is one target in all three: load them from one package."
        )
    true_values = targets_df["value"].to_numpy(dtype=np.float64)
    estimates = weighted_sums(matrix, checked_weights(weights, matrix.shape[1]))
    relative = relative_errors(estimates, true_values)
    return pd.DataFrame(
        {
            "target": list(target_names),
            "true_value": true_values,
            "estimate": estimates,
            "rel_error": relative,
            "abs_rel_error": np.abs(relative),
            "achievable": unachievable_reasons(matrix, true_values) == "",
        }
    )


def relative_errors(estimates: np.ndarray, true_values: np.ndarray) -> np.ndarray:
    """(estimate - true) / |true|, 0 where the true value is 0."""
    size = np.abs(true_values)
    return np.divide(estimates - true_values, size, out=np.zeros(len(size)), where=size > 0)


def unachievable_targets(X: sparse.spmatrix, targets_df: pd.DataFrame, target_names: Sequence[str]) -> pd.DataFrame:
    """Targets that no weights can meet: target, true_value, reason; the manual's `achievable` = False."""
    true_values = targets_df["value"].to_numpy(dtype=np.float64)
    reasons = unachievable_reasons(X.tocsr(), true_values)
    table = pd.DataFrame({"target": list(target_names), "true_value": true_values, "reason": reasons})
    return table[table["reason"] != ""].reset_index(drop=True)


def write_target_errors(errors: pd.DataFrame, path: Path) -> None:
    """Write `unified_diagnostics.csv`: the manual's columns, full precision."""
    path.parent.mkdir(parents=True, exist_ok=True)
    errors[CSV_COLUMNS].to_csv(path, index=False, lineterminator="\n")


def read_target_errors(path: Path) -> pd.DataFrame:
    """Read `unified_diagnostics.csv`, the manual's columns and no others expected."""
    errors = pd.read_csv(path)
    missing = [name for name in CSV_COLUMNS if name not in errors.columns]
    if missing:
        raise CalibrationError(
            f"{path} lacks the columns {', '.join(missing)}: expected the table that the calibration writes, "
            f"with {', '.join(CSV_COLUMNS)}."
        )
    return errors
