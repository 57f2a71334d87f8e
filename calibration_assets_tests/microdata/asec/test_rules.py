"""policyengine-us opens the records of a made ASEC and taxes them."""

import pytest

from calibration_assets.geography.shares import read_county_shares
from calibration_assets.microdata.asec.records import open_asec
from calibration_assets.simulation.household_agi import simulate_household_agi
from calibration_assets.simulation.places import default_counties
from calibration_assets_tests.microdata.asec.made import write_zip

pytestmark = pytest.mark.slow


def test_the_households_have_their_income_taxed(policyengine, tmp_path):
    dataset = open_asec(write_zip(tmp_path / "asec.zip"))
    agi = simulate_household_agi(dataset, default_counties(read_county_shares()))
    first, second, third = agi["adjusted_gross_income"]
    # The widow's IRA and taxed pension; the lodger's wages and alimony. The father's wages, unemployment and 85 % of
    # his Social Security; the son's wages.
    assert second == pytest.approx(6_000 + 3_540 + 9_000 + 700, abs=1)
    assert third == pytest.approx(60_000 + 2_500 + 0.85 * 3_600 + 15_000, abs=1)
    # Wages less the contributions to a 401(k) and a traditional IRA, interest, dividends, gains, the wife's loss.
    assert first == pytest.approx(80_000 - 7_718 - 360.64 + 680 + 500 + 2_000 - 4_000, abs=1)
