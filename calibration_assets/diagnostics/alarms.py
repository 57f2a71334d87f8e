"""What a reader must not miss, as sentences: found in the tables of a diagnosis, in a fixed order.

Each rule is one function from a diagnosis to sentences. A threshold is where a person would look twice, not where a
result is wrong.
"""

from collections.abc import Callable
from dataclasses import dataclass

from calibration_assets.diagnostics.conflicts import OVERRULED
from calibration_assets.diagnostics.diagnosis import Diagnosis
from calibration_assets.diagnostics.families import counted_targets, level_order

DOMINATING_SHARE = {"national": 0.1, "state": 0.25, "district": 0.5}
OPPOSING_SHARE = 0.5
UNIT_FACTOR = 30.0
"""How far a target's ratio to the estimate of the initial weights may lie from the median ratio of its like."""

FEW_LIKE = 4
"""Targets of one population in different places of which a median is taken; below, that of the family serves."""

FEW_CARRIERS = 3
"""Records without which the estimate of the initial weights says too little of a unit."""

FEW_RECORDS = 10
HELD_OUT_ERROR = 0.1
NAMED = 5
"""Cases that one alarm names; it states how many more there are."""


@dataclass(frozen=True)
class Alarm:
    """What kind of thing stands out, what that means, and every case in a sentence, the gravest first."""

    kind: str
    meaning: str
    cases: list[str]

    @property
    def examples(self) -> list[str]:
        """The first cases, and how many more there are."""
        more = [f"And {len(self.cases) - NAMED:,} more."] if len(self.cases) > NAMED else []
        return self.cases[:NAMED] + more

    @property
    def sentence(self) -> str:
        """All examples in one text."""
        return " ".join(self.examples)


def alarms(diagnosis: Diagnosis) -> list[Alarm]:
    """Everything that stands out; empty where nothing does."""
    found = [Alarm(kind, meaning, rule(diagnosis)) for kind, (meaning, rule) in RULES.items()]
    return [alarm for alarm in found if alarm.cases]


def _no_weight(diagnosis: Diagnosis) -> list[str]:
    if diagnosis.weights.kept_columns:
        return []
    return [f"Every one of the {diagnosis.weights.columns:,} columns has weight 0: the fit kept nobody."]


def _dominating_records(diagnosis: Diagnosis) -> list[str]:
    detail = diagnosis.targets
    limit = detail["geo_level"].map(DOMINATING_SHARE)
    found = detail[(detail["largest_record_share"] > limit) & ~detail["near_zero"]]
    found = level_order(found.sort_values("largest_record_share", ascending=False, kind="stable"))
    return [
        f"Household {row['largest_household_id']} carries {row['largest_record_share']:.0%} of {row['target']}"
        + (", alone." if row["carrying_records"] == 1 else f"; {row['carrying_records']:,} records carry it.")
        for row in found.to_dict("records")
    ]


def _conflicts(diagnosis: Diagnosis) -> list[str]:
    pairs = diagnosis.conflicts[diagnosis.conflicts["share"] > OPPOSING_SHARE].drop_duplicates("target")
    return [
        f"{row['target']} (off by {row['abs_rel_error']:.1%}) is "
        + (
            f"overruled by {row['opponent']}, which pulls {row['share']:,.0f} times as hard."
            if row["share"] > OVERRULED
            else f"held back by {row['opponent']}, which takes up {min(row['share'], 1):.0%} of its pull."
        )
        for row in pairs.to_dict("records")
    ]


def _wrong_units(diagnosis: Diagnosis) -> list[str]:
    """Targets whose ratio to the estimate of the initial weights is far from that of the same figure elsewhere."""
    detail = diagnosis.targets
    same_sign = (detail["true_value"] / detail["initial_estimate"]).gt(0) & (detail["initial_estimate"] != 0)
    known = detail[same_sign & (detail["carrying_records"] >= FEW_CARRIERS)]
    ratio = known["true_value"] / known["initial_estimate"]
    elsewhere = ratio.groupby(known["target"].str.split("/", n=1).str[1])
    usual = elsewhere.transform("median")
    usual = usual.where(elsewhere.transform("size") >= FEW_LIKE, ratio.groupby(known["family"]).transform("median"))
    factor = ratio / usual
    found = known.assign(factor=factor)[(factor > UNIT_FACTOR) | (factor < 1 / UNIT_FACTOR)]
    return [
        f"{row['target']} = {row['true_value']:,.0f} is {row['factor']:,.4g} times what the same figure of other "
        "places would lead to expect: look at its unit."
        for row in found.sort_values("factor", ascending=False, kind="stable").to_dict("records")
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
            for row in few.sort_values("effective_sample_size", kind="stable").to_dict("records")
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


RULES: dict[str, tuple[str, Callable[[Diagnosis], list[str]]]] = {
    "no weight": ("There are no weights to speak of.", _no_weight),
    "dominating record": (
        "One household is over a tenth of a national, a quarter of a state's or half of a district's total, so that "
        "its own answers decide it.",
        _dominating_records,
    ),
    "conflicting targets": ("Two targets ask the same households for different totals.", _conflicts),
    "wrong unit": ("A figure is out of all proportion to the same one elsewhere.", _wrong_units),
    "district without support": ("A district has few households of its own to stand on.", _unsupported_districts),
    "held-out accuracy": ("What was not fitted is not met: totals beyond the targets deserve doubt.", _held_out),
}
