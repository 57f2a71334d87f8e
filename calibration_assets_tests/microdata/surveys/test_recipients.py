"""What records know of the donors' predictors, on the twenty literal households and on a made population."""

import numpy as np

from calibration_assets.microdata.dataset import Dataset
from calibration_assets.microdata.surveys.recipients import find_recipients
from calibration_assets_tests.microdata.surveys.population import household_sum, made_population, made_records


def test_the_literal_persons_are_described(tiny_dataset):
    persons = find_recipients(tiny_dataset, "person")
    known = persons.known
    assert known["employment_income"].tolist()[:3] == [52_000, 68_000, 45_000]
    assert known["household_size"].tolist()[:5] == [1, 4, 4, 4, 4]
    assert known["count_under_18"].tolist()[:5] == [0, 2, 2, 2, 2]
    assert known["count_under_6"].tolist()[5:8] == [2, 2, 2]
    assert known["is_married"].tolist()[:5] == [False, True, True, False, False]
    assert known["state_fips"].tolist()[0] == 6
    assert persons.weight[:2].tolist() == [900, 1100]
    assert {"is_female", "race", "tenure", "is_homeowner", "weekly_hours_worked", "dividend_income"}.isdisjoint(known)


def test_households_add_up_incomes_and_are_their_eldest_without_a_marked_head(tiny_dataset):
    households = find_recipients(tiny_dataset, "household")
    assert households.known["employment_income"].tolist()[:3] == [52_000, 113_000, 21_000]
    assert households.known["age"].tolist()[:5] == [34, 41, 29, 71, 26]
    heads = find_recipients(tiny_dataset, "head")
    assert heads.rows.tolist()[:5] == [0, 1, 5, 8, 11]
    assert heads.known["employment_income"].tolist()[:3] == [52_000, 68_000, 21_000]


def test_a_marked_head_comes_before_the_eldest(tiny_dataset):
    person = tiny_dataset.tables["person"].assign(is_household_head=lambda table: table["age"].eq(39))
    marked = Dataset(2024, {**tiny_dataset.tables, "person": person})
    assert find_recipients(marked, "head").rows.tolist()[:3] == [0, 2, 5]


def test_records_with_everything_have_every_predictor():
    population = made_population(50, 7)
    known = find_recipients(made_records(population), "household").known
    head = population["line"].eq(0).to_numpy()
    np.testing.assert_allclose(known["interest_dividend_income"], (
        household_sum(population, "interest") + household_sum(population, "dividends")
    )[head])  # fmt: skip
    assert known["is_homeowner"].tolist() == population["owns"][head].tolist()
    assert set(known["race"]) <= {"WHITE", "BLACK", "HISPANIC", "OTHER"}
    assert "social_security_pension_income" in known
