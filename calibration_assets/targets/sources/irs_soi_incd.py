"""Individual returns by congressional district and size of AGI: the IRS file `22incd`, tax year 2022, as published.

N columns count returns (N2 individuals), A columns are thousands of dollars. The nation has STATE `US`; a state's row
has district 0, and is the district itself where there is only one. Districts are those of the 117th Congress, carried
to the 119th by population. Later than the file of the Tax Microdata project, and preferred where both are compiled.
"""

from collections.abc import Mapping

import pandas as pd

from calibration_assets.geography.crosswalk import (
    STATE_FIPS,
    carry_figures,
    normalise_districts,
    read_shares,
)
from calibration_assets.targets.constraints import band
from calibration_assets.targets.figures import FILER, figure_table, join_figures
from calibration_assets.targets.sources import source as shape
from calibration_assets.targets.sources.irs_soi_district import BANDS as DISTRICT_BANDS
from calibration_assets.targets.sources.irs_soi_district import GEOCORR

YEAR = 2022
FILE = "irs_soi_22incd.csv"
URL = "https://www.irs.gov/pub/irs-soi/22incd.csv"
BANDS = dict(enumerate(DISTRICT_BANDS, start=1))
COUNTS = {
    "N1": None, "MARS1": "SINGLE", "MARS2": "JOINT", "MARS4": "HEAD_OF_HOUSEHOLD"
}  # fmt: skip


def parse(raw: Mapping[str, bytes]) -> pd.DataFrame:
    """Long table on districts of the 119th Congress: geography, stub (1 to 9), column, value (dollars or returns)."""
    columns = [*COUNTS, "A00100"]
    text = shape.read_csv(FILE, raw[FILE], ["STATE", "CONG_DISTRICT", "agi_stub", *columns])
    table = text[columns].apply(lambda column: shape.numbers(FILE, column))
    table["A00100"] *= 1000
    table["stub"] = shape.numbers(FILE, text["agi_stub"]).astype(int)
    state = text["STATE"].map(STATE_FIPS)
    number = shape.numbers(FILE, text["CONG_DISTRICT"]).astype(int)
    is_only = state.map(number.groupby(state).max()) == 0
    kept = state.notna() & ((number > 0) | is_only) & table["stub"].isin(BANDS)
    table["district"] = normalise_districts(state[kept] * 100 + number[kept])
    old = table[kept].astype({"district": "int32"})
    for stub in BANDS:
        shape.check_districts(f"{FILE}, stub {stub},", old.loc[old["stub"] == stub, "district"])
    long = old.melt(["district", "stub"], columns, var_name="column")
    name = GEOCORR[119]
    shares = read_shares(shape.read_csv(name, raw[name], ["state", "cd119", "cd117", "pop20"], skiprows=[1]), 119)
    return carry_figures(long, shares, ["stub", "column"]).rename(columns={"district": "geography"})


def figures(raw: Mapping[str, bytes]) -> pd.DataFrame:
    """Targets of filers: returns by band and filing status, and AGI by band from $1 on."""
    table = parse(raw)
    tables = []
    for stub, bounds in BANDS.items():
        domain = [*band("adjusted_gross_income", *bounds), FILER]
        rows = table[table["stub"] == stub]
        for column, status in COUNTS.items():
            place = [*domain, *([f"filing_status=={status}"] if status else [])]
            tables.append(_figures(rows, column, "tax_unit_count", place))
        if stub > 1:
            tables.append(_figures(rows, "A00100", "adjusted_gross_income", domain))
    return join_figures(tables)


def _figures(rows: pd.DataFrame, column: str, variable: str, domain: list[str]) -> pd.DataFrame:
    return figure_table(rows[rows["column"] == column], SOURCE.key, variable, YEAR, domain)


SOURCE = shape.Source(
    key="IRS SOI incd",
    publisher="IRS Statistics of Income",
    table="Congressional district data by size of AGI",
    vintage=YEAR,
    url="https://www.irs.gov/statistics/soi-tax-stats-data-by-congressional-district",
    files=(shape.RawFile(FILE, URL, "text/csv"), shape.RawFile(GEOCORR[119], None, "text/csv")),
    figures=figures,
)
