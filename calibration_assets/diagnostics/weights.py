"""The weights themselves: how many records carry the nation, how evenly, and where.

Columns of the matrix are households placed in a district; a record is a household of the dataset, carried by as many
columns as there are clones. Errors of targets are in `targets`.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from calibration_assets.diagnostics.targets import checked_weights


@dataclass(frozen=True)
class WeightSummary:
    """What one vector of weights amounts to; `households` is the sum of the weights, one column a household."""

    columns: int
    kept_columns: int
    records: int | None
    kept_records: int | None
    households: float
    effective_sample_size: float
    largest: float
    largest_share: float
    median: float
    p99: float


def effective_sample_size(weights: np.ndarray) -> float:
    """Kish: (sum w)^2 / sum w^2, 0 where every weight is 0."""
    values = np.asarray(weights, dtype=np.float64)
    squares = float(values @ values)
    return float(values.sum()) ** 2 / squares if squares > 0 else 0.0


def weight_summary(weights: np.ndarray, columns: pd.DataFrame | None = None) -> WeightSummary:
    """Kept columns (weight > 0), their median and 99th percentile, Kish effective sample size, largest weight, total.

    With `columns` (the package's column table) records are counted too: a record is kept when one of its columns is.
    """
    values = checked_weights(weights, len(weights) if columns is None else len(columns))
    kept = values[values > 0]
    total = float(values.sum())
    largest = float(kept.max()) if len(kept) else 0.0
    records = None if columns is None else columns["record"].to_numpy()
    return WeightSummary(
        columns=len(values),
        kept_columns=len(kept),
        records=None if records is None else len(np.unique(records)),
        kept_records=None if records is None else len(np.unique(records[values > 0])),
        households=total,
        effective_sample_size=effective_sample_size(values),
        largest=largest,
        largest_share=largest / total if total > 0 else 0.0,
        median=float(np.median(kept)) if len(kept) else 0.0,
        p99=float(np.quantile(kept, 0.99)) if len(kept) else 0.0,
    )


def weights_by(weights: np.ndarray, group: pd.Series, record: np.ndarray) -> pd.DataFrame:
    """Columns, kept columns and records, households, effective sample size and largest weight of every `group`.

    `group` and `record` hold one value a column of the matrix, for instance `columns["district"]`.
    """
    values = checked_weights(weights, len(group))
    frame = pd.DataFrame({"group": group.array, "weight": values, "square": values**2, "kept": values > 0})
    kept = frame.loc[frame["kept"], ["group"]].assign(record=record[values > 0]).drop_duplicates()
    table = frame.groupby("group", observed=False).agg(
        columns=("weight", "size"),
        kept_columns=("kept", "sum"),
        households=("weight", "sum"),
        square=("square", "sum"),
        largest=("weight", "max"),
    )
    table.insert(2, "kept_records", kept.groupby("group", observed=False).size().reindex(table.index, fill_value=0))
    square = table.pop("square")
    size = table["households"] ** 2 / square.where(square > 0)
    table.insert(4, "effective_sample_size", size.fillna(0.0))
    return table.rename_axis(str(group.name)).reset_index()
