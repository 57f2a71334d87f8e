"""Each survey's reader on a made file in its layout: every donor against the population that the file was made from."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from calibration_assets.errors import CalibrationError
from calibration_assets.microdata.surveys import SURVEYS
from calibration_assets.microdata.surveys.survey import UPRATING, fetch_files, read_donors
from calibration_assets.microdata.uprating import uprating_factor
from calibration_assets.settings import MODEL_YEAR
from calibration_assets.storage.reference import read_reference
from calibration_assets_tests.microdata.surveys import made
from calibration_assets_tests.microdata.surveys.population import children_of, household_sum, laws, made_population

HOUSEHOLDS = 120
WRITERS = {"acs": made.write_acs, "sipp": made.write_sipp, "scf": made.write_scf, "org": made.write_org}


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    return made.write_all(tmp_path_factory.mktemp("raw"), HOUSEHOLDS)


def donors_of(key, raw):
    """The donor tables of a survey, in dollars of its own year."""
    survey = SURVEYS[key]
    return survey.read(fetch_files(survey, raw))


def heads_of(seed):
    population = made_population(HOUSEHOLDS, seed)
    head = population["line"].eq(0)
    return population, laws(population, seed), head


def check(donors, **expected):
    for column, values in expected.items():
        if np.asarray(values).dtype.kind in "fi":
            np.testing.assert_allclose(donors[column].to_numpy(float), np.asarray(values, float), rtol=1e-6)
        else:
            assert donors[column].tolist() == list(values), column


def test_acs_donors_are_reference_persons_of_housing_units(raw):
    population, law, head = heads_of(1)
    population, law = population[head].iloc[:-1], law[head].iloc[:-1]
    donors = donors_of("acs", raw)["housing"]
    check(
        donors,
        age=population["age"],
        is_female=population["is_female"],
        tenure=np.where(population["owns"], "OWNED", "RENTED"),
        employment_income=population["wages"],
        social_security=population["social_security"],
        pension_income=population["pension"],
        state_fips=population["state"],
        pre_subsidy_rent=12 * law["monthly_rent"],
        real_estate_taxes=law["taxes"],
        weight=population["household_weight"].round(),
    )


def test_sipp_donors_have_the_year_of_their_months_and_no_allocation_flags(raw):
    population, law, head = heads_of(2)
    donors = donors_of("sipp", raw)
    persons = donors["tips"]
    check(
        persons,
        employment_income=population["wages"],
        tip_income=law["tips"],
        interest_income=population["interest"],
        dividend_income=population["dividends"],
        is_married=population["married"],
        count_under_18=children_of(population),
        bank_account_assets=law["bank"],
        stock_assets=law["stocks"],
        bond_assets=law["bonds"],
    )
    vehicles = donors["vehicles"].sort_values("SSUID")
    check(
        vehicles,
        employment_income=household_sum(population, "wages")[head],
        age=population["age"][head],
        is_homeowner=population["owns"][head],
        household_vehicles_owned=law["vehicles"][head],
        household_vehicles_value=law["vehicle_value"][head],
    )


def test_scf_donors_are_all_implicates_with_their_loans(raw):
    population, law, head = heads_of(3)
    donors = donors_of("scf", raw)["wealth"]
    check(
        donors,
        age=np.repeat(population["age"][head], 5),
        net_worth=np.repeat(law["net_worth"][head], 5),
        auto_loan_balance=np.repeat(law["loan"][head], 5),
        auto_loan_interest=np.repeat(law["loan"][head] * 0.0625, 5),
        weight=np.repeat(population["household_weight"][head] / 5, 5),
    )
    assert set(donors["race"]) == {"WHITE", "BLACK", "HISPANIC"}


def test_org_donors_were_asked_for_their_earnings(raw):
    donors = donors_of("org", raw)["wages and unions"]
    population, _, _ = heads_of(4)
    np.testing.assert_allclose(
        donors["hourly_wage"] * 52 * donors["weekly_hours_worked"], donors["employment_income"], rtol=1e-2
    )
    assert donors["weekly_hours_worked"].isin([20, 40, 45]).all()
    assert (donors["is_paid_hourly"] == (donors["weekly_hours_worked"] < 45)).all()
    new_york = donors["state_fips"] == 36
    unions = donors["is_union_member_or_covered"]
    assert unions[new_york].mean() > 2 * unions[~new_york].mean() > 0
    assert len(donors) < 12 * (population["wages"] > 0).sum()


@pytest.mark.parametrize("key", SURVEYS)
def test_donors_are_aged_to_the_model_year(key, raw):
    survey = SURVEYS[key]
    paths = fetch_files(survey, raw)
    own = survey.read(paths)
    for model in survey.models:
        aged = read_donors(survey, paths)[model.name]
        then = own[model.name]
        then = then[then[model.among] > 0] if model.among else then
        assert list(aged.columns) == [*model.predictors, *model.imputed, "weight"]
        for column in aged.columns:
            factor = uprating_factor(UPRATING[column], survey.year, MODEL_YEAR) if column in UPRATING else 1
            expected = then[column] * factor if column in UPRATING else then[column]
            assert aged[column].tolist() == pytest.approx(expected.tolist())
            assert factor != 1 or survey.year == MODEL_YEAR or column not in UPRATING


def test_every_imputed_variable_is_an_input_of_its_table():
    catalogue = read_reference("variables").set_index("variable")
    for survey in SURVEYS.values():
        for model in survey.models:
            entity = "household" if model.recipients == "household" else "person"
            known = catalogue.loc[list(model.imputed)]
            assert known["is_input"].all()
            assert set(known["entity"]) == {entity}


def _last_years_number(table):
    return table["SERIALNO"].str.replace("2022", "2021")


@pytest.mark.parametrize(
    ("key", "changes", "sentence"),
    [
        ("acs", {"drop": "TAXAMT"}, r"psam_husa.csv has no column TAXAMT"),
        ("acs", {"drop": "RELSHIPP"}, r"psam_pusa.csv has no column RELSHIPP"),
        ("acs", {"columns": {"SERIALNO": _last_years_number}}, "ACS 2022 has records of 2021, expected 2022"),
        ("acs", {"columns": {"WGTP": 0}}, "ACS 2022, housing: no weight above zero in 119 donors"),
        ("acs", {"columns": {"WGTP": -1}}, "ACS 2022, housing: 119 negative or missing weights"),
        ("acs", {"columns": {"RNTP": 0}}, "ACS 2022, housing: pre_subsidy_rent is zero in all 119 donors"),
        ("acs", {"columns": {"RELSHIPP": 21}}, "no reference person lives in a housing unit of the other file"),
        ("sipp", {"drop": "TVAL_BANK"}, "pu2023.csv has no column TVAL_BANK"),
        ("sipp", {"columns": {"SWAVE": 1}}, "sipp_pu2023_csv.zip has records of 2022, expected 2023"),
        ("sipp", {"columns": {"WPFINWGT": 0}}, "SIPP 2023, tips: no weight above zero"),
        ("sipp", {"columns": {"TVEH_NUM": 0}}, "SIPP 2023, vehicles: household_vehicles_owned is zero in all 120"),
        ("scf", {"drop": "networth"}, "rscfp2022.dta has no column NETWORTH"),
        ("scf", {"drop": "x2218"}, "p22i6.dta has no column X2218"),
        ("scf", {"columns": {"wgt": 0}}, "SCF 2022, wealth: no weight above zero in 600 donors"),
        ("scf", {"columns": {"networth": 0}}, "SCF 2022, wealth: net_worth is zero in all 600 donors"),
        ("org", {"drop": "peernlab"}, "cps_jan24pub.csv has no column PEERNLAB"),
        ("org", {"columns": {"hryear4": 2023}}, "cps_jan24pub.csv has records of 2023, expected 2024"),
        ("org", {"columns": {"pworwgt": 0}}, "CPS ORG 2024, wages and unions: no weight above zero"),
        ("org", {"columns": {"peernlab": 2}}, "is_union_member_or_covered is zero in all"),
        ("org", {"columns": {"prerelg": 0}}, "CPS ORG 2024, wages and unions: no weight above zero in 0 donors"),
    ],
)
def test_a_file_that_cannot_be_used_is_a_sentence(tmp_path, key, changes, sentence):
    WRITERS[key](tmp_path, HOUSEHOLDS, **changes)
    survey = SURVEYS[key]
    with pytest.raises(CalibrationError, match=sentence):
        read_donors(survey, fetch_files(survey, tmp_path))


@pytest.mark.parametrize("key", ["acs", "sipp", "scf"])
def test_what_is_no_zip_of_the_survey_is_a_sentence(tmp_path, key):
    survey = SURVEYS[key]
    for file in survey.files:
        (tmp_path / file.name).write_bytes(b"PK?")
    with pytest.raises(CalibrationError, match="File is not a zip file, expected the agency's zip"):
        read_donors(survey, fetch_files(survey, tmp_path))
    for file in survey.files:
        (tmp_path / f"{file.name}.json").unlink()
        made._write_zip(tmp_path / file.name, {"readme.txt": pd.DataFrame()})
    with pytest.raises(CalibrationError, match="holds no file"):
        read_donors(survey, fetch_files(survey, tmp_path))


def test_another_years_stata_file_is_a_sentence(tmp_path):
    made.write_scf(tmp_path, 20)
    made._write_zip(tmp_path / "scfp2022s.zip", {"rscfp2019.dta": pd.DataFrame()})
    with pytest.raises(CalibrationError, match="holds rscfp2019.dta, expected rscfp2022.dta"):
        donors_of("scf", tmp_path)


def test_one_donor_is_a_sentence(tmp_path):
    made.write_acs(tmp_path, 2)
    with pytest.raises(CalibrationError, match="ACS 2022, housing: 1 donors were found, expected many"):
        read_donors(SURVEYS["acs"], fetch_files(SURVEYS["acs"], tmp_path))


@pytest.mark.parametrize("survey", SURVEYS.values(), ids=list(SURVEYS))
def test_the_readme_says_where_a_file_fetched_elsewhere_belongs(survey):
    readme = (Path(__file__).parents[3] / "README.md").read_text()
    for file in (survey.files[0], survey.files[-1]):
        assert f"`{file.name}`" in readme
    assert survey.files[0].url in readme
