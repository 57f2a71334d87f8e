"""The data loss: how far estimates are from targets, and its slope.

Holds formulas over the rows of the matrix alone, in float64; weights, gates and penalties stay out.
"""

from dataclasses import dataclass

import numpy as np
import torch

from calibration_assets.errors import CalibrationError
from calibration_assets.settings import LossSettings

LOSSES = ("relative", "scaled", "capped")
SINGULAR = 1e-6


@dataclass(frozen=True)
class Objective:
    """L(e) = sum_i g_i rho(((y_i - e_i) / s_i)^2), with rho(x) = x, or x / (1 + x) when `capped`."""

    targets: torch.Tensor
    scales: torch.Tensor
    importance: torch.Tensor
    capped: bool

    def value_and_slope(self, estimates: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The loss (scalar) and its derivative by estimate (rows,), both float64."""
        errors = (estimates - self.targets) / self.scales
        squares = errors * errors
        slopes = 2 * self.importance * errors / self.scales
        if not self.capped:
            return (self.importance * squares).sum(), slopes
        return (self.importance * squares / (1 + squares)).sum(), slopes / (1 + squares) ** 2

    def curvature(self) -> torch.Tensor:
        """Second derivative by estimate at a met target (rows,)."""
        return 2 * self.importance / self.scales**2


def make_objective(
    targets: np.ndarray,
    settings: LossSettings,
    *,
    groups: np.ndarray | None = None,
    target_weights: np.ndarray | None = None,
    device: str = "cpu",
) -> Objective:
    """The objective for targets (rows,), with weights by target and a group number by target (rows,) where wanted."""
    if settings.loss not in LOSSES:
        raise CalibrationError(f"The loss is `{settings.loss}`, expected one of {', '.join(LOSSES)}.")
    if settings.floor <= 0:
        raise CalibrationError(f"The loss's floor is {settings.floor}, expected a number above 0: raise it.")
    importance = _importance(len(targets), settings, groups, target_weights)

    def on_device(values: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.array(values, dtype=np.float64)).to(device)

    return Objective(
        on_device(targets), on_device(_scales(targets, settings)), on_device(importance), settings.loss == "capped"
    )


def _scales(targets: np.ndarray, settings: LossSettings) -> np.ndarray:
    """What an error is divided by: y + 1 (1 where that is zero), or max(|y|, floor)."""
    if settings.loss == "relative":
        return np.where(np.abs(targets + 1) < SINGULAR, 1.0, targets + 1)
    return np.maximum(np.abs(targets), settings.floor)


def _importance(
    n_rows: int, settings: LossSettings, groups: np.ndarray | None, target_weights: np.ndarray | None
) -> np.ndarray:
    """Weight of each target: the given one (1), spread so that each group has the mean group's total."""
    importance = np.ones(n_rows) if target_weights is None else np.asarray(target_weights, dtype=np.float64)
    if importance.shape != (n_rows,) or not np.isfinite(importance).all() or (importance < 0).any():
        raise CalibrationError(
            f"The target weights have shape {importance.shape}, expected ({n_rows},) finite numbers of at least 0: "
            "give one for each target."
        )
    if not settings.group_targets:
        return importance
    if groups is None or len(groups) != n_rows:
        raise CalibrationError(
            f"Grouped targets need a group for each of {n_rows} targets, found {0 if groups is None else len(groups)}: "
            "pass `groups`."
        )
    _, numbers = np.unique(np.asarray(groups), return_inverse=True)
    totals = np.bincount(numbers, importance)
    return importance * np.divide(n_rows / len(totals), totals, where=totals > 0, out=np.zeros_like(totals))[numbers]
