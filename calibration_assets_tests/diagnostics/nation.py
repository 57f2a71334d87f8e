"""A made package the shape of the real one: nation, 51 states, 436 districts, age and income bands, 30,000 targets.

Sizes are arguments; the full ones are for measuring, not for every run of the tests.
"""

from pathlib import Path

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
    """X (targets, columns) float32 CSR, targets, columns, initial weights; true values are noisy."""
    rng = np.random.default_rng(seed)
    columns = make_columns(records, clones, rng)
    values, kinds = make_values(records, 3, rng)
    areas = list_areas(columns)
    X = sparse.vstack([area_rows(values, columns, inside) for *_, inside in areas], format="csr", dtype=np.float32)
    initial = np.full(len(columns), 132e6 / len(columns))
    estimates = X @ (initial * rng.lognormal(0, 0.5, len(columns)))
    return X, make_targets(areas, kinds, estimates, rng), columns, initial


def write_nation(folder: Path, records: int, clones: int, persons: int, seed: int = 0) -> None:
    """The same as plain files, for packages that are larger than one would hold in memory."""
    rng = np.random.default_rng(seed)
    columns = make_columns(records, clones, rng)
    values, kinds = make_values(records, persons, rng)
    areas = list_areas(columns)
    indptr, estimates = [np.zeros(1, np.int64)], []
    with (folder / "indices").open("wb") as indices, (folder / "data").open("wb") as data:
        for *_, inside in areas:
            rows = area_rows(values, columns, inside)
            rows.indices.astype(np.int32).tofile(indices)
            rows.data.astype(np.float32).tofile(data)
            indptr.append(indptr[-1][-1] + rows.indptr[1:].astype(np.int64))
            estimates.append(np.asarray(rows.sum(axis=1)).ravel() * 132e6 / len(columns))
    np.save(folder / "indptr.npy", np.concatenate(indptr))
    columns.to_parquet(folder / "columns.parquet")
    make_targets(areas, kinds, np.concatenate(estimates), rng).to_parquet(folder / "targets.parquet")


def make_columns(records: int, clones: int, rng: np.random.Generator) -> pd.DataFrame:
    """Every clone of a record in another district, in turn from a drawn one."""
    place = districts()
    record, clone = np.tile(np.arange(records), clones), np.repeat(np.arange(clones), records)
    district = place[(clone + rng.integers(0, len(place), records)[record]) % len(place)]
    return pd.DataFrame(
        {
            "record": record.astype(np.int32),
            "household_id": record.astype(np.int64) + 1,
            "clone": clone.astype(np.int32),
            "state": (district // 100).astype(np.int32),
            "district": district.astype(np.int32),
            "county": (district // 100 * 1000 + 1).astype(np.int32),
        }
    )


def make_values(records: int, persons: int, rng: np.random.Generator):
    """(records, kinds) values: persons in 18 age bands, returns and income in 24 income bands, SNAP; and the kinds."""
    ages = rng.multinomial(persons, np.full(18, 1 / 18), records).astype(np.float32)
    income = (rng.lognormal(10.8, 1.1, records) // 1).astype(np.float32)
    returns = np.eye(24, dtype=np.float32)[np.digitize(income, np.quantile(income, np.linspace(0, 1, 25)[1:-1]))]
    snap = (income < 30_000).astype(np.float32)[:, None]
    agi = "adjusted_gross_income"
    parts = {("person_count", "age"): ages, ("tax_unit_count", agi): returns, (agi, agi): returns * income[:, None]}
    parts[("household_count", "snap")] = snap
    kinds = [(*kind, number) for kind, block in parts.items() for number in range(block.shape[1])]
    return sparse.csr_matrix(np.concatenate(list(parts.values()), axis=1)), kinds


def list_areas(columns: pd.DataFrame) -> list[tuple[str, str, np.ndarray]]:
    """Level, place and columns of the nation, every state and every district."""
    order = np.argsort(columns["district"].to_numpy(), kind="stable")
    ends = np.cumsum(columns.groupby("district").size())
    own = dict(zip(ends.index, np.split(order, ends.to_numpy()[:-1]), strict=True))
    states = {state: [own[one] for one in own if one // 100 == state] for state in sorted({one // 100 for one in own})}
    areas = [("national", "US", np.arange(len(columns)))]
    areas += [("state", str(state), np.sort(np.concatenate(parts))) for state, parts in states.items()]
    return areas + [("district", str(one), inside) for one, inside in own.items()]


def area_rows(values: sparse.csr_matrix, columns: pd.DataFrame, inside: np.ndarray) -> sparse.csr_matrix:
    """Rows of one area: the records' values, put at the area's columns."""
    part = values[columns["record"].to_numpy()[inside]].T.tocsr()
    return sparse.csr_matrix((part.data, inside[part.indices], part.indptr), shape=(part.shape[0], len(columns)))


def make_targets(areas, kinds, estimates: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """Targets 2 % off the estimates, one in fifty far off."""
    names = ["variable", "geo_level", "geographic_id", "domain_variable", "target_name"]
    rows = [(v, level, one, d, f"{level}_{one}/{v}/[{d}:{n}]") for level, one, _ in areas for v, d, n in kinds]
    far = np.where(rng.random(len(rows)) < 0.02, rng.uniform(0.3, 2, len(rows)), 1)
    value = np.maximum(estimates, 50.0) * rng.normal(1, 0.02, len(rows)) * far
    more = {"reform_id": 0, "period": 2024, "uprating_factor": 1.0, "source": "made"}
    return pd.DataFrame(rows, columns=names).assign(value=value, **more)
