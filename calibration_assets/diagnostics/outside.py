"""Held against published totals: weighted records beside figures that the fit did not aim at as such.

The figures are in `reference/outside_totals.csv`, each with table, cell, year and URL; its notes say what each can and
cannot show. Poverty and the Gini coefficient are not among them: they need simulated incomes.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from calibration_assets.errors import CalibrationError
from calibration_assets.microdata.dataset import Dataset
from calibration_assets.microdata.links import ENTITIES, find_rows, household_rows

PATH = Path(__file__).parents[1] / "reference" / "outside_totals.csv"


def outside_totals(dataset: Dataset, records: pd.DataFrame, detail: pd.DataFrame) -> pd.DataFrame:
    """By published total: label, published, year, estimate, ratio, target_levels, source, url, note.

    `records` is `record_weights` of the fit, whose households are the dataset's; dollars a year and households. An
    estimate whose variables the dataset lacks is NaN. `target_levels` names the levels with targets of the same
    variable, where an agreement proves little.
    """
    weights = _household_weights(dataset, records)
    table = pd.read_csv(PATH, keep_default_na=False)
    estimates = [_estimate(dataset, weights, row) for row in table.to_dict("records")]
    levels = detail.groupby("variable")["geo_level"].agg(lambda level: ", ".join(dict.fromkeys(level)))
    return table[["label", "published", "year"]].assign(
        estimate=estimates,
        ratio=np.array(estimates) / table["published"],
        target_levels=table["target_variable"].map(levels).fillna(""),
        source=table["source"],
        url=table["url"],
        note=table["note"],
    )


def _household_weights(dataset: Dataset, records: pd.DataFrame) -> np.ndarray:
    """Sum of the weights of every household's columns, in the dataset's order."""
    households = dataset.tables["household"]["household_id"]
    if len(records) != len(households):
        raise CalibrationError(
            f"The fit has {len(records):,} records and the dataset {len(households):,} households: expected the same "
            "ones; take the dataset that the package was built from."
        )
    return records["weight"].to_numpy()[find_rows(records["household_id"], households, "households of the dataset")]


def _estimate(dataset: Dataset, weights: np.ndarray, row: dict) -> float:
    if row["statistic"] == "households":
        ages = dataset.tables["person"]["age"].to_numpy()
        inside = (ages >= float(row["age_low"])) & (ages < float(row["age_high"]))
        counted = np.unique(household_rows(dataset.tables, "person")[inside])
        return float(weights[counted].sum())
    return float(sum(_weighted_sum(dataset, weights, variable) for variable in row["variables"].split("+")))


def _weighted_sum(dataset: Dataset, weights: np.ndarray, variable: str) -> float:
    """Weighted sum of a variable over its entity; NaN where the dataset has no such variable."""
    for entity in ENTITIES:
        if variable in dataset.tables[entity]:
            values = dataset.tables[entity][variable].to_numpy(dtype=np.float64)
            return float(values @ weights[household_rows(dataset.tables, entity)])
    return float("nan")
