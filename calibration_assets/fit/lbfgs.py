"""L-BFGS with bounds, on vectors that may be spread over ranks.

Directions come from the two-loop recursion written in inner products (Chen, Wang and Zhou 2014, "Large-scale L-BFGS
using MapReduce"), so that an iteration reads its history twice and sums over ranks once. Bounds are kept by projection;
a variable that its gradient pushes against a bound leaves the direction. Calibration stays out.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import torch

HISTORY = 10
SUFFICIENT_DECREASE = 1e-4
MIN_CURVATURE = 1e-12
MAX_BACKTRACKS = 30
CHUNK = 1 << 18

Evaluate = Callable[[torch.Tensor], tuple[float, torch.Tensor]]
AddOverRanks = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Minimum:
    """Where the iterations ended and why: `reason` is a sentence."""

    x: torch.Tensor
    values: list[float]
    gradient_norm: float
    converged: bool
    reason: str


def minimise(
    evaluate: Evaluate,
    x: torch.Tensor,
    bounds: tuple[torch.Tensor | float, torch.Tensor | float],
    *,
    gradient_norm: float,
    max_iterations: int,
    add: AddOverRanks,
) -> Minimum:
    """A local minimum of `evaluate` (value, gradient) from x (variables,) inside the bounds.

    Stops when the projected gradient's 2-norm is at most `gradient_norm`, or after `max_iterations`.
    """
    low, high = (torch.as_tensor(bound, dtype=x.dtype, device=x.device) for bound in bounds)
    x = torch.clamp(x, low, high)
    value, gradient = evaluate(x)
    values = [value]
    history: deque[tuple[torch.Tensor, torch.Tensor]] = deque(maxlen=HISTORY)
    for iteration in range(max_iterations + 1):
        free = ~(((x <= low) & (gradient > 0)) | ((x >= high) & (gradient < 0)))
        norm = _dot(gradient * free, gradient, add) ** 0.5
        if norm <= gradient_norm:
            return Minimum(x, values, norm, True, "The projected gradient fell below the tolerance.")
        if iteration == max_iterations:
            break
        step = _search(evaluate, x, value, gradient, _direction(history, gradient, free, add), (low, high), add)
        if step is None and history:
            history.clear()
            step = _search(evaluate, x, value, gradient, _direction(history, gradient, free, add), (low, high), add)
        if step is None:
            return Minimum(x, values, norm, False, "No step lowered the loss any further.")
        new_x, value, new_gradient = step
        _remember(history, new_x - x, new_gradient - gradient, add)
        x, gradient = new_x, new_gradient
        values.append(value)
    return Minimum(x, values, norm, False, f"The {max_iterations} iterations allowed were used up.")


def _direction(
    history: deque[tuple[torch.Tensor, torch.Tensor]], gradient: torch.Tensor, free: torch.Tensor, add: AddOverRanks
) -> torch.Tensor:
    """The quasi-Newton direction over the free variables; the steepest one of length 1 without a history."""
    if not history:
        steepest = -gradient * free
        return steepest / max(1.0, _dot(steepest, steepest, add) ** 0.5)
    basis = [s for s, _ in history] + [y for _, y in history] + [gradient]
    coefficients = _two_loop(add(_gram(basis, free)), len(history))
    direction = torch.zeros_like(gradient)
    for coefficient, vector in zip(coefficients.tolist(), basis, strict=True):
        direction.add_(vector, alpha=coefficient)
    return direction.mul_(free)


def _gram(basis: list[torch.Tensor], free: torch.Tensor) -> torch.Tensor:
    """Inner products of the basis over the free variables, chunk by chunk."""
    total = torch.zeros(len(basis), len(basis), dtype=basis[0].dtype, device=basis[0].device)
    for low in range(0, len(free), CHUNK):
        part = torch.stack([vector[low : low + CHUNK] for vector in basis]).mul_(free[low : low + CHUNK])
        total.addmm_(part, part.T)
    return total


def _two_loop(gram: torch.Tensor, m: int) -> torch.Tensor:
    """Coefficients of -H g in the basis (s_1..s_m, y_1..y_m, g) from its inner products."""
    gram = gram.cpu()
    delta = torch.zeros(2 * m + 1, dtype=gram.dtype)
    delta[2 * m] = -1.0
    alphas = torch.zeros(m, dtype=gram.dtype)
    pairs = [i for i in range(m) if gram[i, m + i] > MIN_CURVATURE * gram[m + i, m + i]]
    for i in reversed(pairs):
        alphas[i] = (delta @ gram[:, i]) / gram[i, m + i]
        delta[m + i] -= alphas[i]
    if pairs:
        newest = pairs[-1]
        delta *= gram[newest, m + newest] / gram[m + newest, m + newest]
    for i in pairs:
        beta = (delta @ gram[:, m + i]) / gram[i, m + i]
        delta[i] += alphas[i] - beta
    return delta


def _search(
    evaluate: Evaluate,
    x: torch.Tensor,
    value: float,
    gradient: torch.Tensor,
    direction: torch.Tensor,
    bounds: tuple[torch.Tensor, torch.Tensor],
    add: AddOverRanks,
) -> tuple[torch.Tensor, float, torch.Tensor] | None:
    """The first projected step along the direction that lowers the value enough, by halving or a parabola."""
    slope = _dot(gradient, direction, add)
    length = 1.0
    for _ in range(MAX_BACKTRACKS):
        new_x = torch.clamp(x + length * direction, *bounds)
        expected = _dot(gradient, new_x - x, add)
        if slope >= 0 or expected >= 0:
            return None
        new_value, new_gradient = evaluate(new_x)
        if new_value <= value + SUFFICIENT_DECREASE * expected:
            return new_x, new_value, new_gradient
        parabola = -slope * length / (2 * ((new_value - value) / length - slope))
        length = min(max(0.1 * length, parabola), 0.5 * length)
    return None


def _remember(
    history: deque[tuple[torch.Tensor, torch.Tensor]], s: torch.Tensor, y: torch.Tensor, add: AddOverRanks
) -> None:
    """Keep a step and its change of gradient if the curvature along it is positive."""
    if _dot(s, y, add) > MIN_CURVATURE * _dot(y, y, add):
        history.append((s, y))


def _dot(a: torch.Tensor, b: torch.Tensor, add: AddOverRanks) -> float:
    """Inner product over all ranks."""
    return float(add(torch.dot(a, b)))
