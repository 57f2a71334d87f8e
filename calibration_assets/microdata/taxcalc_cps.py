"""The embedded source of CPS records: tax units of the public CPS file made into persons and six entities.

The mapping of money is a table (`taxcalc_mapping.csv`); reading the units with taxcalc is `taxcalc_units.py`. Rules:

* A unit has `XTOT` persons: the head, the spouse of a joint return, and dependants with ages drawn, uniformly and
  seeded, inside the bands that the file counts. In 0.4 % of units the counts fall one short of `XTOT`: that person is
  the spouse of a joint return without a spouse's age (who gets the head's age), else a dependant of 21 or over.
* A household is (survey year, `h_seq`). Its weight is the mean of its units' weights, weighted by their persons, so
  weighted persons agree with the source exactly and dollars nearly.
* A family is the household's part with one `ffpos`; the SPM unit is the household, since the file knows no
  relationships between units; head and spouse form a marital unit, everyone else one alone.
* The file knows no sex, wealth, rent, hours or coverage: those stay policyengine-us's defaults.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from calibration_assets.microdata.dataset import Dataset
from calibration_assets.microdata.links import GROUPS, id_column, link_column
from calibration_assets.microdata.taxcalc_units import read_units

MAPPING = Path(__file__).with_name("taxcalc_mapping.csv")
JOINT, SEPARATE = 2, 3
OLDEST_AGE = 85
ELDER = 62
AGE_SEED = 2024


def open_taxcalc_cps(year: int) -> tuple[Dataset, pd.DataFrame]:
    """The public CPS file in the dataset contract, and its households' AGI (`schemas.HOUSEHOLD_AGI`)."""
    units = read_units(year)
    return build_dataset(units, year), sum_household_agi(units)


def build_dataset(units: pd.DataFrame, year: int) -> Dataset:
    """Six entities from one row per tax unit; ids count from 0 in the order of survey year, `h_seq` and `ffpos`."""
    units = _order_units(units)
    persons = _list_persons(units)
    mapping = pd.read_csv(MAPPING, keep_default_na=False)
    person = _number_persons(units, persons)
    heads = np.flatnonzero(persons["role"] == "HEAD")
    spouses = np.flatnonzero(persons["role"] == "SPOUSE")
    joint = (units["MARS"] == JOINT).to_numpy()
    for row in mapping[mapping["entity"].eq("person") & mapping["share"].ne("")].to_dict("records"):
        amounts = np.zeros(len(persons), dtype=np.float32)
        head, spouse = _share_out(units, row["taxcalc"], row["spouse"], row["share"])
        amounts[heads], amounts[spouses] = head, spouse[joint]
        person[row["policyengine"]] = amounts > 0 if row["unit"] == "flag" else amounts
    person["is_self_employed"] = person["self_employment_income_before_lsr"] != 0
    tables = {
        group: pd.DataFrame({id_column(group): np.arange(person[link_column(group)].max() + 1)}) for group in GROUPS
    }
    _fill_households(tables["household"], units)
    for row in mapping[mapping["share"].eq("total")].to_dict("records"):
        totals = units.groupby("household")[row["taxcalc"]].sum()
        tables[row["entity"]][row["policyengine"]] = totals.to_numpy(np.float32)
    return Dataset(year, {"person": person, **tables})


def sum_household_agi(units: pd.DataFrame) -> pd.DataFrame:
    """taxcalc's AGI by household, dollars a year."""
    totals = _order_units(units).groupby("household")["c00100"].sum()
    return pd.DataFrame({"household_id": totals.index.astype("int64"), "adjusted_gross_income": totals.to_numpy(float)})


def _order_units(units: pd.DataFrame) -> pd.DataFrame:
    """Units by household and family, with `household` and `family` numbered from 0."""
    order = ["FLPDYR", "h_seq", "ffpos", "a_lineno"]
    units = units.sort_values(order, ignore_index=True)
    return units.assign(
        household=units.groupby(["FLPDYR", "h_seq"]).ngroup().astype("int64"),
        family=units.groupby(["FLPDYR", "h_seq", "ffpos"]).ngroup().astype("int64"),
    )


def _list_persons(units: pd.DataFrame) -> pd.DataFrame:
    """Row of the unit, role and age of every person, ordered by unit: head, spouse, dependants from young to old."""
    joint = (units["MARS"] == JOINT).to_numpy()
    head_age = units["age_head"].to_numpy()
    spouse_age = np.where(units["age_spouse"] > 0, units["age_spouse"], head_age)
    parts = [(np.arange(len(units)), "HEAD", head_age), (np.flatnonzero(joint), "SPOUSE", spouse_age[joint])]
    generator = np.random.default_rng(AGE_SEED)
    for count, youngest, oldest in _count_dependants(units):
        unit = np.repeat(np.arange(len(units)), count)
        parts.append((unit, "DEPENDENT", generator.integers(youngest, oldest[unit], endpoint=True)))
    persons = pd.concat([pd.DataFrame({"unit": unit, "role": role, "age": age}) for unit, role, age in parts])
    return persons.sort_values("unit", kind="stable", ignore_index=True)


def _count_dependants(units: pd.DataFrame) -> list[tuple[np.ndarray, int, np.ndarray]]:
    """Count, youngest age and (by unit) oldest age of each band of dependants.

    The file counts heads and spouses in `nu18`, `n1820` and `n21`, and not in `nu06` and `nu13`. A dependant of 21 to
    64 is at least 18 years younger than the head, or at most 24.
    """
    counted_spouse = (units["MARS"] == JOINT) & (units["age_spouse"] > 0)

    def without_couple(column: str, youngest: int, oldest: int) -> np.ndarray:
        head = units["age_head"].between(youngest, oldest)
        spouse = units["age_spouse"].between(youngest, oldest) & counted_spouse
        return (units[column] - head - spouse).to_numpy()

    minors = without_couple("nu18", 0, 17)
    adults = without_couple("n21", 21, OLDEST_AGE)
    under_6, under_13, elderly = (units[column].to_numpy() for column in ("nu06", "nu13", "elderly_dependents"))
    listed = 1 + (units["MARS"] == JOINT).to_numpy() + minors + without_couple("n1820", 18, 20) + adults
    uncounted = units["XTOT"].to_numpy() - listed
    oldest_child = np.clip(units["age_head"].to_numpy() - 18, 24, 64)
    everywhere = np.ones(len(units), dtype=np.int64)
    return [
        (under_6, 0, 5 * everywhere),
        (under_13 - under_6, 6, 12 * everywhere),
        (minors - under_13, 13, 17 * everywhere),
        (without_couple("n1820", 18, 20), 18, 20 * everywhere),
        (adults - elderly + uncounted, 21, oldest_child),
        (elderly, 65, OLDEST_AGE * everywhere),
    ]


def _number_persons(units: pd.DataFrame, persons: pd.DataFrame) -> pd.DataFrame:
    """The person table with ids, links, age, role and what follows from the role."""
    unit = persons["unit"].to_numpy()
    role = persons["role"].to_numpy()
    household = units["household"].to_numpy()
    first_unit = ~units["household"].duplicated().to_numpy()
    return pd.DataFrame(
        {
            "person_id": np.arange(len(persons)),
            "person_household_id": household[unit],
            "person_tax_unit_id": unit,
            "person_spm_unit_id": household[unit],
            "person_family_id": units["family"].to_numpy()[unit],
            "person_marital_unit_id": np.cumsum(role != "SPOUSE") - 1,
            "age": persons["age"].to_numpy(np.int32),
            "tax_unit_role_input": role,
            "is_household_head": (role == "HEAD") & first_unit[unit],
            "is_separated": (role == "HEAD") & (units["MARS"].to_numpy()[unit] == SEPARATE),
        }
    )


def _share_out(units: pd.DataFrame, column: str, spouse_column: str, share: str) -> tuple[np.ndarray, np.ndarray]:
    """What the head and the spouse get of an amount, float64 (units,) each, by one of the table's rules.

    `own` the file tells head and spouse apart; `head` all to the head; `couple` evenly; `elder` evenly among those of
    the couple aged 62 or over, else `couple`; `elder_only` and `younger_only` the same where someone, or nobody, is;
    `worker` in proportion to gains from self-employment, else `couple`.
    """
    whole, *less = column.split(" - ")
    amount = units[whole].to_numpy(float) - sum(units[part].to_numpy(float) for part in less)
    joint = (units["MARS"] == JOINT).to_numpy()
    if share == "own":
        return amount, units[spouse_column].to_numpy(float)
    if share == "head":
        return amount, np.zeros_like(amount)
    claims = np.ones((2, len(units)))
    old = np.stack([units["age_head"].to_numpy() >= ELDER, (units["age_spouse"].to_numpy() >= ELDER) & joint])
    if share in ("elder", "elder_only", "younger_only"):
        claims = old.astype(float)
    if share == "worker":
        claims = np.stack([units[f"e00900{who}"].clip(lower=0) + units[f"e02100{who}"].clip(lower=0) for who in "ps"])
    claims = np.where(claims.sum(axis=0) > 0, claims, 1.0)
    claims[1, ~joint] = 0.0
    if share in ("elder_only", "younger_only"):
        amount = np.where(old.any(axis=0) == (share == "elder_only"), amount, 0.0)
    head = amount * claims[0] / claims.sum(axis=0)
    return head, amount - head


def _fill_households(households: pd.DataFrame, units: pd.DataFrame) -> None:
    """Weight (mean of units' weights by their persons) and state of every household."""
    persons = units.groupby("household")["XTOT"].sum()
    weighted = (units["s006"] * units["XTOT"]).groupby(units["household"]).sum()
    households["household_weight"] = (weighted / persons).to_numpy(float)
    households["state_fips"] = units.groupby("household")["fips"].first().to_numpy(np.int32)
