"""The PUF's two layouts, read from made files: persons, shares, weights, and what is refused without a value of it."""

import numpy as np
import pandas as pd
import pytest

from calibration_assets.errors import CalibrationError
from calibration_assets.microdata.puf import PREDICTORS, puf_variables, read_puf
from calibration_assets.storage.reference import read_reference
from calibration_assets_tests.microdata.made_puf import (
    MARGINALS,
    RETURNS,
    made_arrays,
    made_returns,
    write_csv,
    write_h5,
)


@pytest.fixture(scope="module")
def returns():
    return made_returns(3_000)


@pytest.fixture
def arrays(returns):
    return made_arrays(returns)


def test_the_made_file_has_the_published_marginals(returns):
    weight = returns["weight"]
    for name, (_, millions, billions, _) in MARGINALS.items():
        assert weight[returns[name] > 0].sum() == pytest.approx(millions * 1e6, rel=0.05), name
        assert (weight * returns[name]).sum() == pytest.approx(billions * 1e9, rel=0.05), name


def test_the_table_holds_every_variable_once_with_inputs_that_exist():
    table = puf_variables()
    assert table.index.is_unique
    assert len(table) == 69
    assert table["both_halves"].sum() == 51
    inputs = set(table["input"]) - {"", "social_security"}
    catalogue = read_reference("variables").set_index("variable")
    assert catalogue.loc[sorted(inputs), "is_input"].all()
    assert (table.loc[table["input"] == "", "note"].str.startswith("Left out: ")).all()


def test_persons_of_the_h5_layout(tmp_path, returns, arrays):
    write_h5(tmp_path / "puf_2024.h5", arrays)
    donors = read_puf(tmp_path / "puf_2024.h5")
    persons = donors.persons
    assert donors.period == 2024
    assert len(persons) == len(arrays["person_id"])
    assert set(PREDICTORS) <= set(persons)
    heads = persons[persons["is_tax_unit_head"]].reset_index(drop=True)
    assert (heads["tax_unit_is_joint"] == (returns["MARS"] == 2)).all()
    assert (heads["tax_unit_count_dependents"] == returns["dependants"]).all()
    assert (heads["foreign_tax_credit"] == returns["foreign_tax_credit"]).all()
    credit = persons.groupby("tax_unit")["foreign_tax_credit"]
    assert (credit.transform("min") == credit.transform("max")).all()
    assert donors.weights[persons["is_tax_unit_head"]].sum() == pytest.approx(RETURNS)
    assert persons["business_is_sstb"].dtype == bool
    assert "qualified_bdc_income" not in donors.variables


def test_incomes_rank_the_returns(tmp_path, returns, arrays):
    write_h5(tmp_path / "puf_2024.h5", arrays)
    donors = read_puf(tmp_path / "puf_2024.h5")
    by_return = pd.Series(donors.incomes).groupby(donors.persons["tax_unit"]).agg(["min", "max"])
    assert (by_return["min"] == by_return["max"]).all()
    incomes = ["employment_income", "long_term_capital_gains", "partnership_s_corp_income", "rental_income"]
    assert (by_return["max"] >= returns[incomes].sum(axis=1)).all()


def test_persons_of_the_irs_layout(tmp_path, returns):
    write_csv(tmp_path, returns)
    donors = read_puf(tmp_path / "puf_2015.csv")
    persons = donors.persons
    assert donors.period == 2015
    assert persons["is_tax_unit_head"].sum() == len(returns)
    assert persons["is_tax_unit_spouse"].sum() == (returns["MARS"] == 2).sum()
    assert persons["is_tax_unit_dependent"].sum() == returns["dependants"].sum()
    head = persons["is_tax_unit_head"].to_numpy()
    assert donors.weights[head].sum() == pytest.approx(RETURNS)
    for name in ("employment_income", "social_security", "rental_income"):
        summed = persons.groupby("tax_unit")[name].sum()
        np.testing.assert_allclose(summed, returns[name], rtol=1e-9)
    ordinary_less_qualified = persons.groupby("tax_unit")["non_qualified_dividend_income"].sum()
    np.testing.assert_allclose(ordinary_less_qualified, 0.4 * returns["qualified_dividend_income"], atol=0.01)
    assert persons.loc[head, "age"].between(18, 79).all()
    bands = np.array([18, 26, 35, 45, 55, 65])
    drawn = persons.loc[head, "age"].to_numpy()
    assert (np.searchsorted(bands, drawn, "right") == np.searchsorted(bands, returns["age"], "right")).all()
    assert persons.loc[persons["is_tax_unit_dependent"], "age"].max() <= 18


def test_spouses_earn_the_stated_share(tmp_path, returns):
    write_csv(tmp_path, returns)
    persons = read_puf(tmp_path / "puf_2015.csv").persons
    wages = persons.pivot_table(
        index="tax_unit", columns="is_tax_unit_spouse", values="employment_income", aggfunc="sum"
    )
    share = (wages[True] / wages.sum(axis=1)).to_numpy()
    for band, low, high in ((1, 0.0, 0.25), (2, 0.25, 0.75), (3, 0.75, 1.0)):
        rows = (returns["EARNSPLIT"] == band) & (returns["employment_income"] > 0)
        assert ((share[rows] >= low) & (share[rows] <= high)).all()


def drop(name):
    return lambda arrays: arrays.pop(name)


def put(name, values):
    return lambda arrays: arrays.update({name: values})


def cut(arrays):
    for name, values in list(arrays.items()):
        arrays[name] = values[: 1 if len(values) == 3_000 else 2]
    arrays["person_tax_unit_id"][:] = arrays["tax_unit_id"][0]
    arrays["person_household_id"][:] = arrays["household_id"][0]


def no_income(arrays):
    for name in [*MARGINALS, "business_is_sstb"]:
        arrays[name] = np.zeros_like(arrays[name])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (drop("employment_income"), "employment_income not found among"),
        (drop("household_weight"), "household_weight not found among"),
        (put("household_weight", np.zeros(3_000)), "0 a positive one, expected weights"),
        (put("household_weight", np.full(3_000, -1.0)), "have a negative or missing weight"),
        (lambda arrays: arrays.update(person_tax_unit_id=arrays["person_tax_unit_id"] + 1), "are no tax_unit_id"),
        (put("alimony_income", np.zeros(17)), "alimony_income has 17 values, expected one a person"),
        (cut, "2 persons were found, expected at least 20"),
        (no_income, "every income is zero on all"),
    ],
)
def test_a_bad_h5_file_is_one_sentence(tmp_path, arrays, change, sentence):
    change(arrays)
    write_h5(tmp_path / "puf_2024.h5", arrays)
    with pytest.raises(CalibrationError, match=sentence):
        read_puf(tmp_path / "puf_2024.h5")


def test_another_year_is_one_sentence(tmp_path, arrays):
    write_h5(tmp_path / "puf_2021.h5", arrays)
    with pytest.raises(CalibrationError, match="its name says 2021, expected dollars of 2024"):
        read_puf(tmp_path / "puf_2021.h5")


def test_a_missing_or_broken_file_is_one_sentence(tmp_path):
    with pytest.raises(CalibrationError, match="no such file"):
        read_puf(tmp_path / "puf_2024.h5")
    (tmp_path / "puf_2024.h5").write_text("not H5")
    with pytest.raises(CalibrationError, match="cannot be read as H5"):
        read_puf(tmp_path / "puf_2024.h5")


def test_returns_that_do_not_link_are_one_sentence(tmp_path, returns):
    write_csv(tmp_path, returns)
    people = pd.read_csv(tmp_path / "demographics_2015.csv")
    people.assign(RECID=people["RECID"] + 1).to_csv(tmp_path / "demographics_2015.csv", index=False)
    with pytest.raises(CalibrationError, match="none of its 3,001 returns is among the 3,000 RECID"):
        read_puf(tmp_path / "puf_2015.csv")
    (tmp_path / "demographics_2015.csv").unlink()
    with pytest.raises(CalibrationError, match="demographics_2015.csv is not in"):
        read_puf(tmp_path / "puf_2015.csv")
