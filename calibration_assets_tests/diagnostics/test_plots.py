"""Pictures for asset pages: PNG, small, drawn without pyplot's state, and whole on edge cases."""

import sys

import numpy as np
import pandas as pd
import pytest

from calibration_assets.diagnostics import plots
from calibration_assets.diagnostics.families import level_family_table
from calibration_assets.diagnostics.frontier import mark_frontier
from calibration_assets.diagnostics.records import weight_bins
from calibration_assets_tests.diagnostics.test_families import ERRORS, TARGETS

RNG = np.random.default_rng(0)
PERSONS = pd.DataFrame({"age": RNG.integers(0, 86, 500)})
COLUMNS = pd.DataFrame({"district": np.repeat([101, 102, 601], [5, 9, 2])})
TERMS = pd.DataFrame({"epoch": [1, 2, 3], "data_loss": [9.0, 3.0, 1.0], "l0_penalty": [0.0, 0.0, 0.0]})
POINTS = {"point": list("abcd"), "kept_columns": [100, 1000, 10_000, 10_000], "median_error_pct": [20.0, 1.0, 0.5, 0.6]}
FRONTIER = mark_frontier(pd.DataFrame(POINTS))
FAMILIES = pd.DataFrame(
    {"geo_level": ["state", "district"], "family": ["a", "b"], "targets": [5, 1200], "median": [0.0, 0.01]}
).assign(held_out_median=[0.02, 0.3])
BINS = weight_bins(RNG.lognormal(3, 1, 400), np.full(400, 30.0))
PICTURES = {
    "errors": lambda: plots.error_distribution_png(level_family_table(ERRORS, TARGETS)),
    "pyramid": lambda: plots.population_pyramid_png(PERSONS, RNG.random(500)),
    "sources": lambda: plots.target_sources_png(TARGETS.assign(source=list("aabbc"))),
    "districts": lambda: plots.district_columns_png(COLUMNS),
    "entries": lambda: plots.row_entries_png(TARGETS, np.array([0, 1, 5, 700, 40])),
    "no entries": lambda: plots.row_entries_png(TARGETS, np.zeros(5, np.int64)),
    "seconds": lambda: plots.seconds_png({"baseline": 3.0, "take-up": 9.5}),
    "held out": lambda: plots.held_out_png(FAMILIES),
    "no family": lambda: plots.held_out_png(FAMILIES.head(0)),
    "loss": lambda: plots.loss_curve_png(TERMS),
    "weights": lambda: plots.weight_histogram_png(BINS),
    "no weights": lambda: plots.weight_histogram_png(weight_bins(np.zeros(3))),
    "frontier": lambda: plots.frontier_png(FRONTIER),
    "one point": lambda: plots.frontier_png(FRONTIER.head(1)),
}


@pytest.mark.parametrize("name", PICTURES)
def test_every_picture_is_a_small_png(name):
    picture = PICTURES[name]()
    assert picture.startswith(b"\x89PNG")
    assert 2_000 < len(picture) < 100_000
    assert "matplotlib.pyplot" not in sys.modules


def test_knee_is_where_errors_stop_falling_fast():
    assert plots.knee_position(np.array([100.0, 1000, 10_000]), np.array([0.2, 0.01, 0.005])) == 1
    assert plots.knee_position(np.array([1.0, 10, 100, 1000]), np.array([1.0, 0.9, 0.01, 0.009])) == 2
