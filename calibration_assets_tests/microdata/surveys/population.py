"""A made population with a known law, from which survey files and records are drawn alike.

Households of one to five: a head, perhaps a spouse, children. Rents, tips, assets, vehicles, wealth and wages follow
from what is known of a person by simple laws with noise, so that an imputation at equal predictors must find them.
"""

import numpy as np
import pandas as pd

from calibration_assets.microdata.dataset import Dataset
from calibration_assets.microdata.links import GROUPS, id_column, link_column

STATES = np.array([1, 6, 12, 17, 36, 48])


def made_population(households: int, seed: int) -> pd.DataFrame:
    """Persons in order of household and line: who they are and what they earn, dollars a year."""
    rng = np.random.default_rng(seed)
    married = rng.random(households) < 0.5
    children = rng.choice(4, households, p=[0.6, 0.15, 0.15, 0.1])
    size = 1 + married + children
    household = np.repeat(np.arange(households), size)
    line = np.arange(len(household)) - np.repeat(np.cumsum(size) - size, size)
    head_age = rng.integers(22, 86, households)
    adult = (line == 0) | ((line == 1) & married[household])
    age = np.where(adult, head_age[household], rng.integers(0, 18, len(household)))
    persons = len(household)
    works = adult & (rng.random(persons) < np.where(age < 65, 0.8, 0.15))
    hours = np.where(works, rng.choice([20, 40, 45], persons, p=[0.2, 0.6, 0.2]), 0)
    wages = np.where(works, np.exp(rng.normal(3.1, 0.5, persons)) * 52 * hours, 0.0)
    retired = adult & (age >= 65)
    return pd.DataFrame(
        {
            "household": household,
            "line": line,
            "married": adult & married[household],
            "age": age,
            "is_female": rng.random(persons) < 0.5,
            "race": rng.choice([1, 2], persons, p=[0.8, 0.2]),
            "is_hispanic": rng.random(persons) < 0.15,
            "hours": hours,
            "wages": wages.round(),
            "self_employment": np.where(adult & (rng.random(persons) < 0.08), 20_000.0, 0.0),
            "social_security": np.where(retired, rng.integers(12_000, 30_000, persons), 0.0),
            "pension": np.where(retired & (rng.random(persons) < 0.4), 15_000.0, 0.0),
            "interest": np.where(adult, rng.exponential(400, persons).round(), 0.0),
            "dividends": np.where(adult & (rng.random(persons) < 0.3), rng.exponential(2_000, persons).round(), 0.0),
            "state": STATES[rng.integers(0, len(STATES), households)][household],
            "owns": (rng.random(households) < np.clip(head_age / 100, 0.2, 0.8))[household],
            "household_weight": rng.uniform(500, 3_000, households)[household].round(2),
        }
    )


def made_records(population: pd.DataFrame, *, all_known: bool = True) -> Dataset:
    """The population in the dataset contract; without `all_known` no sex, race, tenure and hours."""
    head = population["line"].eq(0)
    couple = population["household"] * 10 + np.where(population["married"], 0, population["line"])
    person = pd.DataFrame(
        {
            "person_id": np.arange(len(population)),
            "person_household_id": population["household"],
            "person_tax_unit_id": population["household"],
            "person_spm_unit_id": population["household"],
            "person_family_id": population["household"],
            "person_marital_unit_id": couple.astype("int64"),
            "age": population["age"].astype("int32"),
            "is_household_head": head,
            "employment_income_before_lsr": population["wages"],
            "self_employment_income_before_lsr": population["self_employment"],
            "social_security_retirement": population["social_security"],
            "taxable_private_pension_income": population["pension"],
            "taxable_interest_income": population["interest"],
            "qualified_dividend_income": population["dividends"],
            "rental_income": 0.0,
            "own_children_in_household": np.where(head, children_of(population), 0).astype("int32"),
        }
    )
    heads = population[head]
    tables = {group: pd.DataFrame({id_column(group): np.unique(person[link_column(group)])}) for group in GROUPS}
    tables["household"]["household_weight"] = heads["household_weight"].to_numpy()
    tables["household"]["state_fips"] = heads["state"].to_numpy("int32")
    if all_known:
        person["is_female"] = population["is_female"]
        person["cps_race"] = population["race"]
        person["is_hispanic"] = population["is_hispanic"]
        person["weekly_hours_worked_before_lsr"] = population["hours"].astype(float)
        tables["household"]["tenure_type"] = np.where(heads["owns"], "OWNED_WITH_MORTGAGE", "RENTED")
    return Dataset(2024, {**tables, "person": person})


def children_of(population: pd.DataFrame) -> np.ndarray:
    """Children of each person's household."""
    return (population["age"] < 18).groupby(population["household"]).transform("sum").to_numpy()


def household_sum(population: pd.DataFrame, column: str) -> np.ndarray:
    """The household's sum of a column, for each person."""
    return population.groupby("household")[column].transform("sum").to_numpy()


def laws(population: pd.DataFrame, seed: int) -> pd.DataFrame:
    """What the surveys know and the records do not, for each person (the household's for each member)."""
    rng = np.random.default_rng(seed)
    persons = len(population)
    noise = np.exp(rng.normal(0, 0.2, persons))
    income = household_sum(population, "wages") + household_sum(population, "pension")
    owns, works = population["owns"].to_numpy(), population["wages"].to_numpy() > 0
    adult = population["age"].to_numpy() >= 18
    tipped = works & (rng.random(persons) < np.where(population["wages"] < 30_000, 0.9, 0.05))
    loan = rng.random(persons) < 0.4
    law = pd.DataFrame(
        {
            "monthly_rent": np.where(owns, 0, (700 + 0.01 * population["wages"]) * noise).round(),
            "taxes": np.where(owns, (1_500 + 300 * (population["state"] == 36) + 0.02 * income) * noise, 0).round(),
            "tips": np.where(tipped, 0.2 * population["wages"] * noise, 0).round(),
            "bank": np.where(adult, 12 * population["interest"] * noise + 100, 0).round(),
            "stocks": (30 * population["dividends"] * noise).round(),
            "bonds": np.where(population["interest"] > 800, 2_000 * noise, 0).round(),
            "vehicles": np.minimum(3, household_sum(population, "married") + (income > 50_000)).astype(int),
            "net_worth": ((3 * income + 40 * household_sum(population, "dividends")) * noise - 10_000).round(),
            "loan": np.where(loan, (8_000 + 0.1 * household_sum(population, "wages")) * noise, 0).round(),
            "rate": 625,
            "hourly_wage": population["wages"] / 52 / population["hours"].clip(1),
            "paid_hourly": works & (population["hours"] < 45),
            "union": works & (rng.random(persons) < np.where(population["state"] == 36, 0.9, 0.1)),
        }
    )
    shared = ["vehicles", "net_worth", "loan"]
    first = law[shared].groupby(population["household"]).transform("first")
    law[shared] = first
    return law.assign(vehicle_value=9_000 * law["vehicles"])
