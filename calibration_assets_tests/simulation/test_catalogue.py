"""The compiled catalogue: what is shipped, and, slowly, that it is what the installed policyengine-us says."""

import importlib.metadata

import pandas as pd
import pytest

from calibration_assets.simulation.catalogue import compile_catalogue, compile_counties, place_free
from calibration_assets.storage.reference import read_reference


def test_the_variables_that_targets_need_are_there_with_their_entity():
    variables = read_reference("variables").set_index("variable")
    entities = variables["entity"]
    assert entities["adjusted_gross_income"] == "tax_unit"
    assert entities["snap"] == "spm_unit"
    assert entities["age"] == "person"
    assert variables["definition_period"]["snap"] == "month"
    assert variables["is_input"]["age"]
    assert not variables["is_input"]["eitc"]
    assert "HEAD_OF_HOUSEHOLD" in variables["possible_values"]["filing_status"].split(",")
    assert len(set(variables["version"])) == 1


def test_inputs_and_their_sums_are_a_households_own_wherever_it_lives():
    version = read_reference("variables")["version"].iloc[0]
    asked = ["age", "dividend_income", "snap", "filing_status", "state_fips", "takes_up_snap_if_eligible"]
    asked += ["medicaid_enrolled"]  # take-up, for the eligible: a sum of one input, but not for everyone
    assert place_free(asked, version) == {"age", "dividend_income"}
    assert place_free(asked, "another version") == set()


def test_series_are_annual_means():
    values = read_reference("parameters").set_index(["series", "year"])["value"]
    # Bureau of Labor Statistics: the CPI-U annual averages of 2022 and 2023, not seasonally adjusted, were 292.655 and
    # 304.702; the series here is the seasonally adjusted one by month.
    assert values["gov.bls.cpi.cpi_u", 2022] == pytest.approx(292.655, rel=0.001)
    assert values["gov.bls.cpi.cpi_u", 2023] == pytest.approx(304.702, rel=0.001)
    assert values["calibration.gov.cbo.snap", 2024] == 93_730_290_000


def test_counties_of_the_2020_census():
    counties = read_reference("counties")
    pd.testing.assert_frame_equal(counties, compile_counties())
    assert counties["county"].is_unique


@pytest.mark.slow
def test_the_shipped_catalogue_is_that_of_the_installed_version(tmp_path):
    compile_catalogue(tmp_path)
    assert read_reference("variables")["version"].iloc[0] == importlib.metadata.version("policyengine-us")
    for name in ("variables", "parameters", "counties"):
        pd.testing.assert_frame_equal(read_reference(name, tmp_path), read_reference(name))
