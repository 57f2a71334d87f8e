"""The points of a sweep side by side: which ones no other point beats, where the curve bends, which one to take.

What a point is and how it was fitted stay out.
"""

import numpy as np
import pandas as pd

from calibration_assets.diagnostics.plots import knee_position

VERSION = 1
"""Raised by hand when the meaning of a mark changes."""


def mark_frontier(points: pd.DataFrame) -> pd.DataFrame:
    """The points by columns kept, with three marks more.

    `points` has `kept_columns` and `median_error_pct`. `on_frontier`: no other point keeps at most as many columns with
    at most this error, one of both less. `knee`: where the frontier bends most (from three points on). `recommended`:
    the knee, else the most accurate point.
    """
    rows = points.sort_values(["kept_columns", "median_error_pct"], ignore_index=True, kind="stable")
    errors = rows["median_error_pct"].to_numpy(dtype=np.float64)
    usable = (rows["kept_columns"].to_numpy() > 0) & np.isfinite(errors)
    errors = np.where(usable, errors, np.inf)
    best_before = np.minimum.accumulate(np.concatenate([[np.inf], errors[:-1]]))
    on_frontier = usable & (errors < best_before)
    knee = np.zeros(len(rows), dtype=bool)
    bends = np.flatnonzero(on_frontier & (errors > 0))
    if len(bends) > 2:
        knee[bends[knee_position(rows["kept_columns"].to_numpy()[bends], errors[bends])]] = True
    recommended = knee.copy()
    if not knee.any() and on_frontier.any():
        recommended[np.flatnonzero(on_frontier)[-1]] = True
    return rows.assign(on_frontier=on_frontier, knee=knee, recommended=recommended)
