import numpy as np
import pytest

from calibration_assets.errors import CalibrationError
from calibration_assets.geography.areas import area_columns, area_names
from calibration_assets.imputation.takeup import PROGRAMMES, take_up_of
from calibration_assets.matrix.area import area_dataset
from calibration_assets.microdata.dataset import read_dataset, write_dataset
from calibration_assets_tests.matrix.example import HOUSEHOLDS, columns_of, tiny_dataset

COLUMNS = columns_of([601, 602, 1101, 5601, 601] * 8)
COUNTY = COLUMNS["county"].to_numpy()
WEIGHTS = np.arange(40) % 4.0


def test_areas_are_the_nation_states_and_districts():
    assert area_names(np.array([612, 601, 1101])) == ["US", "CA", "DC", "CA-01", "CA-12", "DC-01"]
    assert area_columns(COLUMNS, "US").all()
    assert np.flatnonzero(area_columns(COLUMNS, "CA-02")).tolist() == [1, 6, 11, 16, 21, 26, 31, 36]
    assert area_columns(COLUMNS, "CA").sum() == 24


@pytest.mark.parametrize("area", ["ZZ", "CA-x", "ca"])
def test_an_unknown_area_is_a_sentence(area):
    with pytest.raises(CalibrationError, match="is unknown, expected US, a state such as CA or a district"):
        area_columns(COLUMNS, area)


def test_an_area_holds_its_weighted_clones_in_the_order_of_columns(tmp_path):
    dataset = tiny_dataset()
    write_dataset(area_dataset(dataset, COLUMNS, WEIGHTS, COUNTY, "CA", True), tmp_path / "CA.h5")
    area = read_dataset(tmp_path / "CA.h5")
    chosen = [j for j in range(40) if COLUMNS["state"][j] == 6 and WEIGHTS[j] > 0]
    household = area.tables["household"]
    assert household["household_weight"].tolist() == [WEIGHTS[j] for j in chosen]
    assert household["congressional_district_geoid"].tolist() == [COLUMNS["district"][j] for j in chosen]
    assert household["county_fips"].tolist() == ["06001"] * len(chosen)
    ages = area.tables["person"].groupby("person_household_id")["age"].apply(list).tolist()
    assert ages == [[age for unit in HOUSEHOLDS[j % 20] for age in unit] for j in chosen]
    units = area.tables["person"].groupby("person_household_id")["person_tax_unit_id"].nunique().tolist()
    assert units == [len(HOUSEHOLDS[j % 20]) for j in chosen]


def test_take_up_is_the_draw_of_the_clone():
    area = area_dataset(tiny_dataset(), COLUMNS, np.ones(40), COUNTY, "US", True)
    take_up = take_up_of(tiny_dataset())
    snap = next(one for one in PROGRAMMES if one.variable == "takes_up_snap_if_eligible")
    drawn = take_up.takes_up(
        snap, np.tile(np.arange(20), 2), COLUMNS["household_id"].to_numpy(), COLUMNS["clone"].to_numpy(),
        np.zeros(40, dtype=np.int64), COLUMNS["state"].to_numpy(),
    )  # fmt: skip
    assert area.tables["spm_unit"]["takes_up_snap_if_eligible"].tolist() == drawn.tolist()
    assert 0 < drawn.sum() < 40


def test_an_area_without_weights_is_a_sentence():
    with pytest.raises(CalibrationError, match="area CA-02: none of its 8 columns has a positive weight"):
        area_dataset(tiny_dataset(), COLUMNS, np.zeros(40), COUNTY, "CA-02", False)
