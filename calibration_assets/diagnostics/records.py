"""Weights by record, place and attribute, their distribution, and the largest of them with what they carry.

Sums over one vector of weights are in `weights`.
"""

import numpy as np
import pandas as pd

from calibration_assets.diagnostics.targets import checked_weights
from calibration_assets.diagnostics.weights import weights_by
from calibration_assets.errors import CalibrationError
from calibration_assets.microdata.dataset import Dataset
from calibration_assets.microdata.links import group_rows

INCOME_EDGES = (-np.inf, 0.0, 25e3, 50e3, 75e3, 100e3, 200e3, 500e3, 1e6, np.inf)
INCOME_BANDS = ["loss", "0-25K", "25-50K", "50-75K", "75-100K", "100-200K", "200-500K", "500K-1M", "1M+"]
AGE_EDGES = (0, 25, 35, 45, 55, 65, 75, np.inf)
AGE_BANDS = ["under 25", "25-34", "35-44", "45-54", "55-64", "65-74", "75+"]
RATIO_QUANTILES = (0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 1.0)
SMALLEST_WEIGHT = 1e-3
ATTRIBUTES = ("income_band", "age_band")


def record_attributes(dataset: Dataset, household_agi: pd.DataFrame) -> pd.DataFrame:
    """One row a record, in the dataset's household order: household_id, persons, income_band, age_band.

    Income is the household's adjusted gross income in dollars a year, bands [low, high); age that of the oldest member.
    """
    ages = dataset.tables["person"]["age"].groupby(group_rows(dataset.tables, "household")).agg(["size", "max"])
    household = dataset.tables["household"][["household_id"]]
    agi = household.merge(household_agi, on="household_id", how="left", validate="1:1")["adjusted_gross_income"]
    if agi.isna().any():
        raise CalibrationError(
            f"{int(agi.isna().sum()):,} of {len(agi):,} households have no adjusted gross income: expected one row a "
            "household; take the incomes of the same source of records."
        )
    return household.assign(
        persons=ages["size"],
        income_band=pd.cut(agi, INCOME_EDGES, right=False, labels=INCOME_BANDS),
        age_band=pd.cut(ages["max"], AGE_EDGES, right=False, labels=AGE_BANDS),
    )


def record_weights(weights: np.ndarray, columns: pd.DataFrame) -> pd.DataFrame:
    """For every record its household, the sum of its columns' weights, how many are kept and its largest one."""
    values = checked_weights(weights, len(columns))
    frame = columns[["record", "household_id"]].assign(weight=values, kept=values > 0)
    grouped = frame.groupby("record", sort=True)
    table = grouped.agg(
        household_id=("household_id", "first"),
        weight=("weight", "sum"),
        kept_columns=("kept", "sum"),
        largest=("weight", "max"),
    )
    return table.reset_index()


def weights_by_attributes(weights: np.ndarray, columns: pd.DataFrame, attributes: pd.DataFrame | None) -> pd.DataFrame:
    """`weights_by` state, district and, with `record_attributes`, income and age band: `by`, `group`, its columns."""
    groups = {"state": columns["state"], "district": columns["district"]}
    record = columns["record"].to_numpy()
    if attributes is not None:
        groups |= {name: attributes[name].take(record) for name in ATTRIBUTES}
    tables = []
    for name, group in groups.items():
        table = weights_by(weights, group.rename("group"), record)
        tables.append(table.assign(group=table["group"].astype(str)).pipe(_labelled, name))
    return pd.concat(tables, ignore_index=True)


def _labelled(table: pd.DataFrame, name: str) -> pd.DataFrame:
    table.insert(0, "by", name)
    return table


def weight_bins(weights: np.ndarray, initial_weights: np.ndarray | None = None) -> pd.DataFrame:
    """Columns by weight in four bins a power of ten, fitted and initial: lower, upper, columns, initial_columns.

    Weights below 0.001 households count in the lowest bin.
    """
    vectors = [weights] if initial_weights is None else [weights, initial_weights]
    powers = [
        np.log10(values[values > 0].clip(SMALLEST_WEIGHT))
        for values in (np.asarray(vector, np.float64) for vector in vectors)
    ]
    every = np.concatenate(powers)
    if len(every) == 0:
        return pd.DataFrame({"lower": [], "upper": [], "columns": [], "initial_columns": []})
    edges = np.arange(np.floor(every.min() * 4), np.floor(every.max() * 4) + 2) / 4
    counts = [np.histogram(power, edges)[0] for power in powers]
    initial = counts[1] if initial_weights is not None else np.zeros(len(counts[0]), dtype=np.int64)
    return pd.DataFrame(
        {"lower": 10.0 ** edges[:-1], "upper": 10.0 ** edges[1:], "columns": counts[0], "initial_columns": initial}
    )


def weight_ratios(weights: np.ndarray, initial_weights: np.ndarray) -> pd.DataFrame:
    """Quantiles over the kept columns of fitted by initial weight: quantile, ratio; empty where nothing is kept."""
    kept = (np.asarray(weights) > 0) & (np.asarray(initial_weights) > 0)
    ratios = np.asarray(weights, dtype=np.float64)[kept] / np.asarray(initial_weights, dtype=np.float64)[kept]
    quantiles = RATIO_QUANTILES if len(ratios) else ()
    return pd.DataFrame({"quantile": quantiles, "ratio": np.quantile(ratios, quantiles) if len(ratios) else []})


def largest_weights(weights: np.ndarray, columns: pd.DataFrame, detail: pd.DataFrame, number: int = 20) -> pd.DataFrame:
    """The columns with most weight: place, household, weight, share of the total, and the target they carry most of.

    `detail` is `target_detail`'s table; `carries` is empty where another record is the larger one everywhere.
    """
    values = checked_weights(weights, len(columns))
    top = np.argsort(-values, kind="stable")[:number]
    top = top[values[top] > 0]
    total = values.sum()
    by_share = detail.sort_values("largest_record_share", ascending=False, kind="stable")
    carried = by_share.drop_duplicates("largest_household_id").set_index("largest_household_id")
    table = columns.iloc[top][["household_id", "clone", "state", "district"]].reset_index(drop=True)
    return table.assign(
        weight=values[top],
        share=values[top] / total,
        carries=table["household_id"].map(carried["target"]).fillna(""),
        carried_share=table["household_id"].map(carried["largest_record_share"]).fillna(0.0),
    )
