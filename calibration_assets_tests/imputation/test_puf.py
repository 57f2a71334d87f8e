"""PUF cloning on made donors: which half gets what, weighted means, parts that add up, limits, weeks, repetition."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from calibration_assets.errors import CalibrationError
from calibration_assets.imputation.puf import _plan, _training_rows, clone_with_puf
from calibration_assets.imputation.puf_growth import uprate_donors
from calibration_assets.imputation.puf_records import PARTS, find_places, person_predictors
from calibration_assets.microdata.dataset import Dataset
from calibration_assets.microdata.links import GROUPS, group_rows, id_column, link_column
from calibration_assets.microdata.puf import PREDICTORS, PufDonors, read_puf
from calibration_assets.simulation.retirement_limits import retirement_limits
from calibration_assets_tests.microdata.made_puf import made_arrays, made_returns, write_csv, write_h5

COUNT = 500
LIMITS = retirement_limits(2024)


def made_records(seed: int = 5) -> Dataset:
    """Households that are one tax unit each: couples and singles with children, incomes and contributions."""
    draw = np.random.default_rng(seed)
    joint, children = draw.random(COUNT) < 0.4, draw.integers(0, 3, COUNT)
    size = 1 + joint + children
    unit = np.repeat(np.arange(COUNT), size)
    place = np.arange(len(unit)) - np.repeat(np.cumsum(size) - size, size)
    role = np.select([place == 0, (place == 1) & joint[unit]], ["HEAD", "SPOUSE"], "DEPENDENT")
    age = np.where(role == "DEPENDENT", draw.integers(0, 18, len(unit)), draw.integers(20, 85, COUNT)[unit])
    filer = role != "DEPENDENT"
    wages = np.where(filer & (age < 65), draw.lognormal(10.5, 0.6, len(unit)), 0.0)
    benefit = np.where(filer & (age >= 62), draw.uniform(8e3, 3e4, len(unit)), 0.0)
    disabled = np.where(filer & (age < 62) & (draw.random(len(unit)) < 0.2), draw.uniform(5e3, 2e4, len(unit)), 0.0)
    compensation = np.where(filer & (draw.random(len(unit)) < 0.15), draw.uniform(1e3, 2e4, len(unit)), 0.0)
    tables = {group: pd.DataFrame({id_column(group): np.arange(COUNT)}) for group in GROUPS}
    tables["household"] = tables["household"].assign(household_weight=draw.uniform(50, 150, COUNT), state_fips=6)
    person = {
        "person_id": np.arange(len(unit)),
        **{link_column(group): unit for group in GROUPS},
        "age": age,
        "is_male": draw.random(len(unit)) < 0.5,
        "tax_unit_role_input": role,
        "employment_income_before_lsr": wages,
        "social_security_retirement": benefit,
        "social_security_disability": disabled,
        "unemployment_compensation": compensation,
        "weeks_unemployed": np.where(compensation > 0, draw.integers(1, 53, len(unit)), 0),
        "charitable_cash_donations": wages * 0.02,
        "traditional_401k_contributions_desired": wages * 0.05,
        "tips": wages * 0.01,
    }
    return Dataset(2024, {**tables, "person": pd.DataFrame(person)})


@pytest.fixture(scope="module")
def records():
    return made_records()


@pytest.fixture(scope="module")
def donors(tmp_path_factory):
    path = tmp_path_factory.mktemp("puf") / "puf_2024.h5"
    write_h5(path, made_arrays(made_returns(1_200)))
    return read_puf(path)


@pytest.fixture(scope="module")
def clone(records, donors):
    return clone_with_puf(records, donors, LIMITS, 42, trees=12)


@pytest.fixture(scope="module")
def halves(clone):
    person = clone.dataset.tables["person"]
    half = len(person) // 2
    return person[:half].reset_index(drop=True), person[half:].reset_index(drop=True)


def test_each_half_gets_its_values(records, halves):
    first, second = halves
    own = records.tables["person"]
    for name in ("employment_income_before_lsr", "social_security_retirement", "weeks_unemployed", "tips", "age"):
        assert (first[name] == own[name]).all(), name
    for name in ("tips", "age", "is_male", "tax_unit_role_input"):
        assert (second[name] == own[name]).all(), name
    for name in ("charitable_cash_donations", "unemployment_compensation"):
        assert (first[name] == second[name]).all(), name
        assert not (first[name] == own[name]).all(), name
    for name in ("long_term_capital_gains_before_response", "s_corp_income", "home_mortgage_interest"):
        assert (first[name] == 0).all(), name
        assert (second[name] > 0).any(), name
    assert not (second["employment_income_before_lsr"] == own["employment_income_before_lsr"]).all()


def test_weights_and_units(records, clone):
    weights = clone.dataset.tables["household"]["household_weight"].to_numpy()
    assert (weights[:COUNT] == records.tables["household"]["household_weight"]).all()
    assert (weights[COUNT:] == 0).all()
    credit = clone.dataset.tables["tax_unit"]["foreign_tax_credit_potential"].to_numpy()
    assert (credit[:COUNT] == 0).all()
    assert (credit[COUNT:] > 0).any()


def test_heads_have_the_donors_zero_shares_by_age(donors, halves):
    second = halves[1]
    is_head = donors.persons["is_tax_unit_head"].to_numpy()
    heads, weights = donors.persons[is_head], donors.weights[is_head]
    given = second[second["tax_unit_role_input"] == "HEAD"]
    benefits = given[list(PARTS)].sum(axis=1)
    for variable, amounts in (
        ("employment_income", given["employment_income_before_lsr"]),
        ("social_security", benefits),
        ("taxable_pension_income", given["taxable_private_pension_income"]),
    ):
        for old in (False, True):
            of_donors = (heads["age"] >= 62) == old
            zeros = np.average(heads.loc[of_donors, variable] == 0, weights=weights[of_donors])
            assert (amounts[(given["age"] >= 62) == old] == 0).mean() == pytest.approx(zeros, abs=0.12), (variable, old)


def test_social_security_parts_add_up_to_the_drawn_total(records, donors, halves):
    second = halves[1]
    total = second[list(PARTS)].sum(axis=1)
    assert set(np.round(total, 1)) <= set(np.round(donors.persons["social_security"].astype(np.float32), 1))
    assert (second["social_security_survivors"] == 0).all()
    old = second["age"] >= 62
    assert second.loc[old, "social_security_retirement"].sum() > 0.9 * total[old].sum()
    assert second.loc[~old, "social_security_disability"].sum() > 0.9 * total[~old].sum()


def test_weeks_and_contributions_keep_their_limits(halves):
    second = halves[1]
    paid = second["unemployment_compensation"] > 0
    assert (second.loc[~paid, "weeks_unemployed"] == 0).all()
    assert second.loc[paid, "weeks_unemployed"].between(0, 52).all()
    assert second.loc[paid, "weeks_unemployed"].mean() > 5
    saved = second["traditional_401k_contributions_desired"]
    assert (saved[second["employment_income_before_lsr"] == 0] == 0).all()
    assert (saved <= np.where(second["age"] >= 50, 30_500, 23_000)).all()
    assert (saved > 0).any()


def test_counts_are_all_that_is_told(clone):
    assert clone.counts["PUF persons trained on"] == clone.counts["PUF persons"]
    assert clone.counts["predictors that the records lack"] == "none"
    assert "qualified_bdc_income" in clone.counts["variables that the PUF does not know, or on too few returns"]
    assert all(isinstance(value, int | str) for value in clone.counts.values())


def test_it_repeats_itself(records, donors, clone):
    again = clone_with_puf(records, donors, LIMITS, 42, trees=12)
    for entity, frame in clone.dataset.tables.items():
        pd.testing.assert_frame_equal(again.dataset.tables[entity], frame)


def test_a_variable_that_does_not_vary_among_those_trained_on_is_left_out(records, donors):
    rare = donors.persons["educator_expense"].where(donors.weights < 0, 0.0)
    rare.iloc[0] = 300.0
    weights = donors.weights.copy()
    weights[0] = 0.0
    changed = replace(donors, persons=donors.persons.assign(educator_expense=rare), weights=weights)
    plan = _plan(records, changed)
    assert "educator_expense" not in plan.targets["full"]
    assert "educator_expense" in plan.counts["variables that the PUF does not know, or on too few returns"]
    assert plan.counts["PUF persons trained on"] == len(donors.persons) - 1


def test_a_predictor_that_the_records_lack_is_left_out(records, donors):
    person = records.tables["person"].drop(columns="is_male")
    without = Dataset(2024, {**records.tables, "person": person})
    assert list(person_predictors(without)) == [name for name in PREDICTORS if name != "is_male"]


def test_roles_follow_the_rule_where_none_are_stored(records):
    person = records.tables["person"]
    bare = Dataset(2024, {**records.tables, "person": person.drop(columns="tax_unit_role_input")})
    found = person_predictors(bare)
    assert (found["is_tax_unit_head"].groupby(group_rows(bare.tables, "tax_unit")).sum() == 1).all()
    assert (found["is_tax_unit_head"] == (person["tax_unit_role_input"] == "HEAD")).all()
    assert (found["is_tax_unit_spouse"] == (person["tax_unit_role_input"] == "SPOUSE")).all()


def test_columns_held_by_the_pufs_name_keep_it(records):
    person = records.tables["person"].rename(columns={"employment_income_before_lsr": "employment_income"})
    places = find_places(Dataset(2024, {**records.tables, "person": person}))
    assert places["employment_income"].column == "employment_income"
    assert places["employment_income"].held
    assert places["foreign_tax_credit"].entity == "tax_unit"
    assert not places["partnership_s_corp_income"].held


def test_the_highest_incomes_are_all_trained_on_and_weights_stand_for_all():
    count = 50_000
    draw = np.random.default_rng(0)
    persons = pd.DataFrame({"employment_income": draw.lognormal(10, 1.5, count)})
    incomes, weights = persons["employment_income"].to_numpy(), draw.uniform(1, 3, count)
    chosen, scaled = _training_rows(PufDonors(2024, persons, ("employment_income",), weights, incomes))
    assert len(chosen) == 20_000
    assert set(np.flatnonzero(incomes >= np.quantile(incomes, 0.995))) <= set(chosen)
    assert scaled.sum() == pytest.approx(weights.sum(), rel=0.01)
    assert np.average(incomes[chosen], weights=scaled) == pytest.approx(np.average(incomes, weights=weights), rel=0.02)


def test_dollars_of_2015_are_uprated_by_the_table(tmp_path):
    write_csv(tmp_path, made_returns(200))
    donors = read_puf(tmp_path / "puf_2015.csv")
    uprated = uprate_donors(donors, 2024)
    assert uprated.period == 2024
    ratio = uprated.persons["employment_income"].sum() / donors.persons["employment_income"].sum()
    assert ratio == pytest.approx(1.404052)
    assert (uprated.persons["age"] == donors.persons["age"]).all()
    with pytest.raises(CalibrationError, match="no factor takes employment_income from 2015 to 2030"):
        uprate_donors(donors, 2030)
