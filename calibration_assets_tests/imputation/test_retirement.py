"""Limits of retirement contributions: by age, by wages, shared by the two kinds, and by year from policyengine-us."""

import numpy as np
import pandas as pd
import pytest

from calibration_assets.imputation.retirement import RetirementLimits, limit_contributions
from calibration_assets.simulation.retirement_limits import retirement_limits

LIMITS = RetirementLimits(50, 23_000, 7_500, 7_000, 1_000, 69_000)


def limited(age=40.0, wages=50_000.0, business=0.0, **contributions):
    frame = pd.DataFrame({f"{name}_contributions": [amount] for name, amount in contributions.items()})
    result = limit_contributions(frame, np.array([age]), np.array([wages]), np.array([business]), LIMITS)
    return result.iloc[0].tolist()


def test_contributions_within_the_limits_stay():
    assert limited(traditional_401k=10_000.0, roth_401k=5_000.0, traditional_ira=7_000.0) == [10_000, 5_000, 7_000]


def test_the_two_kinds_share_one_limit_in_proportion():
    assert limited(traditional_401k=40_000.0, roth_401k=6_000.0) == [20_000, 3_000]
    assert limited(age=50, traditional_401k=61_000.0) == [30_500]
    assert limited(age=49, traditional_ira=7_000.0, roth_ira=7_000.0) == [3_500, 3_500]
    assert limited(age=50, traditional_ira=9_000.0) == [8_000]


def test_deferrals_need_wages_and_nothing_is_negative():
    assert limited(wages=0.0, traditional_401k=5_000.0, roth_401k=1.0) == [0, 0]
    assert limited(traditional_ira=-5.0) == [0]


@pytest.mark.parametrize(("business", "largest"), [(0.0, 0), (-5.0, 0), (40_000.0, 10_000), (1e6, 69_000)])
def test_self_employed_contributions(business, largest):
    assert limited(business=business, self_employed_pension=1e6) == [largest]


@pytest.mark.parametrize(
    ("year", "deferral", "ira", "self_employed"),
    [(2020, 19_500, 6_000, 57_000), (2023, 22_500, 6_500, 66_000), (2024, 23_000, 7_000, 69_000)],
)
def test_limits_by_year_are_policyengines(year, deferral, ira, self_employed):
    limits = retirement_limits(year)
    assert (limits.deferral, limits.ira, limits.self_employed) == (deferral, ira, self_employed)
    assert (limits.catch_up_age, limits.ira_catch_up) == (50, 1_000)
    assert limits.deferral_catch_up == (6_500 if year < 2023 else 7_500)
