"""Target names as the manual's users know them."""

import pytest

from calibration_assets.errors import CalibrationError
from calibration_assets.settings import TargetSettings
from calibration_assets.targets.database import build_database
from calibration_assets.targets.names import target_names
from calibration_assets.targets.select import read_targets

from .conftest import figures, make_reference


def test_names(tmp_path):
    path = tmp_path / "d.db"
    expenditure = figures({0: 21e9}, "salt_deduction").assign(reform_id=1).astype({"reform_id": "int32"})
    build_database(
        path,
        make_reference(
            expenditure,
            figures({0: 7.0}, "rent"),
            figures({101: 5}, "household_count", constraints=["snap>0"]),
            figures({1: 6}, "person_count", constraints=["age>=5", "age<10", "tax_unit_is_filer==1"]),
        ),
    )
    selection = read_targets(path, TargetSettings(), 2024)
    assert target_names(selection.targets, selection.constraints) == [
        "national/rent",
        "national/salt_deduction_expenditure",
        "state_1/person_count/[age>=5,age<10,tax_unit_is_filer==1]",
        "cd_101/household_count/[snap>0]",
    ]


def test_two_targets_of_one_name(database):
    selection = read_targets(database, TargetSettings(), 2024)
    twice = selection.targets.iloc[[0, 0]]
    with pytest.raises(CalibrationError, match=r"national/person_count/\[age>=0,age<18\] stands for two targets"):
        target_names(twice, selection.constraints)
