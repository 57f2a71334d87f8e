"""Distributions of weights by hand."""

import numpy as np
import pytest

from calibration_assets.diagnostics.records import weight_bins, weight_ratios


def test_bins_hold_every_kept_column_once():
    weights = np.array([0.0, 1e-9, 0.5, 1.0, 1.0, 300.0])
    bins = weight_bins(weights, np.full(6, 2.0))
    assert bins["columns"].sum() == 5
    assert bins["initial_columns"].sum() == 6
    inside = bins[(bins["lower"] <= 1.0) & (bins["upper"] > 1.0)]
    assert inside["columns"].iloc[0] == 2
    assert bins["lower"].iloc[0] == pytest.approx(1e-3)


def test_ratios_are_over_kept_columns():
    table = weight_ratios(np.array([0.0, 1.0, 2.0, 8.0]), np.array([1.0, 1.0, 1.0, 2.0])).set_index("quantile")
    assert table.loc[0.5, "ratio"] == 2.0
    assert table.loc[1.0, "ratio"] == 4.0
    assert weight_ratios(np.zeros(2), np.ones(2)).empty
