"""National totals: direct sums, tax expenditures, conditional counts, and budget series."""

import io

import pandas as pd
import pytest

from calibration_assets.errors import CalibrationError
from calibration_assets.targets.sources import cbo_treasury, national_totals

from .fragments import csv


def row(group, variable, value, period=2024, reform=0, constraint="", bound=""):
    return {
        "group": group, "variable": variable, "value": value, "period": period, "reform_id": reform,
        "constraint_variable": constraint, "constraint_value": bound, "source": "a paper", "notes": "",
    }  # fmt: skip


def figures(*rows):
    table = national_totals.SOURCE.figures({national_totals.FILE: csv(rows)})
    columns = ["geography", "variable", "constraints", "reform_id", "value"]
    return sorted(map(tuple, table[columns].to_numpy().tolist()))


def test_totals_expenditures_and_counts():
    assert figures(
        row("direct_sum", "rent", 735e9),
        row("tax_expenditure", "salt_deduction", 21e9, reform=1),
        row("conditional_count", "person_count", 72e6, constraint="medicaid", bound=">0"),
        row("conditional_count", "person_count", 13e6, constraint="ssn_card_type", bound="NONE"),
        row("conditional_count", "person_count", 12e6, 2023, constraint="ssn_card_type", bound="NONE"),
        row("conditional_count", "household_count", 5e6, constraint="spm_unit_energy_subsidy_reported", bound=">0"),
        row("cbo", "snap", 94e9),
    ) == [
        (0, "household_count", "spm_unit_energy_subsidy>0", 0, 5e6),
        (0, "person_count", "medicaid>0", 0, 72e6),
        (0, "person_count", "ssn_card_type==NONE", 0, 13e6),
        (0, "rent", "", 0, 735e9),
        (0, "salt_deduction", "", 1, 21e9),
    ]


def test_an_unknown_group():
    with pytest.raises(CalibrationError, match="row 2 has group 'guess', expected one of direct_sum"):
        figures(row("direct_sum", "rent", 1), row("guess", "rent", 1))


def test_budget_series():
    stream = io.BytesIO()
    names = list(cbo_treasury.SERIES)
    pd.DataFrame({"series": names, "year": 2024, "value": range(1, len(names) + 1)}).to_parquet(stream)
    table = cbo_treasury.SOURCE.figures({cbo_treasury.FILE: stream.getvalue()}).set_index("variable")
    assert table.loc["income_tax_positive", "value"] == 1
    assert table.loc["income_tax_positive", "constraints"] == "tax_unit_is_filer==1"
    assert table.loc["snap", ["constraints", "value"]].tolist() == ["", 2]
    short = io.BytesIO()
    pd.DataFrame({"series": names[1:], "year": 2024, "value": 1.0}).to_parquet(short)
    with pytest.raises(CalibrationError, match="has no 2024 value of calibration.gov.cbo.income_tax"):
        cbo_treasury.parse(short.getvalue())
