"""Tax units made into persons and entities: counts, ages, amounts and weights agree with the units."""

import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration_assets.errors import CalibrationError
from calibration_assets.microdata.dataset import Dataset, write_dataset
from calibration_assets.microdata.links import ENTITIES, household_rows
from calibration_assets.microdata.sources import open_source
from calibration_assets.microdata.stratify import draw_stratified_sample
from calibration_assets.microdata.taxcalc_cps import MAPPING, build_dataset, sum_household_agi
from calibration_assets.microdata.taxcalc_units import read_units
from calibration_assets.settings import SampleSettings
from calibration_assets.storage.reference import read_reference

mapping = pd.read_csv(MAPPING, keep_default_na=False)
COUNTS = ["XTOT", "nu06", "nu13", "nu18", "n1820", "n21", "elderly_dependents"]
PLACE = {"FLPDYR": 2014, "h_seq": 1, "ffpos": 1, "a_lineno": 1, "fips": 6, "s006": 1.0}


def unit(**columns: float) -> dict[str, float]:
    """A single adult of 40 with nothing, but for the columns given."""
    money = {column: 0.0 for cell in [*mapping["taxcalc"], *mapping["spouse"]] for column in cell.split(" - ")}
    person = {"MARS": 1, "age_head": 40, "age_spouse": 0, **dict.fromkeys(COUNTS, 0), "XTOT": 1, "n21": 1}
    return {**money, **person, **PLACE, "c00100": 0.0, **columns}


def build(*units: dict[str, float]) -> Dataset:
    return build_dataset(pd.DataFrame(units), 2024)


def persons(*units: dict[str, float]) -> pd.DataFrame:
    return build(*units).tables["person"]


def test_a_family_becomes_head_spouse_and_children():
    family = unit(MARS=2, age_spouse=38, XTOT=5, nu06=1, nu13=2, nu18=3, n21=2)
    person = persons(family)
    assert person["tax_unit_role_input"].tolist() == ["HEAD", "SPOUSE", *["DEPENDENT"] * 3]
    assert person["age"].tolist()[:2] == [40, 38]
    youngest, middle, oldest = person["age"].tolist()[2:]
    assert youngest < 6 <= middle < 13 <= oldest < 18
    assert person["person_marital_unit_id"].tolist() == [0, 0, 1, 2, 3]


@st.composite
def compositions(draw: st.DrawFn) -> dict[str, int]:
    """A unit whose counts agree with its members: heads and spouses are in nu18, n1820 and n21 as the file has them."""
    joint = draw(st.booleans())
    couple = draw(st.lists(st.integers(1, 85), min_size=1 + joint, max_size=1 + joint))
    bands = [draw(st.integers(0, 3)) for _ in range(6)]
    return {
        "MARS": 2 if joint else 4,
        "age_head": couple[0],
        "age_spouse": couple[1] if joint else 0,
        "XTOT": len(couple) + sum(bands),
        "nu06": bands[0],
        "nu13": sum(bands[:2]),
        "nu18": sum(bands[:3]) + sum(age < 18 for age in couple),
        "n1820": bands[3] + sum(18 <= age < 21 for age in couple),
        "n21": bands[4] + bands[5] + sum(age >= 21 for age in couple),
        "elderly_dependents": bands[5],
    }


@settings(max_examples=20, deadline=None)
@given(st.lists(compositions(), min_size=1, max_size=8))
def test_the_persons_count_back_to_the_unit(units):
    person = persons(*(unit(**columns, h_seq=row) for row, columns in enumerate(units)))
    dependent = person["tax_unit_role_input"].eq("DEPENDENT")
    by_unit = person.groupby("person_tax_unit_id")["age"]
    young = person[dependent].groupby("person_tax_unit_id")["age"]
    expected = pd.DataFrame(units)
    counted = {
        "XTOT": by_unit.size(),
        "nu18": by_unit.agg(lambda age: (age < 18).sum()),
        "n1820": by_unit.agg(lambda age: age.between(18, 20).sum()),
        "n21": by_unit.agg(lambda age: (age >= 21).sum()),
        "nu06": young.agg(lambda age: (age < 6).sum()),
        "nu13": young.agg(lambda age: (age < 13).sum()),
        "elderly_dependents": young.agg(lambda age: (age >= 65).sum()),
    }
    for column, values in counted.items():
        assert values.reindex(expected.index, fill_value=0).tolist() == expected[column].tolist(), column


def test_a_person_whom_no_band_counts_is_the_spouse_or_an_adult_dependant():
    joint = persons(unit(MARS=2, age_head=39, XTOT=2))
    assert joint["tax_unit_role_input"].tolist() == ["HEAD", "SPOUSE"]
    assert joint["age"].tolist() == [39, 39]
    single_parent = persons(unit(MARS=4, XTOT=3, nu18=1))
    assert single_parent["tax_unit_role_input"].tolist() == ["HEAD", "DEPENDENT", "DEPENDENT"]
    assert 13 <= single_parent["age"][1] < 18
    assert 21 <= single_parent["age"][2] <= 24


def test_ages_are_drawn_alike_every_time():
    units = [unit(MARS=4, XTOT=4, nu18=3, nu13=3, h_seq=row) for row in range(50)]
    first, second = persons(*units), persons(*units)
    pd.testing.assert_frame_equal(first, second)
    assert first["age"].nunique() > 5


def test_households_families_and_marital_units():
    tables = build(
        unit(h_seq=7, ffpos=2, a_lineno=3, MARS=3),
        unit(h_seq=7, ffpos=1, a_lineno=1, MARS=2, age_spouse=41, XTOT=2, n21=2),
        unit(h_seq=7, ffpos=1, a_lineno=4, age_head=20, n1820=1, n21=0, DSI=1),
        unit(h_seq=7, FLPDYR=2012, fips=48),
    ).tables
    person = tables["person"]
    assert [len(tables[entity]) for entity in ENTITIES] == [5, 2, 4, 2, 3, 4]
    assert tables["household"]["state_fips"].tolist() == [48, 6]
    assert person["age"].tolist() == [40, 40, 41, 20, 40]
    assert person["person_family_id"].tolist() == [0, 1, 1, 1, 2]
    assert person["is_household_head"].tolist() == [True, True, False, False, False]
    assert person["is_separated"].tolist() == [False, False, False, False, True]
    assert person["claimed_as_dependent_on_another_return"].tolist() == [False, False, False, True, False]


def test_a_household_weighs_the_mean_of_its_units_by_their_persons():
    dataset = build(unit(s006=100.0), unit(s006=400.0, MARS=2, age_spouse=40, XTOT=2, n21=2, ffpos=2))
    assert dataset.tables["household"]["household_weight"].tolist() == [300.0]


def test_amounts_go_to_those_who_have_them():
    couple = unit(
        MARS=2, age_head=66, age_spouse=58, XTOT=2, n21=2,
        e00200p=10.0, e00200s=70.0, e00300=6.0, e00600=9.0, e00650=5.0, e01500=50.0, e01700=40.0, e02400=30.0,
        e00900p=0.0, e00900s=8.0, e03300=4.0, blind_spouse=1,
    )  # fmt: skip
    person = persons(couple)
    assert person["employment_income_before_lsr"].tolist() == [10.0, 70.0]
    assert person["taxable_interest_income"].tolist() == [3.0, 3.0]
    assert person["qualified_dividend_income"].tolist() == [2.5, 2.5]
    assert person["non_qualified_dividend_income"].tolist() == [2.0, 2.0]
    assert person["taxable_private_pension_income"].tolist() == [40.0, 0.0]
    assert person["tax_exempt_private_pension_income"].tolist() == [10.0, 0.0]
    assert person["social_security_retirement"].tolist() == [30.0, 0.0]
    assert person["social_security_disability"].tolist() == [0.0, 0.0]
    assert person["self_employed_pension_contributions_desired"].tolist() == [0.0, 4.0]
    assert person["is_self_employed"].tolist() == [False, True]
    assert person["is_blind"].tolist() == [False, True]


def test_benefits_before_62_are_for_disability():
    person = persons(unit(MARS=2, age_spouse=58, XTOT=2, n21=2, e02400=30.0))
    assert person["social_security_retirement"].tolist() == [0.0, 0.0]
    assert person["social_security_disability"].tolist() == [15.0, 15.0]


def test_childcare_and_agi_are_the_households_sums():
    units = [unit(e32800=5.0, c00100=10.0, h_seq=3), unit(e32800=7.0, c00100=-4.0, ffpos=2, h_seq=3), unit(h_seq=2)]
    assert build(*units).tables["spm_unit"]["spm_unit_pre_subsidy_childcare_expenses"].tolist() == [0.0, 12.0]
    agi = sum_household_agi(pd.DataFrame(units))
    assert agi.to_dict("list") == {"household_id": [0, 1], "adjusted_gross_income": [0.0, 6.0]}


def test_the_mapping_names_inputs_of_policyengine_at_their_entity():
    catalogue = read_reference("variables").set_index("variable")
    mapped = mapping[mapping["policyengine"] != ""]
    assert catalogue.loc[mapped["policyengine"], "is_input"].all()
    assert catalogue.loc[mapped["policyengine"], "entity"].tolist() == mapped["entity"].tolist()
    assert not mapped[["taxcalc", "policyengine"]].duplicated().any()
    assert mapping.loc[mapping["policyengine"] == "", "note"].str.startswith("Left out").all()


def test_without_taxcalc_the_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "taxcalc", None)
    with pytest.raises(CalibrationError, match=r"taxcalc is not installed.*pip install 'calibration-assets\[cps\]'"):
        read_units(2024)


@pytest.fixture(scope="module")
def source() -> tuple[Dataset, pd.DataFrame, pd.DataFrame]:
    """The whole public file: dataset, AGI by household and the units that both come from."""
    units = read_units(2024)
    dataset, agi = open_source("taxcalc")
    assert agi is not None
    return dataset, agi, units


@pytest.mark.slow
def test_the_whole_file_agrees_with_its_units(source):
    dataset, agi, units = source
    tables = dataset.tables
    assert len(tables["household"]) == len(agi) == 200_576
    assert len(tables["tax_unit"]) == 280_005
    assert len(tables["person"]) == units["XTOT"].sum() == 542_168
    weight = tables["household"]["household_weight"].to_numpy()
    assert weight[household_rows(tables, "person")].sum() == pytest.approx((units["s006"] * units["XTOT"]).sum())
    assert agi["adjusted_gross_income"].sum() == pytest.approx(units["c00100"].sum())
    assert (units["s006"] * units["c00100"]).sum() == pytest.approx(15.2315e12, rel=1e-3)
    # Household weights move dollars a little: units of one household weigh differently.
    for columns, source_column in (
        (["employment_income_before_lsr"], "e00200"),
        (["social_security_retirement", "social_security_disability"], "e02400"),
    ):
        amount = tables["person"][columns].sum(axis=1).to_numpy(float)
        assert amount.sum() == pytest.approx(units[source_column].sum(), rel=1e-5)
        weighted = (weight[household_rows(tables, "person")] * amount).sum()
        assert weighted == pytest.approx((units["s006"] * units[source_column]).sum(), rel=0.03)


@pytest.mark.slow
def test_agi_is_what_the_whole_of_taxcalc_computes(source):
    import taxcalc

    calculator = taxcalc.Calculator(policy=taxcalc.Policy(), records=taxcalc.Records.cps_constructor(), verbose=False)
    calculator.advance_to_year(2024)
    calculator.calc_all()
    assert np.abs(calculator.array("c00100") - source[2]["c00100"]).max() < 0.01


@pytest.mark.slow
def test_policyengine_computes_the_sources_figures_from_a_samples_file(policyengine, source, tmp_path):
    dataset, agi, units = source
    sample = draw_stratified_sample(dataset, agi, SampleSettings())
    write_dataset(sample.dataset, tmp_path / "sample.h5")
    simulation = policyengine.Microsimulation(dataset=str(tmp_path / "sample.h5"))
    tables = sample.dataset.tables
    weight = tables["household"]["household_weight"].to_numpy()
    assert len(simulation.calculate("age", 2024)) == len(tables["person"])
    assert len(simulation.calculate("household_id", 2024)) == 2_000
    ordered = units.sort_values(["FLPDYR", "h_seq", "ffpos", "a_lineno"], ignore_index=True)
    own = ordered.loc[tables["tax_unit"]["tax_unit_id"]]
    for variable, column in (("employment_income", "e00200"), ("social_security", "e02400")):
        computed = np.asarray(simulation.calculate(variable, 2024, map_to="tax_unit"))
        assert computed == pytest.approx(own[column].to_numpy(), rel=1e-5, abs=0.1)
    computed = np.asarray(simulation.calculate("adjusted_gross_income", 2024))
    # Both models have one AGI but for limits of deductions, alimony, and Alaska's dividend, unknown to taxcalc.
    limited = (own[["e03150", "e03210", "e03270", "e03300", "e00800"]] != 0).any(axis=1)
    alike = (~limited & (own["fips"] != 2)).to_numpy()
    assert alike.mean() > 0.7
    assert np.mean(np.abs(computed - own["c00100"])[alike] <= 2) > 0.995
    by_household = np.asarray(simulation.calculate("adjusted_gross_income", 2024, map_to="household"))
    expected = sample.household_agi["adjusted_gross_income"].to_numpy()
    assert (weight * by_household).sum() == pytest.approx((weight * expected).sum(), rel=0.01)
