"""Dollars of the IRS's PUF in the model year: one factor a variable, in a table with what each rests on.

A factor is the growth, by return, of the item's published total (IRS SOI Publication 1304), and from the last published
year on the growth of its class in the table of uprating factors by head of the population. What has no published item
of its own, deductions and credits whose law has changed among them, grows like adjusted gross income.

`python -m calibration_assets.imputation.puf_growth RAW_FOLDER` compiles the table.
"""

import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd

from calibration_assets.errors import CalibrationError
from calibration_assets.microdata.puf import PufDonors, puf_variables
from calibration_assets.settings import MODEL_YEAR
from calibration_assets.storage.reference import read_reference
from calibration_assets.targets.sources import irs_soi_national

TABLE = Path(__file__).with_name("puf_growth.csv")
FROM_YEAR, LAST_PUBLISHED = 2015, 2023
CAPITAL_GAINS = ("capital_gains_gross - capital_gains_losses", "capital_gains")
AGI = ("adjusted_gross_income", "adjusted_gross_income")
ITEMS = {
    "employment_income": ("employment_income", "wages"),
    "partnership_s_corp_income": ("partnership_and_s_corp_income - partnership_and_s_corp_losses", "partnerships"),
    "social_security": ("total_social_security", "taxable_social_security"),
    "taxable_pension_income": ("taxable_pension_income", "pensions"),
    "tax_exempt_pension_income": ("total_pension_income - taxable_pension_income", "pensions"),
    "long_term_capital_gains": CAPITAL_GAINS,
    "short_term_capital_gains": CAPITAL_GAINS,
    "taxable_ira_distributions": ("ira_distributions", "retirement_accounts"),
    "self_employment_income": ("business_net_profits - business_net_losses", "self_employment"),
    "qualified_dividend_income": ("qualified_dividends", "qualified_dividends"),
    "non_qualified_dividend_income": ("ordinary_dividends - qualified_dividends", "dividends"),
    "taxable_interest_income": ("taxable_interest_income", "taxable_interest"),
    "tax_exempt_interest_income": ("exempt_interest", "tax_exempt_interest"),
    "rental_income": ("rent_and_royalty_net_income - rent_and_royalty_net_losses", "rent"),
    "taxable_unemployment_compensation": ("unemployment_compensation", "unemployment"),
}
"""By variable, the published item (or difference of items) and the class of uprating it follows afterwards."""


def uprate_donors(donors: PufDonors, year: int) -> PufDonors:
    """The donors in dollars of a year; as they are where they are of that year."""
    if donors.period == year:
        return donors
    table = pd.read_csv(TABLE)
    factors = table[table["from_year"].eq(donors.period) & table["to_year"].eq(year)].set_index("variable")["factor"]
    dollars = [name for name in donors.variables if donors.persons[name].dtype != bool]
    missing = [name for name in dollars if name not in factors]
    if missing:
        raise CalibrationError(
            f"PUF: no factor takes {missing[0]} from {donors.period} to {year}, expected {FROM_YEAR} to {MODEL_YEAR}; "
            f"give a PUF in dollars of {year}."
        )
    uprated = donors.persons[dollars] * factors[dollars]
    return replace(donors, period=year, persons=donors.persons.assign(**{name: uprated[name] for name in dollars}))


def compile_growth(raw: bytes) -> pd.DataFrame:
    """The table: variable, from_year, to_year, factor, published item, uprating class."""
    cells = irs_soi_national.parse(raw)
    whole = cells["lower"].eq(-irs_soi_national.INFINITY) & cells["upper"].eq(irs_soi_national.INFINITY)
    cells = cells[whole & cells["status"].eq(irs_soi_national.ALL)]
    totals = cells[~cells["is_count"]].set_index(["item", "year"])["value"]
    returns = cells[cells["is_count"] & cells["item"].eq("count")].set_index("year")["value"]
    later = read_reference("uprating")
    later = later[later["from_year"].eq(LAST_PUBLISHED) & later["to_year"].eq(MODEL_YEAR)]
    since = later.set_index("uprating_class")["factor"]
    rows = []
    catalogue = read_reference("variables").set_index("variable")["value_type"]
    for variable in puf_variables().index:
        if catalogue.get(variable) == "bool":
            continue
        item, uprating_class = ITEMS.get(str(variable), AGI)
        begin, end = (_level(totals, item, year) / returns[year] for year in (FROM_YEAR, LAST_PUBLISHED))
        factor = end / begin * since[uprating_class] / since["population"]
        rows.append((variable, FROM_YEAR, MODEL_YEAR, round(float(factor), 6), item, uprating_class))
    columns = ["variable", "from_year", "to_year", "factor", "published_item", "uprating_class"]
    return pd.DataFrame(rows, columns=columns)


def _level(totals: pd.Series, item: str, year: int) -> float:
    whole, *less = item.split(" - ")
    return float(totals[whole, year] - sum(totals[part, year] for part in less))


if __name__ == "__main__":
    compile_growth((Path(sys.argv[1]) / irs_soi_national.FILE).read_bytes()).to_csv(TABLE, index=False)
