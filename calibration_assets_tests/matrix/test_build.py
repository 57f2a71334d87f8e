from dataclasses import replace

import numpy as np
import pytest

from calibration_assets.errors import CalibrationError
from calibration_assets.matrix import assemble
from calibration_assets.matrix.build import build_matrix
from calibration_assets.matrix.concepts import required_values
from calibration_assets.matrix.initial_weights import initial_weights
from calibration_assets.simulation.copies import every_household
from calibration_assets.simulation.places import Placement
from calibration_assets.simulation.values import SWITCH_VALUES, Values
from calibration_assets_tests.matrix.example import (
    HOUSEHOLDS,
    SNAP,
    columns_of,
    in_states,
    targets_of,
    tiny_dataset,
    tiny_values,
)

DISTRICTS = [601, 602, 1101, 5601, 601] * 4
ROWS = [
    ("household_count", "national", "US", []),
    ("person_count", "national", "US", [("age", ">=", "18"), ("age", "<", "65")]),
    ("snap", "national", "US", []),
    ("tax_unit_count", "state", "6", [("tax_unit_is_filer", "==", "1")]),
    ("snap", "state", "6", []),
    ("snap", "state", "56", []),
    ("employment_income", "state", "11", [("age", "<", "30")]),
    ("household_count", "district", "601", [("snap", ">", "0")]),
    ("person_count", "district", "5601", [("age", ">=", "18"), ("age", "<", "65")]),
    ("employment_income", "district", "602", [("tax_unit_is_filer", "==", "True"), ("age", ">=", "40")]),
]
EXPECTED = [
    [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
    [2, 0, 3, 1, 1, 0, 2, 1, 0, 2, 1, 2, 1, 1, 2, 4, 0, 2, 1, 2],
    [0, 120, 0, 0, 300, 0, 240, 0, 0, 0, 60, 0, 0, 180, 0, 0, 90, 0, 0, 150],
    [1, 0, 0, 0, 1, 0, 2, 0, 0, 1, 1, 1, 0, 0, 1, 2, 0, 0, 0, 2],
    [0, 120, 0, 0, 300, 0, 240, 0, 0, 0, 60, 0, 0, 0, 0, 0, 90, 0, 0, 150],
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 180, 0, 0, 0, 0, 0, 0],
    [0, 0, 19000, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20000, 0, 0, 0, 0, 51000, 0, 0],
    [0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1],
    [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0],
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 84000, 0, 0, 0, 0, 0, 0, 0, 0],
]


def build(districts=DISTRICTS, rows=ROWS, **settings):
    dataset, columns = tiny_dataset(), columns_of(districts)
    return build_matrix(dataset, columns, *targets_of(rows), tiny_values(dataset), in_states(columns), **settings)


def test_twenty_households_give_the_expected_matrix():
    assert build().matrix.tocsr().toarray().tolist() == EXPECTED


def test_a_value_that_households_bring_along_gives_the_same_matrix():
    dataset, columns = tiny_dataset(), columns_of(DISTRICTS)
    values = tiny_values(dataset)
    age = Values("person", dataset.tables["person"]["age"].to_numpy(), placed=False)
    values = {state: of_state | {"age": age} for state, of_state in values.items()}
    assert (
        build_matrix(dataset, columns, *targets_of(ROWS), values, in_states(columns)).matrix.tocsr().toarray().tolist()
        == EXPECTED
    )
    county = np.repeat([6001, 6003], 20).astype(np.int32)
    columns = columns_of([601] * 20 + [602] * 20).assign(county=county)
    placement = Placement.by_county(columns)
    rows = every_household(dataset).take(placement.residents[6].record).rows
    twice = {name: replace(value, array=value.array[rows[value.entity]]) for name, value in values[6].items()}
    targets = targets_of([("person_count", "state", "6", [("age", "<", "18"), ("tax_unit_is_filer", "==", "1")])])
    of_each = build_matrix(dataset, columns, *targets, {6: {**twice, "age": age}}, placement).matrix.tocsr().toarray()
    assert (
        of_each[0].tolist()
        == build([601] * 40, [("person_count", "state", "6", [("age", "<", "18"), ("tax_unit_is_filer", "==", "1")])])
        .matrix.tocsr().toarray()[0]
        .tolist()
    )


def test_clones_are_the_same_households_in_other_places():
    """A second clone that swaps the districts of California moves entries between their rows and changes no other."""
    swapped = [{601: 602, 602: 601}.get(district, district) for district in DISTRICTS]
    two = build(DISTRICTS + swapped).matrix.tocsr().toarray()
    assert two[:, :20].tolist() == EXPECTED
    assert two[:7, 20:].tolist() == EXPECTED[:7]
    assert two[7, 20:].tolist() == [0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]


def test_blocks_of_any_size_give_the_same_matrix(monkeypatch):
    whole = build(DISTRICTS * 7).matrix
    monkeypatch.setattr(assemble, "BLOCK_ENTRIES", 30)
    blocks = build(DISTRICTS * 7).matrix
    assert np.array_equal(whole.cell, blocks.cell)
    for one, other in ((whole.by_column, blocks.by_column), (whole.by_cell, blocks.by_cell)):
        for part in ("indptr", "indices", "data"):
            assert np.array_equal(getattr(one, part), getattr(other, part))
        assert other.has_canonical_format


def test_at_county_level_each_clone_has_its_countys_value():
    """Two clones of each household: the first in county 6001, the second in 6003 where SNAP is ten times as much."""
    dataset, columns = tiny_dataset(), columns_of([601] * 20 + [602] * 20)
    columns["county"] = np.repeat([6001, 6003], 20).astype(np.int32)
    placement = Placement.by_county(columns)
    residents = placement.residents[6]
    assert residents.record.tolist() == np.repeat(np.arange(20), 2).tolist()
    assert residents.county.tolist() == [6001, 6003] * 20
    of_state = tiny_values(dataset)[6]
    rows = every_household(dataset).take(residents.record).rows
    values = {name: Values(value.entity, value.array[rows[value.entity]]) for name, value in of_state.items()}
    values["snap"].array[1::2] *= 10
    targets = targets_of([("snap", "state", "6", []), ("snap", "district", "602", [("age", ">=", "65")])])
    matrix = build_matrix(dataset, columns, *targets, {6: values}, placement).matrix.tocsr().toarray()
    assert matrix[0].tolist() == [*SNAP, *(10 * amount for amount in SNAP)]
    aged = [amount if max(map(max, units)) >= 65 else 0 for amount, units in zip(SNAP, HOUSEHOLDS, strict=True)]
    assert matrix[1].tolist() == [0] * 20 + [10 * amount for amount in aged]


def test_permuting_households_permutes_columns():
    dataset = tiny_dataset()
    order = np.random.default_rng(1).permutation(len(HOUSEHOLDS))
    columns = columns_of(DISTRICTS)
    permuted = columns.iloc[order].assign(record=columns["record"].to_numpy()).reset_index(drop=True)
    tables = dict(dataset.tables)
    tables["household"] = tables["household"].iloc[order]
    shuffled = type(dataset)(2024, tables)
    values = tiny_values(dataset)
    rows = every_household(shuffled).rows
    reordered = {
        state: {name: Values(value.entity, value.array[rows[value.entity]]) for name, value in of_state.items()}
        for state, of_state in values.items()
    }
    matrix = build_matrix(shuffled, permuted, *targets_of(ROWS), reordered, in_states(permuted))
    assert matrix.matrix.tocsr().toarray().tolist() == np.array(EXPECTED)[:, order].tolist()


def test_required_values_are_variables_and_constraints():
    assert required_values(*targets_of(ROWS)) == sorted(
        ["age", "employment_income", "snap", "tax_unit_is_filer", *SWITCH_VALUES]
    )


def test_initial_weights_sum_to_each_districts_population():
    ages = [
        ("person_count", "district", place, [("age", *bound)])
        for place in ("601", "602", "1101", "5601")
        for bound in ((">=", "18"), ("<", "18"))
    ]
    matrix = build(DISTRICTS * 2, ages)
    weights = initial_weights(matrix, tiny_dataset())
    estimates = matrix.matrix @ weights
    assert estimates.reshape(4, 2).sum(axis=1) == pytest.approx([200, 200, 200, 200])


def test_without_age_targets_clones_share_the_households_weight():
    weights = initial_weights(build(DISTRICTS * 2, [("snap", "national", "US", [])]), tiny_dataset())
    assert weights.tolist() == [500.0] * 40


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (("snap", "state", "6", [("age", "==", "old")]), "age is a number, expected one instead of 'old'"),
        (("snap", "state", "6", [("age", "~", "3")]), "operation ~ is unknown"),
        (("snap", "district", "xx", []), "'xx' is no district"),
        (("rent", "state", "6", []), "rent was not simulated for state 6"),
    ],
)
def test_bad_targets_are_sentences(row, sentence):
    with pytest.raises(CalibrationError, match=sentence):
        build(rows=[row])


def test_two_targets_of_one_population_are_refused():
    with pytest.raises(CalibrationError, match="rows 0 and 1 both are snap of state 6"):
        build(rows=[("snap", "state", "6", []), ("snap", "state", "6", [])])


def test_a_state_without_values_is_refused():
    with pytest.raises(CalibrationError, match="state 48"):
        build([4801] * 20)


def test_columns_out_of_order_are_refused():
    dataset = tiny_dataset()
    columns = columns_of(DISTRICTS).iloc[::-1].reset_index(drop=True)
    with pytest.raises(CalibrationError, match="sort the columns by clone and record"):
        build_matrix(dataset, columns, *targets_of(ROWS), tiny_values(dataset), in_states(columns))
