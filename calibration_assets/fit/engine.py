"""The engine `csr`: gates and log-weights by Adam with explicit gradients, on CPU and CUDA, alone or on ranks.

With z the drawn gate and w = exp(theta) z, the derivatives are g w + 2 lambda_2 exp(2 theta) by theta and
g exp(theta) s (1 - s) (zeta - gamma) / beta [0 < z < 1] + lambda_0 p (1 - p) by alpha, where g = X.T (dL/d estimate)
and p = sigmoid(alpha + c) is the probability of an open gate. The element-wise part runs block by block, so that a
block stays in cache. The loop and what observes it stay out.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import torch

from calibration_assets.fit.gates import (
    ALPHA_BOUND,
    GAMMA,
    START_KEEP_PROBABILITY,
    STRETCH,
    UNIFORM_MARGIN,
    evaluate_gates,
    penalty_shift,
)
from calibration_assets.fit.objective import Objective
from calibration_assets.fit.products import MatrixProducts
from calibration_assets.fit.ranks import Ranks
from calibration_assets.settings import FitSettings

THETA_JITTER = 0.05
ALPHA_JITTER = 0.01
LOG_MARGIN = 1e-8
FIRST_DECAY, SECOND_DECAY, ADAM_EPSILON = 0.9, 0.999, 1e-8
CACHED_COLUMNS_BY_THREAD = 1 << 15
THETA, ALPHA = 0, 1


@dataclass
class GatedState:
    """All that changes from epoch to epoch: rows theta and alpha of (2, columns), Adam's moments, the generator.

    The penalty on open gates is part of it, since a search for a number of columns raises it on the way.
    """

    parameters: torch.Tensor
    first_moment: torch.Tensor
    second_moment: torch.Tensor
    generator: torch.Generator
    lambda_l0: float
    epoch: int = 0

    def copy(self) -> "GatedState":
        """A state that goes its own way."""
        generator = torch.Generator(self.generator.device)
        generator.set_state(self.generator.get_state())
        return replace(
            self,
            parameters=self.parameters.clone(),
            first_moment=self.first_moment.clone(),
            second_moment=self.second_moment.clone(),
            generator=generator,
        )


@dataclass(frozen=True)
class Terms:
    """The objective's terms at the parameters with which an epoch began."""

    data_loss: float
    l0_penalty: float
    l2_penalty: float

    @property
    def total(self) -> float:
        """What is minimised."""
        return self.data_loss + self.l0_penalty + self.l2_penalty


class GatedEngine:
    """One epoch of the gated fit over this rank's columns."""

    def __init__(
        self,
        products: MatrixProducts,
        objective: Objective,
        settings: FitSettings,
        *,
        n_columns: int,
        ranks: Ranks,
    ) -> None:
        self._products, self._objective, self._settings = products, objective, settings
        self.n_columns, self._ranks = n_columns, ranks
        self._shard = slice(*ranks.shard(n_columns))
        device, n_local = settings.device, products.n_columns
        self._block = n_local if device == "cuda" else CACHED_COLUMNS_BY_THREAD * torch.get_num_threads()
        self._uniform = torch.empty(n_columns, device=device)
        self._amplitude, self._weights, self._gate_slope, self._gradient = torch.empty(4, n_local, device=device)
        self._scratch = torch.empty(2, 2, min(self._block, n_local), device=device)
        self._stretched_zero = torch.tensor(GAMMA, device=device)
        n_blocks = -(-n_local // self._block)
        self._sums = torch.empty(2, n_blocks, dtype=torch.float64, device=device)

    def start(self, initial_weights: np.ndarray, lambda_l0: float) -> GatedState:
        """State before the first epoch, for initial weights (columns,); draws the jitter of alpha, then of theta."""
        device = self._settings.device
        generator = torch.Generator(device).manual_seed(self._settings.seed)
        alpha = torch.randn(self.n_columns, generator=generator, device=device).mul_(ALPHA_JITTER)
        # The logit is taken in float32, as the peer does: in float64 it differs by 1e-5, which grows over the epochs.
        keep = torch.tensor(START_KEEP_PROBABILITY)
        alpha.add_(torch.log(keep / (1 - keep)))
        theta = torch.randn(self.n_columns, generator=generator, device=device).mul_(THETA_JITTER)
        weights = torch.from_numpy(np.asarray(initial_weights, dtype=np.float32)).to(device)
        theta.add_(torch.log(weights + LOG_MARGIN))
        parameters = torch.stack([theta[self._shard], alpha[self._shard]])
        return GatedState(parameters, torch.zeros_like(parameters), torch.zeros_like(parameters), generator, lambda_l0)

    def step(self, state: GatedState) -> Terms:
        """One epoch: draw the gates, estimate, and move the parameters of `state` in place."""
        self._uniform.uniform_(generator=state.generator)
        for low in range(0, self._products.n_columns, self._block):
            self._draw_weights(state.parameters[:, low : low + self._block], low)
        estimates = self._ranks.add(self._products.estimates(self._weights))
        data_loss, slopes = self._objective.value_and_slope(estimates)
        self._products.gradient(slopes, out=self._gradient)
        state.epoch += 1
        for number, low in enumerate(range(0, self._products.n_columns, self._block)):
            self._move(state, slice(low, low + self._block), number)
        open_gates, squares = self._ranks.add(self._sums.sum(1)).tolist()
        return Terms(float(data_loss), state.lambda_l0 * open_gates, self._settings.lambda_l2 * squares)

    def weights(self, state: GatedState) -> torch.Tensor:
        """Weights (this rank's columns,) with evaluated gates."""
        return torch.exp(state.parameters[THETA]) * evaluate_gates(state.parameters[ALPHA], self._settings.beta)

    def count_kept(self, state: GatedState) -> int:
        """Columns of all ranks with a weight above zero."""
        return int(self._ranks.add(torch.count_nonzero(self.weights(state))))

    def estimates(self, state: GatedState) -> torch.Tensor:
        """Estimates (rows,) in float64 of the weights with evaluated gates."""
        return self._ranks.add(self._products.estimates(self.weights(state)))

    def _draw_weights(self, parameters: torch.Tensor, low: int) -> None:
        """Drawn gates of one block: amplitude exp(theta), weights w, and dw/dalpha."""
        theta, alpha = parameters
        block = slice(low, low + len(theta))
        uniform = self._uniform[self._shard][block]
        amplitude, weights, slope = self._amplitude[block], self._weights[block], self._gate_slope[block]
        s, z = self._scratch[0, :, : len(theta)]
        torch.clamp(alpha, -ALPHA_BOUND, ALPHA_BOUND, out=z)
        torch.logit(uniform, UNIFORM_MARGIN, out=s).add_(z).mul_(1 / self._settings.beta).sigmoid_()
        torch.exp(theta, out=amplitude)
        torch.add(self._stretched_zero, s, alpha=STRETCH, out=z)
        torch.mul(amplitude, STRETCH / self._settings.beta, out=slope)
        _keep_inside(slope, z, 0, 1)
        _through_sigmoid(slope, s)
        torch.mul(amplitude, z.clamp_(0, 1), out=weights)

    def _move(self, state: GatedState, block: slice, number: int) -> None:
        """Gradient and Adam step of one block; notes the block's sums of open probability and squared amplitude."""
        parameters = state.parameters[:, block]
        alpha, amplitude, gradient = parameters[ALPHA], self._amplitude[block], self._gradient[block]
        slopes, scratch = self._scratch[:, :, : len(alpha)]
        open_probability, product = scratch
        torch.add(alpha, penalty_shift(self._settings.beta), out=open_probability).sigmoid_()
        self._sums[0, number] = open_probability.sum(dtype=torch.float64)
        self._sums[1, number] = torch.dot(amplitude, amplitude)
        torch.mul(gradient, self._weights[block], out=slopes[THETA])
        slopes[THETA].addcmul_(amplitude, amplitude, value=2 * self._settings.lambda_l2)
        _through_sigmoid(product.fill_(state.lambda_l0), open_probability)
        torch.mul(gradient, self._gate_slope[block], out=slopes[ALPHA]).add_(product)
        _keep_inside(slopes[ALPHA], alpha, -ALPHA_BOUND, ALPHA_BOUND)
        first, second = state.first_moment[:, block], state.second_moment[:, block]
        first.lerp_(slopes, 1 - FIRST_DECAY)
        second.mul_(SECOND_DECAY).addcmul_(slopes, slopes, value=1 - SECOND_DECAY)
        correction = math.sqrt(1 - SECOND_DECAY**state.epoch)
        length = -self._settings.learning_rate * correction / (1 - FIRST_DECAY**state.epoch)
        torch.sqrt(second, out=scratch).add_(ADAM_EPSILON * correction)
        parameters.addcdiv_(first, scratch, value=length)


def _keep_inside(slopes: torch.Tensor, at: torch.Tensor, low: float, high: float) -> None:
    """Zero the slopes where a clip holds, that is where `at` is outside (low, high)."""
    torch.ops.aten.hardtanh_backward.grad_input(slopes, at, low, high, grad_input=slopes)


def _through_sigmoid(slopes: torch.Tensor, value: torch.Tensor) -> None:
    """Multiply the slopes by the derivative of the sigmoid that has this value."""
    torch.ops.aten.sigmoid_backward.grad_input(slopes, value, grad_input=slopes)
