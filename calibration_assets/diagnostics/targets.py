"""Every target against its estimate: errors, what can be met, what cannot and why.

Needs numpy, scipy and pandas only. Statistics over many targets are in `families`.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

from calibration_assets.errors import CalibrationError
from calibration_assets.matrix.cell_matrix import CellMatrix, as_cell_matrix
from calibration_assets.matrix.reach import unreachable_reasons

CSV_COLUMNS = ["target", "true_value", "estimate", "rel_error", "abs_rel_error", "achievable"]


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


def target_errors(
    X: CellMatrix | sparse.spmatrix, targets_df: pd.DataFrame, target_names: Sequence[str], weights: np.ndarray
) -> pd.DataFrame:
    """The manual's table, one row a target in the matrix's order.

    X is (targets, columns), weights (columns,). `rel_error` is (estimate - true) / |true|, 0 where the true value is 0;
    `achievable` says whether some weights >= 0 move the estimate towards the true value.
    """
    matrix = as_cell_matrix(X)
    if not matrix.shape[0] == len(targets_df) == len(target_names):
        raise CalibrationError(
            f"The matrix has {matrix.shape[0]:,} rows, the targets table {len(targets_df):,} and the names "
            f"{len(target_names):,}, where row i is one target in all three: load them from one package."
        )
    true_values = targets_df["value"].to_numpy(dtype=np.float64)
    estimates = matrix @ checked_weights(weights, matrix.shape[1])
    relative = relative_errors(estimates, true_values)
    return pd.DataFrame(
        {
            "target": list(target_names),
            "true_value": true_values,
            "estimate": estimates,
            "rel_error": relative,
            "abs_rel_error": np.abs(relative),
            "achievable": unreachable_reasons(matrix, true_values) == "",
        }
    )


def relative_errors(estimates: np.ndarray, true_values: np.ndarray) -> np.ndarray:
    """(estimate - true) / |true|, 0 where the true value is 0."""
    size = np.abs(true_values)
    return np.divide(estimates - true_values, size, out=np.zeros(len(size)), where=size > 0)


def unachievable_targets(
    X: CellMatrix | sparse.spmatrix, targets_df: pd.DataFrame, target_names: Sequence[str]
) -> pd.DataFrame:
    """Targets that no weights can meet: target, true_value, reason; the manual's `achievable` = False."""
    true_values = targets_df["value"].to_numpy(dtype=np.float64)
    reasons = unreachable_reasons(as_cell_matrix(X), true_values)
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
