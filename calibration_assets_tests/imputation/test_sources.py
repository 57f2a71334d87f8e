"""Source re-imputation: laws that the donors follow are found again, and switches touch nothing else."""

import numpy as np
import pandas as pd
import pytest

from calibration_assets.errors import CalibrationError
from calibration_assets.imputation import sources
from calibration_assets.imputation.sources import draw_values, fit_model, impute_sources, source_keys
from calibration_assets.microdata.surveys import SURVEYS
from calibration_assets.microdata.surveys.recipients import Recipients
from calibration_assets.microdata.surveys.survey import fetch_files, read_donors
from calibration_assets_tests.microdata.surveys import made
from calibration_assets_tests.microdata.surveys.population import made_population, made_records

WRITERS = {"acs": made.write_acs, "sipp": made.write_sipp, "org": made.write_org, "scf": made.write_scf}
VARIABLES = {
    "acs": {"person": ["pre_subsidy_rent", "real_estate_taxes"]},
    "sipp": {
        "person": ["tip_income", "bank_account_assets", "stock_assets", "bond_assets"],
        "household": ["household_vehicles_owned", "household_vehicles_value"],
    },
    "org": {"person": ["hourly_wage", "is_paid_hourly", "is_union_member_or_covered"]},
    "scf": {"household": ["net_worth", "auto_loan_balance", "auto_loan_interest"]},
}


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    return made.write_all(tmp_path_factory.mktemp("raw"), 150)


@pytest.fixture(scope="module")
def records():
    return made_records(made_population(200, 99))


@pytest.fixture(scope="module")
def imputed(raw, records):
    return impute_sources(records, list(SURVEYS), 42, raw)


def test_every_source_writes_its_variables_and_leaves_the_others(imputed, records):
    dataset, shown = imputed
    for key, tables in VARIABLES.items():
        for entity, names in tables.items():
            assert (dataset.tables[entity][names].sum() > 0).all(), key
    for entity, table in records.tables.items():
        pd.testing.assert_frame_equal(dataset.tables[entity][table.columns], table)
    assert [row["model"] for row in shown["sources"]] == [
        model.name for survey in SURVEYS.values() for model in survey.models
    ]
    assert [row["variable"] for row in shown["imputed variables"]] == [
        name for survey in SURVEYS.values() for model in survey.models for name in model.imputed
    ]


def test_values_belong_to_whom_they_concern(imputed):
    dataset, _ = imputed
    person = dataset.tables["person"]
    nobody = ~person["is_household_head"]
    assert not person.loc[nobody, ["pre_subsidy_rent", "real_estate_taxes"]].to_numpy().any()
    idle = person["employment_income_before_lsr"] == 0
    assert not person.loc[idle, ["tip_income", "hourly_wage", "is_union_member_or_covered"]].to_numpy().any()
    assert (person.loc[~idle, "hourly_wage"] > 0).all()
    assert (person["tip_income"] <= person["employment_income_before_lsr"] + 0.01).all()
    assert person["is_paid_hourly"].dtype == bool
    assert dataset.tables["household"]["household_vehicles_owned"].dtype == np.int32


def test_a_renter_pays_rent_and_an_owner_taxes(imputed):
    dataset, _ = imputed
    heads = dataset.tables["person"].query("is_household_head")
    owns = dataset.tables["household"]["tenure_type"].to_numpy() == "OWNED_WITH_MORTGAGE"
    assert (heads["pre_subsidy_rent"].to_numpy() > 0).tolist() == (~owns).tolist()
    assert (heads["real_estate_taxes"].to_numpy() > 0).tolist() == owns.tolist()


@pytest.mark.parametrize("key", SURVEYS)
def test_a_source_alone_draws_what_it_draws_among_others(key, imputed, raw, records):
    alone, shown = impute_sources(records, [key], 42, raw)
    for entity, table in alone.tables.items():
        own = VARIABLES[key].get(entity, [])
        assert set(table.columns) == {*records.tables[entity].columns, *own}
        pd.testing.assert_frame_equal(table, imputed[0].tables[entity][table.columns])
    assert {row["source"] for row in shown["sources"]} == {key}


def test_without_sources_the_records_stay_as_they_were(records, tmp_path):
    same, shown = impute_sources(records, [], 42, tmp_path / "absent")
    for entity, table in records.tables.items():
        pd.testing.assert_frame_equal(same.tables[entity], table)
    assert not any(shown.values())
    assert source_keys([], tmp_path / "absent") == {}


def test_another_seed_draws_other_values(imputed, raw, records):
    other, _ = impute_sources(records, ["acs"], 43, raw)
    rent = [dataset.tables["person"]["pre_subsidy_rent"] for dataset in (imputed[0], other)]
    assert rent[0].tolist() != rent[1].tolist()


def test_predictors_that_records_lack_are_left_out_and_named(raw):
    _, shown = impute_sources(made_records(made_population(60, 5), all_known=False), ["acs", "org"], 42, raw)
    left_out = {row["source"]: row["left out (not in the records)"] for row in shown["sources"]}
    assert left_out == {"acs": "is_female, tenure", "org": "weekly_hours_worked, is_female, race"}
    assert "tenure" not in shown["sources"][0]["predictors"]


@pytest.mark.parametrize("key", SURVEYS)
def test_at_equal_predictors_the_donors_means_and_zeros_are_found_again(key, tmp_path):
    """Recipients with the predictors of all donors, of whom the fit sees a part: means within 5 %, zeros within 2 %."""
    survey = SURVEYS[key]
    WRITERS[key](tmp_path, {"acs": 3_000, "sipp": 3_000, "org": 500, "scf": 1_000}[key])
    donors = read_donors(survey, fetch_files(survey, tmp_path))
    for model in survey.models:
        true = donors[model.name]
        weight = true["weight"].to_numpy(float)
        recipients = Recipients("person", np.arange(len(true)), true[list(model.predictors)], weight)
        fitted, _ = fit_model(survey, model, true, recipients, 42)
        drawn = draw_values(model, fitted, recipients, 42)
        for name in model.imputed:
            mean, expected = (np.average(values[name], weights=weight) for values in (drawn, true))
            assert mean == pytest.approx(expected, rel=0.05), name
            zero, none = (np.average(values[name] == 0, weights=weight) for values in (drawn, true))
            assert zero == pytest.approx(none, abs=0.02), name


def test_a_source_that_fails_is_named(raw, records, tmp_path):
    made.write_acs(tmp_path, 50, drop="TEN")
    with pytest.raises(CalibrationError, match=r"source acs \(ACS 2022\): psam_husa.csv has no column TEN"):
        impute_sources(records, ["acs"], 42, tmp_path)
    with pytest.raises(CalibrationError, match="source psid: no survey has this key, expected some of acs, sipp"):
        impute_sources(records, ["psid"], 42, raw)


def test_the_key_follows_the_files_and_the_models(raw, tmp_path, monkeypatch):
    keys = source_keys(["acs", "scf"], raw)
    assert set(keys) == {"acs", "scf", "factors"}
    assert source_keys(["scf", "acs"], raw) == keys
    made.write_acs(tmp_path, 30)
    assert source_keys(["acs"], tmp_path)["acs"] != keys["acs"]
    monkeypatch.setattr(sources, "VERSION", 2)
    assert source_keys(["scf"], raw)["scf"] != keys["scf"]
