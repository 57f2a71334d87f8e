"""Statistics of many targets against numbers worked out by hand."""

import math

import pandas as pd
import pytest

from calibration_assets.diagnostics import families
from calibration_assets.errors import CalibrationError

TARGETS = pd.DataFrame(
    {
        "variable": ["person_count", "person_count", "snap", "snap", "snap"],
        "geo_level": ["national", "district", "state", "state", "state"],
        "geographic_id": ["US", "601", "6", "6", "36"],
        "domain_variable": ["age", "age", None, None, None],
        "value": [1000.0, 10.0, 200.0, 100.0, 0.0],
        "reform_id": [0, 0, 0, 0, 0],
    }
)
ERRORS = pd.DataFrame(
    {
        "target": list("abcde"),
        "true_value": TARGETS["value"],
        "estimate": [1005.0, 14.0, 204.0, 0.0, 3.0],
        "rel_error": [0.005, 0.4, 0.02, -1.0, 0.0],
        "abs_rel_error": [0.005, 0.4, 0.02, 1.0, 0.0],
        "achievable": [True, True, True, False, True],
    }
)


def test_families_and_places():
    judged = families.judged_targets(ERRORS, TARGETS)
    assert judged["family"].tolist() == ["person_count by age"] * 2 + ["snap"] * 3
    assert judged["state"].tolist() == [0, 6, 6, 6, 36]
    assert judged["district"].tolist() == [0, 601, 0, 0, 0]
    assert judged["near_zero"].tolist() == [False, False, False, False, True]


def test_reform_is_a_family_of_its_own():
    reform = TARGETS.assign(reform_id=[0, 0, 1, 0, 0])
    assert families.target_families(reform).tolist()[2] == "snap_expenditure"
    assert families.target_families(TARGETS.drop(columns="reform_id")).tolist()[2] == "snap"


def test_level_family_table_by_hand():
    table = families.level_family_table(ERRORS, TARGETS)
    assert table[["geo_level", "family", "targets", "near_zero", "unachievable"]].to_numpy().tolist() == [
        ["national", "person_count by age", 1, 0, 0],
        ["state", "snap", 3, 1, 1],
        ["district", "person_count by age", 1, 0, 0],
    ]
    state = table.iloc[1]
    assert state["mean"] == pytest.approx(0.51)
    assert state["median"] == pytest.approx(0.51)
    assert state["maximum"] == pytest.approx(1.0)
    assert [state["within_1"], state["within_5"], state["within_25"]] == [0.0, 0.5, 0.5]
    assert state["mean_achievable"] == pytest.approx(0.02)
    assert [state["within_1_achievable"], state["within_5_achievable"]] == [0.0, 1.0]


def test_one_row_for_all():
    row = families.error_table(families.judged_targets(ERRORS, TARGETS), []).iloc[0]
    assert row["targets"] == 5
    assert row["median"] == pytest.approx(0.21)
    assert row["p90"] == pytest.approx(0.4 + 0.7 * 0.6)
    assert row["within_1"] == 0.25


def test_family_of_zeros_has_no_statistics_but_is_counted():
    zero = ERRORS.iloc[[4]], TARGETS.iloc[[4]]
    row = families.level_family_table(*zero).iloc[0]
    assert (row["targets"], row["near_zero"]) == (1, 1)
    assert math.isnan(row["mean"])


def test_small_beside_its_family_is_near_zero():
    values = [1e9, 1e9, 1e9, 5.0, 1e9]
    targets = TARGETS.assign(variable="snap", geo_level="national", domain_variable=None, value=values)
    judged = families.judged_targets(ERRORS.assign(true_value=targets["value"]), targets)
    assert judged["near_zero"].tolist() == [False, False, False, True, False]


def test_errors_of_another_package_are_refused():
    with pytest.raises(CalibrationError, match="errors have 4 rows and the targets table 5"):
        families.judged_targets(ERRORS.head(4), TARGETS)
