"""How well weights do on targets that they were not fitted to; and what a target's absence gives.

Targets are dealt into folds within every level and family. A fold's fit sees all other targets and starts from the
initial weights of the kept columns, raised so that every district keeps its households: the fitted weights would carry
the held-out targets' values over. Only which columns are kept has been decided with all targets in view.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from calibration_assets.diagnostics.families import counted_targets, level_order
from calibration_assets.diagnostics.targets import relative_errors
from calibration_assets.errors import CalibrationError
from calibration_assets.fit.objective import Objective
from calibration_assets.fit.ranks import Ranks
from calibration_assets.fit.refit import refit_weights
from calibration_assets.matrix.cell_matrix import CellMatrix
from calibration_assets.settings import FitSettings, HeldOutSettings

VERSION = 1
"""Raised by hand when the table's meaning changes."""

SHOWN = ["target", "geo_level", "family", "state", "district", "near_zero", "achievable", "true_value", "abs_rel_error"]


def assign_folds(judged: pd.DataFrame, n_folds: int, seed: int) -> np.ndarray:
    """Fold of every target, 0 to n_folds - 1: shuffled by the seed, then dealt in turn within level, family and state.

    So a family with one target is held out once too, and districts of one state spread over the folds.
    """
    if not 2 <= n_folds <= len(judged):
        raise CalibrationError(
            f"{n_folds} folds over {len(judged):,} targets: expected at least 2 and at most one a target; choose 5."
        )
    shuffled = np.random.default_rng(seed).permutation(len(judged))
    keys = judged[["geo_level", "family", "state"]].iloc[shuffled].reset_index(drop=True)
    dealt = keys.sort_values(["geo_level", "family", "state"], kind="stable").index.to_numpy()
    folds = np.empty(len(judged), dtype=np.int64)
    folds[shuffled[dealt]] = np.arange(len(judged)) % n_folds
    return folds


def unseen_start(weights: np.ndarray, initial_weights: np.ndarray, columns: pd.DataFrame) -> np.ndarray:
    """Initial weights of the columns that `weights` keep, raised within each district to the sum over all of its."""
    frame = pd.DataFrame({"district": columns["district"].to_numpy(), "initial": initial_weights, "kept": weights > 0})
    kept = frame["initial"].where(frame["kept"], 0.0)
    whole = frame["initial"].groupby(frame["district"]).transform("sum")
    left = kept.groupby(frame["district"]).transform("sum")
    return (kept * (whole / left.where(left > 0, 1.0))).to_numpy()


def held_out_errors(
    X: CellMatrix,
    judged: pd.DataFrame,
    objective: Objective,
    settings: FitSettings,
    start: np.ndarray,
    held_out: HeldOutSettings,
) -> pd.DataFrame:
    """Every target held out once: its error in sample, and under the fit that did not see it.

    `judged` is `judged_targets`' table of X (targets, columns), `objective` and `settings` those of the fit, `start`
    (columns,) `unseen_start`. One refit a fold over the columns that `start` keeps; `seen_abs_rel_error` is a target's
    mean error under the folds that saw it, which says what the folds' fewer iterations cost.
    """
    folds = assign_folds(judged, held_out.n_folds, held_out.seed)
    kept = np.flatnonzero(start)
    within, begin = X.take_columns(kept), start[kept]
    true_values = judged["true_value"].to_numpy()
    estimates, seen_errors = np.empty(len(judged)), np.zeros(len(judged))
    for fold in range(held_out.n_folds):
        seen = folds != fold
        fitted = _refit(within[seen], _rows(objective, seen), _shortened(settings, held_out), begin)
        found = within @ fitted
        estimates[~seen] = found[~seen]
        seen_errors[seen] += np.abs(relative_errors(found, true_values))[seen]
    return judged[SHOWN].assign(
        fold=folds,
        held_out_estimate=estimates,
        held_out_abs_rel_error=np.abs(relative_errors(estimates, true_values)),
        seen_abs_rel_error=seen_errors / (held_out.n_folds - 1),
    )


def refit_without(
    X: CellMatrix,
    detail: pd.DataFrame,
    objective: Objective,
    settings: FitSettings,
    weights: np.ndarray,
    dropped: Sequence[str],
) -> pd.DataFrame:
    """What dropping targets gives: a refit from `weights` (columns,) without them, errors of all targets with and
    without, the largest improvement first."""
    unknown = sorted(set(dropped) - set(detail["target"]))
    if unknown:
        raise CalibrationError(
            f"No target is called {unknown[0]!r}: expected names among the {len(detail):,} targets; look it up there."
        )
    seen = np.flatnonzero(~detail["target"].isin(dropped).to_numpy())
    kept = np.flatnonzero(weights)
    within = X.take_columns(kept)
    fitted = _refit(within[seen], _rows(objective, seen), settings, np.asarray(weights, np.float64)[kept])
    errors = np.abs(relative_errors(within @ fitted, detail["true_value"].to_numpy()))
    table = detail[["target", "abs_rel_error"]].assign(abs_rel_error_without=errors)
    gain = table["abs_rel_error"] - table["abs_rel_error_without"]
    return table.iloc[np.argsort(-gain.to_numpy(), kind="stable")].reset_index(drop=True)


def check_conflicts(
    X: CellMatrix,
    detail: pd.DataFrame,
    objective: Objective,
    settings: FitSettings,
    weights: np.ndarray,
    conflicts: pd.DataFrame,
    number: int,
) -> pd.DataFrame:
    """The table of `conflicting_targets` with `error_refitted`: for the first `number` pairs the target's absolute
    relative error in a refit without its opponent, NaN for the others."""
    refitted = np.full(len(conflicts), np.nan)
    for position, pair in enumerate(conflicts.head(number).to_dict("records")):
        without = refit_without(X, detail, objective, settings, weights, [pair["opponent"]]).set_index("target")
        refitted[position] = without.loc[pair["target"], "abs_rel_error_without"]
    return conflicts.assign(error_refitted=refitted)


def held_out_figures(held_out: pd.DataFrame) -> dict[str, float]:
    """In sample and held out, over all counted targets: median error and shares within 1 and 10 %, in per cent."""
    counted = counted_targets(held_out)
    errors = {"in_sample": counted["abs_rel_error"], "held_out": counted["held_out_abs_rel_error"]}
    errors["seen_by_folds"] = counted["seen_abs_rel_error"]
    figures = {f"{name}_median_error_pct": float(size.median() * 100) for name, size in errors.items()}
    for name, size in errors.items():
        figures |= {f"{name}_within_{cut}_pct": float((size <= cut / 100).mean() * 100) for cut in (1, 10)}
    return figures


def held_out_families(held_out: pd.DataFrame) -> pd.DataFrame:
    """By level and family, over targets that can be met and are not near zero: median error and share within 10 %, in
    sample and held out."""
    counted = counted_targets(held_out)
    groups = counted.assign(
        within_10=counted["abs_rel_error"] <= 0.1, held_out_within_10=counted["held_out_abs_rel_error"] <= 0.1
    ).groupby(["geo_level", "family"])
    table = groups.agg(
        targets=("target", "size"),
        median=("abs_rel_error", "median"),
        held_out_median=("held_out_abs_rel_error", "median"),
        within_10=("within_10", "mean"),
        held_out_within_10=("held_out_within_10", "mean"),
    )
    return level_order(table.reset_index())


def _shortened(settings: FitSettings, held_out: HeldOutSettings) -> FitSettings:
    iterations = min(settings.refit.max_iterations, held_out.max_iterations)
    return replace(settings, refit=replace(settings.refit, max_iterations=iterations))


def _rows(objective: Objective, rows: np.ndarray) -> Objective:
    parts = {name: getattr(objective, name)[rows] for name in ("targets", "scales", "importance")}
    return replace(objective, **parts)


def _refit(X: CellMatrix, objective: Objective, settings: FitSettings, start: np.ndarray) -> np.ndarray:
    if not len(start):
        return start
    return refit_weights(X, objective, settings, gated_weights=start, initial_weights=start, ranks=Ranks()).weights
