"""A small reference: the nation, two states, three districts; and the database built from it."""

import pandas as pd
import pytest

from calibration_assets.targets.database import Reference, build_database
from calibration_assets.targets.figures import figure_table, join_figures

VARIABLES = (
    "person_count", "household_count", "tax_unit_count", "adjusted_gross_income", "snap", "age", "tax_unit_is_filer",
    "state_fips", "congressional_district_geoid", "salt_deduction", "rent", "eitc", "filing_status", "medicaid",
)  # fmt: skip
UNIT_FACTORS = {"population": 1.1, "adjusted_gross_income": 1.5}


def figures(values, variable, period=2024, constraints=(), source="Census ACS S0101"):
    frame = pd.DataFrame({"geography": list(values), "value": list(values.values())})
    return figure_table(frame, source, variable, period, constraints)


def make_reference(*tables):
    joined = join_figures(tables)
    sources = pd.DataFrame(
        {
            "source": sorted({"Census ACS S0101", "IRS SOI", *joined["source"]}),
            "publisher": "a publisher",
            "table_name": "a table",
            "vintage": 2024,
            "url": "https://example.org/table",
            "raw_sha256": "0" * 64,
        }
    )
    uprating = pd.DataFrame(
        [
            (name, start, end, factor ** (end - start), "growth of a series", "a.series")
            for name, factor in UNIT_FACTORS.items()
            for start in (2022, 2023, 2024)
            for end in (2022, 2023, 2024)
        ],
        columns=["uprating_class", "from_year", "to_year", "factor", "method", "series"],
    )
    variables = pd.DataFrame({"variable": VARIABLES, "version": "2.68.0"})
    return Reference(joined, sources, uprating, variables)


def small_tables():
    young, old = ["age>=0", "age<18"], ["age>=18"]
    return [
        figures({0: 100, 1: 40, 2: 60, 101: 10, 102: 30, 201: 60}, "person_count", constraints=young),
        figures({0: 300, 1: 100, 2: 200, 101: 60, 102: 40, 201: 200}, "person_count", constraints=old),
        figures({1: 20, 2: 30, 101: 5, 102: 15, 201: 30}, "household_count", constraints=["snap>0"]),
        figures({101: 1000, 102: 2000, 201: 4000}, "adjusted_gross_income", 2022, ["tax_unit_is_filer==1"], "IRS SOI"),
    ]


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "policy_data.db"
    build_database(path, make_reference(*small_tables()))
    return path
