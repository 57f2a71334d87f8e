"""Constraints: canonical text, bands, contradictions."""

import pytest

from calibration_assets.errors import CalibrationError
from calibration_assets.targets.constraints import (
    Constraint,
    band,
    check_constraints,
    constraint_text,
    parse_constraints,
)


def test_text_is_sorted_and_read_back():
    text = constraint_text(["tax_unit_is_filer == 1", "age>=5", "age<10"])
    assert text == "age<10;age>=5;tax_unit_is_filer==1"
    assert parse_constraints(text) == (
        Constraint("age", "<", "10"),
        Constraint("age", ">=", "5"),
        Constraint("tax_unit_is_filer", "==", "1"),
    )
    assert parse_constraints("") == ()


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ((5, 10), ["age>=5", "age<10"]),
        ((float("-inf"), 1), ["age<1"]),
        ((85, float("inf")), ["age>=85"]),
        ((0.5, 2), ["age>=0.5", "age<2"]),
    ],
)
def test_bands_are_half_open(bounds, expected):
    assert band("age", *bounds) == expected


@pytest.mark.parametrize("text", ["age", "age>", "age=5", "5>age", "age>=5;", "age>=5<6"])
def test_what_is_no_constraint(text):
    with pytest.raises(CalibrationError, match="has no form variable, operation, value"):
        parse_constraints(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("age==5;age>=5", "expected it alone"),
        ("age!=5;age!=6", "expected it alone"),
        ("age>5;age>=6", "expected one bound a side"),
        ("age<5;age<=6", "expected one bound a side"),
        ("age<5;age>=5", "a range without values"),
        ("age<5;age>6", "a range without values"),
        ("age<=5;age>5", "a range without values"),
    ],
)
def test_contradictions(text, message):
    with pytest.raises(CalibrationError, match=message):
        check_constraints(parse_constraints(text))


@pytest.mark.parametrize("text", ["age<=5;age>=5", "age<10;age>=5", "snap>0;age>=5", "filing_status==SINGLE", ""])
def test_what_holds_together(text):
    check_constraints(parse_constraints(text))


def test_an_unknown_operation():
    with pytest.raises(CalibrationError, match="operation '~', expected one of == !="):
        check_constraints([Constraint("age", "~", "5")])
