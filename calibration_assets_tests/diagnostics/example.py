"""A made package of 60 records x 8 clones over 2 states of 2 districts, with cases planted on request.

Values are drawn by a seeded local generator; true values are what known weights give, so the truth is attainable.
"""

import numpy as np
import pandas as pd
from scipy import sparse

from calibration_assets.diagnostics.diagnosis import Diagnosis, diagnose

DISTRICTS = (101, 102, 3601, 3602)
RECORDS, CLONES = 60, 8
HOUSEHOLDS = np.arange(RECORDS) * 10 + 7


def make_columns(households: np.ndarray) -> pd.DataFrame:
    record = np.tile(np.arange(len(households)), CLONES)
    clone = np.repeat(np.arange(CLONES), len(households))
    district = np.array(DISTRICTS)[(record + clone) % len(DISTRICTS)]
    return pd.DataFrame(
        {
            "record": record.astype(np.int32),
            "household_id": households[record].astype(np.int64),
            "clone": clone.astype(np.int32),
            "state": (district // 100).astype(np.int32),
            "district": district.astype(np.int32),
            "county": (district // 100 * 1000 + 1).astype(np.int32),
        }
    )


def make_package(
    seed: int = 0, households: np.ndarray = HOUSEHOLDS
) -> tuple[sparse.csr_matrix, pd.DataFrame, pd.DataFrame, np.ndarray]:
    """X, targets, columns and the weights that meet every target."""
    rng = np.random.default_rng(seed)
    columns, records = make_columns(households), len(households)
    persons, wages = rng.integers(1, 6, records), rng.lognormal(10.5, 0.8, records).round()
    young = rng.integers(0, 2, records) * np.minimum(persons, 2)
    weights = rng.uniform(20, 60, len(columns))
    areas = [("national", "US", np.ones(len(columns), bool))]
    areas += [("state", str(state), (columns["state"] == state).to_numpy()) for state in (1, 36)]
    areas += [("district", str(one), (columns["district"] == one).to_numpy()) for one in DISTRICTS]
    quantities = [("person_count", "age", persons), ("person_count", "age", young), ("employment_income", None, wages)]
    rows, table = [], []
    for level, place, inside in areas:
        for number, (variable, domain, value) in enumerate(quantities):
            rows.append(np.where(inside, value[columns["record"]], 0).astype(np.float32))
            table.append((variable, level, place, domain, f"{level}_{place}/{variable}/{number}"))
    X = sparse.csr_matrix(np.array(rows))
    targets = pd.DataFrame(table, columns=["variable", "geo_level", "geographic_id", "domain_variable", "target_name"])
    targets = targets.assign(value=X @ weights, reform_id=0, period=2024, uprating_factor=1.0, source="made")
    return X, targets, columns, weights


def make_diagnosis() -> Diagnosis:
    """The diagnosis of weights a little off the ones that meet every target, with one target out of reach."""
    X, targets, columns, weights = make_package()
    rng = np.random.default_rng(1)
    targets = targets.assign(value=targets["value"] * rng.normal(1, 0.05, len(targets)))
    targets.loc[4, "value"] *= -1
    weights = weights * (rng.random(len(weights)) < 0.7)
    return diagnose(X, targets, columns, weights, initial_weights=np.full(len(columns), 30.0))
