"""Individual returns of the nation: IRS SOI Publication 1304, Tables 1.1, 1.2, 1.4 and 2.1, tax year 2023.

Read from a long table of the workbooks' cells in dollars and returns. Income less loss is two cells, gains and losses;
their difference is the net amount, but the returns with either are not published, so net items have no count.
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from calibration_assets.targets.constraints import band
from calibration_assets.targets.figures import FILER, ITEMIZER, NATION, figure_table, join_figures
from calibration_assets.targets.sources import source as shape

YEAR = 2023
FILE = "soi_targets.csv"
URL = "https://www.irs.gov/statistics/soi-tax-stats-individual-income-tax-returns-publication-1304-complete-report"
INFINITY = float("inf")
ALL = "All"
STATUSES = {
    ALL: None,
    "Single": "SINGLE",
    "Married Filing Separately": "SEPARATE",
    "Head of Household": "HEAD_OF_HOUSEHOLD",
}
"""Filing statuses that are one status in the rules; the publication joins widowed spouses to joint returns."""
ITEMS = {
    "employment_income": "irs_employment_income",
    "taxable_interest_income": "taxable_interest_income",
    "exempt_interest": "tax_exempt_interest_income",
    "ordinary_dividends": "dividend_income",
    "qualified_dividends": "qualified_dividend_income",
    "ira_distributions": "taxable_ira_distributions",
    "taxable_pension_income": "taxable_pension_income",
    "taxable_social_security": "taxable_social_security",
    "unemployment_compensation": "taxable_unemployment_compensation",
    "taxable_income": "taxable_income",
    "income_tax_before_credits": "income_tax_before_credits",
    "qualified_business_income_deduction": "qualified_business_income_deduction",
}
NET_ITEMS = {
    "total_self_employment_income": ("business_net_profits", "business_net_losses"),
    "tax_unit_partnership_s_corp_income": ("partnership_and_s_corp_income", "partnership_and_s_corp_losses"),
    "rental_income": ("rent_and_royalty_net_income", "rent_and_royalty_net_losses"),
}
ITEMIZED = {
    "medical_expense_deductions_capped": "medical_expense_deduction",
    "itemized_taxes_paid_deductions": "salt_deduction",
    "charitable_contributions_deductions": "charitable_deduction",
    "interest_paid_deductions": "interest_deduction",
    "itemized_real_estate_tax_deductions": "real_estate_taxes",
}


def parse(raw: bytes) -> pd.DataFrame:
    """Cells of all returns: year, item, status, lower, upper (AGI, dollars), is_count, value; repeated cells agree."""
    columns = [
        "Year", "Variable", "Filing status", "AGI lower bound", "AGI upper bound", "Count", "Taxable only", "Value"
    ]  # fmt: skip
    text = shape.read_csv(FILE, raw, ["SOI table", *columns])
    lower = shape.numbers(FILE, text["AGI lower bound"])
    cells = pd.DataFrame(
        {
            "year": shape.numbers(FILE, text["Year"]).astype(int),
            "item": text["Variable"],
            "status": text["Filing status"],
            "lower": lower.where(lower != 0, -INFINITY),
            # The lowest band is called `no AGI`; the next one starts at $1.
            "upper": shape.numbers(FILE, text["AGI upper bound"]).replace(0.0, 1.0),
            "is_count": text["Count"] == "True",
            "value": shape.numbers(FILE, text["Value"]),
        }
    )
    kept = cells[(text["Taxable only"] == "False") & (text["SOI table"] != "Table 4.3")]
    keys = ["year", "item", "status", "lower", "upper", "is_count"]
    return kept.drop_duplicates([*keys, "value"]).drop_duplicates(keys).sort_values(keys, ignore_index=True)


def published_totals(raw: bytes) -> pd.DataFrame:
    """Published national sums of every item: series, year, value (dollars); gains and losses apart."""
    cells = parse(raw)
    whole = (cells["lower"] == -INFINITY) & (cells["upper"] == INFINITY) & (cells["status"] == ALL)
    totals = cells[whole & ~cells["is_count"]]
    return totals.rename(columns={"item": "series"})[["series", "year", "value"]].reset_index(drop=True)


def figures(raw: Mapping[str, bytes]) -> pd.DataFrame:
    """Targets of filers: returns by AGI band and filing status, AGI by band, and the sums of income and deductions."""
    cells = parse(raw[FILE])
    current = cells[cells["year"] == YEAR]
    bands = current[~((current["lower"] == -INFINITY) & (current["upper"] == INFINITY))]
    totals = current.drop(bands.index)
    return join_figures([*_bands(bands), *_totals(totals[totals["status"] == ALL])])


def _bands(bands: pd.DataFrame) -> list[pd.DataFrame]:
    returns = bands[(bands["item"] == "count") & bands["status"].isin(STATUSES)]
    amounts = bands[(bands["item"] == "adjusted_gross_income") & (bands["status"] == ALL) & (bands["lower"] > 0)]
    return [
        *(_figure(cell, "tax_unit_count", _domain(cell)) for cell in returns.to_dict("records")),
        *(_figure(cell, "adjusted_gross_income", _domain(cell)) for cell in amounts.to_dict("records")),
    ]


def _domain(cell: Mapping[Any, Any]) -> list[str]:
    status = STATUSES[str(cell["status"])]
    income = band("adjusted_gross_income", float(cell["lower"]), float(cell["upper"]))
    return [*income, FILER, *([f"filing_status=={status}"] if status else [])]


def _totals(totals: pd.DataFrame) -> list[pd.DataFrame]:
    amount = totals[~totals["is_count"]].set_index("item")["value"]
    count = totals[totals["is_count"]].set_index("item")["value"]
    tables = [_figure({"value": amount["adjusted_gross_income"]}, "adjusted_gross_income", [FILER])]
    for item, variable in {**ITEMS, **ITEMIZED}.items():
        domain = [f"{variable}>0", FILER, *([ITEMIZER] if item in ITEMIZED else [])]
        tables.append(_figure({"value": amount[item]}, variable, domain))
        tables.append(_figure({"value": count[item]}, "tax_unit_count", domain))
    for variable, (gains, losses) in NET_ITEMS.items():
        net = {"value": amount[gains] - amount[losses]}
        tables.append(_figure(net, variable, [f"{variable}!=0", FILER]))
    return tables


def _figure(cell: Mapping[Any, Any], variable: str, domain: list[str]) -> pd.DataFrame:
    value = pd.DataFrame({"geography": [NATION], "value": [cell["value"]]})
    return figure_table(value, SOURCE.key, variable, YEAR, domain)


SOURCE = shape.Source(
    key="IRS SOI national",
    publisher="IRS Statistics of Income",
    table="Publication 1304, Tables 1.1, 1.2, 1.4 and 2.1",
    vintage=YEAR,
    url=URL,
    files=(shape.RawFile(FILE, None, "text/csv"),),
    figures=figures,
)
