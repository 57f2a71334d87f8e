"""The matrix build by phase, each in a process of its own: `python -m benchmarks.matrix --households N --clones N`.

Runs the pipeline's own steps on the embedded CPS into a store of its own (`--store`, kept for the next run, so that
stored phases show what a rebuild costs), prints seconds and peak memory by phase, and what the structure of the matrix
would save.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy import sparse
from upath import UPath

from calibration_assets.fit.products import ColumnProducts
from calibration_assets.imputation.takeup import take_up_of
from calibration_assets.matrix.concepts import index_rows
from calibration_assets.matrix.tables import ConceptTable, tabulate_concepts
from calibration_assets.microdata import sources
from calibration_assets.package.load import load_calibration_package
from calibration_assets.pipeline import matrix, records
from calibration_assets.settings import (
    MODEL_YEAR,
    CloneSettings,
    DatabaseSettings,
    SampleSettings,
    SimulationSettings,
    SourceSettings,
    TargetSettings,
)
from calibration_assets.simulation.copies import every_household
from calibration_assets.storage.store import Store, StoredValue
from calibration_assets.targets import select

PHASES = ("records", "clones", "values", "package", "open", "structure")


def run_phase(phase: str, store: Store, options: argparse.Namespace) -> dict[str, object]:
    """One phase on what the earlier ones have stored."""
    if phase == "records":
        source = records.extended_cps(store, SourceSettings())
        sample = records.stratified_cps(store, source, SampleSettings(target_households=options.households))
        database = records.target_database(store, DatabaseSettings())
        return {"households": options.households, **_keep(store, sample, database)}
    sample, database = store.current("stratified_cps"), store.current("target_database")
    if phase == "clones":
        settings = CloneSettings(n_clones=options.clones, seed=options.seed)
        return _keep(store, records.cloned_records(store, sample, database, settings))
    if phase == "values":
        return _simulate(store, sample, database, store.current("cloned_records"), options.workers)
    if phase == "package":
        inputs = sample, database, store.current("cloned_records"), store.current("simulated_values")
        package = matrix.calibration_package(store, *inputs, TargetSettings())
        return dict(package.metadata) | _keep(store, package)
    if phase == "structure":
        clones, values = store.current("cloned_records"), store.current("simulated_values")
        return measure_structure(store, sample, clones, values)
    folder = store.current("calibration_package").folder
    began = time.perf_counter()
    opened = load_calibration_package(folder)
    return {"open_seconds": round(time.perf_counter() - began, 3), "shape": list(opened.X_sparse.shape)}


def measure_structure(
    store: Store, sample: StoredValue, clones: StoredValue, values: StoredValue
) -> dict[str, object]:
    """What the columns' structure would save: `X @ w` from the CSR matrix, and from concept values by cell.

    A concept's estimates in a state's districts are the product of its values by cell (household, state, take-up) and
    the weights by cell and district; the state's and the nation's estimates are their sums. So values are kept once a
    cell rather than once a column and level.
    """
    X = load_calibration_package(store.current("calibration_package").folder).X_sparse
    weights = np.random.default_rng(1).random(X.shape[1], dtype=np.float32)
    csr_seconds = _csr_seconds(X, weights)
    csr_bytes = X.data.nbytes + X.indices.nbytes + X.indptr.nbytes
    dataset, _ = sources.read_records(sample.folder)
    columns = pd.read_parquet(clones.folder / records.COLUMNS_FILE)
    selection = select.read_targets(
        store.current("target_database").folder / records.DATABASE_FILE, TargetSettings(), MODEL_YEAR
    )
    rows = index_rows(selection.targets, selection.constraints)
    placement = matrix.place_columns(dataset, columns, matrix.settings_of(values))
    opened = matrix.open_values(store, values)
    tables = tabulate_concepts(
        rows.concepts, every_household(dataset), opened, columns, placement, take_up_of(dataset)
    )
    parts = [part for table in tables for part in _by_state(table, columns)]
    cell_seconds = _seconds(lambda: [one.amounts @ one.weights(weights) for one in parts])
    cell_bytes = sum(table.matrix.data.nbytes + table.matrix.indices.nbytes + table.row.nbytes for table in tables)
    return {
        "csr_megabytes": round(csr_bytes / 1e6),
        "cells_megabytes": round(cell_bytes / 1e6),
        "csr_product_seconds": round(csr_seconds, 3),
        "cells_product_seconds": round(cell_seconds, 3),
        "concepts": len(rows.concepts),
        "cell_entries": sum(table.matrix.nnz for table in tables),
    }


def _csr_seconds(X: sparse.csr_matrix, weights: np.ndarray) -> float:
    """Seconds of the fit's own product."""
    products = ColumnProducts(X)
    return _seconds(lambda: products.estimates(torch.from_numpy(weights)))


@dataclass(frozen=True)
class _StateCells:
    """One state's concept values (concepts, cells) and where each of its columns lies: cell and district."""

    amounts: sparse.csr_matrix
    column: np.ndarray
    cell: np.ndarray
    district: np.ndarray

    def weights(self, weights: np.ndarray) -> np.ndarray:
        """The columns' weights by cell and district."""
        shape = self.amounts.shape[1], int(self.district.max()) + 1
        flat = np.bincount(self.cell * shape[1] + self.district, weights[self.column], minlength=shape[0] * shape[1])
        return flat.reshape(shape).astype(np.float32)


def _by_state(table: ConceptTable, columns: pd.DataFrame) -> list[_StateCells]:
    found = []
    for state in np.unique(columns["state"]):
        column = np.flatnonzero(columns["state"].to_numpy() == state)
        cell, inside = np.unique(table.row[column], return_inverse=True)
        district = np.unique(columns["district"].to_numpy()[column], return_inverse=True)[1]
        found.append(_StateCells(table.matrix[cell].T.tocsr(), column, inside, district))
    return found


def _seconds(call: Callable[[], object]) -> float:
    """The fastest of three calls."""
    found = []
    for _ in range(3):
        began = time.perf_counter()
        call()
        found.append(time.perf_counter() - began)
    return min(found)


def _simulate(
    store: Store, sample: StoredValue, database: StoredValue, clones: StoredValue, workers: int
) -> dict[str, object]:
    settings = SimulationSettings()
    missing = matrix.missing_values(store, sample, database, clones, settings)
    states = sorted(missing)
    batches = [{state: missing[state] for state in states[number::workers]} for number in range(workers)]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        given = [batch for batch in batches if batch]
        for done in [pool.submit(matrix.simulate_batch, store, sample, clones, batch, settings) for batch in given]:
            done.result()
    values = matrix.simulated_values(store, sample, database, clones, settings)
    return {"simulated_states": len(states), "pass_seconds": values.metadata["pass_seconds"]} | _keep(store, values)


def _keep(store: Store, *values: StoredValue) -> dict[str, object]:
    for value in values:
        store.set_current(value)
    return {f"{value.name}_megabytes": round(value.size / 1e6, 1) for value in values}


def _peak_gigabytes() -> float:
    """The largest process of this phase, GB; simulating processes count one by one."""
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return round(max(resource.getrusage(one).ru_maxrss for one in who) / 1e6, 2)


def main() -> None:
    """Run all phases, or with --phase one of them in this process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--households", type=int, default=2_000)
    parser.add_argument("--clones", type=int, default=20)
    parser.add_argument("--seed", type=int, default=42, help="seed of the clones")
    parser.add_argument("--workers", type=int, default=2, help="simulating processes")
    parser.add_argument("--store", type=Path, default=Path("storage/benchmark"))
    parser.add_argument("--phase", choices=PHASES)
    options = parser.parse_args()
    if options.phase:
        store = Store(UPath(options.store.absolute()), options.store.absolute() / "cache")
        began = time.perf_counter()
        result = run_phase(options.phase, store, options)
        seconds = round(time.perf_counter() - began, 2)
        print(json.dumps({"phase": options.phase, "seconds": seconds, "peak_gigabytes": _peak_gigabytes()} | result))
        return
    for phase in PHASES:
        command = [sys.executable, "-m", "benchmarks.matrix", *sys.argv[1:], "--phase", phase]
        subprocess.run(command, check=True)  # noqa: S603


if __name__ == "__main__":
    main()
