"""Who among the records gets a survey's values, and what the records know of the donors' predictors.

A predictor whose inputs the records lack is simply not a column here.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from calibration_assets.microdata.dataset import Dataset
from calibration_assets.microdata.links import PERSON, group_rows

SUMS = {
    "employment_income": ("employment_income_before_lsr",),
    "self_employment_income": ("self_employment_income_before_lsr",),
    "social_security": (
        "social_security_retirement", "social_security_disability", "social_security_survivors",
        "social_security_dependents",
    ),
    "pension_income": ("taxable_private_pension_income", "tax_exempt_private_pension_income"),
    "interest_income": ("taxable_interest_income", "tax_exempt_interest_income"),
    "dividend_income": ("qualified_dividend_income", "non_qualified_dividend_income"),
    "rental_income": ("rental_income",),
    "weekly_hours_worked": ("weekly_hours_worked_before_lsr",),
    "own_children_in_household": ("own_children_in_household",),
}  # fmt: skip
"""Predictors that are sums of a person's variables; those the records lack are left out of the sum."""
INCOMES = (
    "employment_income", "self_employment_income", "social_security", "pension_income", "interest_income",
    "dividend_income", "rental_income",
)  # fmt: skip
TENURES = {
    "OWNED_OUTRIGHT": "OWNED",
    "OWNED_WITH_MORTGAGE": "OWNED",
    "RENTED": "RENTED",
    "NONE": "NONE",
}
WHITE, BLACK = 1, 2


@dataclass(frozen=True)
class Recipients:
    """Recipients in order: their rows in the table of `entity`, what is known of them, and their weight."""

    entity: str
    rows: np.ndarray
    known: pd.DataFrame
    weight: np.ndarray


def find_recipients(dataset: Dataset, kind: str) -> Recipients:
    """Every `person`, every `head` (the person table's row of the reference person) or every `household`."""
    weight = dataset.tables["household"]["household_weight"].to_numpy(np.float64)
    persons = describe_persons(dataset)
    heads = find_heads(dataset)
    if kind == "household":
        known = describe_households(dataset, persons)
        return Recipients("household", np.arange(len(weight)), known, weight)
    if kind == "head":
        return Recipients(PERSON, heads, persons.iloc[heads].reset_index(drop=True), weight)
    return Recipients(PERSON, np.arange(len(persons)), persons, weight[group_rows(dataset.tables, "household")])


def describe_persons(dataset: Dataset) -> pd.DataFrame:
    """A row a person, in the person table's order."""
    person, household = dataset.tables[PERSON], dataset.tables["household"]
    lives_in = group_rows(dataset.tables, "household")
    known = {
        name: person[list(person.columns.intersection(list(parts)))].sum(axis=1).to_numpy(np.float64)
        for name, parts in SUMS.items()
        if not person.columns.intersection(list(parts)).empty
    }
    age = person["age"].to_numpy()
    marital_unit = group_rows(dataset.tables, "marital_unit")
    known |= {
        "age": age,
        "is_married": np.bincount(marital_unit)[marital_unit] > 1,
        "household_size": np.bincount(lives_in)[lives_in],
        "count_under_18": np.bincount(lives_in, age < 18)[lives_in],
        "count_under_6": np.bincount(lives_in, age < 6)[lives_in],
        "state_fips": household["state_fips"].to_numpy()[lives_in],
    }
    if "is_female" in person:
        known["is_female"] = person["is_female"].to_numpy()
    if {"cps_race", "is_hispanic"} <= set(person.columns):
        known["race"] = _race(person)
    if "tenure_type" in household:
        known["tenure"] = household["tenure_type"].map(TENURES).to_numpy(dtype=str)[lives_in]
        known["is_homeowner"] = known["tenure"] == "OWNED"
    return _add_totals(pd.DataFrame(known))


def find_heads(dataset: Dataset) -> np.ndarray:
    """For each household the row of its reference person: the marked head, else the eldest; int64 (households,)."""
    person = dataset.tables[PERSON]
    lives_in = group_rows(dataset.tables, "household")
    marked = person["is_household_head"].to_numpy() if "is_household_head" in person else np.zeros(len(person), bool)
    order = np.lexsort((-person["age"].to_numpy(), ~marked, lives_in))
    return order[np.flatnonzero(np.diff(lives_in[order], prepend=-1))]


def describe_households(dataset: Dataset, persons: pd.DataFrame) -> pd.DataFrame:
    """A row a household: its incomes added up, everything else its reference person's."""
    lives_in = group_rows(dataset.tables, "household")
    households = persons.iloc[find_heads(dataset)].reset_index(drop=True)
    for income in households.columns.intersection(list(INCOMES)):
        households[income] = np.bincount(lives_in, persons[income], minlength=len(households))
    return _add_totals(households)


def _add_totals(known: pd.DataFrame) -> pd.DataFrame:
    """With the sums that the SCF's summary has in the place of their parts."""
    totals = {
        "interest_dividend_income": ("interest_income", "dividend_income"),
        "social_security_pension_income": ("social_security", "pension_income"),
    }
    return known.assign(
        **{name: known[list(parts)].sum(axis=1) for name, parts in totals.items() if set(parts) <= set(known.columns)}
    )


def _race(person: pd.DataFrame) -> np.ndarray:
    race, hispanic = person["cps_race"].to_numpy(), person["is_hispanic"].to_numpy(dtype=bool)
    return np.select([hispanic, race == WHITE, race == BLACK], ["HISPANIC", "WHITE", "BLACK"], "OTHER")
