"""All that is found out about one fit, as one value, and the folder of plain files that keeps it.

The folder holds the manual's `unified_diagnostics.csv`, one Parquet file a table and `summary.json`; the report and the
comparison of runs are made from it alone. What costs further fits (held-out accuracy) or the dataset (outside totals)
is added by `dataclasses.replace` and absent until then.
"""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from calibration_assets.diagnostics.conflicts import conflicting_targets
from calibration_assets.diagnostics.detail import target_detail
from calibration_assets.diagnostics.families import counted_targets, error_statistics
from calibration_assets.diagnostics.records import (
    largest_weights,
    record_weights,
    weight_bins,
    weight_ratios,
    weights_by_attributes,
)
from calibration_assets.diagnostics.targets import CSV_COLUMNS, write_target_errors
from calibration_assets.diagnostics.weights import WeightSummary, weight_summary
from calibration_assets.errors import CalibrationError
from calibration_assets.fit.objective import Objective, make_objective
from calibration_assets.matrix.cell_matrix import CellMatrix, as_cell_matrix
from calibration_assets.settings import LossSettings

VERSION = 3
"""Raised by hand when a table's meaning changes."""


@dataclass(frozen=True)
class Diagnosis:
    """What is known of one fit; tables that were not asked for are None.

    `targets`: `detail.target_detail`. `records`: `records.record_weights`. `weight_groups`, `weight_bins`,
    `weight_ratios`, `largest`: the other tables of `records`. `conflicts`: `conflicts.conflicting_targets`, with
    `held_out.check_conflicts` where asked for. `held_out`: `held_out.held_out_errors`. `outside`:
    `outside.outside_totals`. `loss`: one row an epoch, from the fit.
    """

    weights: WeightSummary
    population: float | None
    targets: pd.DataFrame
    records: pd.DataFrame
    weight_groups: pd.DataFrame
    weight_bins: pd.DataFrame
    largest: pd.DataFrame
    conflicts: pd.DataFrame
    weight_ratios: pd.DataFrame | None = None
    loss: pd.DataFrame | None = None
    held_out: pd.DataFrame | None = None
    outside: pd.DataFrame | None = None

    @property
    def errors(self) -> pd.DataFrame:
        """The manual's table."""
        return self.targets[CSV_COLUMNS]


def diagnose(
    X: CellMatrix | sparse.spmatrix,
    targets_df: pd.DataFrame,
    columns: pd.DataFrame,
    weights: np.ndarray,
    *,
    gated_weights: np.ndarray | None = None,
    initial_weights: np.ndarray | None = None,
    objective: Objective | None = None,
    attributes: pd.DataFrame | None = None,
) -> Diagnosis:
    """Everything that one pass or two over the matrix tell about `weights` (one a column, before any rounding).

    X, `targets_df` and `columns` are the package's after the target config, `objective` what was minimised (the default
    loss if not given); `attributes` is `record_attributes` of its
    dataset, without which income bands, age bands and the population are absent.
    """
    _check_attributes(columns, attributes)
    X = as_cell_matrix(X)
    if objective is None:
        objective = make_objective(targets_df["value"].to_numpy(dtype=np.float64), LossSettings())
    detail = target_detail(X, targets_df, columns, weights, objective, gated_weights, initial_weights)
    records = record_weights(weights, columns)
    return Diagnosis(
        weights=weight_summary(weights, columns),
        population=None if attributes is None else float(records["weight"].to_numpy() @ attributes["persons"]),
        targets=detail,
        records=records,
        weight_groups=weights_by_attributes(weights, columns, attributes),
        weight_bins=weight_bins(weights, initial_weights),
        largest=largest_weights(weights, columns, detail),
        conflicts=conflicting_targets(X, detail, weights),
        weight_ratios=None if initial_weights is None else weight_ratios(weights, initial_weights),
    )


def _check_attributes(columns: pd.DataFrame, attributes: pd.DataFrame | None) -> None:
    if attributes is None:
        return
    expected = columns.drop_duplicates("record").sort_values("record")["household_id"].to_numpy()
    if not np.array_equal(expected, attributes["household_id"].to_numpy()):
        raise CalibrationError(
            f"Attributes of {len(attributes):,} households do not fit the package's {len(expected):,} records: "
            "expected the same ones in the same order; take the dataset that the package was built from."
        )


def key_figures(diagnosis: Diagnosis) -> dict[str, float]:
    """The numbers worth following over runs; errors in per cent over targets that can be met, NaN where none is."""
    errors, held_out = error_statistics(diagnosis.targets), float("nan")
    if diagnosis.held_out is not None:
        counted = counted_targets(diagnosis.held_out)
        held_out = float(counted["held_out_abs_rel_error"].median())
    return {
        "targets": errors["targets"],
        "unachievable_targets": errors["unachievable"],
        "median_error_pct": errors["median_achievable"] * 100,
        "mean_error_pct": errors["mean_achievable"] * 100,
        "within_1_pct": errors["within_1_achievable"] * 100,
        "within_10_pct": errors["within_10_achievable"] * 100,
        "held_out_median_error_pct": held_out * 100,
        "loss": float(diagnosis.targets["loss"].sum()),
        "kept_columns": diagnosis.weights.kept_columns,
        "kept_records": int((diagnosis.records["weight"] > 0).sum()),
        "households": diagnosis.weights.households,
        "effective_sample_size": diagnosis.weights.effective_sample_size,
        "largest_weight": diagnosis.weights.largest,
    }


def _tables() -> list[str]:
    return [field.name for field in fields(Diagnosis) if field.name not in ("weights", "population")]


def write_diagnosis(diagnosis: Diagnosis, folder: Path) -> None:
    """Write the folder; text columns become plain text, tables that are absent leave no file."""
    folder.mkdir(parents=True, exist_ok=True)
    write_target_errors(diagnosis.errors, folder / "unified_diagnostics.csv")
    for name in _tables():
        table = getattr(diagnosis, name)
        if table is not None:
            table.to_parquet(folder / f"{name}.parquet", index=False)
    summary = {"version": VERSION, "population": diagnosis.population, "weights": asdict(diagnosis.weights)}
    (folder / "summary.json").write_text(json.dumps(summary, indent=1) + "\n")


def read_diagnosis(folder: Path) -> Diagnosis:
    """Read the folder back."""
    path = folder / "summary.json"
    if not path.exists():
        raise CalibrationError(
            f"{folder} holds no diagnostics: expected summary.json and its tables; give a folder that a fit left."
        )
    summary = json.loads(path.read_text())
    if summary["version"] != VERSION:
        raise CalibrationError(
            f"{folder} holds diagnostics of version {summary['version']} where {VERSION} is expected: run them again."
        )
    files = {name: folder / f"{name}.parquet" for name in _tables()}
    tables: dict[str, Any] = {name: pd.read_parquet(file) for name, file in files.items() if file.exists()}
    return Diagnosis(weights=WeightSummary(**summary["weights"]), population=summary["population"], **tables)
