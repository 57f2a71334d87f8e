"""Earned income credit by size of AGI and qualifying children: IRS SOI Publication 1304, Table 2.5, tax year 2022.

Returns and dollars of filers; `count_children` 3 means three or more.
"""

from collections.abc import Mapping

import pandas as pd

from calibration_assets.errors import CalibrationError
from calibration_assets.targets.constraints import band
from calibration_assets.targets.figures import FILER, NATION, figure_table, join_figures
from calibration_assets.targets.sources import source as shape

YEAR = 2022
FILE = "eitc_by_agi_and_children.csv"
URL = "https://www.irs.gov/pub/irs-soi/22in25ic.xls"
CHILDREN = {0: "==0", 1: "==1", 2: "==2", 3: ">2"}


def parse(raw: bytes) -> pd.DataFrame:
    """Rows of children (0 to 3), lower, upper (AGI, dollars), returns, amount (dollars), float64."""
    columns = ["count_children", "agi_lower", "agi_upper", "returns", "amount"]
    text = shape.read_csv(FILE, raw, columns, comment="#")
    table = text.apply(lambda column: shape.numbers(FILE, column))
    table.columns = ["children", "lower", "upper", "returns", "amount"]
    before = table.groupby("children")["upper"].shift(fill_value=-float("inf"))
    if set(table["children"]) != set(CHILDREN) or (before != table["lower"]).any():
        raise CalibrationError(
            f"{FILE} has gaps between its bands of AGI, expected 0 to 3 children with every band; check it"
        )
    return table


def figures(raw: Mapping[str, bytes]) -> pd.DataFrame:
    """Targets of filers: returns and eitc by AGI band and children, for the nation."""
    rows = parse(raw[FILE]).to_dict("records")
    return join_figures(
        [
            figure_table(
                pd.DataFrame({"geography": [NATION], "value": [row[column]]}),
                SOURCE.key,
                variable,
                YEAR,
                [
                    *band("adjusted_gross_income", row["lower"], row["upper"]),
                    f"eitc_child_count{CHILDREN[int(row['children'])]}",
                    "eitc>0",
                    FILER,
                ],
            )
            for row in rows
            for column, variable in (("returns", "tax_unit_count"), ("amount", "eitc"))
        ]
    )


SOURCE = shape.Source(
    key="IRS SOI EITC",
    publisher="IRS Statistics of Income",
    table="Publication 1304, Table 2.5, earned income credit by size of AGI and qualifying children",
    vintage=YEAR,
    url=URL,
    files=(shape.RawFile(FILE, None, "text/csv"),),
    figures=figures,
)
