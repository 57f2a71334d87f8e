import numpy as np
import pytest

from calibration_assets.errors import CalibrationError
from calibration_assets.simulation.places import default_counties
from calibration_assets.simulation.stored import StoredStateValues, read_state_values, write_state_values
from calibration_assets.simulation.values import Values


def test_values_come_back_from_several_folders(tmp_path):
    snap = Values("spm_unit", np.array([1.5, 0], np.float32), {"takes_up_snap_if_eligible": np.zeros(2, np.float32)})
    status = Values("tax_unit", np.array(["SINGLE", "JOINT"]))
    for name, value in (("snap", snap), ("filing_status", status)):
        (tmp_path / name).mkdir()
        write_state_values({name: value}, tmp_path / name)
    values = StoredStateValues({name: tmp_path / name for name in ("snap", "filing_status")})
    assert sorted(values) == ["filing_status", "snap"]
    assert values["snap"].array.tolist() == [1.5, 0]
    assert values["snap"].turned["takes_up_snap_if_eligible"].tolist() == [0, 0]
    assert values["filing_status"].array.tolist() == ["SINGLE", "JOINT"]
    assert values["filing_status"].entity == "tax_unit"


def test_a_folder_without_index_is_refused(tmp_path):
    with pytest.raises(CalibrationError, match="no values.json was found"):
        read_state_values(tmp_path)


def test_the_default_county_is_the_most_populous():
    from calibration_assets.geography.shares import read_county_shares

    counties = default_counties(read_county_shares())
    assert len(counties) == 51
    assert (counties[6], counties[17], counties[48]) == (6037, 17031, 48201)
    assert all(county // 1000 == state for state, county in counties.items())
