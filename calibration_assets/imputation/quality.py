"""How well fitted forests do on donors that they were not trained on, as a table."""

import numpy as np
import pandas as pd

from calibration_assets.imputation.encoding import check_columns, encode
from calibration_assets.imputation.forest import FittedForests, impute

QUANTILES = np.array([0.1, 0.25, 0.5, 0.75, 0.9])
TAIL = 0.99


def forest_quality(model: FittedForests, held_out: pd.DataFrame, weights: np.ndarray | None, seed: int) -> pd.DataFrame:
    """Held-out donors against what the forests say of them, one row a variable (a category each of a text variable).

    `quantile_loss` is the mean pinball loss of the conditional quantiles QUANTILES, given the true values of earlier
    variables; `marginal_quantile_loss` that of the held-out donors' own quantiles, which know no predictor. The other
    columns compare the donors with values imputed to them, each variable upon the ones imputed before: mean, share of
    zeros, and the mean beyond the 99th percentile; the first two with the standard error of their difference. All are
    weighted.
    """
    check_columns(held_out, [*model.predictors, *model.targets], "held-out donors")
    weights = np.ones(len(held_out)) if weights is None else np.asarray(weights, dtype=np.float64)
    imputed = impute(model, held_out[list(model.predictors)], seed)
    names = [*model.predictors, *model.targets]
    X = np.column_stack([encode(held_out[name], name, model.categories, "held-out donors") for name in names])
    rows = []
    for place, (target, forest) in enumerate(zip(model.targets, model.forests, strict=True)):
        known = len(model.predictors) + place
        expected = forest.distribution(np.ascontiguousarray(X[:, :known], dtype=np.float32))
        drawn = encode(imputed[target], target, model.categories, "imputed values")
        for name, code in _rows_of(model, target):
            true, predicted, values = (_indicator(one, code) for one in (X[:, known], expected, drawn))
            rows.append({"variable": name, **_compare(true, predicted, values, weights)})
    return pd.DataFrame(rows).assign(donor_rows=model.donor_rows, held_out_rows=len(held_out))


def weighted_quantile(values: np.ndarray, weights: np.ndarray, quantiles: np.ndarray) -> np.ndarray:
    """The smallest values below or at which the given shares of the weight lie, float64 (quantiles,)."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order])
    place = np.searchsorted(reached, np.asarray(quantiles) * reached[-1])
    return values[order][np.minimum(place, len(values) - 1)]


def _rows_of(model: FittedForests, target: str) -> list[tuple[str, float | None]]:
    """The table's rows for a variable: itself, or each category with its code."""
    if target not in model.categories:
        return [(target, None)]
    return [(f"{target} = {category}", float(code)) for code, category in enumerate(model.categories[target])]


def _indicator(values: np.ndarray, code: float | None) -> np.ndarray:
    return values if code is None else (values == code).astype(np.float64)


def _compare(true: np.ndarray, expected: np.ndarray, drawn: np.ndarray, weights: np.ndarray) -> dict[str, float]:
    conditional = np.quantile(expected, QUANTILES, axis=1, method="inverted_cdf")
    marginal = weighted_quantile(true, weights, QUANTILES)[:, None]
    compared = {
        "quantile_loss": _pinball(true, conditional, weights),
        "marginal_quantile_loss": _pinball(true, marginal, weights),
    }
    for name, values in (("donors", true), ("imputed", drawn)):
        tail = values >= weighted_quantile(values, weights, np.array([TAIL]))
        compared[f"mean_{name}"] = float(np.average(values, weights=weights))
        compared[f"zero_share_{name}"] = float(np.average(values == 0, weights=weights))
        compared[f"tail_mean_{name}"] = float(np.average(values[tail], weights=weights[tail]))
    compared["mean_error"] = _difference_error(true, drawn, weights)
    compared["zero_share_error"] = _difference_error(true == 0, drawn == 0, weights)
    return compared


def _difference_error(true: np.ndarray, drawn: np.ndarray, weights: np.ndarray) -> float:
    """Standard error of the difference of two weighted means, as if the rows had been drawn independently."""
    squares = [(weights**2 * (values - np.average(values, weights=weights)) ** 2).sum() for values in (true, drawn)]
    return float(np.sqrt(sum(squares)) / weights.sum())


def _pinball(true: np.ndarray, quantiles: np.ndarray, weights: np.ndarray) -> float:
    """Mean over rows (weighted) and QUANTILES of the pinball loss; `quantiles` is (QUANTILES, rows or 1)."""
    gap = true[None, :] - quantiles
    loss = np.maximum(QUANTILES[:, None] * gap, (QUANTILES[:, None] - 1) * gap)
    return float(np.average(loss.mean(axis=0), weights=weights))
