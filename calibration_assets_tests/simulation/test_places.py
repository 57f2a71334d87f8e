import numpy as np
import pandas as pd
import pytest

from calibration_assets.errors import CalibrationError
from calibration_assets.simulation.places import Placement
from calibration_assets.simulation.states import batches

COLUMNS = pd.DataFrame(
    {"state": [6, 6, 11, 6, 6], "record": [0, 1, 0, 0, 1], "county": [6037, 6001, 11001, 6001, 6001]}
)


def test_at_state_level_everyone_is_simulated_in_one_county_of_every_state():
    placement = Placement.by_state(COLUMNS, 2, {6: 6037, 11: 11001})
    assert {state: one.county.tolist() for state, one in placement.residents.items()} == {
        6: [6037, 6037],
        11: [11001, 11001],
    }
    assert placement.county.tolist() == [6037, 6037, 11001, 6037, 6037]
    assert placement.residents[6].find(np.array([1, 0]), np.array([6037, 6037])).tolist() == [1, 0]


def test_at_county_level_a_household_is_simulated_once_in_each_county_of_its_clones():
    placement = Placement.by_county(COLUMNS)
    california = placement.residents[6]
    assert list(zip(california.record.tolist(), california.county.tolist(), strict=True)) == [
        (0, 6001), (0, 6037), (1, 6001),
    ]  # fmt: skip
    assert california.find(np.array([0, 1, 0, 1]), np.array([6037, 6001, 6001, 6001])).tolist() == [1, 2, 0, 2]


def test_a_clone_in_a_county_without_simulation_is_a_sentence():
    california = Placement.by_county(COLUMNS).residents[6]
    with pytest.raises(CalibrationError, match=r"household row 1 was not simulated in county 6037 \(1 of 2 columns\)"):
        california.find(np.array([0, 1]), np.array([6037, 6037]))


def test_small_states_share_a_batch_and_large_ones_take_several():
    assert batches({1: 4, 2: 4, 4: 4, 5: 25, 6: 3}, 10) == [
        [(1, 0, 4), (2, 0, 4)],
        [(4, 0, 4)],
        [(5, 0, 10)],
        [(5, 10, 20)],
        [(5, 20, 25), (6, 0, 3)],
    ]


def test_no_batch_has_more_than_six_states():
    assert [len(batch) for batch in batches(dict.fromkeys(range(1, 15), 1), 100)] == [6, 6, 2]
