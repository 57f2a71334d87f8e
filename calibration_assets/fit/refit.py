"""The refit: the kept columns' log-weights by L-BFGS in float64, from the gated weights.

Minimises the objective's data loss + lambda_2 sum exp(2 theta) without gates, within bounds on the ratio to the initial
weights where asked. Which columns are kept is decided before.
"""

from dataclasses import dataclass

import numpy as np
import torch

from calibration_assets.fit.engine import LOG_MARGIN
from calibration_assets.fit.lbfgs import Minimum, minimise
from calibration_assets.fit.objective import Objective
from calibration_assets.fit.products import MatrixProducts
from calibration_assets.fit.ranks import Ranks
from calibration_assets.matrix.cell_matrix import CellMatrix
from calibration_assets.settings import FitSettings

LAST_ITERATIONS = 10


@dataclass(frozen=True)
class Refit:
    """Refitted weights (columns,) and the certificate of the fit record."""

    weights: np.ndarray
    losses: list[float]
    certificate: dict[str, float | int | bool | str]


def refit_weights(
    X: CellMatrix,
    objective: Objective,
    settings: FitSettings,
    *,
    gated_weights: np.ndarray,
    initial_weights: np.ndarray,
    ranks: Ranks,
) -> Refit:
    """Refitted weights (columns,) float64 from gated weights (columns,) that are all above 0.

    The gradient norm is relative to the one that the start's weights would have if every estimate missed by its whole
    target, which depends neither on the number of targets nor on their scale.
    """
    first, last = ranks.shard(X.shape[1])
    products = MatrixProducts(X, first, last, dtype=torch.float64, device=settings.device)
    theta = torch.from_numpy(np.log(gated_weights[first:last].astype(np.float64))).to(settings.device)

    def gradient_by_log_weight(weights: torch.Tensor, slopes: torch.Tensor) -> torch.Tensor:
        return products.gradient(slopes, torch.empty_like(weights)).mul_(weights)

    def evaluate(theta: torch.Tensor) -> tuple[float, torch.Tensor]:
        weights = torch.exp(theta)
        loss, slopes = objective.value_and_slope(ranks.add(products.estimates(weights)))
        gradient = gradient_by_log_weight(weights, slopes)
        gradient.addcmul_(weights, weights, value=2 * settings.lambda_l2)
        squares = ranks.add(torch.dot(weights, weights))
        return float(loss + settings.lambda_l2 * squares), gradient

    all_missed = gradient_by_log_weight(torch.exp(theta), objective.curvature() * objective.targets.abs())
    reference = float(ranks.add(torch.dot(all_missed, all_missed))) ** 0.5
    minimum = minimise(
        evaluate,
        theta,
        _bounds(initial_weights[first:last], settings),
        gradient_norm=settings.refit.tolerance * reference,
        max_iterations=settings.refit.max_iterations,
        add=ranks.add,
    )
    weights = ranks.gather(torch.exp(minimum.x), X.shape[1]).cpu().numpy()
    return Refit(weights, minimum.values, _certificate(minimum, reference, settings))


def _bounds(initial_weights: np.ndarray, settings: FitSettings) -> tuple[torch.Tensor | float, torch.Tensor | float]:
    """Bounds of the log-weights (kept,) from the ratios to the initial weights."""
    logs = torch.from_numpy(np.log(initial_weights.astype(np.float64) + LOG_MARGIN)).to(settings.device)
    lower, upper = settings.refit.lower_ratio, settings.refit.upper_ratio
    return (
        -np.inf if lower is None else logs + np.log(lower),
        np.inf if upper is None else logs + np.log(upper),
    )


def _certificate(minimum: Minimum, reference: float, settings: FitSettings) -> dict[str, float | int | bool | str]:
    """Why the refit stopped, how small the gradient is, and how much the loss still changed."""
    before = minimum.values[-min(len(minimum.values), LAST_ITERATIONS + 1)]
    return {
        "converged": minimum.converged,
        "reason": minimum.reason,
        "iterations": len(minimum.values) - 1,
        "loss": minimum.values[-1],
        "relative_gradient_norm": minimum.gradient_norm / reference if reference else 0.0,
        "tolerance": settings.refit.tolerance,
        "relative_change_of_last_iterations": (before - minimum.values[-1]) / max(before, np.finfo(float).tiny),
        "last_iterations": min(len(minimum.values) - 1, LAST_ITERATIONS),
    }
