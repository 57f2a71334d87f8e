"""Who holds back whom, against the pulls written out in full."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from calibration_assets.diagnostics.conflicts import conflicting_targets, opposition
from calibration_assets.diagnostics.diagnosis import diagnose
from calibration_assets.fit.fit import fit
from calibration_assets.matrix.cell_matrix import as_cell_matrix
from calibration_assets.settings import FitSettings
from calibration_assets_tests.diagnostics.example import make_package


def test_shares_are_inner_products_of_pulls():
    dense = np.array([[1.0, 2.0, 0.0], [0.0, 1.0, 3.0], [4.0, 0.0, 1.0]])
    weights, slope = np.array([2.0, 1.0, 0.5]), np.array([0.1, -0.2, 0.3])
    pulls = slope[:, None] * dense * weights
    expected = -(pulls @ pulls.T) / (pulls**2).sum(axis=1)
    assert opposition(as_cell_matrix(dense), weights, slope, np.array([0, 2])) == pytest.approx(expected[:, [0, 2]])


def test_pulls_balance_at_a_fit_that_has_converged():
    X, targets, columns, _ = make_package()
    values = targets["value"].to_numpy() * np.random.default_rng(3).normal(1, 0.1, len(targets))
    settings = FitSettings(epochs=20, lambda_l2=0.0)
    weights = np.asarray(fit(X, values, settings, initial_weights=np.full(len(columns), 30.0)).weights, np.float64)
    detail = diagnose(X, targets.assign(value=values), columns, weights).targets
    worst = detail["abs_rel_error"].nlargest(5).index.to_numpy()
    shares = opposition(as_cell_matrix(X), weights, detail["slope"].to_numpy(), worst)
    assert shares[worst, np.arange(5)] == pytest.approx(-1)
    assert shares.sum(axis=0) == pytest.approx(0, abs=0.02)


def test_an_overruled_target_is_promised_no_relief():
    X = sparse.csr_matrix(np.ones((3, 2)))
    detail = pd.DataFrame(
        {
            "target": ["weak", "strong", "equal"],
            "slope": [-0.01, 0.5, -0.4],
            "rel_error": [-0.9, 0.2, -0.1],
            "abs_rel_error": [0.9, 0.2, 0.1],
            "achievable": True,
            "near_zero": False,
            "carrying_records": 2,
        }
    )
    pairs = conflicting_targets(as_cell_matrix(X), detail, np.ones(2)).set_index(["target", "opponent"])
    assert pairs["share"].to_dict() == pytest.approx(
        {("weak", "strong"): 50, ("strong", "equal"): 0.8, ("equal", "strong"): 1.25}
    )
    assert pairs["error_without"].tolist() == pytest.approx([float("nan"), 0.04, 0], nan_ok=True)
