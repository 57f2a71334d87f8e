"""Twenty literal households in three states, what the rules say of them, and targets at three levels."""

import numpy as np
import pandas as pd

from calibration_assets.microdata.dataset import Dataset
from calibration_assets.simulation.places import Placement
from calibration_assets.simulation.values import Values

HOUSEHOLDS = (
    # ages of the household's persons, tax unit by tax unit
    ((34, 33, 6),),
    ((71,),),
    ((45, 44), (19,)),
    ((28,),),
    ((52, 17, 15),),
    ((81, 79),),
    ((24,), (23,)),
    ((39, 12, 9, 2),),
    ((66,),),
    ((30, 31),),
    ((58,), (84,)),
    ((41, 43, 14),),
    ((20,),),
    ((35, 3),),
    ((62, 60),),
    ((47, 46, 18), (22,)),
    ((76,),),
    ((26, 25, 1, 0),),
    ((55,),),
    ((33,), (32,), (5,)),
)
SNAP = (0, 120, 0, 0, 300, 0, 240, 480, 0, 0, 60, 0, 180, 360, 0, 0, 90, 420, 0, 150)
"""Dollars a year by household, each one SPM unit, in state 6; in state 56 half, in state 11 nothing."""


def tiny_dataset() -> Dataset:
    """The twenty households; wages are 1,000 dollars a year of age for those aged 18 to 65."""
    rows = [
        (household, unit, age)
        for household, units in enumerate(HOUSEHOLDS)
        for unit, ages in enumerate(units)
        for age in ages
    ]
    household = np.array([row[0] for row in rows], dtype=np.int64)
    unit = np.array([row[0] * 10 + row[1] for row in rows], dtype=np.int64)
    age = np.array([row[2] for row in rows])
    n = len(HOUSEHOLDS)
    person = pd.DataFrame(
        {
            "person_id": np.arange(len(rows)) + 1,
            "person_household_id": household + 100,
            "person_tax_unit_id": unit,
            "person_spm_unit_id": household,
            "person_family_id": household,
            "person_marital_unit_id": np.arange(len(rows)),
            "age": age,
            "employment_income_before_lsr": np.where((age >= 18) & (age <= 65), age * 1000.0, 0.0),
        }
    )
    return Dataset(
        2024,
        {
            "person": person,
            "household": pd.DataFrame(
                {
                    "household_id": np.arange(n) + 100,
                    "household_weight": np.full(n, 1000.0),
                    "state_fips": np.full(n, 6),
                }
            ),
            "tax_unit": pd.DataFrame({"tax_unit_id": np.unique(unit)}),
            "spm_unit": pd.DataFrame({"spm_unit_id": np.arange(n)}),
            "family": pd.DataFrame({"family_id": np.arange(n)}),
            "marital_unit": pd.DataFrame({"marital_unit_id": np.arange(len(rows))}),
        },
    )


def tiny_values(dataset: Dataset) -> dict[int, dict[str, Values]]:
    """What a simulation would say: age and wages everywhere, SNAP by state, and tax units that file."""
    person = dataset.tables["person"]
    wages = person["employment_income_before_lsr"].to_numpy(np.float32)
    filer = person.groupby("person_tax_unit_id")["employment_income_before_lsr"].sum().to_numpy() > 20_000
    snap = np.array(SNAP, dtype=np.float32)
    return {
        state: {
            "age": Values("person", person["age"].to_numpy()),
            "employment_income": Values("person", wages),
            "snap": Values("spm_unit", snap * share),
            "tax_unit_is_filer": Values("tax_unit", filer),
            "switch_takes_up_ssi_if_eligible": Values("person", np.zeros(len(person), dtype=bool)),
            "switch_takes_up_tanf_if_eligible": Values("spm_unit", np.zeros(len(snap), dtype=bool)),
            "switch_would_file_taxes_voluntarily": Values("tax_unit", np.zeros(len(filer), dtype=bool)),
        }
        for state, share in ((6, 1.0), (11, 0.0), (56, 0.5))
    }


def columns_of(districts: list[int], n_records: int = len(HOUSEHOLDS)) -> pd.DataFrame:
    """Columns in the given districts, clone-major."""
    n_clones = len(districts) // n_records
    record = np.tile(np.arange(n_records), n_clones)
    district = np.array(districts)
    return pd.DataFrame(
        {
            "record": record.astype(np.int32),
            "household_id": (record + 100).astype(np.int64),
            "clone": np.repeat(np.arange(n_clones), n_records).astype(np.int32),
            "state": (district // 100).astype(np.int32),
            "district": district.astype(np.int32),
            "county": (district // 100 * 1000 + 1).astype(np.int32),
        }
    )


def in_states(columns: pd.DataFrame) -> Placement:
    """The twenty households in every state, each state's in one county."""
    return Placement.by_state(columns, len(HOUSEHOLDS), {state: state * 1000 + 1 for state in (6, 11, 48, 56)})


def targets_of(rows: list[tuple[str, str, str, list[tuple[str, str, str]]]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Targets and constraints from (variable, level, place, constraints), in this order."""
    targets = pd.DataFrame(
        {
            "target_id": np.arange(len(rows)) + 1,
            "stratum_id": np.arange(len(rows)) + 1,
            "variable": [row[0] for row in rows],
            "reform_id": np.zeros(len(rows), dtype=np.int64),
            "value": np.full(len(rows), 100.0),
            "period": np.full(len(rows), 2024),
            "geo_level": [row[1] for row in rows],
            "geographic_id": [row[2] for row in rows],
            "domain_variable": [",".join(sorted({name for name, _, _ in row[3]})) or None for row in rows],
            "original_value": np.full(len(rows), 100.0),
            "uprating_factor": np.ones(len(rows)),
            "source": "literal",
        }
    )
    constraints = pd.DataFrame(
        [(number + 1, *constraint) for number, row in enumerate(rows) for constraint in row[3]],
        columns=["stratum_id", "constraint_variable", "operation", "value"],
    )
    return targets, constraints.astype({"stratum_id": "int64"})
