"""Which targets no weights can meet, and why: weights are not negative, so only entries of its own sign move one."""

import numpy as np

from calibration_assets.matrix.cell_matrix import CellMatrix

NO_COLUMN = "no column has a value"
ONLY_NEGATIVE = "only negative values for a positive target"
ONLY_POSITIVE = "only positive values for a negative target"


def unreachable_reasons(X: CellMatrix, true_values: np.ndarray) -> np.ndarray:
    """Why no weights >= 0 can move a row's sum from 0 towards its target; empty text where they can.

    A target of 0 is met by weights of 0, whatever the row holds.
    """
    smallest, largest = X.extremes()
    reasons = np.full(X.shape[0], "", dtype=object)
    reasons[(true_values > 0) & (largest <= 0)] = ONLY_NEGATIVE
    reasons[(true_values < 0) & (smallest >= 0)] = ONLY_POSITIVE
    reasons[(true_values != 0) & (smallest == 0) & (largest == 0)] = NO_COLUMN
    return reasons
