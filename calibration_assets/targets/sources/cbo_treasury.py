"""Budget totals of the nation: Congressional Budget Office and Treasury series, as policyengine-us holds them.

Dollars a year. Read from the compiled parameters, so that nothing imports policyengine-us.
"""

import io
from collections.abc import Mapping

import pandas as pd

from calibration_assets.errors import CalibrationError
from calibration_assets.targets.figures import FILER, NATION, figure_table, join_figures
from calibration_assets.targets.sources import source as shape

YEAR = 2024
FILE = "parameters.parquet"
URL = "https://www.cbo.gov/data/budget-economic-data"
SERIES = {
    "calibration.gov.cbo.income_tax": ("income_tax_positive", [FILER]),
    "calibration.gov.cbo.snap": ("snap", []),
    "calibration.gov.cbo.social_security": ("social_security", []),
    "calibration.gov.cbo.ssi": ("ssi", []),
    "calibration.gov.cbo.unemployment_compensation": ("unemployment_compensation", []),
    "calibration.gov.treasury.tax_expenditures.eitc": ("eitc", [FILER]),
}


def parse(raw: bytes) -> pd.Series:
    """The year's value of every series, dollars, by its name."""
    table = pd.read_parquet(io.BytesIO(raw))
    values = table[table["year"] == YEAR].set_index("series")["value"]
    missing = [name for name in SERIES if name not in values.index]
    if missing:
        raise CalibrationError(f"{FILE} has no {YEAR} value of {missing[0]}; compile the catalogue of policyengine-us")
    return values


def figures(raw: Mapping[str, bytes]) -> pd.DataFrame:
    """Targets: the nation's totals; income tax and the earned income credit are those of filers."""
    values = parse(raw[FILE])
    return join_figures(
        [
            figure_table(
                pd.DataFrame({"geography": [NATION], "value": [values[name]]}), SOURCE.key, variable, YEAR, domain
            )
            for name, (variable, domain) in SERIES.items()
        ]
    )


SOURCE = shape.Source(
    key="CBO and Treasury",
    publisher="Congressional Budget Office; Department of the Treasury",
    table="Budget projections and tax expenditures, as compiled by policyengine-us",
    vintage=YEAR,
    url=URL,
    files=(shape.RawFile(FILE, None, "application/vnd.apache.parquet"),),
    figures=figures,
)
