"""Forests against laws that are known: means, zero shares, categories, order, seeds and what is refused."""

import numpy as np
import pandas as pd
import pytest

from calibration_assets.errors import CalibrationError
from calibration_assets.imputation.forest import draw_donors, fit_forest, impute
from calibration_assets.imputation.quality import forest_quality, weighted_quantile

PREDICTORS = ["age", "is_male", "state"]
TARGETS = ["works", "wages", "tips", "tenure", "rooms"]


def people(rows: int, seed: int) -> pd.DataFrame:
    """Persons whose work depends on age, wages on work and sex, tips on wages, tenure on state, rooms on tenure."""
    draw = np.random.default_rng(seed)
    age, is_male = draw.integers(18, 80, rows), draw.random(rows) < 0.5
    state = draw.choice(["CA", "TX", "VT"], rows)
    works = draw.random(rows) < np.where(age < 65, 0.8, 0.1)
    wages = np.where(works, np.exp(10 + 0.4 * is_male + 0.6 * draw.standard_normal(rows)), 0.0)
    tips = np.where(draw.random(rows) < 0.1 * works, 0.2 * wages, 0.0)
    tenure = np.where(draw.random(rows) < np.where(state == "VT", 0.9, 0.5), "OWNED", "RENTED")
    rooms = np.where(tenure == "OWNED", 5, 2) + draw.integers(0, 3, rows)
    columns = {"age": age, "is_male": is_male, "state": state, "works": works, "wages": wages, "tips": tips}
    return pd.DataFrame({**columns, "tenure": tenure, "rooms": rooms})


@pytest.fixture(scope="module")
def donors():
    return people(6_000, 1)


@pytest.fixture(scope="module")
def model(donors):
    return fit_forest(donors, PREDICTORS, TARGETS, None, 3, vintage="made 2024", trees=20)


@pytest.fixture(scope="module")
def imputed(model):
    recipients = people(20_000, 2)[PREDICTORS]
    return recipients.join(impute(model, recipients, 4))


def test_means_and_zero_shares_are_the_donors(donors, imputed):
    for name in ("works", "wages", "rooms"):
        assert imputed[name].mean() == pytest.approx(donors[name].mean(), rel=0.05)
    for name in ("works", "wages", "tips"):
        assert (imputed[name] == 0).mean() == pytest.approx((donors[name] == 0).mean(), abs=0.02)


def test_values_follow_the_predictors(imputed):
    old = imputed["age"] >= 65
    assert imputed.loc[~old, "works"].mean() == pytest.approx(0.8, abs=0.03)
    assert imputed.loc[old, "works"].mean() == pytest.approx(0.1, abs=0.03)
    wages = imputed[imputed["works"]].groupby("is_male")["wages"].mean()
    assert wages[True] / wages[False] == pytest.approx(np.exp(0.4), rel=0.1)
    assert (imputed.loc[imputed["state"] == "VT", "tenure"] == "OWNED").mean() == pytest.approx(0.9, abs=0.03)


def test_later_variables_follow_the_earlier_ones(imputed):
    assert (imputed.loc[~imputed["works"], "wages"] == 0).mean() > 0.99
    tipped = imputed[(imputed["tips"] > 0) & imputed["works"]]
    assert np.median(tipped["tips"] / tipped["wages"]) == pytest.approx(0.2, rel=0.1)
    assert imputed.loc[imputed["tenure"] == "OWNED", "rooms"].between(5, 7).mean() > 0.99
    assert imputed.loc[imputed["tenure"] == "RENTED", "rooms"].between(2, 4).mean() > 0.99


def test_only_donors_values_are_drawn_in_the_donors_types(donors, imputed):
    for name in TARGETS:
        assert set(imputed[name]) <= set(donors[name])
        assert imputed[name].dtype == donors[name].dtype


def test_means_are_the_weighted_donors(donors):
    weights = np.where(donors["is_male"], 9.0, 1.0)
    names = ["works", "wages"]
    model = fit_forest(donors, ["age"], names, weights, 3)
    imputed = impute(model, people(20_000, 2)[["age"]], 4)
    for name in names:
        assert imputed[name].mean() == pytest.approx(np.average(donors[name], weights=weights), rel=0.05)
    assert np.average(donors["wages"], weights=weights) > 1.1 * donors["wages"].mean()


def test_donors_without_weight_are_never_drawn(donors):
    weights = (donors["state"] == "VT").to_numpy(float)
    imputed = impute(fit_forest(donors, ["age"], ["wages"], weights, 3), donors[["age"]], 4)
    assert set(imputed["wages"]) <= set(donors.loc[donors["state"] == "VT", "wages"])


def test_draws_hang_on_the_seed_alone(donors, model, imputed):
    recipients = imputed[PREDICTORS]
    again = fit_forest(donors, PREDICTORS, TARGETS, None, 3, trees=20, jobs=1)
    pd.testing.assert_frame_equal(impute(again, recipients, 4), imputed[TARGETS])
    pd.testing.assert_frame_equal(impute(model, recipients, 4, block=999), imputed[TARGETS])
    assert not impute(model, recipients, 5)["wages"].equals(imputed["wages"])


def test_a_model_says_what_it_was_trained_on(model):
    described = model.describe()
    assert described["donor_rows"] == 6_000
    assert described["vintage"] == "made 2024"
    assert described["predictors"] == PREDICTORS
    assert described["targets"] == TARGETS


def test_quality_on_held_out_donors(model):
    table = forest_quality(model, people(3_000, 9), None, 4).set_index("variable")
    assert table.index.tolist() == ["works", "wages", "tips", "tenure = OWNED", "tenure = RENTED", "rooms"]
    assert (table.loc[["works", "wages", "rooms"]].eval("quantile_loss / marginal_quantile_loss") < 0.9).all()
    assert (table["zero_share_imputed"] - table["zero_share_donors"]).abs().max() < 0.03
    variance = table["zero_share_donors"] * (1 - table["zero_share_donors"])
    np.testing.assert_allclose(table["zero_share_error"], np.sqrt(2 * variance / 3_000), rtol=0.05, atol=1e-4)
    assert table.loc["wages", "mean_imputed"] == pytest.approx(table.loc["wages", "mean_donors"], rel=0.08)
    assert table.loc["wages", "tail_mean_imputed"] == pytest.approx(table.loc["wages", "tail_mean_donors"], rel=0.3)
    assert set(table["held_out_rows"]) == {3_000}


def test_weighted_quantiles():
    values, weights = np.array([3.0, 1.0, 2.0]), np.array([1.0, 1.0, 2.0])
    assert weighted_quantile(values, weights, np.array([0.1, 0.5, 0.75, 0.8, 1.0])).tolist() == [1, 2, 2, 3, 3]


def test_drawn_donors_hold_all_that_are_to_be_kept():
    rows = draw_donors(1_000, 100, 42, keep=np.array([990, 5]))
    assert len(np.unique(rows)) == 100
    assert {5, 990} <= set(rows)
    assert (np.diff(rows) > 0).all()
    assert draw_donors(100, 100, 42).tolist() == list(range(100))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda frame: frame.drop(columns="tips"), "donors: tips not found among 7 columns"),
        (lambda frame: frame.assign(tips=0.0), "donors: tips has one value in all 6,000 rows"),
        (lambda frame: frame.assign(age=frame["age"].where(frame["age"] > 20)), "donors: age has .* missing"),
        (lambda frame: frame.head(1), "donors: 1 rows with a positive weight were found, expected at least 20"),
    ],
)
def test_bad_donors_are_one_sentence(donors, change, sentence):
    with pytest.raises(CalibrationError, match=sentence):
        fit_forest(change(donors), PREDICTORS, TARGETS, None, 3)


@pytest.mark.parametrize("weights", [np.full(6_000, -1.0), np.full(6_000, np.nan), np.ones(5)])
def test_bad_weights_are_one_sentence(donors, weights):
    with pytest.raises(CalibrationError, match="donors: weights of shape .* correct the weights"):
        fit_forest(donors, PREDICTORS, TARGETS, weights, 3)


def test_all_weights_zero_is_one_sentence(donors):
    with pytest.raises(CalibrationError, match="0 rows with a positive weight"):
        fit_forest(donors, PREDICTORS, TARGETS, np.zeros(6_000), 3)


def test_recipients_must_speak_the_donors_language(model, imputed):
    with pytest.raises(CalibrationError, match="recipients: state not found"):
        impute(model, imputed[["age", "is_male"]], 4)
    with pytest.raises(CalibrationError, match="recipients: state is PR in 20,000 rows, which no donor has"):
        impute(model, imputed[PREDICTORS].assign(state="PR"), 4)
