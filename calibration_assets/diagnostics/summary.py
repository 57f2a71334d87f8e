"""One page of plain text that says how good the weights are: printed at the end of a run and kept beside its files."""

import pandas as pd

from calibration_assets.diagnostics.families import error_table, judged_targets, level_family_table
from calibration_assets.diagnostics.weights import WeightSummary

WORST_SHOWN = 10
FAMILIES_SHOWN = 40


def render_summary(
    errors: pd.DataFrame, targets_df: pd.DataFrame, weights: WeightSummary, unachievable: pd.DataFrame
) -> str:
    """The page: shares within 1, 5 and 10 % by level and family, the weights, the worst targets, those out of reach.

    `errors` from `target_errors`, `unachievable` from `unachievable_targets`, both of the package of `targets_df`.
    """
    judged = judged_targets(errors, targets_df)
    sections = [
        _headline(judged),
        _families(level_family_table(errors, targets_df)),
        _weights(weights),
        _worst(judged),
        _unachievable(unachievable),
    ]
    return "\n\n".join(sections) + "\n"


def _headline(judged: pd.DataFrame) -> str:
    row = error_table(judged, []).iloc[0]
    met = int(row["targets"] - row["unachievable"])
    return "\n".join(
        [
            f"Targets: {int(row['targets']):,}, of which {met:,} can be met and {int(row['unachievable']):,} cannot; "
            f"{int(row['near_zero']):,} near zero are left out of the figures below.",
            f"{'':<16}{'median':>11}{'mean':>11}{'within 1 %':>11}{'5 %':>11}{'10 %':>11}",
            _shares("All", row, ""),
            _shares("Can be met", row, "_achievable"),
        ]
    )


def _percent(share: float, width: int) -> str:
    return f"{share * 100:>{width}.2f} %" if share == share else f"{'-':>{width}}  "


def _shares(label: str, row: pd.Series, suffix: str) -> str:
    names = ("median", "mean", "within_1", "within_5", "within_10")
    return f"  {label:<14}" + "".join(_percent(row[f"{name}{suffix}"], 9) for name in names)


def _families(table: pd.DataFrame) -> str:
    head = f"{'Level':<9} {'family':<52} {'targets':>7}{'median':>11}{'mean':>11}{'<= 1 %':>11}{'5 %':>11}{'10 %':>11}"
    shown = table.nlargest(FAMILIES_SHOWN, "targets").sort_index()
    lines = [
        f"{row['geo_level']:<9} {row['family'][:52]:<52} {row['targets']:>7,}"
        + "".join(_percent(row[name], 9) for name in ("median", "mean", "within_1", "within_5", "within_10"))
        for row in shown.to_dict("records")
    ]
    left = len(table) - len(shown)
    return "\n".join([head, *lines, *([f"... and {left} smaller families"] if left else [])])


def _weights(weights: WeightSummary) -> str:
    if weights.kept_columns == 0:
        return f"Weights: every one of the {weights.columns:,} columns has weight 0."
    records = "" if weights.records is None else f", {weights.kept_records:,} of {weights.records:,} records"
    return (
        f"Weights: {weights.kept_columns:,} of {weights.columns:,} columns kept{records}; "
        f"{weights.households:,.0f} households; Kish effective sample size {weights.effective_sample_size:,.0f}; "
        f"median {weights.median:,.1f}, 99th percentile {weights.p99:,.1f}, largest {weights.largest:,.0f} "
        f"({weights.largest_share:.3%} of the total)."
    )


def _worst(judged: pd.DataFrame) -> str:
    worst = judged[judged["achievable"] & ~judged["near_zero"]].nlargest(WORST_SHOWN, "abs_rel_error")
    lines = [
        f"  {row['rel_error'] * 100:>+10.1f} %  {row['target']}: {row['estimate']:,.0f} for {row['true_value']:,.0f}"
        for row in worst.to_dict("records")
    ]
    return "\n".join(["Largest relative errors among the targets that can be met:", *lines])


def _unachievable(unachievable: pd.DataFrame) -> str:
    if unachievable.empty:
        return "Every target can be met."
    counts = unachievable["reason"].value_counts()
    lines = [f"  {count:>6,}  {reason}" for reason, count in counts.items()]
    names = [f"  {name}" for name in unachievable["target"].head(WORST_SHOWN)]
    return "\n".join(["Targets that cannot be met, by reason (listed in full in the report):", *lines, *names])
