"""Individual returns by congressional district and size of AGI: IRS SOI congressional district data, tax year 2021.

Read from the long table of the Tax Microdata project, which put the IRS file on districts of the 118th Congress by
population and in dollars: `c00100` AGI, `e00200` wages, `e26270` partnership and S-corporation income; `count` 0 is an
amount, 1 counts all returns, 2 and 4 those of a filing status. Its state and local and real estate taxes are not used:
their sums are 1.7 and 2.2 times those that the IRS publishes. Carried to the districts of the 119th Congress by
population; AL, GA, LA, NC and NY by an estimated overlap.
"""

from collections.abc import Mapping

import pandas as pd

from calibration_assets.geography.crosswalk import (
    STATE_FIPS,
    carry_figures,
    chain_shares,
    normalise_districts,
    read_shares,
)
from calibration_assets.targets.constraints import band
from calibration_assets.targets.figures import FILER, figure_table, join_figures
from calibration_assets.targets.sources import source as shape

YEAR = 2021
FILE = "soi_district_2021_by_agi.csv"
URL = "https://www.irs.gov/statistics/soi-tax-stats-data-by-congressional-district"
GEOCORR = {congress: f"geocorr2022_cd117_to_cd{congress}.csv" for congress in (118, 119)}
GEOCORR_URL = "https://mcdc.missouri.edu/applications/geocorr2022.html"
INFINITY = float("inf")
EDGES = (-INFINITY, 1, 10_000, 25_000, 50_000, 75_000, 100_000, 200_000, 500_000, INFINITY)
BANDS = tuple(zip(EDGES[:-1], EDGES[1:], strict=True))
AMOUNT, RETURNS = "0", "1"
STATUSES = {"0": None, "1": "SINGLE", "2": "JOINT", "4": "HEAD_OF_HOUSEHOLD"}
PARTNERSHIP_FLOOR = 75_000
"""The lowest AGI from which the table holds partnership income for every district."""


def parse(raw: Mapping[str, bytes]) -> pd.DataFrame:
    """Long table on districts of the 119th Congress: geography, variable, kind, status, lower, upper, value."""
    text = shape.read_csv(FILE, raw[FILE], ["district", "varname", "count", "agilo", "agihi", "fstatus", "target"])
    place = text["district"].str.extract(r"^([A-Z]{2})-(\d\d)$")
    unknown = text["district"][~place[0].isin(STATE_FIPS)]
    if len(unknown):
        raise shape.CalibrationError(
            f"{FILE}, row {unknown.index[0] + 1} has district {unknown.iloc[0]!r}, expected `AL-01`"
        )
    table = pd.DataFrame(
        {
            "district": normalise_districts(place[0].map(STATE_FIPS) * 100 + place[1].astype(int)),
            "variable": text["varname"],
            "kind": text["count"],
            "status": text["fstatus"],
            "lower": _bound(text["agilo"]),
            "upper": _bound(text["agihi"]),
            "value": shape.numbers(FILE, text["target"]),
        }
    )
    keys = ["variable", "kind", "status", "lower", "upper"]
    repeated = table[table.duplicated(["district", *keys])]
    if len(repeated):
        raise shape.CalibrationError(f"{FILE}, row {repeated.index[0] + 1} repeats an earlier row; correct the file")
    shares = district_shares(raw)
    carried = carry_figures(table, shares, keys).rename(columns={"district": "geography"})
    moved = shares.loc[shares["approximate"], "new"].unique()
    return carried.assign(approximate=carried["geography"].isin(moved))


def district_shares(raw: Mapping[str, bytes]) -> pd.DataFrame:
    """Population shares of the 118th Congress's districts in the 119th's: old, new, share, approximate."""
    tables = {
        congress: shape.read_csv(name, raw[name], ["state", f"cd{congress}", "cd117", "pop20"], skiprows=[1])
        for congress, name in GEOCORR.items()
    }
    return chain_shares(read_shares(tables[118], 118), read_shares(tables[119], 119))


def _bound(column: pd.Series) -> pd.Series:
    bound = shape.numbers(FILE, column)
    return bound.where(bound.abs() < 1e90, bound * INFINITY)


def figures(raw: Mapping[str, bytes]) -> pd.DataFrame:
    """Targets of filers: AGI by band, returns by band and filing status, wages, partnership income above $75,000.

    AGI below $1 is left out: the table has no amounts, and in 2021 three times as many such returns as in 2022 were
    filed for the year's one-off credits.
    """
    table = parse(raw)
    amounts = [
        _figures(_rows(table, "c00100", AMOUNT, "0", *bounds), "adjusted_gross_income", [*_agi(*bounds), FILER])
        for bounds in BANDS[1:]
    ]
    returns = [
        _figures(
            _rows(table, "c00100", RETURNS, code, *bounds),
            "tax_unit_count",
            [*_agi(*bounds), FILER, *([f"filing_status=={status}"] if status else [])],
        )
        for bounds in BANDS[1:]
        for code, status in STATUSES.items()
    ]
    wages = _sum_above(table, "e00200", -INFINITY)
    partnerships = _sum_above(table, "e26270", PARTNERSHIP_FLOOR)
    sums = [
        _figures(wages, "irs_employment_income", ["irs_employment_income>0", FILER]),
        _figures(partnerships, "tax_unit_partnership_s_corp_income", [*_agi(PARTNERSHIP_FLOOR, INFINITY), FILER]),
    ]
    return join_figures([*amounts, *returns, *sums])


def _agi(lower: float, upper: float) -> list[str]:
    return band("adjusted_gross_income", lower, upper)


def _rows(table: pd.DataFrame, variable: str, kind: str, status: str, lower: float, upper: float) -> pd.DataFrame:
    chosen = table[(table["variable"] == variable) & (table["kind"] == kind) & (table["status"] == status)]
    rows = chosen[(chosen["lower"] == lower) & (chosen["upper"] == upper)]
    shape.check_districts(f"{FILE}, {variable} {kind} {status} from {lower}", rows["geography"])
    return rows


def _sum_above(table: pd.DataFrame, variable: str, floor: float) -> pd.DataFrame:
    chosen = table.loc[(table["variable"] == variable) & (table["lower"] >= floor)]
    sums = chosen.groupby(["geography", "approximate"])["value"].sum().reset_index()
    shape.check_districts(f"{FILE}, {variable}", sums["geography"])
    return sums


def _figures(rows: pd.DataFrame, variable: str, domain: list[str]) -> pd.DataFrame:
    return figure_table(rows, SOURCE.key, variable, YEAR, domain)


SOURCE = shape.Source(
    key="IRS SOI district",
    publisher="IRS Statistics of Income",
    table="Congressional district data by size of AGI, as put in long form by the Tax Microdata project",
    vintage=YEAR,
    url=URL,
    files=(
        shape.RawFile(FILE, None, "text/csv"),
        *(shape.RawFile(name, None, "text/csv") for name in GEOCORR.values()),
    ),
    figures=figures,
)
