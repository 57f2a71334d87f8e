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
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from upath import UPath

from calibration_assets.package.load import load_calibration_package
from calibration_assets.package.package import CalibrationPackage
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
        return _simulate(store, sample, database, store.current("cloned_records"), options.workers)
    if phase == "package":
        inputs = sample, database, store.current("cloned_records"), store.current("simulated_values")
        package = matrix.calibration_package(store, *inputs, TargetSettings())
        return dict(package.metadata) | _keep(store, package)
    folder = store.current("calibration_package").folder
    began = time.perf_counter()
    opened = load_calibration_package(folder)
    if phase == "open":
        return {"open_seconds": round(time.perf_counter() - began, 3), "shape": list(opened.X_sparse.shape)}
    return measure_structure(opened)


def measure_structure(package: CalibrationPackage) -> dict[str, object]:
    """Entries by level, seconds of a product, and how many columns share a household and a state.

    A representation that stores a household's values in a state once divides the entries of national and state rows by
    at most the last figure; the entries of district rows, where every column counts in its own district, stay.
    """
    X, columns = package.X_sparse, package.columns
    level = package.targets_df["geo_level"].to_numpy()
    weights = np.ones(X.shape[1], dtype=np.float32)
    began = time.perf_counter()
    X @ weights
    product = time.perf_counter() - began
    entries = {f"{one}_entries": int(np.diff(X.indptr)[level == one].sum()) for one in np.unique(level)}
    shared = len(columns) / len(columns[["record", "state"]].drop_duplicates())
    return entries | {"product_seconds": round(product, 3), "columns_a_household_and_state": round(shared, 2)}


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
