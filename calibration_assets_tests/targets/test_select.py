"""Selection: which year counts, aged values, domains, row order, one place, reconciled hierarchies."""

import pytest

from calibration_assets.errors import CalibrationError
from calibration_assets.settings import TargetSettings
from calibration_assets.targets.database import build_database
from calibration_assets.targets.select import district_agi, read_targets

from .conftest import figures, make_reference, small_tables


def build(path, *tables):
    build_database(path, make_reference(*tables))
    return path


def test_rows_are_ordered_by_level_variable_and_place(database):
    targets = read_targets(database, TargetSettings(), 2024).targets
    rows = list(zip(targets["geo_level"], targets["variable"], targets["geographic_id"], strict=True))
    assert rows[:2] == [("national", "person_count", "US")] * 2
    assert rows[2:8] == [
        ("state", "household_count", "1"), ("state", "household_count", "2"),
        ("state", "person_count", "1"), ("state", "person_count", "1"),
        ("state", "person_count", "2"), ("state", "person_count", "2"),
    ]  # fmt: skip
    assert rows[8:11] == [("district", "adjusted_gross_income", place) for place in ("101", "102", "201")]
    assert targets.index.tolist() == list(range(len(targets)))


def test_values_are_aged_and_the_original_kept(database):
    targets = read_targets(database, TargetSettings(), 2024).targets
    row = targets[(targets["variable"] == "adjusted_gross_income") & (targets["geographic_id"] == "102")].iloc[0]
    assert (row["original_value"], row["period"], row["uprating_factor"]) == (2000, 2022, 1.5**2)
    assert row["value"] == 2000 * 1.5**2
    assert (targets.loc[targets["period"] == 2024, "uprating_factor"] == 1).all()


def test_constraints_belong_to_the_selected_strata_and_hold_their_place(database):
    selection = read_targets(database, TargetSettings(), 2024, ["102"])
    assert set(selection.constraints["stratum_id"]) == set(selection.targets["stratum_id"])
    assert set(selection.targets["geographic_id"]) == {"102"}
    place = selection.constraints[selection.constraints["constraint_variable"] == "congressional_district_geoid"]
    assert set(place["value"]) == {"102"}
    assert len(place) == selection.targets["stratum_id"].nunique()


@pytest.mark.parametrize(
    ("model_year", "period", "value"), [(2024, 2023, 33.0), (2023, 2023, 30.0), (2022, 2022, 20.0)]
)
def test_the_latest_year_up_to_the_model_year_counts(tmp_path, model_year, period, value):
    tables = [figures({1: number}, "household_count", year) for year, number in ((2022, 20), (2023, 30))]
    targets = read_targets(build(tmp_path / "d.db", *tables), TargetSettings(), model_year).targets
    assert targets[["period", "value"]].to_numpy().tolist() == [[period, pytest.approx(value)]]


def test_a_later_year_counts_where_there_is_no_earlier(tmp_path):
    tables = [figures({1: number}, "household_count", year) for year, number in ((2023, 30), (2024, 40))]
    targets = read_targets(build(tmp_path / "d.db", *tables), TargetSettings(), 2022).targets
    assert targets["period"].tolist() == [2023]
    assert targets["value"].tolist() == [pytest.approx(30 / 1.1)]


def test_domains_filter(database):
    settings = TargetSettings(domain_variables=("snap",))
    targets = read_targets(database, settings, 2024).targets
    assert set(targets["variable"]) == {"household_count"}
    assert len(targets) == 5
    with pytest.raises(CalibrationError, match=r"has no targets \(rent\)"):
        read_targets(database, TargetSettings(domain_variables=("rent",)), 2024)


def test_a_missing_factor_is_an_error(tmp_path):
    path = tmp_path / "d.db"
    with pytest.raises(CalibrationError, match="target rent of 2022 .* has no uprating factor to 2024"):
        build(path, figures({1: 5}, "rent", 2022))
    assert not path.exists()


def test_inactive_targets_stay_out(tmp_path):
    path = build(tmp_path / "d.db", figures({1: 0, 2: 5}, "household_count"))
    assert read_targets(path, TargetSettings(), 2024).targets["geographic_id"].tolist() == ["2"]


def test_hierarchical_domains_bring_districts_into_line_with_their_states(tmp_path):
    agi = ["adjusted_gross_income>=1", "tax_unit_is_filer==1"]
    high = ["adjusted_gross_income>=9", "tax_unit_is_filer==1"]
    path = build(
        tmp_path / "d.db",
        figures({101: 1000, 102: 3000, 201: 5000}, "adjusted_gross_income", 2022, agi),
        figures({1: 5950, 2: 7450}, "adjusted_gross_income", 2023, agi),
        figures({101: 10, 201: 20}, "tax_unit_count", 2022, high),
        figures({1: 11, 2: 22}, "tax_unit_count", 2023, high),
        figures({1: 7, 2: 8}, "household_count", constraints=["snap>0"]),
    )
    settings = TargetSettings(hierarchical_domains=("adjusted_gross_income",))
    targets = read_targets(path, settings, 2024).targets
    agi_rows = targets[targets["variable"] == "adjusted_gross_income"].set_index("geographic_id")
    assert agi_rows["geo_level"].unique().tolist() == ["district"]
    assert agi_rows["hierarchy_factor"].to_dict() == {"101": 1.4875, "102": 1.4875, "201": 1.49}
    expected = {"101": 1000 * 1.4875 * 1.5, "102": 3000 * 1.4875 * 1.5, "201": 5000 * 1.49 * 1.5}
    assert agi_rows["value"].to_dict() == pytest.approx(expected)
    counts = targets[targets["variable"] == "tax_unit_count"].set_index("geographic_id")
    assert counts["value"].to_dict() == pytest.approx({"101": 10 * 1.1 * 1.1, "201": 20 * 1.1 * 1.1})
    assert targets[targets["variable"] == "household_count"]["geographic_id"].tolist() == ["1", "2"]


def test_an_unknown_hierarchical_domain(database):
    with pytest.raises(CalibrationError, match="hierarchical domain 'rent' has no target"):
        read_targets(database, TargetSettings(hierarchical_domains=("rent",)), 2024)


def test_district_agi_is_the_sum_of_its_bands(tmp_path):
    low, high = ["adjusted_gross_income>=1", "adjusted_gross_income<9"], ["adjusted_gross_income>=9"]
    path = build(
        tmp_path / "d.db",
        figures({101: 10, 102: 20}, "adjusted_gross_income", 2023, low),
        figures({101: 30, 102: 40}, "adjusted_gross_income", 2023, high),
        figures({1: 100}, "adjusted_gross_income", 2023, high),
    )
    assert district_agi(path, 2024).to_dict() == {101: 60, 102: 90}


def test_a_database_without_district_agi(tmp_path):
    with pytest.raises(CalibrationError, match="has no district AGI"):
        district_agi(build(tmp_path / "d.db", small_tables()[0]), 2024)
