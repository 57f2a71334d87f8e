"""Consistency: levels, bands, parts, repetitions, zeros; what blocks and what is a named exception."""

import pandas as pd
import pytest

from calibration_assets.errors import CalibrationError
from calibration_assets.targets.consistency import check_consistency, consistency_report


def targets(*rows):
    frame = pd.DataFrame(rows, columns=["geo_level", "geographic_id", "variable", "domain_constraints", "value"])
    return frame.assign(reform_id=0)


def verdicts(report):
    return {(row.check, row.left, row.right): row.verdict for row in report.itertuples()}


def test_levels_that_agree():
    report = consistency_report(
        targets(
            ("national", "US", "person_count", "age>=0,age<5", 100.0),
            ("national", "US", "person_count", "age>=5", 300.0),
            ("state", "1", "person_count", "age>=0,age<5", 40.0),
            ("state", "2", "person_count", "age>=0,age<5", 60.4),
            ("state", "1", "person_count", "age>=5", 300.0),
        )
    )
    assert set(report["verdict"]) == {"ok"}
    sums = report[report["quantity"] == "person_count by age"].iloc[0]
    assert (sums["left_value"], sums["right_value"]) == (400, 400.4)
    assert sums["tolerance"] == 0.01
    check_consistency(report)


def test_an_income_band_of_another_width_is_compared_by_its_sum():
    report = consistency_report(
        targets(
            ("national", "US", "tax_unit_count", "adjusted_gross_income>=1,adjusted_gross_income<9", 100.0),
            ("national", "US", "tax_unit_count", "adjusted_gross_income>=9", 50.0),
            ("state", "1", "tax_unit_count", "adjusted_gross_income>=1", 149.0),
        )
    )
    row = report[report["check"] == "levels"].iloc[0]
    assert (row["left_value"], row["right_value"], row["verdict"]) == (150, 149, "ok")


def test_bands_against_their_total():
    report = consistency_report(
        targets(
            ("national", "US", "adjusted_gross_income", "adjusted_gross_income>=1", 90.0),
            ("national", "US", "adjusted_gross_income", "", 100.0),
        )
    )
    row = report[report["check"] == "bands"].iloc[0]
    assert (row["left_value"], row["right_value"], row["verdict"]) == (90, 100, "fails")


def test_a_variables_own_domain_takes_nothing_from_its_sum():
    report = consistency_report(
        targets(
            ("national", "US", "snap", "", 100.0),
            ("state", "1", "snap", "snap>0", 99.0),
            ("state", "1", "household_count", "snap>0", 3.0),
        )
    )
    assert report[["quantity", "verdict"]].to_numpy().tolist() == [["snap", "ok"]]


def test_a_gap_blocks_with_the_worst_in_one_sentence():
    report = consistency_report(
        targets(
            ("national", "US", "rent", "", 100.0), ("state", "1", "rent", "", 80.0), ("state", "2", "rent", "", 5.0)
        )
    )
    assert verdicts(report) == {("levels", "national", "sum of states"): "fails"}
    with pytest.raises(CalibrationError, match="rent is 100 for national and 85 for sum of states"):
        check_consistency(report)


def test_a_unit_off_by_a_thousand():
    report = consistency_report(
        targets(
            ("state", "1", "rent", "", 1e6), ("district", "101", "rent", "", 5e8), ("district", "102", "rent", "", 5e8)
        )
    )
    with pytest.raises(CalibrationError, match="targets disagree"):
        check_consistency(report)
    assert ("part above whole", "101", "state 1") in verdicts(report)


def test_a_state_above_the_nation():
    report = consistency_report(targets(("national", "US", "rent", "", 100.0), ("state", "1", "rent", "", 200.0)))
    assert verdicts(report)["part above whole", "1", "the nation"] == "fails"


def test_one_population_described_twice():
    report = consistency_report(targets(("state", "1", "rent", "", 5.0), ("state", "1", "rent", "rent>0", 6.0)))
    assert verdicts(report) == {("repetition", "1", "its repetition"): "fails"}


def test_a_zero_target():
    report = consistency_report(targets(("state", "1", "rent", "", 0.0)))
    assert verdicts(report) == {("zero", "1", "any"): "fails"}


def test_named_exceptions_are_reported_and_do_not_block():
    where = "tax_unit_is_filer==1"
    report = consistency_report(
        targets(("national", "US", "eitc", where, 67.0), ("state", "1", "eitc", f"eitc>0,{where}", 60.0))
    )
    assert report["verdict"].tolist() == ["exception"]
    assert "Treasury" in report["reason"].item()
    check_consistency(report)
