"""Doubling, entry by entry on ten households: every rule, ids from 0 and with gaps, columns that the records lack."""

import numpy as np
import pandas as pd
import pytest

from calibration_assets.errors import CalibrationError
from calibration_assets.imputation.doubling import double_records
from calibration_assets.microdata.dataset import Dataset
from calibration_assets.microdata.links import ENTITIES, GROUPS, household_rows, id_column, link_column

SIZES = [1, 2, 1, 3, 1, 1, 2, 1, 1, 4]


def ten_households(first_id: int) -> Dataset:
    """Ten households of 17 persons, each its own unit of every kind; ids from `first_id` in steps of 5."""
    household = np.repeat(np.arange(10), SIZES)
    ids = first_id + 5 * np.arange(10)
    tables = {group: pd.DataFrame({id_column(group): ids}) for group in GROUPS}
    tables["household"] = tables["household"].assign(
        household_weight=np.arange(10.0), state_fips=np.repeat([6, 36], 5), tenure="RENTED"
    )
    tables["tax_unit"] = tables["tax_unit"].assign(savings=np.arange(10.0).astype(np.float32))
    tables["person"] = pd.DataFrame(
        {
            "person_id": first_id + 3 * np.arange(17),
            **{link_column(group): ids[household] for group in GROUPS},
            "age": np.arange(17) + 20,
            "wages": np.arange(17, dtype=np.float32) * 100,
            "gifts": np.arange(17, dtype=np.float32),
            "weeks_unemployed": np.arange(17, dtype=np.float32),
        }
    )
    return Dataset(2024, tables)


FIRST = {"person": {"gifts": np.full(17, 7.0)}}
SECOND = {
    "person": {
        "gifts": np.full(17, 7.0),
        "wages": np.arange(17) * 1000.0,
        "weeks_unemployed": np.full(17, 26.0),
        "tips": np.arange(17) * 1.5,
        "qualified": np.arange(17) % 2 == 0,
    },
    "tax_unit": {"credit": np.arange(10) * 10.0},
}


@pytest.mark.parametrize("first_id", [0, 1, 1000])
def test_every_entry_of_ten_households(first_id):
    dataset = ten_households(first_id)
    doubled = double_records(dataset, FIRST, SECOND, {"qualified": 1.0})
    for entity in ENTITIES:
        old, new = dataset.tables[entity], doubled.tables[entity]
        assert len(new) == 2 * len(old)
        ids = old[id_column(entity)].to_numpy()
        assert new[id_column(entity)].tolist() == [*ids, *(ids + ids.max() + 1)]
    person, old = doubled.tables["person"], dataset.tables["person"]
    for group in GROUPS:
        links = old[link_column(group)].to_numpy()
        assert person[link_column(group)].tolist() == [*links, *(links + links.max() + 1)]
    assert person["gifts"].tolist() == [7.0] * 34
    assert person["wages"].tolist() == [*old["wages"], *(np.arange(17) * 1000.0)]
    assert person["weeks_unemployed"].tolist() == [*old["weeks_unemployed"], *[26.0] * 17]
    assert person["tips"].tolist() == [*[0.0] * 17, *(np.arange(17) * 1.5)]
    assert person["qualified"].tolist() == [*[True] * 17, *(np.arange(17) % 2 == 0)]
    assert person["age"].tolist() == [*old["age"], *old["age"]]
    household = doubled.tables["household"]
    assert household["household_weight"].tolist() == [*range(10), *[0] * 10]
    assert household["state_fips"].tolist() == [*[6] * 5, *[36] * 5] * 2
    assert household["tenure"].tolist() == ["RENTED"] * 20
    unit = doubled.tables["tax_unit"]
    assert unit["savings"].tolist() == [*range(10), *range(10)]
    assert unit["credit"].tolist() == [*[0.0] * 10, *(np.arange(10) * 10.0)]


def test_types_are_the_records():
    dataset = ten_households(0)
    doubled = double_records(dataset, FIRST, SECOND, {})
    for entity, frame in dataset.tables.items():
        for name in frame:
            assert doubled.tables[entity][name].dtype == frame[name].dtype, name
    assert doubled.tables["person"]["qualified"].dtype == bool
    assert doubled.tables["person"]["tips"].dtype == np.float32


def test_the_halves_share_no_household():
    doubled = double_records(ten_households(0), {}, {}, {})
    for entity in ENTITIES:
        rows = household_rows(doubled.tables, entity)
        half = len(rows) // 2
        assert (rows[half:] == rows[:half] + 10).all()


def test_values_of_another_length_are_one_sentence():
    with pytest.raises(CalibrationError, match="tips: 3 values were given for the person table, expected 17"):
        double_records(ten_households(0), {}, {"person": {"tips": np.zeros(3)}}, {})
