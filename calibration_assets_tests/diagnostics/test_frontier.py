"""Which points of a sweep no other one beats, and which is recommended."""

import numpy as np
import pandas as pd

from calibration_assets.diagnostics.frontier import mark_frontier


def marked(kept, errors):
    table = pd.DataFrame({"point": list("abcdefgh")[: len(kept)], "kept_columns": kept, "median_error_pct": errors})
    return mark_frontier(table).set_index("point")


def test_a_point_is_on_the_frontier_where_no_other_is_smaller_and_as_accurate():
    found = marked([1000, 100, 1000, 5000, 2000], [1.0, 20.0, 1.5, 0.9, 1.0])
    assert found.index[found["on_frontier"]].tolist() == ["b", "a", "d"]
    assert found.index[found["knee"]].tolist() == ["a"]
    assert found.index[found["recommended"]].tolist() == ["a"]


def test_without_a_knee_the_most_accurate_point_is_recommended():
    found = marked([100, 1000], [5.0, 1.0])
    assert not found["knee"].any()
    assert found.index[found["recommended"]].tolist() == ["b"]


def test_a_fit_that_kept_nothing_or_met_nothing_is_never_chosen():
    found = marked([0, 500], [0.1, np.nan])
    assert not found[["on_frontier", "knee", "recommended"]].to_numpy().any()


def test_equal_points_stand_once():
    found = marked([100, 100, 100], [2.0, 2.0, 2.0])
    assert found["on_frontier"].sum() == found["recommended"].sum() == 1
