"""Errors and reach of targets, computed by hand on four columns."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from calibration_assets.diagnostics import targets
from calibration_assets.errors import CalibrationError
from calibration_assets.matrix.reach import NO_COLUMN, ONLY_NEGATIVE, ONLY_POSITIVE

ROWS = [
    [1, 2, 0, 1],  # a plain count
    [0, 0, 0, 0],  # nobody
    [-5, 0, -1, 0],  # losses alone
    [0, 3, 0, -4],  # both signs
    [0, 0, 7, 0],
]
VALUES = [100.0, 10.0, 20.0, -50.0, 0.0]
WEIGHTS = np.array([10.0, 20.0, 0.0, 30.0])
NAMES = ["a", "b", "c", "d", "e"]


X = sparse.csr_matrix(np.array(ROWS, dtype=np.float32))
TARGETS = pd.DataFrame({"value": VALUES})


def test_errors_by_hand():
    errors = targets.target_errors(X, TARGETS, NAMES, WEIGHTS)
    assert list(errors.columns) == targets.CSV_COLUMNS
    assert errors["estimate"].tolist() == [80.0, 0.0, -50.0, -60.0, 0.0]
    assert errors["rel_error"].tolist() == pytest.approx([-0.2, -1.0, -3.5, -0.2, 0.0])
    assert errors["abs_rel_error"].tolist() == pytest.approx([0.2, 1.0, 3.5, 0.2, 0.0])
    assert errors["achievable"].tolist() == [True, False, False, True, True]


def test_reasons_why_targets_cannot_be_met():
    table = targets.unachievable_targets(X, TARGETS, NAMES)
    assert table[["target", "reason"]].to_numpy().tolist() == [["b", NO_COLUMN], ["c", ONLY_NEGATIVE]]
    negated = targets.unachievable_targets(-X, -TARGETS, NAMES)
    assert negated["reason"].tolist() == [NO_COLUMN, ONLY_POSITIVE]


@pytest.mark.parametrize(
    ("weights", "sentence"),
    [
        (np.ones(3), r"shape \(3,\) but the package has 4 columns"),
        (np.array([1, np.nan, 1, 1]), r"1 of 4 weights are negative or not finite, the first nan at column 1"),
        (np.array([1, 1, -2, -3.0]), r"2 of 4 weights are negative or not finite, the first -2.0 at column 2"),
    ],
)
def test_wrong_weights_are_refused(weights, sentence):
    with pytest.raises(CalibrationError, match=sentence):
        targets.target_errors(X, TARGETS, NAMES, weights)


def test_rows_of_another_package_are_refused():
    with pytest.raises(CalibrationError, match="matrix has 5 rows, the targets table 5 and the names 4"):
        targets.target_errors(X, TARGETS, NAMES[:4], WEIGHTS)


def test_csv_keeps_every_digit(tmp_path):
    errors = targets.target_errors(X, TARGETS, NAMES, WEIGHTS / 3)
    targets.write_target_errors(errors, tmp_path / "out" / "unified_diagnostics.csv")
    pd.testing.assert_frame_equal(targets.read_target_errors(tmp_path / "out" / "unified_diagnostics.csv"), errors)


def test_csv_without_the_columns_is_refused(tmp_path):
    (tmp_path / "x.csv").write_text("target,estimate\na,1\n")
    with pytest.raises(CalibrationError, match="lacks the columns true_value, rel_error"):
        targets.read_target_errors(tmp_path / "x.csv")
