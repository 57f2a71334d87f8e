"""County shares, compiled and from blocks."""

import pytest

from calibration_assets.errors import CalibrationError
from calibration_assets.geography.shares import read_block_shares, read_county_shares

BLOCKS = """cd_geoid,block_geoid,probability
601,060370001001000,0.5
601,060370001001001,0.25
601,060590001001000,0.25
5000,500070001001000,1.0
1198,110010001001000,0.4
"""


def test_every_district_of_the_compiled_shares_is_whole():
    totals = read_county_shares().groupby("district")["probability"].sum()
    assert len(totals) == 436
    assert totals.to_numpy() == pytest.approx(1.0)


def test_blocks_add_up_to_counties_and_at_large_districts_become_01(tmp_path):
    (tmp_path / "blocks.csv").write_text(BLOCKS)
    shares = read_block_shares(tmp_path / "blocks.csv")
    assert shares.to_numpy().tolist() == [
        [601, 6037, 0.75],
        [601, 6059, 0.25],
        [1101, 11001, 1.0],
        [5001, 50007, 1.0],
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (BLOCKS.replace("probability", "share"), "lacks probability"),
        (BLOCKS.replace("060370001001000", "6037"), "has block_geoid that are not 15 digits"),
    ],
)
def test_a_wrong_block_file_is_one_sentence(tmp_path, text, sentence):
    (tmp_path / "blocks.csv").write_text(text)
    with pytest.raises(CalibrationError, match=sentence):
        read_block_shares(tmp_path / "blocks.csv")
