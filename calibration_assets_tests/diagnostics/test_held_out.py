"""Held-out accuracy: every target once, nothing of it seen; what dropping a target gives."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from calibration_assets.diagnostics.conflicts import conflicting_targets
from calibration_assets.diagnostics.diagnosis import diagnose
from calibration_assets.diagnostics.held_out import (
    assign_folds,
    check_conflicts,
    held_out_errors,
    held_out_families,
    held_out_figures,
    refit_without,
    unseen_start,
)
from calibration_assets.errors import CalibrationError
from calibration_assets.fit.fit import fit
from calibration_assets.fit.objective import make_objective
from calibration_assets.matrix.cell_matrix import as_cell_matrix
from calibration_assets.settings import FitSettings, HeldOutSettings, LossSettings
from calibration_assets_tests.diagnostics.example import make_package

SETTINGS = FitSettings(epochs=20, lambda_l2=0.0)


def fitted(X, targets, columns):
    values = targets["value"].to_numpy()
    initial = np.full(len(columns), 30.0)
    weights = np.asarray(fit(X, values, SETTINGS, initial_weights=initial).weights, dtype=np.float64)
    return weights, initial, make_objective(values, LossSettings())


def test_folds_are_seeded_even_and_spread_over_families():
    X, targets, columns, weights = make_package()
    detail = diagnose(X, targets, columns, weights).targets
    folds = assign_folds(detail, 3, seed=1)
    assert np.bincount(folds).tolist() == [7, 7, 7]
    assert assign_folds(detail, 3, seed=1).tolist() == folds.tolist()
    assert assign_folds(detail, 3, seed=2).tolist() != folds.tolist()
    largest = detail[detail["family"] == "person_count by age"].index
    assert np.bincount(folds[largest], minlength=3).max() <= 6


def test_number_of_folds_must_fit():
    X, targets, columns, weights = make_package()
    detail = diagnose(X, targets, columns, weights).targets
    with pytest.raises(CalibrationError, match="22 folds over 21 targets"):
        assign_folds(detail, 22, seed=0)


def test_start_keeps_every_district_and_has_no_dropped_column():
    *_, columns, weights = make_package()
    weights = np.where(np.arange(len(weights)) % 3, weights, 0.0)
    initial = np.full(len(weights), 30.0)
    start = unseen_start(weights, initial, columns)
    assert ((start > 0) == (weights > 0)).all()
    for district in columns["district"].unique():
        inside = (columns["district"] == district).to_numpy()
        assert start[inside].sum() == pytest.approx(initial[inside].sum())


def test_wrong_target_is_met_in_sample_but_not_held_out():
    X, targets, columns, _ = make_package()
    wrong = targets.index[targets["target_name"] == "national_US/employment_income/2"][0]
    targets.loc[wrong, "value"] *= 1.5
    rows = [row for row in range(len(targets)) if targets["variable"].iloc[row] != "employment_income" or row == wrong]
    X, targets = X[rows], targets.iloc[rows].reset_index(drop=True)
    weights, initial, objective = fitted(X, targets, columns)
    detail = diagnose(X, targets, columns, weights).targets
    folds = HeldOutSettings(n_folds=len(targets))
    start = unseen_start(weights, initial, columns)
    held_out = held_out_errors(as_cell_matrix(X), detail, objective, SETTINGS, start, folds).set_index("target")
    row = held_out.loc["national_US/employment_income/2"]
    assert row["abs_rel_error"] < 0.01
    assert row["seen_abs_rel_error"] < 0.01
    assert row["held_out_abs_rel_error"] > 0.2
    implied = held_out.loc["national_US/person_count/0"]
    assert implied["held_out_abs_rel_error"] < 0.01


def test_each_fold_is_fitted_to_the_others_alone():
    X, targets, columns, _ = make_package()
    weights, initial, objective = fitted(X, targets, columns)
    detail = diagnose(X, targets, columns, weights).targets
    start, settings = unseen_start(weights, initial, columns), HeldOutSettings(n_folds=3)
    table = held_out_errors(as_cell_matrix(X), detail, objective, SETTINGS, start, settings)
    changed = targets.assign(value=targets["value"].where(table["fold"] != 1, targets["value"] * 7))
    other = make_objective(changed["value"].to_numpy(), LossSettings())
    detail = diagnose(X, changed, columns, weights).targets
    again = held_out_errors(as_cell_matrix(X), detail, other, SETTINGS, start, settings)
    unseen = table["fold"] == 1
    assert again.loc[unseen, "held_out_estimate"].tolist() == table.loc[unseen, "held_out_estimate"].tolist()


def test_weights_of_zero_hold_out_to_zero():
    X, targets, columns, weights = make_package()
    detail = diagnose(X, targets, columns, weights * 0).targets
    start = unseen_start(weights * 0, weights, columns)
    objective = make_objective(targets["value"].to_numpy(), LossSettings())
    table = held_out_errors(as_cell_matrix(X), detail, objective, SETTINGS, start, HeldOutSettings(n_folds=2))
    assert table["held_out_abs_rel_error"].tolist() == [1.0] * len(targets)


def test_figures_by_hand():
    held_out = pd.DataFrame(
        {
            "near_zero": [False, False, False, True],
            "achievable": [True, True, False, True],
            "abs_rel_error": [0.0, 0.02, 9.0, 9.0],
            "held_out_abs_rel_error": [0.05, 0.35, 9.0, 9.0],
            "seen_abs_rel_error": [0.01, 0.03, 9.0, 9.0],
        }
    )
    figures = held_out_figures(held_out)
    assert figures["in_sample_median_error_pct"] == pytest.approx(1)
    assert figures["held_out_median_error_pct"] == pytest.approx(20)
    assert figures["seen_by_folds_median_error_pct"] == pytest.approx(2)
    assert (figures["in_sample_within_1_pct"], figures["held_out_within_10_pct"]) == (50, 50)


def test_families_side_by_side():
    held_out = pd.DataFrame(
        {
            "target": list("abcd"),
            "geo_level": ["national"] * 3 + ["district"],
            "family": ["x", "x", "x", "y"],
            "near_zero": [False, False, True, False],
            "achievable": [True, True, True, True],
            "abs_rel_error": [0.0, 0.02, 9.0, 0.01],
            "held_out_abs_rel_error": [0.05, 0.35, 9.0, 0.1],
        }
    )
    table = held_out_families(held_out)
    assert table["targets"].tolist() == [2, 1]
    assert table["median"].tolist() == [0.01, 0.01]
    assert table["held_out_median"].tolist() == pytest.approx([0.2, 0.1])
    assert table["held_out_within_10"].tolist() == [0.5, 1.0]


def test_dropping_the_opponent_lets_the_target_be_met():
    X, targets, columns, _ = make_package()
    X = sparse.vstack([X, X[[0]]], format="csr")
    twin = targets.iloc[[0]].assign(value=targets["value"].iloc[0] * 1.2, target_name="twin")
    targets = pd.concat([targets, twin], ignore_index=True)
    weights, _, objective = fitted(X, targets, columns)
    detail = diagnose(X, targets, columns, weights).targets
    first = "national_US/person_count/0"
    pair = conflicting_targets(as_cell_matrix(X), detail, weights).set_index("target").loc[[first]].iloc[0]
    without = refit_without(as_cell_matrix(X), detail, objective, SETTINGS, weights, ["twin"]).set_index("target")
    assert pair["opponent"] == "twin"
    before, after = without.loc[first, ["abs_rel_error", "abs_rel_error_without"]]
    assert before > 0.01
    assert after < before / 10


def test_conflicts_are_checked_by_refits_on_request():
    X, targets, columns, _ = make_package()
    X = sparse.vstack([X, X[[0]]], format="csr")
    twin = targets.iloc[[0]].assign(value=targets["value"].iloc[0] * 1.2, target_name="twin")
    targets = pd.concat([targets, twin], ignore_index=True)
    weights, _, objective = fitted(X, targets, columns)
    diagnosis = diagnose(X, targets, columns, weights)
    pairs = diagnosis.conflicts
    assert len(pairs) > 1
    checked = check_conflicts(as_cell_matrix(X), diagnosis.targets, objective, SETTINGS, weights, pairs, 1)
    opponent = pairs["opponent"].iloc[0]
    alone = refit_without(as_cell_matrix(X), diagnosis.targets, objective, SETTINGS, weights, [opponent])
    expected = alone.set_index("target").loc[pairs["target"].iloc[0], "abs_rel_error_without"]
    assert checked["error_refitted"].iloc[0] == expected
    assert checked["error_refitted"].isna().sum() == len(pairs) - 1


def test_unknown_target_is_refused():
    X, targets, columns, weights = make_package()
    detail = diagnose(X, targets, columns, weights).targets
    objective = make_objective(targets["value"].to_numpy(), LossSettings())
    with pytest.raises(CalibrationError, match="No target is called 'x'"):
        refit_without(as_cell_matrix(X), detail, objective, SETTINGS, weights, ["x"])
