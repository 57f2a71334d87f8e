"""Errors and reach of targets, computed by hand on four columns."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from calibration_assets.diagnostics import targets
from calibration_assets.errors import CalibrationError

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
    assert table[["target", "reason"]].to_numpy().tolist() == [["b", targets.NO_COLUMN], ["c", targets.ONLY_NEGATIVE]]
    negated = targets.unachievable_targets(-X, -TARGETS, NAMES)
    assert negated["reason"].tolist() == [targets.NO_COLUMN, targets.ONLY_POSITIVE]


@pytest.mark.parametrize(("nonzeros", "rows"), [(1, None), (3, None), (100, None), (100, 2)])
def test_blocks_cover_every_row_once_and_sum_alike(nonzeros, rows):
    blocks = list(targets.row_blocks(X, nonzeros, rows))
    assert [row for block in blocks for row in range(block.start, block.stop)] == list(range(5))
    sums = np.concatenate([targets.block_of_rows(X, block) @ WEIGHTS for block in blocks])
    assert sums.tolist() == [80.0, 0.0, -50.0, -60.0, 0.0]


def test_sums_of_large_float32_values_are_exact_in_float64():
    X = sparse.csr_matrix(np.array([[16_777_216.0, 1.0, 1.0]], dtype=np.float32))
    assert targets.weighted_sums(X, np.ones(3)).tolist() == [16_777_218.0]


def test_memory_mapped_matrix_is_neither_copied_nor_changed(tmp_path):
    for name in ("data", "indices", "indptr"):
        np.save(tmp_path / name, getattr(X, name))
    parts = tuple(np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in ("data", "indices", "indptr"))
    mapped = sparse.csr_matrix(parts, shape=X.shape, copy=False)
    block = targets.block_of_rows(mapped, slice(0, 3))
    assert np.shares_memory(block.data, parts[0])
    assert targets.weighted_sums(mapped, WEIGHTS).tolist() == [80.0, 0.0, -50.0, -60.0, 0.0]


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
