"""Uprating: what ages a figure from its source's year to another, as one table of factors. Changes no figure itself.

Every variable belongs to one class. A class follows the agency's published totals as far as they go and then a series
of policyengine-us; its factor is the ratio of the two years' levels. A variable without a class has no factor, and a
figure of another year that needs one is an error.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from calibration_assets.errors import CalibrationError

YEARS = range(2021, 2027)
PUBLISHED = "IRS SOI Publication 1304"
CBO = "calibration.gov.cbo"
SOI = "calibration.gov.irs.soi"
PRICES = "gov.bls.cpi.cpi_u"


@dataclass(frozen=True)
class UpratingClass:
    """A class of variables: published items to add (or, with a minus sign, subtract), then a series to follow."""

    name: str
    series: str
    published: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()

    @property
    def method(self) -> str:
        """How the level of a year is found, in words."""
        return (
            f"published totals of the item, then growth of {self.series}"
            if self.published
            else f"growth of {self.series}"
        )


CLASSES = (
    UpratingClass("population", "calibration.gov.census.populations.total"),
    UpratingClass(
        "adjusted_gross_income", f"{CBO}.income_by_source.adjusted_gross_income", ("adjusted_gross_income",),
        ("adjusted_gross_income",),
    ),
    UpratingClass(
        "wages", f"{CBO}.income_by_source.employment_income", ("employment_income",), ("irs_employment_income",)
    ),
    UpratingClass(
        "taxable_interest", f"{SOI}.taxable_interest_income", ("taxable_interest_income",), ("taxable_interest_income",)
    ),
    UpratingClass(
        "tax_exempt_interest", f"{SOI}.tax_exempt_interest_income", ("exempt_interest",),
        ("tax_exempt_interest_income",),
    ),
    UpratingClass(
        "dividends", f"{CBO}.income_by_source.qualified_dividend_income", ("ordinary_dividends",), ("dividend_income",)
    ),
    UpratingClass(
        "qualified_dividends", f"{CBO}.income_by_source.qualified_dividend_income", ("qualified_dividends",),
        ("qualified_dividend_income",),
    ),
    UpratingClass(
        "capital_gains", f"{CBO}.income_by_source.net_capital_gain",
        ("capital_gains_gross", "capital_gains_distributions", "-capital_gains_losses"),
        ("loss_limited_net_capital_gains",),
    ),
    UpratingClass(
        "self_employment", f"{CBO}.income_by_source.self_employment_income",
        ("business_net_profits", "-business_net_losses"), ("total_self_employment_income",),
    ),
    UpratingClass(
        "partnerships", f"{SOI}.partnership_s_corp_income",
        ("partnership_and_s_corp_income", "-partnership_and_s_corp_losses"), ("tax_unit_partnership_s_corp_income",),
    ),
    UpratingClass(
        "rent", f"{SOI}.rental_income", ("rent_and_royalty_net_income", "-rent_and_royalty_net_losses"),
        ("rental_income",),
    ),
    UpratingClass(
        "retirement_accounts", f"{CBO}.income_by_source.taxable_pension_income", ("ira_distributions",),
        ("taxable_ira_distributions",),
    ),
    UpratingClass(
        "pensions", f"{CBO}.income_by_source.taxable_pension_income", ("taxable_pension_income",),
        ("taxable_pension_income",),
    ),
    UpratingClass(
        "taxable_social_security", f"{CBO}.income_by_source.taxable_social_security", ("taxable_social_security",),
        ("taxable_social_security",),
    ),
    UpratingClass(
        "unemployment", f"{CBO}.unemployment_compensation", ("unemployment_compensation",),
        ("taxable_unemployment_compensation",),
    ),
    UpratingClass(
        "income_tax", f"{CBO}.income_tax", ("income_tax_before_credits",), ("income_tax_before_credits",)
    ),
    UpratingClass(
        "taxable_income", f"{CBO}.income_by_source.adjusted_gross_income", ("taxable_income",), ("taxable_income",)
    ),
    UpratingClass(
        "business_deduction", f"{CBO}.income_by_source.self_employment_income",
        ("qualified_business_income_deduction",), ("qualified_business_income_deduction",),
    ),
    UpratingClass(
        "state_and_local_taxes", PRICES, ("itemized_taxes_paid_deductions",), ("salt_deduction",)
    ),
    UpratingClass(
        "real_estate_taxes", PRICES, ("itemized_real_estate_tax_deductions",), ("real_estate_taxes",)
    ),
    UpratingClass("medical", PRICES, ("medical_expense_deductions_capped",), ("medical_expense_deduction",)),
    UpratingClass("charity", PRICES, ("charitable_contributions_deductions",), ("charitable_deduction",)),
    UpratingClass("interest_paid", PRICES, ("interest_paid_deductions",), ("interest_deduction",)),
    # The child credits and the care credit are fixed sums a child in law, the earned income credit follows prices.
    UpratingClass(
        "fixed_credits", "calibration.gov.census.populations.total", (),
        ("non_refundable_ctc", "refundable_ctc", "cdcc"),
    ),
    UpratingClass("prices", PRICES, (), ("eitc", "aca_ptc", "state_income_tax", "tanf")),
)  # fmt: skip
_CLASS_OF = {variable: item.name for item in CLASSES for variable in item.variables}


def uprating_class(variable: str) -> str | None:
    """The class of a target variable: `population` for counts, None where the table has none."""
    return "population" if variable.endswith("_count") else _CLASS_OF.get(variable)


def compile_factors(
    parameters: pd.DataFrame, published: pd.DataFrame, classes: Sequence[UpratingClass]
) -> pd.DataFrame:
    """Factors of every class between every two years: uprating_class, from_year, to_year, factor, method, series.

    `parameters` and `published` have series, year, value: projections of policyengine-us and national published sums.
    """
    projected = parameters.set_index(["series", "year"])["value"]
    totals = published.set_index(["series", "year"])["value"]
    rows = [
        (item.name, start, end, levels[end] / levels[start], item.method, item.series)
        for item in classes
        for levels in (_levels(item, projected, totals),)
        for start in levels
        for end in levels
    ]
    names = ["uprating_class", "from_year", "to_year", "factor", "method", "series"]
    return pd.DataFrame(rows, columns=names).astype({"from_year": "int32", "to_year": "int32"})


def _levels(item: UpratingClass, projected: pd.Series, totals: pd.Series) -> dict[int, float]:
    """The class's level by year; years before the last published one without a published sum have none."""
    series = {year: float(projected[item.series, year]) for year in YEARS if (item.series, year) in projected.index}
    if not series:
        raise CalibrationError(f"uprating class {item.name}: series {item.series} is not in the catalogue; compile it")
    if not item.published:
        return series
    known = {year: _published(item, totals, year) for year in YEARS if (item.published[0], year) in totals.index}
    last = max(known)
    return known | {year: known[last] * series[year] / series[last] for year in series if year > last}


def _published(item: UpratingClass, totals: pd.Series, year: int) -> float:
    return sum(
        -float(totals[name[1:], year]) if name.startswith("-") else float(totals[name, year]) for name in item.published
    )
