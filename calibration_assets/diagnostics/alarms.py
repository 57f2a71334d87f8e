"""What a reader must not miss, as sentences: found in the tables of a diagnosis, in a fixed order.

Each rule is one function from a diagnosis to sentences. A threshold is where a person would look twice, not where a
result is wrong.
"""

from collections.abc import Callable

import pandas as pd

from calibration_assets.diagnostics.diagnosis import Diagnosis
from calibration_assets.diagnostics.families import counted_targets

DOMINATING_SHARE = {"national": 0.1, "state": 0.25, "district": 0.5}
OPPOSING_SHARE = 0.5
UNIT_FACTOR = 30.0
"""How far a target's ratio to the estimate of the initial weights may lie from its family's median ratio."""

FEW_RECORDS = 10
HELD_OUT_ERROR = 0.1
NAMED = 5
"""Cases that one alarm names; it states how many more there are."""


def alarms(diagnosis: Diagnosis) -> pd.DataFrame:
    """One row an alarm: kind, cases (how many), sentence; empty where nothing stands out."""
    rows = []
    for kind, rule in RULES.items():
        cases = rule(diagnosis)
        if cases:
            more = f" And {len(cases) - NAMED:,} more." if len(cases) > NAMED else ""
            rows.append({"kind": kind, "cases": len(cases), "sentence": " ".join(cases[:NAMED]) + more})
    return pd.DataFrame(rows, columns=["kind", "cases", "sentence"])


def _no_weight(diagnosis: Diagnosis) -> list[str]:
    if diagnosis.weights.kept_columns:
        return []
    return [f"Every one of the {diagnosis.weights.columns:,} columns has weight 0: the fit kept nobody."]


def _dominating_records(diagnosis: Diagnosis) -> list[str]:
    detail = diagnosis.targets
    limit = detail["geo_level"].map(DOMINATING_SHARE)
    found = detail[(detail["largest_record_share"] > limit) & ~detail["near_zero"]]
    found = found.sort_values("largest_record_share", ascending=False, kind="stable")
    return [
        f"Household {row['largest_household_id']} carries {row['largest_record_share']:.0%} of {row['target']}, "
        f"which {row['carrying_records']:,} records carry."
        for row in found.to_dict("records")
    ]


def _conflicts(diagnosis: Diagnosis) -> list[str]:
    pairs = diagnosis.conflicts[diagnosis.conflicts["share"] > OPPOSING_SHARE]
    return [
        f"{row['target']} (off by {row['abs_rel_error']:.1%}) is held back by {row['opponent']}, which takes up "
        f"{min(row['share'], 1):.0%} of its pull."
        for row in pairs.to_dict("records")
    ]


def _wrong_units(diagnosis: Diagnosis) -> list[str]:
    """Targets whose ratio to the estimate of the initial weights is far from their family's."""
    detail = diagnosis.targets
    known = detail[(detail["true_value"] / detail["initial_estimate"]).gt(0) & (detail["initial_estimate"] != 0)]
    ratio = known["true_value"] / known["initial_estimate"]
    factor = ratio / ratio.groupby(known["family"]).transform("median")
    found = known.assign(factor=factor)[(factor > UNIT_FACTOR) | (factor < 1 / UNIT_FACTOR)]
    return [
        f"{row['target']} = {row['true_value']:,.0f} is {row['factor']:,.4g} times what its family's other targets "
        "would lead to expect: look at its unit."
        for row in found.sort_values("factor", kind="stable").to_dict("records")
    ]


def _unsupported_districts(diagnosis: Diagnosis) -> list[str]:
    groups = diagnosis.weight_groups
    districts = groups[groups["by"] == "district"].assign(district=lambda table: table["group"].astype(int))
    wanted = set(diagnosis.targets["district"]) - {0}
    missing = sorted(wanted - set(districts["district"]))
    empty = districts[(districts["kept_columns"] == 0)]
    few = districts[(districts["kept_columns"] > 0) & (districts["effective_sample_size"] < FEW_RECORDS)]
    return [
        *(f"District {district} has targets but no column." for district in missing),
        *(f"District {row['district']} has {row['columns']:,} columns, none kept." for row in empty.to_dict("records")),
        *(
            f"District {row['district']} rests on an effective {row['effective_sample_size']:.1f} households."
            for row in few.to_dict("records")
        ),
    ]


def _held_out(diagnosis: Diagnosis) -> list[str]:
    if diagnosis.held_out is None:
        return []
    counted = counted_targets(diagnosis.held_out)
    inside, outside = counted["abs_rel_error"].median(), counted["held_out_abs_rel_error"].median()
    if not outside > HELD_OUT_ERROR:
        return []
    return [f"Targets that the fit did not see are off by {outside:.1%} at the median, those it saw by {inside:.1%}."]


RULES: dict[str, Callable[[Diagnosis], list[str]]] = {
    "no weight": _no_weight,
    "dominating record": _dominating_records,
    "conflicting targets": _conflicts,
    "wrong unit": _wrong_units,
    "district without support": _unsupported_districts,
    "held-out accuracy": _held_out,
}
