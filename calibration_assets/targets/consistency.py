"""Whether targets agree: nation, states and districts with each other, bands with totals, parts with wholes.

Works on aged targets (schemas.TARGETS with domain_constraints) and reads no file. All tolerances and all known
exceptions, each with its reason, are here.
"""

import re

import pandas as pd

from calibration_assets.errors import CalibrationError
from calibration_assets.schemas import LEVELS

TOLERANCE = 0.05
"""Largest relative gap between the sums of two levels, or of bands and their total."""
PART_TOLERANCE = 0.5
"""Largest excess of a part over its whole; a state's only district is the same place in another year."""
TOLERANCES = {"person_count by age": 0.01, "adjusted_gross_income by adjusted_gross_income": 0.03}
EXCEPTIONS = {
    "eitc where": "Treasury estimates 2024; the returns are those of 2022, aged by prices",
    "medical_expense_deduction where": "the IRS state table has 80.2 billion for 2022, its Publication 1304 has 92.9",
    "rental_income where": "the IRS state table and Publication 1304 differ in royalties, and 2023 fell short of 2022",
    "tax_unit_count where tax_unit_is_filer==1, taxable_interest_income>0": (
        "interest rates rose: a tenth more returns had interest in 2023 (the nation) than in 2022 (the states)"
    ),
}
"""Beginnings of quantities whose levels differ for a known reason; their gaps are reported and do not block."""
_BAND = re.compile(r"(age|adjusted_gross_income)(?:<|>=)-?[\d.e+]+")
COLUMNS = ["check", "quantity", "left", "left_value", "right", "right_value", "gap", "tolerance", "verdict", "reason"]


def consistency_report(targets: pd.DataFrame) -> pd.DataFrame:
    """Every comparison: check, quantity, the two sides and their values, relative gap, tolerance, verdict, reason.

    A verdict is `ok`, `exception` (a named one) or `fails`.
    """
    described = targets.assign(**_describe(targets))
    checks = [*_compare_levels(described), *_compare_bands(described), *_find_excesses(described)]
    checks += [*_find_repetitions(described), *_find_zeros(described)]
    return pd.DataFrame(checks, columns=COLUMNS).sort_values(
        ["check", "quantity", "left", "right"], ignore_index=True, kind="stable"
    )


def check_consistency(report: pd.DataFrame) -> None:
    """Stop at the worst comparison that fails."""
    failures = report[report["verdict"] == "fails"].sort_values("gap", ascending=False)
    if len(failures):
        worst = failures.iloc[0]
        raise CalibrationError(
            f"targets disagree ({worst['check']}, {len(failures)} in all): {worst['quantity']} is "
            f"{worst['left_value']:,.0f} for {worst['left']} and {worst['right_value']:,.0f} for {worst['right']}, "
            f"expected a gap of at most {worst['tolerance']:.0%}; correct the source or name the exception"
        )


def _describe(targets: pd.DataFrame) -> dict[str, list[str]]:
    """The quantity that a target measures, and the same without its band of age or income.

    A variable's own `> 0` or `!= 0` takes nothing from its sum, so it is no part of the quantity.
    """
    exact, banded, bands = [], [], []
    for variable, reform, text in zip(
        targets["variable"], targets["reform_id"], targets["domain_constraints"], strict=True
    ):
        parts = [part for part in text.split(",") if part and part not in (f"{variable}>0", f"{variable}!=0")]
        band = sorted({match[1] for part in parts if (match := _BAND.fullmatch(part))})
        name = f"{variable} (reform {reform})" if reform else variable
        exact.append(" where ".join(filter(None, (name, ", ".join(parts)))))
        rest = [part for part in parts if not _BAND.fullmatch(part)]
        by = f"{name} by {' and '.join(band)}" if band else name
        banded.append(" where ".join(filter(None, (by, ", ".join(rest)))))
        bands.append(",".join(band))
    return {"exact": exact, "quantity": banded, "band": bands}


def _compare_levels(targets: pd.DataFrame) -> list[tuple[object, ...]]:
    """Each quantity's sum over the nation, states and districts that have it; bands as they are and added up."""
    rows = []
    for column in ("quantity", "exact"):
        chosen = targets if column == "quantity" else targets[targets["band"] == "age"]
        sums = chosen.pivot_table("value", column, "geo_level", "sum").reindex(columns=LEVELS)
        for left, right in (("national", "state"), ("state", "district"), ("national", "district")):
            both = sums.dropna(subset=[left, right])
            rows += [
                _row("levels", str(quantity), left, float(values[left]), f"sum of {right}s", float(values[right]))
                for quantity, values in both.iterrows()
            ]
    return rows


def _compare_bands(targets: pd.DataFrame) -> list[tuple[object, ...]]:
    """The nation's sum of income bands against its total where both are targets."""
    nation = targets[(targets["geo_level"] == "national") & (targets["reform_id"] == 0)]
    bands = nation[nation["band"] == "adjusted_gross_income"].groupby("quantity")["value"].sum()
    totals = nation[nation["band"] == ""].groupby("exact")["value"].sum()
    renamed = {quantity: str(quantity).replace(" by adjusted_gross_income", "") for quantity in bands.index}
    return [
        _row("bands", total, "the bands", float(bands[quantity]), "the total", float(totals[total]))
        for quantity, total in renamed.items()
        if total in totals.index
    ]


def _find_excesses(targets: pd.DataFrame) -> list[tuple[object, ...]]:
    """States above the nation and districts above their state, of quantities that cannot be negative."""
    keys = ["exact"]
    nation = targets[targets["geo_level"] == "national"].groupby("exact")["value"].sum().rename("whole").reset_index()
    states = targets[targets["geo_level"] == "state"]
    districts = targets[targets["geo_level"] == "district"]
    whole_states = states.groupby([*keys, "geographic_id"])["value"].sum().rename("whole").reset_index()
    own_states = states.assign(own=states["geographic_id"])
    inside_nation = own_states.merge(nation, on=keys, validate="m:1").assign(name="the nation")
    parents = districts.assign(geographic_id=(districts["geographic_id"].astype(int) // 100).astype(str))
    inside_states = parents.assign(own=districts["geographic_id"]).merge(
        whole_states, on=[*keys, "geographic_id"], validate="m:1"
    )
    parts = pd.concat([inside_nation, inside_states.assign(name="state " + inside_states["geographic_id"])])
    above = parts[(parts["value"] > (1 + PART_TOLERANCE) * parts["whole"]) & (parts["whole"] > 0)]
    return [
        ("part above whole", row["exact"], row["own"], row["value"], row["name"], row["whole"],
         row["value"] / row["whole"] - 1, PART_TOLERANCE, "fails", "")
        for row in above.to_dict("records")
    ]  # fmt: skip


def _find_repetitions(targets: pd.DataFrame) -> list[tuple[object, ...]]:
    """Two targets of one quantity in one place: the same people and the same variable twice."""
    repeated = targets[targets.duplicated(["exact", "geographic_id"], keep=False)]
    return [
        _row("repetition", str(quantity), str(place), float(group["value"].iloc[0]), "its repetition",
             float(group["value"].iloc[1]))[:-2] + _verdict_of_repetition(str(quantity))
        for (quantity, place), group in repeated.groupby(["exact", "geographic_id"])
    ]  # fmt: skip


def _verdict_of_repetition(quantity: str) -> tuple[str, str]:
    reason = _exception(quantity)
    return ("exception" if reason else "fails", reason)


def _find_zeros(targets: pd.DataFrame) -> list[tuple[object, ...]]:
    """Active targets of zero: a figure withheld by its publisher, never a population."""
    zero = targets[targets["value"] == 0]
    places = zip(zero["exact"], zero["geographic_id"], strict=True)
    return [("zero", quantity, place, 0.0, "any", 0.0, 1.0, 0.0, "fails", "") for quantity, place in places]


def _row(check: str, quantity: str, left: str, left_value: float, right: str, right_value: float) -> tuple[object, ...]:
    gap = abs(left_value - right_value) / max(abs(left_value), abs(right_value), 1e-12)
    tolerance = next((value for name, value in TOLERANCES.items() if quantity.startswith(name)), TOLERANCE)
    reason = _exception(quantity)
    verdict = "ok" if gap <= tolerance else "exception" if reason else "fails"
    return (
        check,
        quantity,
        left,
        left_value,
        right,
        right_value,
        gap,
        tolerance,
        verdict,
        reason if verdict != "ok" else "",
    )


def _exception(quantity: str) -> str:
    return next((reason for beginning, reason in EXCEPTIONS.items() if quantity.startswith(beginning)), "")
