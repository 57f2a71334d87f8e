"""The engine `csr` and the peer package give the same weights from the same draws."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from calibration_assets.fit.fit import fit
from calibration_assets.settings import FitSettings, RefitSettings
from calibration_assets_tests.fit.problems import small_problem

GRID = [
    FitSettings(beta=beta, lambda_l0=lambda_l0, lambda_l2=lambda_l2, learning_rate=rate, epochs=epochs)
    for beta, lambda_l0, (lambda_l2, rate, epochs) in product(
        (0.35, 0.65), (1e-8, 1e-4, 1e-2), ((1e-12, 0.15, 10), (1e-8, 0.15, 200), (1e-8, 0.05, 100))
    )
] + [FitSettings(preset=preset, epochs=100) for preset in ("local", "national")]


@pytest.mark.parametrize("settings", GRID)
def test_weights_agree_with_the_peers(settings):
    X, targets = small_problem(n_rows=40, n_columns=2_000, seed=3, density=0.1)
    settings = replace(settings, refit=RefitSettings(refit=False))
    ours = fit(X, targets, settings).weights
    peers = fit(X, targets, replace(settings, engine="l0-python")).weights
    assert np.abs(ours - peers).max() <= 1e-3 * peers.max()
    assert np.count_nonzero((ours > 0) != (peers > 0)) <= 1e-4 * len(peers)


def test_the_peer_leaves_the_global_generator_alone():
    import torch

    X, targets = small_problem()
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    fit(X, targets, FitSettings(engine="l0-python", epochs=2))
    assert torch.equal(torch.rand(3), expected)
