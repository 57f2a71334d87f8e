"""National totals, tax expenditures and conditional counts, each with its own publisher (JCT, CMS, BEA, SSA, …).

Read from one table that cites the publisher of every row; dollars a year, persons or households. A tax expenditure
(`reform_id` > 0) is the income tax that repealing a deduction would raise, not the deduction's sum. Counts carry a
constraint; `==` is understood where the table gives a bare name.
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from calibration_assets.errors import CalibrationError
from calibration_assets.targets.figures import NATION, figure_table, join_figures
from calibration_assets.targets.sources import source as shape

YEAR = 2024
FILE = "national_targets_2024.csv"
URL = "https://www.cbo.gov/data/budget-economic-data"
GROUPS = ("direct_sum", "tax_expenditure", "conditional_count")
BUDGET_GROUPS = ("cbo", "treasury")
"""Rows that another source takes from the parameters of policyengine-us."""
RENAMED = {
    "spm_unit_energy_subsidy_reported": "spm_unit_energy_subsidy",
    "medicare_part_b_premiums": "medicare_part_b_premiums_reported",
}
"""Names of earlier versions of policyengine-us, and today's."""


def parse(raw: bytes) -> pd.DataFrame:
    """Rows with group, variable, value, period, reform_id, constraint (text, perhaps empty) and cited source."""
    columns = ["group", "variable", "value", "period", "reform_id", "constraint_variable", "constraint_value", "source"]
    text = shape.read_csv(FILE, raw, columns)
    unknown = text[~text["group"].isin([*GROUPS, *BUDGET_GROUPS])]
    if len(unknown):
        raise CalibrationError(
            f"{FILE}, row {unknown.index[0] + 1} has group {unknown['group'].iloc[0]!r}, "
            f"expected one of {', '.join(GROUPS)}"
        )
    return pd.DataFrame(
        {
            "group": text["group"],
            "variable": text["variable"].replace(RENAMED),
            "value": shape.numbers(FILE, text["value"]),
            "period": shape.numbers(FILE, text["period"]).astype(int),
            "reform_id": shape.numbers(FILE, text["reform_id"]).astype(int),
            "constraint": [
                _constraint(RENAMED.get(variable, variable), value)
                for variable, value in zip(text["constraint_variable"], text["constraint_value"], strict=True)
            ],
            "cited": text["source"],
        }
    )


def _constraint(variable: str, value: str) -> str:
    return f"{variable}{value if value[:1] in ('>', '<', '=', '!') else f'=={value}'}" if variable else ""


def figures(raw: Mapping[str, bytes]) -> pd.DataFrame:
    """Targets: the nation's totals, tax expenditures and counts of 2024; other years' counts are left out."""
    table = parse(raw[FILE])
    current = table[(table["period"] == YEAR) & table["group"].isin(GROUPS)]
    return join_figures([_figure(row) for row in current.to_dict("records")])


def _figure(row: Mapping[Any, Any]) -> pd.DataFrame:
    constraints = [row["constraint"]] if row["constraint"] else []
    value = pd.DataFrame({"geography": [NATION], "value": [row["value"]]})
    figure = figure_table(value, SOURCE.key, str(row["variable"]), YEAR, constraints)
    return figure.assign(reform_id=pd.Series([row["reform_id"]], dtype="int32"))


SOURCE = shape.Source(
    key="National totals",
    publisher="JCT, CMS, SSA, BEA, Census Bureau and others, as cited in the table",
    table="National totals, tax expenditures and conditional counts",
    vintage=YEAR,
    url=URL,
    files=(shape.RawFile(FILE, None, "text/csv"),),
    figures=figures,
)
