"""The report's plain tables, as text ready for the page: which columns of which frame, in words and units."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from calibration_assets.diagnostics.compare import Comparison
from calibration_assets.diagnostics.diagnosis import Diagnosis
from calibration_assets.diagnostics.families import error_table, level_order
from calibration_assets.diagnostics.report.layout import STATE_TILES

Format = Callable[[Any], str]
MISSING = "–"  # noqa: RUF001
LONGEST = 60
"""Rows that a plain table shows; the caption states how many there are."""


@dataclass(frozen=True)
class Table:
    """A caption, heads, and rows of text; `numeric` says which columns are set to the right."""

    caption: str
    heads: list[str]
    numeric: list[bool]
    rows: list[list[str]]


def text(value: Any) -> str:
    """As it is; a dash for nothing."""
    return MISSING if value is None or value != value or value == "" else str(value)


def whole(value: Any) -> str:
    """A count, thousands apart."""
    return MISSING if value != value else f"{value:,.0f}"


def decimal(value: Any) -> str:
    """A measure with one decimal."""
    return MISSING if value != value else f"{value:,.1f}"


def percent(value: Any) -> str:
    """A share in per cent with two decimals."""
    return MISSING if value != value else f"{value:,.2%}"


def share(value: Any) -> str:
    """A share in per cent with one decimal."""
    return MISSING if value != value else f"{value:,.1%}"


def amount(value: Any) -> str:
    """A total in whole units; a small measure with three significant digits."""
    return whole(value) if abs(value) >= 100 else factor(value)


def factor(value: Any) -> str:
    """A ratio with three significant digits."""
    return MISSING if value != value else f"{value:,.3g}"


def make_table(
    caption: str, frame: pd.DataFrame, columns: Mapping[str, tuple[str, Format]], rows: int = LONGEST
) -> Table:
    """The first rows of a frame: column -> (head, format)."""
    more = f" ({rows} of {len(frame):,} rows)" if len(frame) > rows else ""
    body = [
        [form(record[name]) for name, (_, form) in columns.items()] for record in frame.head(rows).to_dict("records")
    ]
    heads = [head for head, _ in columns.values()]
    return Table(caption + more, heads, [form is not text for _, form in columns.values()], body)


ERRORS: dict[str, tuple[str, Format]] = {
    "targets": ("Targets", whole),
    "near_zero": ("Near zero", whole),
    "unachievable": ("Cannot be met", whole),
    "median": ("Median", percent),
    "mean": ("Mean", percent),
    "p90": ("p90", percent),
    "p99": ("p99", percent),
    "maximum": ("Largest", percent),
    "within_1": ("Within 1 %", share),
    "within_5": ("Within 5 %", share),
    "within_10": ("Within 10 %", share),
    "within_25": ("Within 25 %", share),
    "within_10_achievable": ("Within 10 %, can be met", share),
}


def error_tables(detail: pd.DataFrame) -> list[Table]:
    """Errors by level, by level and family, and by state (all targets of a state and its districts)."""
    levels = level_order(error_table(detail, ["geo_level"]))
    families = level_order(error_table(detail, ["geo_level", "family"]))
    names = STATE_TILES[["state", "name"]]
    states = error_table(detail[detail["state"] > 0], ["state"]).merge(names, on="state", how="left")
    level = {"geo_level": ("Level", text)}
    return [
        make_table("Absolute relative error by level", levels, level | ERRORS),
        make_table("By level and family", families, level | {"family": ("Family", text)} | ERRORS),
        make_table("By state, districts included", states.sort_values("name"), {"name": ("State", text)} | ERRORS),
    ]


def unachievable_tables(detail: pd.DataFrame) -> list[Table]:
    """Targets out of reach counted by reason, level and family, and each with its reason."""
    rows = detail[~detail["achievable"]].sort_values("target")
    by = {"reason": ("Why it cannot be met", text), "geo_level": ("Level", text), "family": ("Family", text)}
    counts = rows.groupby(list(by))["target"].agg(["size", "first"]).reset_index()
    counts = counts.sort_values("size", ascending=False, kind="stable")
    counted = by | {"size": ("Targets", whole), "first": ("The first of them", text)}
    each = {
        "target": ("Target", text),
        "true_value": ("True value", whole),
        "reason": ("Why it cannot be met", text),
    }
    return [
        make_table("Targets that no weights can meet, counted", counts, counted),
        make_table("Targets that no weights can meet", rows, each, rows=200),
    ]


def worst_table(detail: pd.DataFrame) -> Table:
    """The largest errors among targets that can be met; for readers of a print."""
    rows = detail[detail["achievable"] & ~detail["near_zero"]].nlargest(15, "abs_rel_error")
    columns = {
        "target": ("Target", text),
        "true_value": ("True value", whole),
        "estimate": ("Estimate", whole),
        "rel_error": ("Relative error", percent),
        "gated_abs_rel_error": ("Size before the refit", percent),
        "carrying_records": ("Carried by records", whole),
        "largest_record_share": ("Largest one's share", percent),
        "source": ("Source", text),
        "vintage": ("Vintage", text),
        "uprating_factor": ("Uprated by", factor),
    }
    return make_table("Largest relative errors among targets that can be met", rows, columns)


def ratio_table(ratios: pd.DataFrame) -> Table:
    """Fitted by initial weight over the kept columns."""
    columns = {"quantile": ("Share of kept columns below", share), "ratio": ("Fitted / initial weight", factor)}
    return make_table("Fitted by initial weight", ratios, columns)


def weight_tables(diagnosis: Diagnosis) -> list[Table]:
    """Kept columns and effective sample size by income and age band, by state, and the largest weights."""
    columns = {
        "columns": ("Columns", whole),
        "kept_columns": ("Kept", whole),
        "kept_records": ("Records kept", whole),
        "households": ("Households", whole),
        "effective_sample_size": ("Effective sample size", decimal),
        "largest": ("Largest weight", decimal),
    }
    groups = diagnosis.weight_groups
    bands = groups[groups["by"].isin(["income_band", "age_band"])]
    bands = bands.assign(by=bands["by"].map({"income_band": "household AGI", "age_band": "oldest member"}))
    states = groups[groups["by"] == "state"]
    names = STATE_TILES.set_index("state")["name"].to_dict()
    states = states.assign(group=[names.get(int(group), group) for group in states["group"]])
    largest = {
        "household_id": ("Household", text),
        "district": ("District", text),
        "weight": ("Weight", decimal),
        "share": ("Share of all households", percent),
        "carries": ("Target it carries most of", text),
        "carried_share": ("Its share of that", percent),
    }
    band_columns = {"by": ("By", text), "group": ("Band", text)} | columns
    tables = [
        make_table("By state", states.sort_values("group"), {"group": ("State", text)} | columns),
        make_table("Largest weights", diagnosis.largest, largest),
    ]
    return [make_table("By income and age", bands, band_columns), *tables] if len(bands) else tables


def conflict_table(conflicts: pd.DataFrame) -> Table:
    """Who holds back the worst targets."""
    columns = {
        "target": ("Target", text),
        "abs_rel_error": ("Its error", percent),
        "opponent": ("Held back by", text),
        "opponent_rel_error": ("Whose error is", percent),
        "share": ("Opposing pull, its own = 1", factor),
        "error_without": ("Error if that one were dropped (first order)", percent),
    }
    if "error_refitted" in conflicts and conflicts["error_refitted"].notna().any():
        columns["error_refitted"] = ("Error in a refit without it", percent)
    return make_table("Targets that hold back the worst ones", conflicts, columns)


def outside_table(outside: pd.DataFrame) -> Table:
    """Totals that were no targets against published ones."""
    columns = {
        "label": ("Total", text),
        "published": ("Published", amount),
        "year": ("Year", text),
        "estimate": ("Weighted records", amount),
        "ratio": ("Ratio", factor),
        "target_levels": ("Also a target at", text),
        "source": ("Source", text),
        "note": ("What it can and cannot show", text),
    }
    return make_table("Totals outside the calibration", outside, columns)


def held_out_table(families: pd.DataFrame) -> Table:
    """Held-out errors beside those in sample, by level and family."""
    columns = {
        "geo_level": ("Level", text),
        "family": ("Family", text),
        "targets": ("Targets", whole),
        "median": ("Median in sample", percent),
        "held_out_median": ("Median held out", percent),
        "within_10": ("Within 10 % in sample", share),
        "held_out_within_10": ("Within 10 % held out", share),
    }
    return make_table("In sample and held out", families, columns)


def comparison_tables(comparison: Comparison) -> list[Table]:
    """Figures, families, the most changed targets, and records that entered and left."""
    plain = {"figure": ("Figure", text), "before": ("Before", amount), "after": ("Now", amount)}
    families = {
        "geo_level": ("Level", text),
        "family": ("Family", text),
        "targets_before": ("Targets before", whole),
        "targets_after": ("Now", whole),
        "median_before": ("Median before", percent),
        "median_after": ("Now", percent),
        "within_10_before": ("Within 10 % before", percent),
        "within_10_after": ("Now", percent),
    }
    counts = comparison.targets["status"].value_counts().rename_axis("status").reset_index(name="targets")
    changed = comparison.targets[comparison.targets["status"].isin(["better", "worse"])]
    changed = changed.iloc[(-changed["change"].abs()).argsort(kind="stable")]
    change = {
        "target": ("Target", text),
        "abs_rel_error_before": ("Error before", percent),
        "abs_rel_error_after": ("Now", percent),
    }
    people = comparison.records["status"].value_counts().rename_axis("status").reset_index(name="records")
    return [
        make_table("Both runs", comparison.figures, plain),
        make_table("Targets", counts, {"status": ("Targets that", text), "targets": ("Number", whole)}),
        make_table("Records", people, {"status": ("Records that", text), "records": ("Number", whole)}),
        make_table("By level and family", level_order(comparison.families), families),
        make_table("Most changed targets", changed, change, rows=20),
    ]
