"""A target's loss and its price against the objective itself."""

import numpy as np
import pytest
import torch

from calibration_assets.diagnostics.losses import target_losses
from calibration_assets.fit.objective import make_objective
from calibration_assets.settings import LossSettings

TARGETS = np.array([9.0, 100.0, -4.0])
ESTIMATES = np.array([4.0, 110.0, -5.0])


@pytest.mark.parametrize("loss", ["relative", "scaled", "capped"])
def test_losses_sum_to_the_objective_and_the_price_is_its_fall(loss):
    objective = make_objective(TARGETS, LossSettings(loss=loss))
    table = target_losses(ESTIMATES, objective)
    whole = target_losses(ESTIMATES, objective)["loss"].sum()
    nearer = ESTIMATES + 1e-6 * np.abs(TARGETS) * np.sign(TARGETS - ESTIMATES)
    fall = table["loss"] - target_losses(nearer, objective)["loss"]
    assert whole == pytest.approx(float(objective.value_and_slope(torch.from_numpy(ESTIMATES))[0]))
    assert table["shadow_price"].to_numpy() == pytest.approx(fall.to_numpy() * 1e4, rel=1e-4)


def test_relative_loss_by_hand():
    table = target_losses(ESTIMATES, make_objective(TARGETS, LossSettings()))
    assert table["loss"].tolist() == pytest.approx([0.25, 100 / 101**2, 1 / 9])
    assert table["slope"].tolist() == pytest.approx([-0.1, 20 / 101**2, -2 / 9])
