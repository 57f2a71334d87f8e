"""A store with a small calibration package: 40 records in six districts of three states, targets at two levels."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse
from upath import UPath

from calibration_assets.package.folder import write_package
from calibration_assets.storage.store import Store, StoredValue
from calibration_assets_tests.matrix.example import columns_of, targets_of

DISTRICTS = (601, 602, 1101, 4801, 4802, 4803)
N_RECORDS = 40
BANDS = (("0", "18"), ("18", "65"), ("65", "999"))
KEYS = dict.fromkeys(("records", "targets", "clones", "values"), "made up")


def open_store(folder: Path) -> Store:
    """An empty local store."""
    return Store(UPath(folder / "store"), folder / "cache")


def example_package() -> tuple[sparse.csr_matrix, pd.DataFrame, pd.DataFrame, np.ndarray]:
    """X, targets, columns and initial weights; some weights meet every target."""
    rng = np.random.default_rng(5)
    columns = columns_of(np.repeat(DISTRICTS, N_RECORDS).tolist(), N_RECORDS)
    persons = rng.poisson(1.2, (len(BANDS), N_RECORDS)).astype(np.float32)
    places = [("state", str(state)) for state in (6, 11, 48)] + [("district", str(district)) for district in DISTRICTS]
    rows = [
        ("person_count", level, place, [("age", ">=", low), ("age", "<", high)])
        for level, place in places
        for low, high in BANDS
    ]
    targets, _ = targets_of(rows)
    inside = np.stack([columns[level].to_numpy() == int(place) for level, place in places])
    values = np.tile(persons, len(DISTRICTS))
    X = sparse.csr_matrix((inside[:, None, :] * values[None]).reshape(-1, len(columns)).astype(np.float32))
    value = X @ rng.uniform(500, 1500, len(columns))
    names = [f"{place}/person_count/age {low} to {high}" for _, place, ((_, _, low), (_, _, high)) in
             [(row[1], row[2], row[3]) for row in rows]]  # fmt: skip
    return X, targets.assign(value=value, target_name=names), columns, np.full(len(columns), 1000.0)


def store_package(store: Store, key: str = "a" * 64, **changes: object) -> StoredValue:
    """The example package, parts of it replaced, stored and current."""
    parts = dict(zip(("matrix", "targets", "columns", "initial_weights"), example_package(), strict=True)) | changes

    def make(folder: Path) -> dict[str, object]:
        write_package(**parts, folder=folder)
        return {"keys": KEYS, "n_clones": len(DISTRICTS), "base_n_records": N_RECORDS}

    value = store.put("calibration_package", key, make)
    store.set_current(value)
    return replace(value)
