"""Districts in one form, counties by name and by block, figures carried between Congresses with totals preserved."""

import numpy as np
import pandas as pd
import pytest

from calibration_assets.errors import CalibrationError
from calibration_assets.geography import crosswalk
from calibration_assets.geography.crosswalk import (
    STATE_FIPS,
    carry_figures,
    chain_shares,
    county_shares_from_blocks,
    normalise_districts,
    resolve_county_shares,
)
from calibration_assets.storage.reference import read_reference


@pytest.fixture
def two_districts(monkeypatch):
    monkeypatch.setattr(crosswalk, "N_DISTRICTS", 2)


def test_at_large_and_delegate_districts_become_01():
    codes = pd.Series(["200", "1198", "5600", "101", "4838"])
    assert normalise_districts(codes).tolist() == [201, 1101, 5601, 101, 4838]


def shares(*rows):
    frame = pd.DataFrame(rows, columns=["old", "new", "population"])
    return frame.assign(share=frame["population"] / frame.groupby("old")["population"].transform("sum"))


def test_figures_are_carried_by_key_and_totals_stay():
    figures = pd.DataFrame({"district": [102, 101, 102], "kind": ["a", "a", "b"], "value": [100.0, 10.0, 7.0]})
    carried = carry_figures(figures, shares((101, 101, 30), (101, 102, 10), (102, 102, 40)), ["kind"])
    assert carried.to_numpy().tolist() == [[101, "a", 7.5], [102, "a", 102.5], [102, "b", 7.0]]
    with pytest.raises(CalibrationError, match="district 103 is not in the crosswalk of 2 districts"):
        carry_figures(figures.assign(district=103), shares((101, 101, 30), (102, 102, 10)), ["kind"])


def test_districts_that_did_not_move_keep_their_figures():
    both = shares((101, 101, 30), (101, 102, 10), (102, 102, 40))
    chained = chain_shares(both, both)
    assert chained[["old", "new", "share"]].to_numpy().tolist() == [[101, 101, 1.0], [102, 102, 1.0]]
    assert not chained["approximate"].any()


def test_a_moved_boundary_keeps_the_populations_of_both_congresses():
    to_118 = shares((101, 101, 60), (101, 102, 40), (102, 102, 100), (201, 201, 50))
    to_119 = shares((101, 101, 50), (101, 102, 50), (102, 101, 30), (102, 102, 70), (201, 201, 50))
    chained = chain_shares(to_118, to_119)
    people = pd.DataFrame({"district": [101, 102, 201], "value": [60.0, 140.0, 50.0]})
    carried = carry_figures(people, chained, []).set_index("district")["value"]
    assert carried.to_dict() == pytest.approx({101: 80, 102: 120, 201: 50})
    assert chained.set_index("old")["approximate"].groupby("old").first().to_dict() == {
        101: True,
        102: True,
        201: False,
    }
    # Ten people left 101 for 102 and thirty went the other way.
    assert chained.set_index(["old", "new"])["share"].to_dict() == pytest.approx(
        {(101, 101): 50 / 60, (101, 102): 10 / 60, (102, 101): 30 / 140, (102, 102): 110 / 140, (201, 201): 1}
    )


def test_counties_are_found_whatever_their_spelling(two_districts):
    counties = pd.DataFrame(
        {"county": [35013, 24033, 22059], "name": ["Doña Ana County", "Prince George's County", "LaSalle Parish"],
         "state": ["NM", "MD", "LA"]}
    )  # fmt: skip
    distributions = pd.DataFrame(
        {
            "cd_geoid": [3500, 2404],
            "county_name": ["DOÑA_ANA_COUNTY_NM", "PRINCE_GEORGE_S_COUNTY_MD"],
            "probability": 1.0,
        }
    )
    found = resolve_county_shares(distributions, counties)
    assert found.to_numpy().tolist() == [[2404, 24033, 1.0], [3501, 35013, 1.0]]
    assert found.dtypes.astype(str).to_dict() == {"district": "int32", "county": "int32", "probability": "float64"}
    with pytest.raises(CalibrationError, match="county 'GOTHAM_COUNTY_NY' is in no list"):
        resolve_county_shares(distributions.assign(county_name="GOTHAM_COUNTY_NY"), counties)


def test_blocks_give_the_same_table(two_districts):
    blocks = pd.DataFrame(
        {
            "cd_geoid": [200, 200, 101, 101],
            "block_geoid": ["020130001001000", "020130001001001", "010010201001000", "010030201001000"],
            "probability": [0.4, 0.6, 0.3, 0.7],
        }
    )
    assert county_shares_from_blocks(blocks).to_numpy().tolist() == [
        [101, 1001, 0.3],
        [101, 1003, 0.7],
        [201, 2013, 1.0],
    ]
    with pytest.raises(CalibrationError, match="is no 15-digit code"):
        county_shares_from_blocks(blocks.assign(block_geoid="20130001001000"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"probability": 0.5}, "sums differ from 1 by up to 3.5"),
        ({"district": 201}, "outside the state of district 201"),
    ],
)
def test_shares_that_cannot_be(change, message):
    table = read_reference("county_shares")
    crosswalk.check_county_shares(table)
    broken = table.copy()
    for column, value in change.items():
        broken.loc[broken["district"] == 101, column] = value
    with pytest.raises(CalibrationError, match=message):
        crosswalk.check_county_shares(broken)


def test_the_shipped_shares_cover_every_district_and_state():
    table = read_reference("county_shares")
    assert table["district"].nunique() == 436
    assert set(table["district"] // 100) == set(STATE_FIPS.values())
    assert not (table["district"] % 100 == 0).any()
    assert not (table["district"] % 100 == 98).any()
    # Los Angeles County lies in more districts than any other.
    assert table.groupby("county")["district"].size().idxmax() == 6037
    assert np.allclose(table.groupby("district")["probability"].sum(), 1)
