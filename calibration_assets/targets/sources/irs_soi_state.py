"""Individual returns by state and size of AGI: IRS SOI Historical Table 2 (`22in55cmcsv`), tax year 2022.

N columns count returns (N2 individuals), A columns are amounts in thousands of dollars. Filers only; each row of stub 0
is the sum of the others. The column codes are those of the table's documentation guide.
"""

from collections.abc import Mapping

import pandas as pd

from calibration_assets.geography.crosswalk import STATE_FIPS
from calibration_assets.targets.constraints import band
from calibration_assets.targets.figures import FILER, ITEMIZER, figure_table, join_figures
from calibration_assets.targets.sources import source as shape

YEAR = 2022
FILE = "irs_soi_22in55cmcsv.csv"
URL = "https://www.irs.gov/pub/irs-soi/22in55cmcsv.csv"
ALL = 0
INFINITY = float("inf")
BANDS = {
    1: (-INFINITY, 1), 2: (1, 10_000), 3: (10_000, 25_000), 4: (25_000, 50_000), 5: (50_000, 75_000),
    6: (75_000, 100_000), 7: (100_000, 200_000), 8: (200_000, 500_000), 9: (500_000, 1_000_000),
    10: (1_000_000, INFINITY),
}  # fmt: skip
"""AGI stubs as dollars [lower, upper)."""
STATUS_COLUMNS = {"MARS1": "SINGLE", "MARS2": "JOINT", "MARS4": "HEAD_OF_HOUSEHOLD"}
POSITIVE, SIGNED = ">0", "!=0"
"""What the returns of an N column have: an amount above zero, or an amount of either sign (income less loss)."""
ITEMS = {
    "00200": ("irs_employment_income", POSITIVE),
    "00300": ("taxable_interest_income", POSITIVE),
    "00400": ("tax_exempt_interest_income", POSITIVE),
    "00600": ("dividend_income", POSITIVE),
    "00650": ("qualified_dividend_income", POSITIVE),
    "00900": ("total_self_employment_income", SIGNED),
    "01000": ("loss_limited_net_capital_gains", SIGNED),
    "01400": ("taxable_ira_distributions", POSITIVE),
    "01700": ("taxable_pension_income", POSITIVE),
    "02300": ("taxable_unemployment_compensation", POSITIVE),
    "02500": ("taxable_social_security", POSITIVE),
    "26270": ("tax_unit_partnership_s_corp_income", SIGNED),
    "25870": ("rental_income", SIGNED),
    "04475": ("qualified_business_income_deduction", POSITIVE),
    "04800": ("taxable_income", POSITIVE),
    "05800": ("income_tax_before_credits", POSITIVE),
    "07225": ("non_refundable_ctc", POSITIVE),
    "07180": ("cdcc", POSITIVE),
    "11070": ("refundable_ctc", POSITIVE),
    "59660": ("eitc", POSITIVE),
}
ITEMIZED = {
    "17000": "medical_expense_deduction",
    "18500": "real_estate_taxes",
    "18460": "salt_deduction",
    "19700": "charitable_deduction",
}
EITC_CHILDREN = {"59661": "==0", "59662": "==1", "59663": "==2", "59664": ">2"}
CODES = [*ITEMS, *ITEMIZED, *EITC_CHILDREN]
COUNTS = ["N1", "N2", "N04470", *STATUS_COLUMNS, *(f"N{code}" for code in CODES)]
AMOUNTS = ["A00100", "A04470", *(f"A{code}" for code in CODES)]


def parse(raw: bytes) -> pd.DataFrame:
    """Rows by state (geography int32) and stub (0 all): counts and amounts in dollars, float64."""
    text = shape.read_csv(FILE, raw, ["STATE", "AGI_STUB", *COUNTS, *AMOUNTS])
    table = text[[*COUNTS, *AMOUNTS]].apply(lambda column: shape.numbers(FILE, column))
    table[AMOUNTS] *= 1000
    table.insert(0, "stub", shape.numbers(FILE, text["AGI_STUB"]).astype(int))
    table.insert(0, "geography", text["STATE"].map(STATE_FIPS))
    table = table.dropna(subset="geography").astype({"geography": "int32"})
    for stub in (ALL, *BANDS):
        shape.check_states(f"{FILE}, stub {stub},", table.loc[table["stub"] == stub, "geography"])
    total = table[table["stub"] == ALL].set_index("geography")
    stubs = table[table["stub"] != ALL].groupby("geography")
    for column in ("N1", "A00100"):
        parts = stubs[column].sum().reset_index(drop=True)
        shape.check_sums(FILE, parts, total[column].sort_index().reset_index(drop=True), f"{column} by stub", "stub 0")
    return table.sort_values(["geography", "stub"], ignore_index=True)


def figures(raw: Mapping[str, bytes]) -> pd.DataFrame:
    """Targets of filers: by AGI band returns (also by status), persons and AGI; in all, each item's returns and sum.

    The amounts of AGI below $1 are left out: net losses carry over years that no household survey sees.
    """
    table = parse(raw[FILE])
    total = table[table["stub"] == ALL]
    return join_figures([*_bands(table), *_items(total), *_itemized(total), *_eitc(total)])


def _bands(table: pd.DataFrame) -> list[pd.DataFrame]:
    tables = []
    for stub, bounds in BANDS.items():
        rows = table[table["stub"] == stub]
        domain = [*band("adjusted_gross_income", *bounds), FILER]
        tables += [_figures(rows, "N1", "tax_unit_count", domain), _figures(rows, "N2", "person_count", domain)]
        tables += [
            _figures(rows, column, "tax_unit_count", [*domain, f"filing_status=={status}"])
            for column, status in STATUS_COLUMNS.items()
        ]
        if stub > 1:
            tables.append(_figures(rows, "A00100", "adjusted_gross_income", domain))
    return tables


def _items(total: pd.DataFrame) -> list[pd.DataFrame]:
    return [
        _figures(total, f"{letter}{code}", target, [f"{variable}{sign}", FILER])
        for code, (variable, sign) in ITEMS.items()
        for letter, target in (("N", "tax_unit_count"), ("A", variable))
    ]


def _itemized(total: pd.DataFrame) -> list[pd.DataFrame]:
    tables = [
        _figures(total, f"{letter}{code}", target, [f"{variable}>0", FILER, ITEMIZER])
        for code, variable in ITEMIZED.items()
        for letter, target in (("N", "tax_unit_count"), ("A", variable))
    ]
    return [*tables, _figures(total, "N04470", "tax_unit_count", [FILER, ITEMIZER])]


def _eitc(total: pd.DataFrame) -> list[pd.DataFrame]:
    return [
        _figures(total, f"{letter}{code}", target, ["eitc>0", f"eitc_child_count{children}", FILER])
        for code, children in EITC_CHILDREN.items()
        for letter, target in (("N", "tax_unit_count"), ("A", "eitc"))
    ]


def _figures(rows: pd.DataFrame, column: str, variable: str, domain: list[str]) -> pd.DataFrame:
    values = rows[["geography", column]].rename(columns={column: "value"})
    return figure_table(values, SOURCE.key, variable, YEAR, domain)


SOURCE = shape.Source(
    key="IRS SOI state",
    publisher="IRS Statistics of Income",
    table="Historical Table 2, individual income and tax data by state and size of AGI",
    vintage=YEAR,
    url=URL,
    files=(shape.RawFile(FILE, URL, "text/csv", parse),),
    figures=figures,
)
