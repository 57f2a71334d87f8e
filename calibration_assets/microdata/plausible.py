"""Means of weighted records that must be plausible: persons, ages and incomes by household, each within a range."""

from dataclasses import dataclass

import numpy as np

from calibration_assets.microdata.dataset import Dataset
from calibration_assets.microdata.links import PERSON, household_rows


@dataclass(frozen=True)
class Range:
    """From `low` to `high`, both included."""

    low: float
    high: float


ADULT = 18
WAGES = "employment_income_before_lsr"
AREA_MEANS = {
    "persons a household": Range(1.5, 4.5),
    "age of a person": Range(25, 55),
    "share under 18": Range(0.08, 0.40),
    "employment income a household": Range(10_000, 200_000),
}
"""What holds of any state or district, with room beyond the lowest and the highest of them."""

RECORD_MEANS = {**AREA_MEANS, "employment income a household": Range(10_000, 2_000_000)}
"""What holds of records that nobody has calibrated: a stratified sample holds many of the highest incomes."""


def describe_means(dataset: Dataset) -> dict[str, float]:
    """Weighted persons and the means of AREA_MEANS; nothing of wages where the records have none.

    Where no household has a weight, all weigh 1.
    """
    tables = dataset.tables
    weight = tables["household"]["household_weight"].to_numpy(np.float64)
    weight = weight if weight.any() else np.ones(len(weight))
    lives_in, age = household_rows(tables, PERSON), tables[PERSON]["age"].to_numpy(np.float64)
    of_person = weight[lives_in]
    persons, households = float(of_person.sum()), float(weight.sum())
    wages = tables[PERSON].get(WAGES)
    means = {
        "persons": persons,
        "persons a household": persons / households,
        "age of a person": float(of_person @ age / persons),
        "share under 18": float(of_person @ (age < ADULT) / persons),
    }
    if wages is not None:
        means["employment income a household"] = float(of_person @ wages.to_numpy(np.float64) / households)
    return means
