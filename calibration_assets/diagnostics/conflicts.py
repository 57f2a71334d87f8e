"""Targets that pull against each other: for the worst targets, those that hold them back.

At a fitted solution the pulls of all targets on the weights balance. The pull of target i on the log-weights is
g_i = dL_i / dEstimate_i * x_i * w, and -g_i . g_k / |g_i|^2 is the part of it that target k takes up; over all k these
parts sum to 1 where the fit has converged. Two targets that hold one population to two values each take up the whole
of the other's pull.
"""

import numpy as np
import pandas as pd

from calibration_assets.matrix.cell_matrix import CellMatrix

WORST = 10
OPPONENTS = 3
SMALLEST_SHARE = 0.05
"""Targets that take up less of a pull are not named."""

OVERRULED = 2.0
"""Share above which a target is overruled rather than balanced, so that first order says nothing of a relief."""


def conflicting_targets(X: CellMatrix, detail: pd.DataFrame, weights: np.ndarray) -> pd.DataFrame:
    """For the 10 worst targets that can be met, up to 3 that oppose them: target, opponent, share, errors, relief.

    `detail` is `target_detail`'s table of X. `share` is the part of the target's pull that the opponent takes up (above
    1 where others help the target); `error_without` the target's absolute relative error if the opponent were dropped,
    to first order (error x (1 - share)), which `held_out.refit_without` checks; NaN where the target is overruled.
    """
    slope = detail["slope"].to_numpy()
    moving = detail["achievable"] & ~detail["near_zero"] & (detail["carrying_records"] > 0) & (slope != 0)
    worst = detail["abs_rel_error"].where(moving).dropna().nlargest(WORST).index.to_numpy()
    shares = opposition(X, np.asarray(weights, dtype=np.float64), slope, worst)
    order = np.argsort(-shares, axis=0, kind="stable")[:OPPONENTS]
    column = np.repeat(np.arange(len(worst)), len(order))
    opponent = order.T.ravel()
    share = shares[opponent, column]
    named = share >= SMALLEST_SHARE
    target, opponent, share = worst[column[named]], opponent[named], share[named]
    names, errors = detail["target"].to_numpy(), detail["abs_rel_error"].to_numpy()
    return pd.DataFrame(
        {
            "target": names[target],
            "abs_rel_error": errors[target],
            "opponent": names[opponent],
            "opponent_rel_error": detail["rel_error"].to_numpy()[opponent],
            "share": share,
            "error_without": np.where(share > OVERRULED, np.nan, errors[target] * (1 - np.minimum(share, 1))),
        }
    )


def opposition(X: CellMatrix, weights: np.ndarray, slope: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """(targets, chosen) shares of the chosen targets' pulls on the log-weights that every target takes up."""
    pulls = np.zeros((X.shape[1], len(chosen)))
    rows = X[chosen].tocsr()
    for position, row in enumerate(chosen):
        values = rows[position]
        pulls[values.indices, position] = slope[row] * values.data * weights[values.indices]
    size = np.einsum("jc,jc->c", pulls, pulls)
    pulls *= weights[:, None]
    return -slope[:, None] * (X @ pulls) / size
