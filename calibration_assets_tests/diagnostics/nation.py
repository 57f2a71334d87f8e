"""A made package the shape of the real one: nation, 51 states, 436 districts, age and income bands, 30,000 targets.

Sizes are arguments; the full ones are for measuring, not for every run of the tests.
"""

import numpy as np
import pandas as pd
from scipy import sparse

from calibration_assets.diagnostics.report.layout import STATE_TILES

SEATS = {
    "CA": 52, "TX": 38, "FL": 28, "NY": 26, "PA": 17, "IL": 17, "OH": 15, "GA": 14, "NC": 14, "MI": 13, "NJ": 12,
    "VA": 11, "WA": 10, "AZ": 9, "IN": 9, "MA": 9, "TN": 9, "CO": 8, "MD": 8, "MN": 8, "MO": 8, "WI": 8, "AL": 7,
    "SC": 7, "KY": 6, "LA": 6, "OR": 6, "CT": 5, "OK": 5, "AR": 4, "IA": 4, "KS": 4, "MS": 4, "NV": 4, "UT": 4,
    "NE": 3, "NM": 3, "HI": 2, "ID": 2, "ME": 2, "MT": 2, "NH": 2, "RI": 2, "WV": 2,
}  # fmt: skip
"""Seats of the states that have more than one."""


def districts() -> np.ndarray:
    """436 numbers, state * 100 + 1, 2, ...; a state not listed has one, and so has the District of Columbia."""
    seats = STATE_TILES.set_index("name")["state"]
    return np.sort(np.concatenate([state * 100 + 1 + np.arange(SEATS.get(name, 1)) for name, state in seats.items()]))


def make_nation(records: int, clones: int, seed: int = 0):
    """X (targets, columns) float32 CSR, targets, columns, initial weights; true values are noisy, some out of reach."""
    rng = np.random.default_rng(seed)
    place = districts()
    record, clone = np.tile(np.arange(records), clones), np.repeat(np.arange(clones), records)
    district = place[(clone + rng.integers(0, len(place), records)[record]) % len(place)]
    columns = pd.DataFrame(
        {
            "record": record.astype(np.int32),
            "household_id": record.astype(np.int64) + 1,
            "clone": clone.astype(np.int32),
            "state": (district // 100).astype(np.int32),
            "district": district.astype(np.int32),
            "county": (district // 100 * 1000 + 1).astype(np.int32),
        }
    )
    persons = rng.multinomial(3, np.full(18, 1 / 18), records).astype(np.float32)
    income = (rng.lognormal(10.8, 1.1, records) // 1).astype(np.float32)
    band = np.digitize(income, np.quantile(income, np.linspace(0, 1, 25)[1:-1]))
    parts = {("person_count", "age"): persons}
    parts[("tax_unit_count", "adjusted_gross_income")] = np.eye(24, dtype=np.float32)[band]
    parts[("adjusted_gross_income", "adjusted_gross_income")] = np.eye(24, dtype=np.float32)[band] * income[:, None]
    parts[("household_count", "snap")] = (income < 30_000).astype(np.float32)[:, None]
    values = sparse.csr_matrix(np.concatenate(list(parts.values()), axis=1))
    kinds = [(*kind, number) for kind, block in parts.items() for number in range(block.shape[1])]
    areas = [("national", "US", np.arange(len(columns)))]
    areas += [("state", str(one), np.flatnonzero(columns["state"] == one)) for one in np.unique(place // 100)]
    areas += [("district", str(one), np.flatnonzero(columns["district"] == one)) for one in place]
    rows = [_area_rows(values, record, inside, len(columns)) for _, _, inside in areas]
    X = sparse.vstack(rows, format="csr", dtype=np.float32)
    targets = pd.DataFrame(
        [
            (v, level, place, domain, f"{level}_{place}/{v}/[{domain}:{n}]")
            for level, place, _ in areas
            for v, domain, n in kinds
        ],
        columns=["variable", "geo_level", "geographic_id", "domain_variable", "target_name"],
    )
    initial = np.full(len(columns), 132e6 / len(columns))
    noise = rng.normal(1, 0.02, len(targets)) * np.where(
        rng.random(len(targets)) < 0.02, rng.uniform(0.3, 2, len(targets)), 1
    )
    value = np.maximum(X @ (initial * rng.lognormal(0, 0.5, len(columns))), 50.0) * noise
    return (
        X,
        targets.assign(value=value, reform_id=0, period=2024, uprating_factor=1.0, source="made"),
        columns,
        initial,
    )


def _area_rows(values, record, inside, n_columns):
    """Rows of one area: the records' values, put at the area's columns."""
    part = values[record[inside]].T.tocsr()
    return sparse.csr_matrix((part.data, inside[part.indices], part.indptr), shape=(part.shape[0], n_columns))
