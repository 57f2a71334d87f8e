"""One measurement in a process of its own, so that its peak memory is its own: prints a JSON object.

`python -m benchmarks.measure WHAT FOLDER [NUMBER...]`, called by `benchmarks.fit`.
"""

import json
import os
import resource
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from l0.calibration import SparseCalibrationWeights

from benchmarks.baselines import fit_l1, fit_random_subset, rake, weight_by_greg
from benchmarks.problems import SHAPES, Problem, make_problem, read_problem, write_problem
from calibration_assets.fit.engine import GatedEngine, GatedState, Terms
from calibration_assets.fit.fit import fit
from calibration_assets.fit.forecast import copy_bandwidth
from calibration_assets.fit.objective import make_objective
from calibration_assets.fit.products import MatrixProducts
from calibration_assets.fit.ranks import Ranks
from calibration_assets.matrix.cell_matrix import as_cell_matrix
from calibration_assets.settings import FitSettings, ObservationSettings, RefitSettings

NO_REFIT = FitSettings(refit=RefitSettings(refit=False))
PEER_EPOCHS = 3
FORCED = ObservationSettings(force=True)


class EpochTimes:
    """An observer that notes when each epoch ended."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def __call__(self, engine: GatedEngine, state: GatedState, terms: list[Terms]) -> None:
        """Note the time."""
        self.ends.append(time.perf_counter())


def make(folder: Path, name: str) -> dict[str, object]:
    """Generate a problem into the folder."""
    problem = make_problem(SHAPES[name])
    write_problem(problem, folder)
    return {"columns": problem.X.shape[1], "rows": problem.X.shape[0], "entries": int(problem.X.nnz)}


def gates(folder: Path, epochs: str) -> dict[str, object]:
    """The gated phase alone: seconds of the median epoch."""
    problem, times = read_problem(folder), EpochTimes()
    began = time.perf_counter()
    settings = replace(NO_REFIT, epochs=int(epochs))
    result = fit(problem.X, problem.targets, settings, observation=FORCED, observers=[times])
    seconds = {"seconds": time.perf_counter() - began, "epoch_seconds": float(np.median(np.diff(times.ends)))}
    return seconds | {"peak": _peak_memory()} | quality(problem, result.weights)


def peer(folder: Path, epochs: str) -> dict[str, object]:
    """l0-python for so many epochs; seconds of an epoch from another fit, for which its matrix is ready."""
    problem = read_problem(folder)
    settings = replace(NO_REFIT, engine="l0-python", epochs=int(epochs))
    began = time.perf_counter()
    result = fit(problem.X, problem.targets, settings, observation=FORCED)
    seconds = time.perf_counter() - began
    model = SparseCalibrationWeights(problem.X.shape[1], init_keep_prob=0.999, init_weights=problem.start)
    model.fit(problem.X, problem.targets, loss_type="relative", lambda_l2=1e-12, epochs=1)
    began = time.perf_counter()
    model.fit(problem.X, problem.targets, loss_type="relative", lambda_l2=1e-12, epochs=PEER_EPOCHS)
    epoch_seconds = (time.perf_counter() - began) / PEER_EPOCHS
    described = {"seconds": seconds, "epoch_seconds": epoch_seconds, "peak": _peak_memory()}
    return described | quality(problem, result.weights)


def whole(folder: Path, epochs: str, iterations: str) -> dict[str, object]:
    """Gates and refit."""
    problem = read_problem(folder)
    refit = RefitSettings(max_iterations=int(iterations))
    began = time.perf_counter()
    result = fit(problem.X, problem.targets, FitSettings(epochs=int(epochs), refit=refit), observation=FORCED)
    seconds = time.perf_counter() - began
    described = {"seconds": seconds, "peak": _peak_memory(), "refit": result.record["refit"]}
    return described | quality(problem, result.weights)


def epoch_log(folder: Path, epochs: str) -> dict[str, object]:
    """What the log of every tenth epoch adds to a fit, gates and refit: seconds of the fastest of five fits each."""
    problem = read_problem(folder)
    logged = replace(FORCED, log_freq=10, epoch_log=str(folder / "log.parquet"))
    seconds: dict[str, list[float]] = {"plain": [], "logged": []}
    for _ in range(5):
        for name, observation in (("plain", FORCED), ("logged", logged)):
            began = time.perf_counter()
            fit(problem.X, problem.targets, FitSettings(epochs=int(epochs)), observation=observation)
            seconds[name].append(time.perf_counter() - began)
    return {name: min(values) for name, values in seconds.items()}


def baseline(folder: Path, method: str, records: str) -> dict[str, object]:
    """One of the methods of the second table."""
    problem, wanted = read_problem(folder), int(records)
    settings = FitSettings(target_records=wanted)
    methods = {
        "gates + refit, all columns": lambda: fit(problem.X, problem.targets, FitSettings()).weights,
        "gates + refit": lambda: fit(problem.X, problem.targets, settings).weights,
        "gates alone": lambda: fit(problem.X, problem.targets, settings).gated_weights,
        "random subset + refit": lambda: fit_random_subset(problem, wanted, FitSettings()),
        "L1": lambda: fit_l1(problem, 1e-5),
        "raking": lambda: rake(problem),
        "GREG": lambda: weight_by_greg(problem),
    }
    began = time.perf_counter()
    weights = methods[method]()
    return {"seconds": time.perf_counter() - began} | quality(problem, weights)


def kernels(folder: Path) -> dict[str, object]:
    """Seconds of an epoch's kernels, and the bandwidth of a copy to hold them against."""
    problem = read_problem(folder)
    n_rows, n_columns = problem.X.shape
    objective = make_objective(problem.targets, NO_REFIT.objective)
    products = MatrixProducts(as_cell_matrix(problem.X))
    engine = GatedEngine(products, objective, NO_REFIT, n_columns=n_columns, ranks=Ranks())
    state = engine.start(np.full(n_columns, problem.start), 1e-8)
    weights, slopes, gradient = torch.ones(n_columns), torch.ones(n_rows), torch.empty(n_columns)
    whole = _median_seconds(lambda: engine.step(state))
    estimates = _median_seconds(lambda: products.estimates(weights))
    back = _median_seconds(lambda: products.gradient(slopes, gradient))
    return {
        "bandwidth": copy_bandwidth(),
        "matrix_bytes": problem.X.nnz * 8,
        "epoch": whole,
        "X @ w": estimates,
        "X.T @ r": back,
        "element-wise": whole - estimates - back,
    }


def quality(problem: Problem, weights: np.ndarray) -> dict[str, object]:
    """Loss (data loss and lambda_2 sum w^2), shares of targets within 1, 5, 10 %, records and effective sample size."""
    weights = np.asarray(weights, dtype=np.float64)
    estimates = as_cell_matrix(problem.X) @ weights
    relative = np.abs(estimates / problem.targets - 1)
    loss = (((problem.targets - estimates) / (problem.targets + 1)) ** 2).sum()
    loss += NO_REFIT.lambda_l2 * (weights @ weights)
    return {
        "loss": float(loss),
        "within": [float((relative <= share).mean()) for share in (0.01, 0.05, 0.1)],
        "records": int(np.count_nonzero(weights)),
        "ess": float(weights.sum() ** 2 / (weights @ weights)),
        "negative": int((weights < 0).sum()),
    }


def _median_seconds(call: object, repeats: int = 7) -> float:
    """Median duration of a call after one that warms up."""
    call()  # type: ignore[operator]
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        call()  # type: ignore[operator]
        seconds.append(time.perf_counter() - began)
    return float(np.median(seconds))


def _peak_memory() -> int:
    """Largest resident size of this process, bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    what, folder, *numbers = sys.argv[1:]
    # What the libraries print goes to standard error, the measurement alone to standard output.
    sys.stdout, answer = sys.stderr, os.fdopen(os.dup(1), "w")
    measures = {one.__name__: one for one in (make, gates, peer, whole, epoch_log, baseline, kernels)}
    json.dump(measures[what](Path(folder), *numbers), answer)
    answer.close()
