"""One row a target with all that is known of it: the table behind the report, the alarms and the comparison of runs."""

import numpy as np
import pandas as pd

from calibration_assets.diagnostics.carrying import carrying_records
from calibration_assets.diagnostics.families import judged_targets
from calibration_assets.diagnostics.losses import target_losses
from calibration_assets.diagnostics.targets import (
    checked_weights,
    relative_errors,
    target_errors,
)
from calibration_assets.fit.objective import Objective
from calibration_assets.matrix.cell_matrix import CellMatrix
from calibration_assets.matrix.reach import NO_COLUMN, unreachable_reasons

NO_SUPPORT = "no column lies in the area"


def target_detail(
    X: CellMatrix,
    targets_df: pd.DataFrame,
    columns: pd.DataFrame,
    weights: np.ndarray,
    objective: Objective,
    gated_weights: np.ndarray | None = None,
    initial_weights: np.ndarray | None = None,
) -> pd.DataFrame:
    """Errors with level, family, place, source, vintage, uprating, reach and its reason, loss, shadow price, carriers.

    Rows as in X; `targets_df` names them in `target_name`. `gated_weights` are those before the refit: with them the
    table holds `gated_estimate` and `gated_abs_rel_error` too, and `initial_estimate` with those before the fit; NaN
    otherwise.
    """
    final = checked_weights(weights, X.shape[1])
    targets = targets_df.reset_index(drop=True)
    judged = judged_targets(target_errors(X, targets, targets["target_name"].tolist(), final), targets)
    gated = _estimates(X, gated_weights)
    household = columns.drop_duplicates("record").set_index("record")["household_id"]
    carried = carrying_records(X, final, columns["record"].to_numpy())
    return judged.assign(
        variable=targets["variable"],
        domain_variable=targets["domain_variable"],
        source=targets.get("source", ""),
        vintage=targets.get("period", 0),
        uprating_factor=targets.get("uprating_factor", 1.0),
        reason=_reasons(X, judged, columns),
        **target_losses(judged["estimate"].to_numpy(), objective),
        initial_estimate=_estimates(X, initial_weights),
        gated_estimate=gated,
        gated_abs_rel_error=np.abs(relative_errors(gated, judged["true_value"].to_numpy())),
        carrying_records=carried["carrying_records"],
        largest_household_id=carried["largest_record"].map(household).fillna(-1).astype(np.int64),
        largest_record_share=carried["largest_record_share"],
    )


def _estimates(X: CellMatrix, weights: np.ndarray | None) -> np.ndarray:
    if weights is None:
        return np.full(X.shape[0], np.nan)
    return X @ checked_weights(weights, X.shape[1])


def _reasons(X: CellMatrix, judged: pd.DataFrame, columns: pd.DataFrame) -> np.ndarray:
    """`unreachable_reasons`, an area without a single column told from one whose columns hold nothing."""
    reasons = unreachable_reasons(X, judged["true_value"].to_numpy())
    states, districts = set(columns["state"].unique()), set(columns["district"].unique())
    in_state = judged["state"].isin(states | {0}).to_numpy()
    in_district = judged["district"].isin(districts | {0}).to_numpy()
    reasons[(reasons == NO_COLUMN) & ~(in_state & in_district)] = NO_SUPPORT
    return reasons
