"""State individual income tax collections: Census Bureau State Tax Collections, item T40, fiscal year, dollars.

Collections of a fiscal year stand for the liability of the calendar year. States without the tax collect zero and DC is
its own state here.
"""

import json
from collections.abc import Mapping

import pandas as pd

from calibration_assets.errors import CalibrationError
from calibration_assets.targets.figures import figure_table, join_figures
from calibration_assets.targets.sources import source as shape

YEAR = 2024
FILE = f"census_stc_individual_income_tax_{YEAR}.json"
URL = "https://www.census.gov/programs-surveys/stc.html"
SMALLEST = 1e7
"""Dollars; a state with the tax collects more, so a smaller figure is one in thousands or millions."""


def parse(raw: bytes) -> pd.DataFrame:
    """Collections by state: geography int32, value (dollars) float64."""
    try:
        rows = pd.DataFrame(json.loads(raw))
    except ValueError as error:
        raise CalibrationError(f"{FILE} is not a JSON list of states ({error}); fetch it again") from error
    shape.check_columns(FILE, rows, ["state_fips", "income_tax_collections"])
    table = pd.DataFrame(
        {
            "geography": rows["state_fips"].astype("int32"),
            "value": rows["income_tax_collections"].astype("float64"),
        }
    )
    shape.check_states(FILE, table["geography"])
    small = table[(table["value"] > 0) & (table["value"] < SMALLEST)]
    if len(small):
        row = small.iloc[0]
        raise CalibrationError(
            f"{FILE}: state {row['geography']:.0f} collects ${row['value']:,.0f}, expected more than "
            f"${SMALLEST:,.0f}; check the file's unit"
        )
    return table.sort_values("geography", ignore_index=True)


def figures(raw: Mapping[str, bytes]) -> pd.DataFrame:
    """Targets: state_income_tax by state."""
    return join_figures([figure_table(parse(raw[FILE]), SOURCE.key, "state_income_tax", YEAR)])


SOURCE = shape.Source(
    key="Census STC",
    publisher="Census Bureau",
    table="Annual Survey of State Government Tax Collections, item T40",
    vintage=YEAR,
    url=URL,
    files=(shape.RawFile(FILE, None, "application/json"),),
    figures=figures,
)
