"""The data loss: its formulas, its slope, and targets without a usual relative error."""

import numpy as np
import pytest
import torch

from calibration_assets.errors import CalibrationError
from calibration_assets.fit.objective import make_objective
from calibration_assets.settings import LossSettings

TARGETS = np.array([100.0, 3.0, 0.0, -1.0, -50.0, 2e12])
ESTIMATES = torch.tensor([80.0, 9.0, 0.5, 2.0, -40.0, 1e12], dtype=torch.float64)


def loss_of(targets, estimates, **settings):
    value, _ = make_objective(np.asarray(targets), LossSettings(**settings)).value_and_slope(estimates)
    return float(value)


def test_relative_loss_is_the_squared_error_over_target_plus_one():
    assert loss_of([9.0, 4.0], torch.tensor([4.0, 9.0], dtype=torch.float64)) == 0.5**2 + 1.0**2


def test_capped_loss_saturates_at_one():
    far = torch.tensor([1e9], dtype=torch.float64)
    assert loss_of([10.0], far, loss="capped") == pytest.approx(1.0)
    assert loss_of([10.0], torch.tensor([11.0], dtype=torch.float64), loss="capped") == pytest.approx(0.01 / 1.01)


@pytest.mark.parametrize("loss", ["relative", "scaled", "capped"])
def test_slope_is_the_derivative(loss):
    objective = make_objective(TARGETS, LossSettings(loss=loss))
    estimates = ESTIMATES.clone().requires_grad_()
    objective.value_and_slope(estimates)[0].backward()
    torch.testing.assert_close(objective.value_and_slope(ESTIMATES)[1], estimates.grad, rtol=1e-12, atol=0)


@pytest.mark.parametrize("loss", ["relative", "scaled", "capped"])
def test_zero_and_minus_one_have_a_finite_loss(loss):
    value, slope = make_objective(TARGETS, LossSettings(loss=loss)).value_and_slope(ESTIMATES)
    assert torch.isfinite(value)
    assert torch.isfinite(slope).all()


def test_minus_one_takes_the_absolute_error():
    assert loss_of([-1.0], torch.tensor([2.0], dtype=torch.float64)) == 9.0


def test_scaling_a_row_and_its_target_changes_nothing_under_scaled():
    targets, estimates = np.array([50.0, -8.0]), torch.tensor([40.0, -9.0], dtype=torch.float64)
    assert loss_of(targets * 1000, estimates * 1000, loss="scaled") == pytest.approx(
        loss_of(targets, estimates, loss="scaled"), rel=1e-12
    )


def test_groups_weigh_the_same_whatever_their_size():
    settings = LossSettings(group_targets=True)
    objective = make_objective(np.full(4, 9.0), settings, groups=np.array(["a", "b", "b", "b"]))
    assert objective.importance.tolist() == pytest.approx([2.0, 2 / 3, 2 / 3, 2 / 3])


def test_target_weights_multiply_the_loss():
    objective = make_objective(np.array([9.0, 9.0]), LossSettings(), target_weights=np.array([1.0, 0.0]))
    value, _ = objective.value_and_slope(torch.tensor([4.0, 1e9], dtype=torch.float64))
    assert float(value) == 0.25


@pytest.mark.parametrize(
    ("settings", "arguments", "sentence"),
    [
        (LossSettings(loss="huber"), {}, "The loss is `huber`"),
        (LossSettings(floor=0.0), {}, "floor is 0.0"),
        (LossSettings(group_targets=True), {}, "need a group for each of 2 targets, found 0"),
        (LossSettings(), {"target_weights": np.array([1.0, -1.0])}, "finite numbers of at least 0"),
    ],
)
def test_bad_input_is_one_sentence(settings, arguments, sentence):
    with pytest.raises(CalibrationError, match=sentence):
        make_objective(np.array([1.0, 2.0]), settings, **arguments)
