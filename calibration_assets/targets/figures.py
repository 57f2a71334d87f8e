"""Tables of figures (schemas.FIGURES): how sources make them. What a figure describes is said in `constraints`."""

from collections.abc import Iterable, Sequence

import pandas as pd

from calibration_assets.schemas import FIGURES
from calibration_assets.targets.constraints import constraint_text

NATION = 0
FILER = "tax_unit_is_filer==1"
ITEMIZER = "tax_unit_itemizes==1"
COLUMNS = list(FIGURES.columns)


def figure_table(
    values: pd.DataFrame, source: str, variable: str, period: int, constraints: Iterable[str] = ()
) -> pd.DataFrame:
    """Figures of one variable and one domain from a table with geography and value (and perhaps approximate)."""
    return pd.DataFrame(
        {
            "source": source,
            "geography": values["geography"].astype("int32"),
            "variable": variable,
            "constraints": constraint_text(constraints),
            "reform_id": pd.Series(0, index=values.index, dtype="int32"),
            "period": pd.Series(period, index=values.index, dtype="int32"),
            "value": values["value"].astype("float64"),
            "approximate": values["approximate"].astype(bool) if "approximate" in values else False,
        }
    )


def join_figures(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Figures of several tables in canonical order, checked."""
    joined = pd.concat(tables, ignore_index=True)[COLUMNS]
    keys = ["source", "variable", "constraints", "reform_id", "period", "geography"]
    return FIGURES.validate(joined.sort_values(keys, ignore_index=True))
