"""Every clone gets a place by the stated law: districts without replacement, counties within their district."""

import numpy as np
import pandas as pd
import pytest

from calibration_assets.errors import CalibrationError
from calibration_assets.geography.clones import place_clones
from calibration_assets.settings import CloneSettings

SHARES = pd.DataFrame(
    {
        "district": [601, 601, 602, 4801, 4802, 5001],
        "county": [6037, 6059, 6037, 48001, 48003, 50007],
        "probability": [0.75, 0.25, 1.0, 1.0, 1.0, 1.0],
    }
)
DISTRICTS = [601, 602, 4801, 4802, 5001]
EQUAL_AGI = pd.Series(1e9, index=DISTRICTS)


def households(n, agi=None):
    return pd.DataFrame(
        {
            "household_id": np.arange(100, 100 + n),
            "adjusted_gross_income": np.zeros(n) if agi is None else np.asarray(agi, dtype=float),
        }
    )


def test_as_many_clones_as_districts_are_every_district_once():
    columns = place_clones(households(7), SHARES, EQUAL_AGI, CloneSettings(n_clones=5))
    for _, clones in columns.groupby("household_id"):
        assert sorted(clones["district"]) == DISTRICTS


def test_a_further_clone_begins_a_further_round():
    columns = place_clones(households(7), SHARES, EQUAL_AGI, CloneSettings(n_clones=10))
    counts = columns.groupby(["household_id", "district"]).size()
    assert (counts == 2).all()
    assert len(counts) == 35


def test_columns_are_clone_major():
    columns = place_clones(households(3), SHARES, EQUAL_AGI, CloneSettings(n_clones=2))
    assert columns["record"].tolist() == [0, 1, 2, 0, 1, 2]
    assert columns["household_id"].tolist() == [100, 101, 102, 100, 101, 102]
    assert columns["clone"].tolist() == [0, 0, 0, 1, 1, 1]


def test_state_and_county_lie_around_the_district():
    columns = place_clones(households(50), SHARES, EQUAL_AGI, CloneSettings(n_clones=5))
    assert (columns["state"] == columns["district"] // 100).all()
    pairs = set(zip(columns["district"], columns["county"], strict=True))
    assert pairs == set(zip(SHARES["district"], SHARES["county"], strict=True))


def test_counties_follow_their_shares():
    columns = place_clones(households(4_000), SHARES, EQUAL_AGI, CloneSettings(n_clones=5))
    share = (columns.loc[columns["district"] == 601, "county"] == 6037).mean()
    assert share == pytest.approx(0.75, abs=4 * np.sqrt(0.75 * 0.25 / 4_000))


def test_rich_households_go_where_the_income_is():
    agi = np.r_[np.zeros(9_000), np.full(1_000, 1e7)]
    district_agi = pd.Series([6e9, 1e9, 1e9, 1e9, 1e9], index=DISTRICTS)
    columns = place_clones(households(10_000, agi), SHARES, district_agi, CloneSettings(n_clones=1))
    in_first = columns["district"] == 601
    assert in_first[9_000:].mean() == pytest.approx(0.6, abs=0.06)
    assert in_first[:9_000].mean() == pytest.approx(0.2, abs=0.02)


def test_the_seed_alone_decides():
    first = place_clones(households(20), SHARES, EQUAL_AGI, CloneSettings(n_clones=3))
    again = place_clones(households(20), SHARES, EQUAL_AGI, CloneSettings(n_clones=3))
    other = place_clones(households(20), SHARES, EQUAL_AGI, CloneSettings(n_clones=3, seed=1))
    pd.testing.assert_frame_equal(first, again)
    assert not first.equals(other)


def test_a_district_without_agi_is_named():
    with pytest.raises(CalibrationError, match=r"no figure for 1 of 5 districts \(the first is 5001\)"):
        place_clones(households(3), SHARES, EQUAL_AGI.drop(5001), CloneSettings(n_clones=1))


def test_no_clones_is_refused():
    with pytest.raises(CalibrationError, match="n_clones is 0, expected 1 or more"):
        place_clones(households(3), SHARES, EQUAL_AGI, CloneSettings(n_clones=0))
