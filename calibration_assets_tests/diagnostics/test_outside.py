"""Totals outside the calibration, by hand; and the published figures against the agencies' files where these lie."""

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from calibration_assets.diagnostics.outside import PATH, gini, outside_totals
from calibration_assets.diagnostics.records import record_attributes
from calibration_assets.errors import CalibrationError
from calibration_assets.microdata.dataset import Dataset
from calibration_assets.microdata.links import GROUPS

RAW = Path(__file__).parents[3] / "shared" / "raw_inputs"
AGES = [40, 10, 70, 61]
HOUSEHOLDS = [5, 5, 6, 8]


def make_dataset() -> Dataset:
    """Three households: a parent with a child, one of 70, one of 61."""
    person = {"person_id": [1, 2, 3, 4], "age": AGES, "employment_income_before_lsr": [100.0, 0.0, 0.0, 50.0]}
    person |= {f"person_{group}_id": HOUSEHOLDS for group in GROUPS}
    tables = {group: pd.DataFrame({f"{group}_id": [5, 6, 8]}) for group in GROUPS}
    tables["household"] = tables["household"].assign(household_weight=[1.0, 1.0, 1.0], state_fips=[1, 1, 6])
    return Dataset(2024, {"person": pd.DataFrame(person), **tables})


RECORDS = pd.DataFrame({"household_id": [8, 6, 5], "weight": [10.0, 3.0, 2.0]})
DETAIL = pd.DataFrame({"variable": ["irs_employment_income"] * 2, "geo_level": ["district", "state"]})


def test_totals_by_hand():
    table = outside_totals(make_dataset(), RECORDS, DETAIL).set_index("label")
    assert table.loc["Wages and salaries", "estimate"] == 100 * 2 + 50 * 10
    assert table.loc["Wages and salaries", "target_levels"] == "state, district"
    assert table.loc["Households", "estimate"] == 15
    assert table.loc["Households with children under 18", "estimate"] == 2
    assert table.loc["Households with members of 60 or more", "estimate"] == 13
    assert math.isnan(table.loc["Taxable interest", "estimate"])
    assert table.loc["Households", "ratio"] == pytest.approx(15 / table.loc["Households", "published"])


def test_persons_gini_and_poverty_by_hand():
    published = pd.read_csv(PATH, keep_default_na=False).set_index("label")
    dataset = make_dataset()
    cash = published.loc["Persons in poverty, official measure", "variables"].split("+")
    income = dict.fromkeys(cash, 0.0) | {"employment_income_before_lsr": [21_149.0, 0, 15_651.0, 0]}
    person = dataset.tables["person"].assign(**income)
    table = outside_totals(Dataset(2024, {**dataset.tables, "person": person}), RECORDS, DETAIL).set_index("label")
    assert table.loc["Persons a household", "estimate"] == pytest.approx((2 * 2 + 3 + 10) / 15)
    assert table.loc["Persons in poverty, official measure", "estimate"] == 2 * 2 + 10
    without = outside_totals(dataset, RECORDS, DETAIL).set_index("label")
    assert math.isnan(without.loc["Persons in poverty, official measure", "estimate"])


def test_gini_by_hand():
    assert gini(np.array([1.0, 1.0, 1.0]), np.array([5.0, 1.0, 2.0])) == pytest.approx(0)
    assert gini(np.array([3.0, 1.0]), np.array([1.0, 1.0])) == pytest.approx(0.25)
    assert gini(np.array([0.0, 8.0]), np.array([9.0, 1.0])) == pytest.approx(0.9)
    assert gini(np.repeat([0.0, 1.0, 5.0], [2, 3, 1]), np.ones(6)) == pytest.approx(
        gini(np.array([5.0, 0.0, 1.0]), np.array([1.0, 2.0, 3.0]))
    )
    assert math.isnan(gini(np.zeros(2), np.ones(2)))


def test_households_of_another_dataset_are_refused():
    with pytest.raises(CalibrationError, match="fit has 2 records and the dataset 3 households"):
        outside_totals(make_dataset(), RECORDS.head(2), DETAIL)


def test_attributes_by_hand():
    agi = pd.DataFrame({"household_id": [6, 5, 8], "adjusted_gross_income": [-1.0, 25_000.0, 2e6]})
    table = record_attributes(make_dataset(), agi)
    assert table["household_id"].tolist() == [5, 6, 8]
    assert table["persons"].tolist() == [2, 1, 1]
    assert table["income_band"].tolist() == ["25-50K", "loss", "1M+"]
    assert table["age_band"].tolist() == ["35-44", "65-74", "55-64"]
    with pytest.raises(CalibrationError, match="1 of 3 households have no adjusted gross income"):
        record_attributes(make_dataset(), agi.head(2))


@pytest.mark.skipif(not RAW.exists(), reason="the agencies' files are not at hand")
def test_published_figures_are_the_agencies():
    published = pd.read_csv(PATH).set_index("label")["published"]
    soi = pd.read_csv(RAW / "soi_targets.csv").query("Year == 2023 and `Full population` and not Count")
    soi = soi[(soi["Filing status"] == "All") & ~soi["Taxable only"]].set_index("Variable")["Value"]
    assert published["Wages and salaries"] == soi["employment_income"]
    assert published["Ordinary dividends"] == soi["ordinary_dividends"]
    assert published["Business income, net"] == soi["business_net_profits"] - soi["business_net_losses"]
    head, *rows = json.loads((RAW / "acs_S2201_district_2024.json").read_text())
    table = pd.DataFrame(rows, columns=head)
    table = table[~table["NAME"].str.contains("Puerto Rico")]
    households = table[["S2201_C01_001E", "S2201_C01_002E", "S2201_C01_009E"]].astype(np.int64).sum()
    assert published["Households"] == households["S2201_C01_001E"]
    assert published["Households with children under 18"] == households["S2201_C01_009E"]
    assert published["Households with members of 60 or more"] == households["S2201_C01_002E"]
