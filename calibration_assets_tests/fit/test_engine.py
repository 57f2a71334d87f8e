"""The engine's gradients against automatic differentiation, and against the peer's penalty."""

import numpy as np
import pytest
import torch
from l0.calibration import SparseCalibrationWeights

from calibration_assets.fit.engine import ALPHA, THETA, GatedEngine
from calibration_assets.fit.gates import ALPHA_BOUND, GAMMA, STRETCH, UNIFORM_MARGIN, evaluate_gates, penalty_shift
from calibration_assets.fit.objective import make_objective
from calibration_assets.fit.products import MatrixProducts
from calibration_assets.fit.ranks import Ranks
from calibration_assets.matrix.cell_matrix import as_cell_matrix
from calibration_assets.settings import FitSettings, LossSettings
from calibration_assets_tests.fit.problems import small_problem


def make_engine(X, targets, settings):
    objective = make_objective(targets, settings.objective)
    return GatedEngine(MatrixProducts(as_cell_matrix(X)), objective, settings, n_columns=X.shape[1], ranks=Ranks())


def objective_by_autograd(X, objective, settings, lambda_l0, parameters, uniform):
    """The whole objective of one draw, written as in the design, in float64."""
    theta, alpha = parameters
    u = uniform.double().clamp(UNIFORM_MARGIN, 1 - UNIFORM_MARGIN)
    alpha = alpha.clamp(-ALPHA_BOUND, ALPHA_BOUND)
    s = torch.sigmoid((torch.log(u) - torch.log(1 - u) + alpha) / settings.beta)
    weights = torch.exp(theta) * (s * STRETCH + GAMMA).clamp(0, 1)
    loss, _ = objective.value_and_slope(torch.from_numpy(X.toarray()).double() @ weights)
    open_gates = torch.sigmoid(alpha + penalty_shift(settings.beta)).sum()
    return loss + lambda_l0 * open_gates + settings.lambda_l2 * torch.exp(2 * theta).sum()


@pytest.mark.parametrize("loss", ["relative", "scaled", "capped"])
@pytest.mark.parametrize("alpha", [-30.0, -1.0, 0.5, 6.9, 30.0])
def test_gradients_equal_automatic_ones(loss, alpha):
    X, targets = small_problem()
    settings = FitSettings(lambda_l2=1e-4, objective=LossSettings(loss=loss))
    engine = make_engine(X, targets, settings)
    state = engine.start(np.full(300, 90.0), 0.01)
    state.parameters[ALPHA] += alpha - state.parameters[ALPHA].mean()
    uniform = torch.rand(300, generator=torch.Generator().set_state(state.generator.get_state()))
    before = state.parameters.double().clone().requires_grad_()
    objective = make_objective(targets, settings.objective)
    total = objective_by_autograd(X, objective, settings, state.lambda_l0, before, uniform)
    total.backward()
    terms = engine.step(state)
    assert terms.total == pytest.approx(total.item(), rel=1e-5)
    torch.testing.assert_close(10 * state.first_moment.double(), before.grad, rtol=2e-3, atol=1e-6)


def test_adam_step_is_torchs():
    X, targets = small_problem()
    engine = make_engine(X, targets, FitSettings())
    state = engine.start(np.full(300, 90.0), 1e-3)
    parameters = state.parameters.clone().requires_grad_()
    adam = torch.optim.Adam([parameters], lr=FitSettings.learning_rate)
    first_moment = torch.zeros_like(state.first_moment)
    for _ in range(5):
        engine.step(state)
        parameters.grad = (state.first_moment - 0.9 * first_moment) / 0.1
        first_moment = state.first_moment.clone()
        adam.step()
        torch.testing.assert_close(state.parameters, parameters.detach(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("beta", [0.35, 0.65])
def test_gates_and_penalty_are_the_peers(beta):
    torch.manual_seed(0)
    peer = SparseCalibrationWeights(50, beta=beta, init_keep_prob=np.linspace(0.01, 0.99, 50))
    alpha = peer.log_alpha.detach()
    torch.testing.assert_close(evaluate_gates(alpha, beta), peer.get_deterministic_gates())
    expected = torch.sigmoid(alpha + penalty_shift(beta)).sum()
    torch.testing.assert_close(expected, peer.get_l0_penalty().detach())


def test_a_copy_goes_its_own_way():
    X, targets = small_problem()
    engine = make_engine(X, targets, FitSettings())
    state = engine.start(np.full(300, 90.0), 1e-3)
    copy = state.copy()
    engine.step(state)
    engine.step(copy)
    torch.testing.assert_close(copy.parameters, state.parameters, rtol=0, atol=0)
    engine.step(state)
    assert copy.epoch == 1
    assert not torch.equal(copy.parameters[THETA], state.parameters[THETA])
