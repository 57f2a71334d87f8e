"""The matrix build by phase, each in a process of its own: `python -m benchmarks.matrix --households N --clones N`.

Runs the pipeline's own steps on the embedded CPS into a store of its own (`--store`, kept for the next run, so that
stored phases show what a rebuild costs), prints seconds and peak memory by phase, and what keeping rows by cell saves.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from upath import UPath

from calibration_assets.fit.products import MatrixProducts
from calibration_assets.matrix.cell_matrix import CellMatrix, as_cell_matrix
from calibration_assets.package.folder import CSR
from calibration_assets.package.load import load_calibration_package
from calibration_assets.pipeline import matrix, records
from calibration_assets.settings import (
    CloneSettings,
    DatabaseSettings,
    SampleSettings,
    SimulationSettings,
    SourceSettings,
    TargetSettings,
)
from calibration_assets.storage.store import Store, StoredValue

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
        return _simulate(store, sample, database, store.current("cloned_records"), options)
    if phase == "package":
        inputs = sample, database, store.current("cloned_records"), store.current("simulated_values")
        package = matrix.calibration_package(store, *inputs, TargetSettings())
        return dict(package.metadata) | _keep(store, package)
    if phase == "structure":
        return measure_structure(load_calibration_package(store.current("calibration_package").folder).matrix)
    folder = store.current("calibration_package").folder
    began = time.perf_counter()
    opened = load_calibration_package(folder)
    return {"open_seconds": round(time.perf_counter() - began, 3), "shape": list(opened.matrix.shape)}


def measure_structure(kept: CellMatrix) -> dict[str, object]:
    """Megabytes and seconds of the fit's two products: of the matrix as it is kept, and of the same as CSR."""
    began = time.perf_counter()
    as_csr = as_cell_matrix(kept.tocsr())
    export_seconds = time.perf_counter() - began
    found: dict[str, object] = {"export_seconds": round(export_seconds, 1)}
    estimates = []
    for name, one in (("cells", kept), ("csr", as_csr)):
        arrays = [getattr(part, array) for part in (one.by_column, one.by_cell) for array in CSR]
        found[f"{name}_megabytes"] = round(sum(array.nbytes for array in (*arrays, one.cell)) / 1e6)
        products = MatrixProducts(one)
        weights, slopes = torch.ones(one.shape[1]), torch.ones(one.shape[0])
        gradient = torch.empty(one.shape[1])
        found[f"{name}_product_seconds"] = round(_seconds(lambda: products.estimates(weights)), 4)  # noqa: B023
        found[f"{name}_gradient_seconds"] = round(_seconds(lambda: products.gradient(slopes, gradient)), 4)  # noqa: B023
        estimates.append(products.estimates(weights).numpy())
    scale = np.abs(estimates[1]).max()
    return found | {"largest_difference": float(np.abs(estimates[0] - estimates[1]).max() / scale)}


def _seconds(call: Callable[[], object]) -> float:
    """The fastest of three calls."""
    found = []
    for _ in range(3):
        began = time.perf_counter()
        call()
        found.append(time.perf_counter() - began)
    return min(found)


def _simulate(
    store: Store, sample: StoredValue, database: StoredValue, clones: StoredValue, options: argparse.Namespace
) -> dict[str, object]:
    settings, workers = SimulationSettings(rerandomize_takeup=not options.everyone_takes_up), options.workers
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
    parser.add_argument("--everyone-takes-up", action="store_true", help="take-up is not drawn anew")
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
