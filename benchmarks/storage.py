"""Storing and opening a package of full size against `dd` on the same disk: `python -m benchmarks.storage FOLDER`.

The files are those of a package of 5.2 million columns and 125 million entries (random numbers, no matrix of anything),
written from memory through the store: arrays and tables written, forced to the disk, hashed, manifest last. `dd` writes
as many bytes and forces them to the disk as well; both are done alternately, and the median of each is printed.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from upath import UPath

from calibration_assets.package.folder import read_package_folder, write_package
from calibration_assets.package.package import CalibrationPackage
from calibration_assets.storage.store import Store, StoredValue

N_TARGETS, N_RECORDS, N_CLONES, N_ENTRIES = 34_161, 12_000, 436, 125_000_000


def make_package() -> tuple[sparse.csr_matrix, pd.DataFrame, pd.DataFrame, np.ndarray]:
    """A matrix of random entries with tables of the true size."""
    draw = np.random.default_rng(0)
    n_columns = N_RECORDS * N_CLONES
    indptr = np.linspace(0, N_ENTRIES, N_TARGETS + 1).astype(np.int32)
    indices = draw.integers(0, n_columns, N_ENTRIES, dtype=np.int32)
    matrix = sparse.csr_matrix((N_TARGETS, n_columns), dtype=np.float32)
    matrix.data, matrix.indices, matrix.indptr = draw.random(N_ENTRIES, dtype=np.float32), indices, indptr
    texts = ("target_name", "variable", "geo_level", "geographic_id", "domain_variable", "source", "domain_constraints")
    targets = pd.DataFrame({name: [f"{name} {row}" for row in range(N_TARGETS)] for name in texts})
    district = np.repeat(draw.permutation(N_CLONES), N_RECORDS).astype(np.int32)
    record = np.tile(np.arange(N_RECORDS, dtype=np.int32), N_CLONES)
    clone = np.repeat(np.arange(N_CLONES, dtype=np.int32), N_RECORDS)
    places = {"state": district // 10, "district": district, "county": draw.integers(1001, 56999, n_columns, np.int32)}
    columns = pd.DataFrame({"record": record, "household_id": record.astype(np.int64), "clone": clone, **places})
    return matrix, targets.assign(value=draw.random(N_TARGETS)), columns, draw.random(n_columns)


def measure(folder: Path, repeats: int) -> dict[str, Any]:
    """Seconds and megabytes a second of storing, opening, verifying and of `dd`."""
    package = make_package()
    seconds: dict[str, list[float]] = {"store": [], "dd": [], "open": [], "verify": []}
    store = Store(UPath(folder / "store"), folder / "cache")
    for _ in range(repeats):
        value, taken = timed(put, store, package)
        seconds["store"].append(taken)
        seconds["open"].append(timed(open_package, store, value.key)[1])
        seconds["verify"].append(timed(store.verify, value)[1])
        size = value.size
        shutil.rmtree(folder / "store")
        seconds["dd"].append(timed(write_with_dd, folder / "dd", size)[1])
        (folder / "dd").unlink()
    medians = {what: statistics.median(values) for what, values in seconds.items()}
    rates = {f"{what}_megabytes_a_second": round(size / 1e6 / medians[what]) for what in ("store", "dd", "verify")}
    shown = {what: [round(one, 2) for one in values] for what, values in seconds.items()}
    share = round(medians["dd"] / medians["store"], 2)
    return {"megabytes": round(size / 1e6), "seconds": shown, **rates, "store_as_share_of_dd": share}


def put(store: Store, package: tuple[sparse.csr_matrix, pd.DataFrame, pd.DataFrame, np.ndarray]) -> StoredValue:
    """Store the package under a new key."""

    def make(folder: Path) -> dict[str, Any]:
        write_package(*package, folder)
        return {}

    return store.put("calibration_package", uuid.uuid4().hex * 2, make)


def open_package(store: Store, key: str) -> CalibrationPackage:
    """Find and open the stored package, as a fit does."""
    value = store.find("calibration_package", key)
    if value is None:
        raise LookupError(f"{key} was stored and is not found")
    return read_package_folder(value.folder)


def timed(call: Callable[..., Any], *arguments: Any) -> tuple[Any, float]:
    """What a call returns and the seconds it took."""
    began = time.perf_counter()
    returned = call(*arguments)
    return returned, time.perf_counter() - began


def write_with_dd(path: Path, size: int) -> None:
    """As many bytes of zeros, forced to the disk."""
    command = ["dd", "if=/dev/zero", f"of={path}", "bs=4M", f"count={size}", "iflag=count_bytes", "conv=fsync"]
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Store and open a package of full size.")
    parser.add_argument("folder", type=Path, help="a folder on the disk to measure")
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    print(json.dumps(measure(given.folder, given.repeats), indent=1))
