"""Held against published totals: weighted records beside figures that the fit did not aim at as such.

The figures are in `reference/outside_totals.csv`, each with table, cell, year and URL; its notes say what each can and
cannot show. Poverty and the Gini index are taken from the records' own cash incomes, without simulated benefits.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from calibration_assets.diagnostics.families import LEVELS
from calibration_assets.errors import CalibrationError
from calibration_assets.microdata.dataset import Dataset
from calibration_assets.microdata.links import ENTITIES, find_rows, household_rows

PATH = Path(__file__).parents[1] / "reference" / "outside_totals.csv"


def outside_totals(dataset: Dataset, records: pd.DataFrame, detail: pd.DataFrame) -> pd.DataFrame:
    """By published total: label, published, year, estimate, ratio, target_levels, source, url, note.

    `records` is `record_weights` of the fit, whose households are the dataset's; units are the file's. An
    estimate whose variables the dataset lacks is NaN. `target_levels` names the levels with targets of the same
    variable, where an agreement proves little.
    """
    weights = _household_weights(dataset, records)
    table = pd.read_csv(PATH, keep_default_na=False)
    estimates = [_estimate(dataset, weights, row) for row in table.to_dict("records")]
    return table[["label", "published", "year"]].assign(
        estimate=estimates,
        ratio=np.array(estimates) / table["published"],
        target_levels=[_levels(detail, names.split("+")) for names in table["target_variable"]],
        source=table["source"],
        url=table["url"],
        note=table["note"],
    )


def _levels(detail: pd.DataFrame, variables: list[str]) -> str:
    """The levels, nation first, at which one of the variables is a target."""
    found = set(detail.loc[detail["variable"].isin(variables), "geo_level"])
    return ", ".join(level for level in LEVELS if level in found)


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
    persons = np.bincount(household_rows(dataset.tables, "person"), minlength=len(weights))
    match row["statistic"]:
        case "households":
            return float(weights[_households_with(dataset, float(row["age_low"]), float(row["age_high"]))].sum())
        case "persons a household":
            total = weights.sum()
            return float(persons @ weights / total) if total > 0 else float("nan")
        case "gini":
            return gini(_household_sum(dataset, row["variables"]), weights)
        case "persons below":
            line = float(row["first_person"]) + float(row["next_person"]) * (persons - 1)
            income = _household_sum(dataset, row["variables"])
            return float("nan") if np.isnan(income).any() else float((persons * weights)[income < line].sum())
    return float(_household_sum(dataset, row["variables"]) @ weights)


def gini(values: np.ndarray, weights: np.ndarray) -> float:
    """Gini index of values (n,) that occur with weights (n,), by the area below the Lorenz curve; NaN without a sum."""
    order = np.argsort(values, kind="stable")
    total = float(values @ weights)
    if not total > 0:
        return float("nan")
    share = np.concatenate([[0.0], np.cumsum(values[order] * weights[order]) / total])
    return float(1 - np.sum((share[1:] + share[:-1]) * weights[order] / weights.sum()))


def _households_with(dataset: Dataset, age_low: float, age_high: float) -> np.ndarray:
    ages = dataset.tables["person"]["age"].to_numpy()
    return np.unique(household_rows(dataset.tables, "person")[(ages >= age_low) & (ages < age_high)])


def _household_sum(dataset: Dataset, variables: str) -> np.ndarray:
    """Sum of variables joined by `+` over the units of every household; NaN where the dataset lacks one of them."""
    total = np.zeros(len(dataset.tables["household"]))
    for variable in variables.split("+"):
        entity = next((entity for entity in ENTITIES if variable in dataset.tables[entity]), None)
        if entity is None:
            return np.full(len(total), np.nan)
        values = dataset.tables[entity][variable].to_numpy(dtype=np.float64)
        total += np.bincount(household_rows(dataset.tables, entity), values, minlength=len(total))
    return total
