"""Errors of many targets in one line: tables by level, family, state, district and overall.

A family is a variable together with the domain that its targets cut it by. Targets near zero are counted apart, since
a relative error of theirs says nothing and rules every mean.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from calibration_assets.errors import CalibrationError

LEVELS = ("national", "state", "district")

NEAR_ZERO_SHARE = 1e-4
"""A target is near zero below one unit, or below this share of the median size of its level and family."""

WITHIN = (1, 5, 10, 25)
"""Per cent of absolute relative error whose shares are reported."""


def target_families(targets_df: pd.DataFrame) -> pd.Series:
    """`person_count by age` for a variable with a domain, `snap` without; `_expenditure` marks a reform's cost."""
    reform = targets_df["reform_id"].to_numpy() > 0 if "reform_id" in targets_df else np.zeros(len(targets_df), bool)
    variable = targets_df["variable"].astype("object")
    variable = variable.where(~reform, variable + "_expenditure")
    domain = targets_df["domain_variable"].astype("object").fillna("")
    return variable.where(domain == "", variable + " by " + domain).rename("family")


def target_places(targets_df: pd.DataFrame) -> pd.DataFrame:
    """State (0 for the nation) and district (0 for nation and states) of every target, from its `geographic_id`."""
    level = targets_df["geo_level"].to_numpy(dtype=object)
    digits = targets_df["geographic_id"].astype("object").where(level != "national", "0")
    number = pd.to_numeric(digits).to_numpy(dtype=np.int64)
    district = np.where(level == "district", number, 0)
    state = np.where(level == "district", number // 100, np.where(level == "state", number, 0))
    return pd.DataFrame({"state": state, "district": district}, index=targets_df.index)


def judged_targets(errors: pd.DataFrame, targets_df: pd.DataFrame) -> pd.DataFrame:
    """The errors with `geo_level`, `family`, `state`, `district` and `near_zero` of every target, in the same order."""
    if len(errors) != len(targets_df):
        raise CalibrationError(
            f"The errors have {len(errors):,} rows and the targets table {len(targets_df):,}, where both hold one "
            "target a row: take them from one package."
        )
    targets = targets_df.reset_index(drop=True)
    judged = errors.reset_index(drop=True).assign(
        geo_level=targets["geo_level"], family=target_families(targets), **target_places(targets)
    )
    size = judged["true_value"].abs()
    median = size.groupby([judged["geo_level"], judged["family"]]).transform("median")
    return judged.assign(near_zero=size < np.maximum(1.0, NEAR_ZERO_SHARE * median))


def counted_targets(judged: pd.DataFrame) -> pd.DataFrame:
    """The targets that can be met and are not near zero."""
    return judged[judged["achievable"] & ~judged["near_zero"]]


def error_statistics(judged: pd.DataFrame) -> dict[str, float]:
    """Counts, and median, mean, p90, p99, maximum and shares within 1 to 25 % of the absolute relative error.

    Statistics are over the targets not near zero: of all of them, and (`_achievable`) of those that can be met. NaN
    where none is left.
    """
    size = judged["abs_rel_error"].to_numpy()
    counted = ~judged["near_zero"].to_numpy()
    achievable = judged["achievable"].to_numpy(dtype=bool)
    row: dict[str, float] = {
        "targets": len(size),
        "near_zero": int((~counted).sum()),
        "unachievable": int((~achievable).sum()),
    }
    return row | spread(size[counted]) | spread(size[counted & achievable], "_achievable")


def spread(size: np.ndarray, suffix: str = "") -> dict[str, float]:
    """Median, mean, p90, p99, maximum and the shares within 1 to 25 % of absolute relative errors; NaN without any."""
    names = ["median", "mean", "p90", "p99", "maximum", *(f"within_{cut}" for cut in WITHIN)]
    if len(size) == 0:
        return dict.fromkeys((name + suffix for name in names), float("nan"))
    median, p90, p99, maximum = np.quantile(size, [0.5, 0.9, 0.99, 1.0])
    within = [np.mean(size <= cut / 100) for cut in WITHIN]
    values = [median, size.mean(), p90, p99, maximum, *within]
    return {name + suffix: float(value) for name, value in zip(names, values, strict=True)}


def error_table(judged: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """`error_statistics` of every group of `by`, from `judged_targets`; with an empty `by`, one row for all."""
    if not by:
        return pd.DataFrame([error_statistics(judged)])
    groups = list(judged.groupby(list(by), sort=True))
    keys = pd.DataFrame([key for key, _ in groups], columns=list(by))
    return pd.concat([keys, pd.DataFrame([error_statistics(group) for _, group in groups])], axis=1)


def level_family_table(errors: pd.DataFrame, targets_df: pd.DataFrame) -> pd.DataFrame:
    """One row for every level and family, nation first: the error statistics of their targets."""
    return level_order(error_table(judged_targets(errors, targets_df), ["geo_level", "family"]))


def level_order(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of a table by `geo_level` with the nation first, otherwise in their order."""
    order = table["geo_level"].map({level: position for position, level in enumerate(LEVELS)})
    return table.iloc[order.argsort(kind="stable")].reset_index(drop=True)
