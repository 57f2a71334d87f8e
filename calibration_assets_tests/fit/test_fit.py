"""Whole fits: what must hold at the end, and what must not change the weights."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from calibration_assets.fit.fit import fit, fit_l0_weights
from calibration_assets.settings import FitSettings, LossSettings, ObservationSettings, RefitSettings
from calibration_assets_tests.fit.problems import small_problem
from calibration_assets_tests.matrix.test_cell_matrix import made

GATES_ALONE = RefitSettings(refit=False)
TO_THE_END = RefitSettings(max_iterations=5_000, tolerance=1e-8)


def gradient_by_log_weight(X, targets, weights, lambda_l2):
    weights = weights.astype(np.float64)
    dense = X.toarray().astype(np.float64)
    slopes = 2 * (dense @ weights - targets) / (targets + 1) ** 2
    return weights * (dense.T @ slopes) + 2 * lambda_l2 * weights**2


@given(st.integers(0, 10_000))
@settings(max_examples=5, deadline=None)
def test_attainable_targets_are_met_after_the_refit(seed):
    X, targets = small_problem(seed=seed)
    result = fit(X, targets, FitSettings(refit=TO_THE_END))
    assert np.abs(X @ result.weights.astype(np.float64) / targets - 1).max() < 1e-4


def test_the_stated_gradient_norm_is_the_gradients():
    X, targets = small_problem(n_rows=30, n_columns=20)
    targets *= np.random.default_rng(0).lognormal(0, 0.5, 30)
    result = fit(X, targets, FitSettings(lambda_l2=1e-7, refit=TO_THE_END))
    certificate = result.record["refit"]
    assert certificate["converged"], certificate
    weights, gated = result.weights[result.weights > 0], result.gated_weights[result.weights > 0]
    kept = X[:, np.flatnonzero(result.weights)]
    all_missed = gated * (kept.toarray().astype(np.float64).T @ (2 * targets / (targets + 1) ** 2))
    norm = np.linalg.norm(gradient_by_log_weight(kept, targets, weights, 1e-7)) / np.linalg.norm(all_missed)
    assert certificate["relative_gradient_norm"] <= 1e-8
    assert norm < 1e-6


def test_the_refit_lowers_the_objective_and_keeps_the_gates_columns():
    X, targets = small_problem(n_rows=40, n_columns=2_000, density=0.1)
    result = fit(X, targets, FitSettings(lambda_l0=1e-2, epochs=200))
    assert 0 < result.record["kept_columns"] < 2_000
    assert ((result.weights > 0) == (result.gated_weights > 0)).all()
    misses = [np.square(X @ w.astype(np.float64) / targets - 1).sum() for w in (result.weights, result.gated_weights)]
    assert misses[0] < 1e-3 * misses[1]


def test_permuting_columns_permutes_the_refit():
    X, targets = small_problem(n_rows=30, n_columns=25)
    order = np.random.default_rng(1).permutation(25)
    start = np.random.default_rng(2).lognormal(4, 0.3, 25)
    only_refit = FitSettings(epochs=0, lambda_l2=1e-6, refit=TO_THE_END)
    weights = fit(X, targets, only_refit, initial_weights=start).weights
    permuted = fit(X[:, order], targets, only_refit, initial_weights=start[order]).weights
    np.testing.assert_allclose(permuted, weights[order], rtol=0.01)


@given(st.lists(st.floats(1e-3, 1e3), min_size=12, max_size=12))
@settings(max_examples=5, deadline=None)
def test_scaling_rows_and_targets_changes_nothing_under_scaled(scales):
    X, targets = small_problem()
    scales = 2.0 ** np.round(np.log2(scales))
    chosen = FitSettings(epochs=20, objective=LossSettings(loss="scaled", floor=1e-6), refit=GATES_ALONE)
    scaled = sparse.csr_matrix(sparse.diags(scales) @ X)
    np.testing.assert_allclose(
        fit(scaled, targets * scales, chosen).weights, fit(X, targets, chosen).weights, rtol=1e-4
    )


def test_a_dense_matrix_gives_the_same_weights():
    X, targets = small_problem()
    chosen = FitSettings(epochs=20)
    assert (fit(X.toarray(), targets, chosen).weights == fit(X, targets, chosen).weights).all()


def test_equal_calls_give_equal_bits_and_the_seed_matters():
    X, targets = small_problem()
    chosen = FitSettings(epochs=30, refit=GATES_ALONE)
    first = fit(X, targets, chosen).weights
    torch.rand(5)
    assert (fit(X, targets, chosen).weights == first).all()
    assert (fit(X, targets, replace(chosen, seed=1)).weights != first).any()


@pytest.mark.parametrize("frequency", [1, 7, 30])
def test_watching_changes_no_bit(tmp_path, frequency):
    X, targets = small_problem()
    chosen = FitSettings(epochs=30)
    watched = ObservationSettings(
        log_freq=frequency,
        epoch_log=str(tmp_path / "log.csv"),
        checkpoint_output=str(tmp_path / "fit.npz"),
        checkpoint_every=frequency,
        progress=True,
    )
    assert (fit(X, targets, chosen, observation=watched).weights == fit(X, targets, chosen).weights).all()


def test_bounds_hold_on_the_ratio_to_the_initial_weights():
    X, targets = small_problem(n_rows=30, n_columns=40)
    start = np.random.default_rng(0).lognormal(5, 0.2, 40)
    bounded = RefitSettings(lower_ratio=0.5, upper_ratio=1.5)
    ratio = fit(X, targets, FitSettings(epochs=5, refit=bounded), initial_weights=start).weights / start
    assert ratio.min() >= 0.5 * (1 - 1e-6)
    assert ratio.max() <= 1.5 * (1 + 1e-6)
    assert (ratio > 1.499).any()


def test_terms_hold_every_epoch_and_fall():
    X, targets = small_problem()
    terms = fit(X, targets, FitSettings(epochs=50, refit=GATES_ALONE)).terms
    assert terms["epoch"].tolist() == list(range(1, 51))
    assert terms["total"].iloc[-1] < 0.1 * terms["total"].iloc[0]


def test_a_zero_target_and_one_of_minus_one_are_fitted_with_a_note():
    X, targets = small_problem()
    targets[3:5] = 0, -1
    result = fit(X, targets, FitSettings(epochs=5))
    assert np.isfinite(result.weights).all()
    assert [note[:13] for note in result.record["notes"]] == ["1 targets are", "1 targets are"]


def test_the_manuals_function_is_the_fit():
    X, targets = small_problem()
    chosen = FitSettings(lambda_l0=1e-8, epochs=20, beta=0.65, lambda_l2=1e-8)
    weights = fit_l0_weights(
        X_sparse=X, targets=targets, lambda_l0=1e-8, epochs=20, device="cpu", beta=0.65, lambda_l2=1e-8
    )
    assert weights.dtype == np.float32
    assert (weights == fit(X, targets, chosen).weights).all()
    gated = fit_l0_weights(X, targets, lambda_l0=1e-8, epochs=20, beta=0.65, lambda_l2=1e-8, refit=False)
    assert (gated == fit(X, targets, chosen).gated_weights).all()


def test_rows_by_cell_are_fitted_to_the_weights_of_their_csr():
    matrix = made(seed=4)
    matrix = replace(matrix, **{part: abs(getattr(matrix, part)) for part in ("by_column", "by_cell")})
    targets = matrix @ np.random.default_rng(5).uniform(50, 150, matrix.shape[1])
    settings = FitSettings(lambda_l0=1e-6, epochs=30)
    by_cell, by_column = (fit(X, targets, settings) for X in (matrix, matrix.tocsr()))
    np.testing.assert_allclose(by_cell.gated_weights, by_column.gated_weights, rtol=1e-3)
    assert by_cell.record["entries"] == by_column.record["entries"] == matrix.nnz
    np.testing.assert_allclose(matrix @ by_cell.weights, targets, rtol=1e-3)
