"""Statistics of weights worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from calibration_assets.diagnostics import weights
from calibration_assets.errors import CalibrationError

COLUMNS = pd.DataFrame({"record": [0, 1, 2, 0, 1, 2], "district": [601, 601, 601, 602, 602, 3601]})
WEIGHTS = np.array([3.0, 0.0, 1.0, 4.0, 0.0, 2.0])


def test_summary_by_hand():
    summary = weights.weight_summary(WEIGHTS, COLUMNS)
    assert (summary.columns, summary.kept_columns, summary.records, summary.kept_records) == (6, 4, 3, 2)
    assert summary.households == 10.0
    assert summary.effective_sample_size == pytest.approx(100 / 30)
    assert (summary.largest, summary.largest_share, summary.median) == (4.0, 0.4, 2.5)


def test_equal_weights_are_worth_their_number_and_one_alone_is_worth_one():
    assert weights.effective_sample_size(np.full(7, 3.0)) == pytest.approx(7)
    assert weights.effective_sample_size(np.array([0.0, 5.0])) == pytest.approx(1)


def test_all_zero_weights_have_a_summary():
    summary = weights.weight_summary(np.zeros(6), COLUMNS)
    assert (summary.kept_columns, summary.households) == (0, 0)
    assert (summary.effective_sample_size, summary.largest_share) == (0, 0)


def test_weights_by_district():
    table = weights.weights_by(WEIGHTS, COLUMNS["district"], COLUMNS["record"].to_numpy())
    assert table["district"].tolist() == [601, 602, 3601]
    assert table["columns"].tolist() == [3, 2, 1]
    assert table["kept_columns"].tolist() == [2, 1, 1]
    assert table["kept_records"].tolist() == [2, 1, 1]
    assert table["households"].tolist() == [4.0, 4.0, 2.0]
    assert table["effective_sample_size"].tolist() == pytest.approx([16 / 10, 1.0, 1.0])


def test_records_count_once_however_many_clones_are_kept():
    table = weights.weights_by(WEIGHTS, COLUMNS["district"] // 100, COLUMNS["record"].to_numpy())
    assert table[["kept_columns", "kept_records"]].to_numpy().tolist() == [[3, 2], [1, 1]]


def test_weights_of_another_package_are_refused():
    with pytest.raises(CalibrationError, match=r"shape \(5,\) but the package has 6 columns"):
        weights.weight_summary(WEIGHTS[:5], COLUMNS)
