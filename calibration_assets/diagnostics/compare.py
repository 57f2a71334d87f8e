"""Two runs side by side: targets entered and left, errors better and worse, records entered and left, weights moved.

`python -m calibration_assets.diagnostics.compare BEFORE AFTER` prints it for two folders of diagnostics.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from calibration_assets.diagnostics.diagnosis import Diagnosis, key_figures, read_diagnosis
from calibration_assets.diagnostics.families import error_table
from calibration_assets.errors import CalibrationError

VERSION = 1
"""Raised by hand when a table's meaning changes."""

NOTABLE = 0.001
"""Errors that change by less than a tenth of a point count as the same."""

SHOWN = 10
LABELS = {
    "targets": "Targets",
    "unachievable_targets": "Targets that cannot be met",
    "median_error_pct": "Median absolute relative error, %",
    "mean_error_pct": "Mean absolute relative error, %",
    "within_1_pct": "Within 1 %, % of those that can be met",
    "within_10_pct": "Within 10 %, % of those that can be met",
    "held_out_median_error_pct": "Median error held out, %",
    "loss": "Loss",
    "kept_columns": "Columns kept",
    "kept_records": "Records kept",
    "households": "Households",
    "effective_sample_size": "Effective sample size",
    "largest_weight": "Largest weight",
}


@dataclass(frozen=True)
class Comparison:
    """`figures`: figure, before, after. `families`: level, family, targets and shares of both runs. `targets`: target,
    status (entered, left, better, worse, same), true values and absolute relative errors of both. `records`:
    household_id, status (entered, left, kept, without weight), weights of both."""

    figures: pd.DataFrame
    families: pd.DataFrame
    targets: pd.DataFrame
    records: pd.DataFrame


def compare_runs(before: Diagnosis, after: Diagnosis) -> Comparison:
    """Match targets by name and records by household."""
    records = _compare_records(before.records, after.records)
    return Comparison(
        figures=_compare_figures(before, after, records),
        families=_compare_families(before.targets, after.targets),
        targets=_compare_targets(before.targets, after.targets),
        records=records,
    )


def _compare_targets(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    kept = ["target", "true_value", "abs_rel_error", "near_zero"]
    both = _matched(before[kept], after[kept], ["target"])
    change = both["abs_rel_error_after"] - both["abs_rel_error_before"]
    change = change.mask(both["near_zero_before"].eq(True) | both["near_zero_after"].eq(True), 0.0)
    columns = ["target", "true_value_before", "true_value_after", "abs_rel_error_before", "abs_rel_error_after"]
    status = np.select([change < -NOTABLE, change > NOTABLE], ["better", "worse"], "same")
    status = np.select([both["side"] == "right_only", both["side"] == "left_only"], ["entered", "left"], status)
    return both[columns].assign(status=status, change=change)


def _compare_records(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    kept = ["household_id", "weight"]
    both = _matched(before[kept], after[kept], ["household_id"]).drop(columns="side").fillna(0.0)
    was, is_now = both["weight_before"] > 0, both["weight_after"] > 0
    status = np.select([was & is_now, is_now, was], ["kept", "entered", "left"], "without weight")
    return both.assign(status=status)


def _matched(before: pd.DataFrame, after: pd.DataFrame, on: list[str]) -> pd.DataFrame:
    """Rows of both by key, each column twice; `side` says which of the two has the key."""
    return before.merge(after, how="outer", on=on, suffixes=("_before", "_after"), validate="1:1", indicator="side")


def _compare_families(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    by = ["geo_level", "family"]
    shown = [*by, "targets", "median", "within_1", "within_10"]
    tables = [error_table(detail, by)[shown] for detail in (before, after)]
    return _matched(tables[0], tables[1], by).drop(columns="side")


def _compare_figures(before: Diagnosis, after: Diagnosis, records: pd.DataFrame) -> pd.DataFrame:
    was, is_now = key_figures(before), key_figures(after)
    rows = [(label, was[name], is_now[name]) for name, label in LABELS.items()]
    moved = (records["weight_after"] - records["weight_before"]).abs().sum() / 2
    rows.append(("Households whose weight moved to another record", np.nan, moved))
    return pd.DataFrame(rows, columns=["figure", "before", "after"])


def write_comparison(comparison: Comparison, folder: Path) -> None:
    """One Parquet file a table, and the page of text as `comparison.txt`."""
    for name, table in vars(comparison).items():
        table.to_parquet(folder / f"{name}.parquet", index=False)
    (folder / "comparison.txt").write_text(render_comparison(comparison))


def render_comparison(comparison: Comparison) -> str:
    """One page of plain text."""
    figures = [
        f"{row['figure']:<48}{_number(row['before']):>16}{_number(row['after']):>16}"
        for row in comparison.figures.to_dict("records")
    ]
    counts = comparison.targets["status"].value_counts()
    states = [f"{counts.get(status, 0):,} {status}" for status in ("entered", "left", "better", "worse", "same")]
    people = comparison.records["status"].value_counts()
    moves = [f"{people.get(status, 0):,} {status}" for status in ("entered", "left", "kept")]
    worse = comparison.targets[comparison.targets["status"] == "worse"].nlargest(SHOWN, "change")
    lines = [
        f"  {row['abs_rel_error_before']:>9.2%} -> {row['abs_rel_error_after']:>9.2%}  {row['target']}"
        for row in worse.to_dict("records")
    ]
    head = f"{'':<48}{'before':>16}{'after':>16}"
    page = [head, *figures, "", f"Targets: {', '.join(states)}.", f"Records: {', '.join(moves)}."]
    return "\n".join([*page, *(["", "Most worsened:", *lines] if lines else [])]) + "\n"


def _number(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:,.2f}" if abs(value) < 1000 else f"{value:,.0f}"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: 0, or 1 with one sentence on standard error."""
    parser = argparse.ArgumentParser(prog="python -m calibration_assets.diagnostics.compare", description=__doc__)
    parser.add_argument("before", type=Path, help="Folder of diagnostics of the earlier run")
    parser.add_argument("after", type=Path, help="Folder of diagnostics of the later run")
    folders = parser.parse_args(arguments)
    try:
        page = render_comparison(compare_runs(read_diagnosis(folders.before), read_diagnosis(folders.after)))
    except CalibrationError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
