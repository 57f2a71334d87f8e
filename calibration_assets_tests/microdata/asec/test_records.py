"""A made ASEC zip, checked entry by entry; what is wrong with a zip, in a sentence."""

import numpy as np
import pandas as pd
import pytest

from calibration_assets.errors import CalibrationError
from calibration_assets.microdata.asec.files import find_zip
from calibration_assets.microdata.asec.records import open_asec, read_mapping
from calibration_assets.microdata.dataset import read_dataset, write_dataset
from calibration_assets.microdata.links import ENTITIES
from calibration_assets.microdata.sources import open_source, source_key
from calibration_assets.microdata.uprating import uprating_factor
from calibration_assets.storage.reference import read_reference
from calibration_assets_tests.microdata.asec.made import made_tables, write_zip


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return open_asec(write_zip(tmp_path_factory.mktemp("asec") / "asecpub25csv.zip"))


@pytest.fixture(scope="module")
def person(dataset):
    return dataset.tables["person"].set_index("person_id")


def test_the_entities_are_those_of_the_file(dataset):
    person = dataset.tables["person"]
    assert person["person_id"].tolist() == [101, 102, 103, 104, 201, 202, 301, 302]
    assert person["person_household_id"].tolist() == [1, 1, 1, 1, 2, 2, 3, 3]
    assert person["person_tax_unit_id"].tolist() == [101, 101, 101, 101, 201, 202, 301, 302]
    assert person["person_spm_unit_id"].tolist() == [1001, 1001, 1001, 1001, 2001, 2002, 3001, 3001]
    assert person["person_family_id"].tolist() == [101, 101, 101, 101, 201, 202, 301, 301]
    assert person["person_marital_unit_id"].tolist() == [101, 101, 103, 104, 201, 202, 301, 302]
    assert dataset.tables["household"]["household_id"].tolist() == [1, 2, 3]
    assert {entity: len(dataset.tables[entity]) for entity in ENTITIES} == {
        "person": 8, "household": 3, "tax_unit": 5, "spm_unit": 4, "family": 4, "marital_unit": 7,
    }  # fmt: skip


def test_the_tax_units_have_their_roles(person):
    assert person["tax_unit_role_input"].tolist() == [
        "HEAD", "SPOUSE", "DEPENDENT", "DEPENDENT", "HEAD", "HEAD", "HEAD", "HEAD",
    ]  # fmt: skip
    assert person.index[person["claimed_as_dependent_on_another_return"]].tolist() == [302]
    assert person.index[person["is_household_head"]].tolist() == [101, 201, 301]
    assert person["own_children_in_household"].tolist() == [1, 2, 0, 0, 0, 0, 1, 0]


def test_a_role_is_settled_where_nobody_says_it(tmp_path):
    tables = made_tables()
    person = tables["person"]
    person.loc[person["PH_SEQ"] == 1, "DEP_STAT"] = 1
    person.loc[person["A_LINENO"].eq(2) & person["PH_SEQ"].eq(2), ["TAX_ID", "DEP_STAT"]] = [201, 0]
    read = open_asec(write_zip(tmp_path / "asec.zip", tables)).tables["person"]
    assert read["tax_unit_role_input"].tolist()[:6] == ["HEAD", *["DEPENDENT"] * 3, "HEAD", "DEPENDENT"]
    assert read["claimed_as_dependent_on_another_return"].tolist()[:2] == [True, False]


@pytest.mark.parametrize(
    ("person_id", "variable", "value"),
    [
        (101, "employment_income_before_lsr", 80_000),
        (101, "taxable_interest_income", 680),
        (101, "tax_exempt_interest_income", 320),
        (101, "qualified_dividend_income", 224),
        (101, "non_qualified_dividend_income", 276),
        (101, "long_term_capital_gains_before_response", 1_760),
        (101, "short_term_capital_gains", 240),
        (101, "traditional_401k_contributions_desired", 7_718),
        (101, "roth_401k_contributions_desired", 1_362),
        (101, "traditional_ira_contributions_desired", 360.64),
        (101, "roth_ira_contributions_desired", 559.36),
        (101, "weekly_hours_worked_before_lsr", 40),
        (101, "is_self_employed", False),
        (102, "self_employment_income_before_lsr", -4_000),
        (102, "self_employed_pension_contributions_desired", 1_000),
        (102, "hours_worked_last_week", 0),
        (101, "ssn_card_type", "CITIZEN"),
        (102, "ssn_card_type", "NONE"),
        (102, "immigration_status_str", "UNDOCUMENTED"),
        (202, "ssn_card_type", "OTHER_NON_CITIZEN"),
        (202, "immigration_status_str", "LEGAL_PERMANENT_RESIDENT"),
        (102, "is_self_employed", True),
        (102, "is_hispanic", True),
        (102, "is_female", True),
        (102, "has_esi", True),
        (103, "has_medicaid_health_coverage_at_interview", True),
        (201, "social_security_retirement", 24_000),
        (201, "taxable_ira_distributions", 6_000),
        (201, "tax_exempt_ira_distributions", 1_500),
        (201, "taxable_private_pension_income", 3_540),
        (201, "tax_exempt_private_pension_income", 2_460),
        (201, "medicare_part_b_premiums_reported", 2_096),
        (201, "is_surviving_spouse", True),
        (201, "is_disabled", True),
        (201, "is_blind", False),
        (202, "is_full_time_college_student", True),
        (202, "alimony_income", 700),
        (202, "miscellaneous_income", 0),
        (202, "educational_assistance", 3_000),
        (202, "weeks_unemployed", 0),
        (301, "social_security_disability", 3_600),
        (301, "disability_benefits", 400),
        (301, "workers_compensation", 800),
        (301, "unemployment_compensation", 2_500),
        (301, "weeks_unemployed", 9),
        (302, "age", 17),
    ],
)
def test_a_person_has_what_the_file_says(person, person_id, variable, value):
    found = person.loc[person_id, variable]
    assert found == (pytest.approx(value) if isinstance(value, float) else value)


def test_units_and_households_have_what_the_file_says(dataset):
    spm_unit = dataset.tables["spm_unit"].set_index("spm_unit_id")
    assert spm_unit["spm_unit_energy_subsidy"].tolist() == [300, 0, 0, 0]
    assert spm_unit["receives_housing_assistance"].tolist() == [False, True, False, False]
    assert spm_unit["spm_unit_tenure_type"].tolist() == ["OWNER_WITH_MORTGAGE", "RENTER", "RENTER", "RENTER"]
    household = dataset.tables["household"]
    assert household["household_weight"].tolist() == [1500.25, 2000, 999]
    assert household["state_fips"].tolist() == [6, 48, 36]
    assert household["tenure_type"].tolist() == ["OWNED_WITH_MORTGAGE", "RENTED", "NONE"]


def test_parts_add_up_to_the_files_sums(dataset):
    person = dataset.tables["person"]
    file = made_tables()["person"]
    parts = ["retirement", "disability", "survivors", "dependents"]
    assert person[[f"social_security_{part}" for part in parts]].sum(axis=1).tolist() == file["SS_VAL"].tolist()
    desired = [name for name in person if name.endswith("_contributions_desired")]
    np.testing.assert_allclose(person[desired].sum(axis=1), file["RETCB_VAL"], rtol=1e-6)


def test_ages_of_eighty_are_spread_the_same_way_every_time(tmp_path):
    tables = made_tables()
    tables["person"]["A_AGE"] = [80] * 7 + [85]
    paths = [write_zip(tmp_path / name, tables) for name in ("one.zip", "two.zip")]
    first, second = (open_asec(path).tables["person"]["age"] for path in paths)
    assert first.tolist() == second.tolist()
    assert first[:7].between(80, 84).all()
    assert len(set(first[:7])) > 1
    assert first[7] == 85


@pytest.mark.parametrize("survey_year", [2023, 2024, 2025])
def test_another_years_dollars_and_weights_are_aged(tmp_path, survey_year):
    read = open_asec(write_zip(tmp_path / "asec.zip", survey_year=survey_year))
    assert read.period == 2024
    wages = 80_000 * uprating_factor("wages", survey_year - 1, 2024)
    assert read.tables["person"]["employment_income_before_lsr"][0] == pytest.approx(wages)
    grown = uprating_factor("population", survey_year - 1, 2024)
    assert read.tables["household"]["household_weight"][0] == pytest.approx(1500.25 * grown)
    assert (survey_year == 2025) == (grown == 1)


def test_every_variable_is_an_input_of_its_entity():
    mapping = read_mapping()
    mapped = mapping[mapping["variable"].ne("")]
    assert mapped["variable"].is_unique
    catalogue = read_reference("variables").set_index("variable")
    own = ["own_children_in_household", "is_self_employed", "tax_unit_role_input"]
    known = catalogue.loc[[*mapped["variable"], *own, "claimed_as_dependent_on_another_return"]]
    assert known["is_input"].all()
    assert catalogue.loc[mapped["variable"], "entity"].tolist() == mapped["entity"].tolist()
    assert (known["definition_period"] != "month").all()
    enums = mapped[mapped["unit"].eq("enum")]
    for row in enums.to_dict("records"):
        codes = row["census"].partition(" as ")[2].split()
        members = {pair.split("=")[1] for pair in codes}
        members |= {case.partition(" where ")[0] for case in row["census"].split("; ") if not codes}
        assert members <= set(catalogue.loc[row["variable"], "possible_values"].split(","))
    assert set(mapped["uprating"]) - {""} <= set(read_reference("uprating")["uprating_class"])


def test_the_records_survive_their_file(dataset, tmp_path):
    write_dataset(dataset, tmp_path / "asec.h5")
    read = read_dataset(tmp_path / "asec.h5")
    for entity in ENTITIES:
        pd.testing.assert_frame_equal(read.tables[entity], dataset.tables[entity])


def test_a_zip_is_a_source(tmp_path):
    path = write_zip(tmp_path / "asecpub25csv.zip")
    dataset, agi = open_source(str(path))
    assert agi is None
    assert len(dataset.tables["person"]) == 8
    other = write_zip(tmp_path / "other.zip", survey_year=2024)
    assert source_key(str(path)) != source_key(str(other))


def _change(tables, kind, column, value):
    tables[kind].loc[0, column] = value


def _without(tables, **what):
    tables["person"] = tables["person"].drop(**what)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda tables: _without(tables, columns="WSAL_VAL"), "no column WSAL_VAL"),
        (lambda tables: _change(tables, "person", "TAX_ID", 0), "person 1 of the file has 0 in TAX_ID"),
        (lambda tables: _change(tables, "person", "PH_SEQ", 9), "points to 9, which the household file does not hold"),
        (lambda tables: _change(tables, "person", "PF_SEQ", 7), "points to 107, which the family file does not hold"),
        (lambda tables: _change(tables, "person", "A_LINENO", 2), "household 1 has line 2 twice"),
        (lambda tables: _change(tables, "household", "H_SEQ", 2), "household 2 occurs more than once"),
        (lambda tables: _change(tables, "household", "HSUP_WGT", -1), "HSUP_WGT has 1 negative or missing weights"),
        (lambda tables: _change(tables, "household", "HSUP_WGT", np.nan), "HSUP_WGT has 1 negative or missing weights"),
        (lambda tables: tables["household"].__setitem__("HSUP_WGT", 0), "HSUP_WGT has weights that are all zero"),
        (lambda tables: tables["person"].__setitem__("A_AGE", "old"), "pppub25.csv has text in A_AGE"),
        (lambda tables: _without(tables, index=range(8)), "pppub25.csv has no rows"),
        (lambda tables: _change(tables, "person", "SPM_ID", 2001), "spm_unit 2001: its persons live in more than one"),
    ],
)
def test_a_file_that_cannot_be_used_is_a_sentence(tmp_path, spoil, sentence):
    tables = made_tables()
    spoil(tables)
    with pytest.raises(CalibrationError, match=sentence):
        open_asec(write_zip(tmp_path / "asec.zip", tables))


def test_a_zip_without_its_family_file_is_a_sentence(tmp_path):
    path = write_zip(tmp_path / "asec.zip", leave_out=["family"])
    with pytest.raises(CalibrationError, match=r"the zip has no family file \(ffpubYY.csv\)"):
        open_asec(path)


def test_another_year_is_a_sentence(tmp_path):
    with pytest.raises(CalibrationError, match=r"its files are of the years of income \[2017\], expected one of"):
        open_asec(write_zip(tmp_path / "asec.zip", survey_year=2018))
    with pytest.raises(CalibrationError, match="dataset census:2017: no ASEC of this year is known"):
        find_zip("census:2017", tmp_path)


def test_what_is_no_zip_is_a_sentence(tmp_path):
    (tmp_path / "asec.zip").write_text("<html>")
    with pytest.raises(CalibrationError, match="is not a zip file, expected an ASEC zip"):
        open_asec(tmp_path / "asec.zip")
    with pytest.raises(CalibrationError, match="absent.zip: no such file"):
        open_source(str(tmp_path / "absent.zip"))


@pytest.mark.slow
def test_policyengine_opens_the_records_and_calculates(policyengine, dataset, tmp_path):
    write_dataset(dataset, tmp_path / "asec.h5")
    simulation = policyengine.Microsimulation(dataset=str(tmp_path / "asec.h5"))

    def calculate(variable):
        return np.asarray(simulation.calculate(variable, 2024, use_weights=False))

    assert calculate("person_id").tolist() == dataset.tables["person"]["person_id"].tolist()
    assert calculate("employment_income").tolist() == [80_000, 0, 0, 0, 0, 9_000, 60_000, 15_000]
    assert calculate("filing_status").tolist() == ["JOINT", "SINGLE", "SINGLE", "SINGLE", "SINGLE"]
    assert calculate("state_code_str").tolist() == ["CA", "TX", "NY"]
    for variable in ("snap", "medicaid", "ssi", "state_income_tax", "household_net_income", "spm_unit_net_income"):
        assert np.isfinite(calculate(variable)).all(), variable
