"""A whole fit: checks, gates, refit, record; the manual's `fit_l0_weights` in front of it."""

import platform
import resource
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy import sparse

from calibration_assets.fit.forecast import forecast_fit, refuse_large_refit, refuse_too_large
from calibration_assets.fit.gated import Gated, Problem, fit_gates
from calibration_assets.fit.loop import Observer
from calibration_assets.fit.objective import SINGULAR, make_objective
from calibration_assets.fit.problem import (
    check_initial_weights,
    check_matrix,
    check_settings,
    check_targets,
    read_initial_weights,
)
from calibration_assets.fit.progress import ProgressBar
from calibration_assets.fit.ranks import join_ranks
from calibration_assets.fit.refit import Refit, refit_weights
from calibration_assets.fit.result import FitResult
from calibration_assets.matrix.cell_matrix import CellMatrix
from calibration_assets.settings import FitSettings, ObservationSettings

VERSION = 2
TERM_COLUMNS = ["data_loss", "l0_penalty", "l2_penalty", "total"]
PACKAGES = ("numpy", "scipy", "pandas", "torch", "l0-python")


def fit(
    X: CellMatrix | sparse.spmatrix | np.ndarray,
    targets: np.ndarray,
    settings: FitSettings,
    *,
    initial_weights: np.ndarray | None = None,
    target_names: Sequence[str] | None = None,
    groups: np.ndarray | None = None,
    target_weights: np.ndarray | None = None,
    observation: ObservationSettings | None = None,
    observers: Sequence[Observer] = (),
) -> FitResult:
    """Weights (columns,) with which `X @ weights` meets the targets (rows,), and the record of how they were found.

    X is (rows, columns); `initial_weights` (columns,) are 100 everywhere if not given; `groups` (rows,) serve
    `group_targets`, `target_weights` (rows,) multiply the loss of single targets. Under torchrun every rank calls this
    with the same arguments and gets the same result. Raises CalibrationError where the input cannot be fitted.
    """
    observation = observation or ObservationSettings()
    check_settings(settings, observation)
    X = check_matrix(X)
    targets = check_targets(targets, X.shape[0])
    ranks = join_ranks(settings.device)
    if not observation.force:
        refuse_too_large(forecast_fit(X, ranks.size), ranks.size)
    if observation.resume_from is not None and observation.resume_from.endswith(".npy"):
        initial_weights = read_initial_weights(Path(observation.resume_from))
    objective = make_objective(
        targets, settings.objective, groups=groups, target_weights=target_weights, device=settings.device
    )
    names = [str(row) for row in range(len(targets))] if target_names is None else target_names
    problem = Problem(X, targets, names, check_initial_weights(initial_weights, X.shape[1]), objective, ranks)
    if observation.progress and ranks.rank == 0:
        observers = [*observers, ProgressBar(settings.epochs)]
    began = time.perf_counter()
    gated = fit_gates(problem, settings, observation, observers)
    gated_memory, gated_seconds = _peak_memory(), time.perf_counter() - began
    refit = _refit(problem, settings, observation, gated)
    record = _describe(problem, settings, gated) | {
        "refit": refit.certificate if refit else None,
        "gated_seconds": gated_seconds,
        "refit_seconds": time.perf_counter() - began - gated_seconds,
        "gated_peak_memory_bytes": gated_memory,
        "peak_memory_bytes": _peak_memory(),
    }
    weights = refit.weights.astype(np.float32) if refit else gated.weights
    terms = pd.DataFrame([asdict(term) | {"total": term.total} for term in gated.terms], columns=TERM_COLUMNS)
    terms.insert(0, "epoch", np.arange(1, len(terms) + 1))
    return FitResult(weights, gated.weights, terms, record)


def fit_l0_weights(
    X_sparse: CellMatrix | sparse.spmatrix | np.ndarray,
    targets: np.ndarray,
    *,
    lambda_l0: float,
    epochs: int = FitSettings.epochs,
    device: str = FitSettings.device,
    beta: float = FitSettings.beta,
    lambda_l2: float = FitSettings.lambda_l2,
    learning_rate: float = FitSettings.learning_rate,
    seed: int = FitSettings.seed,
    initial_weights: np.ndarray | None = None,
    engine: str = FitSettings.engine,
    refit: bool = True,
) -> np.ndarray:
    """Calibrated weights (columns,) float32 for X_sparse (rows, columns) and targets (rows,)."""
    settings = FitSettings(
        lambda_l0=lambda_l0,
        epochs=epochs,
        device=device,
        beta=beta,
        lambda_l2=lambda_l2,
        learning_rate=learning_rate,
        seed=seed,
        engine=engine,
        refit=replace(FitSettings().refit, refit=refit),
    )
    return fit(X_sparse, targets, settings, initial_weights=initial_weights).weights


def target_notes(targets: np.ndarray, settings: FitSettings) -> list[str]:
    """What the record says about targets whose relative error has no usual meaning."""
    if settings.objective.loss != "relative":
        return []
    at_zero, at_minus_one = np.count_nonzero(targets == 0), np.count_nonzero(np.abs(targets + 1) < SINGULAR)
    notes = []
    if at_zero:
        notes.append(f"{at_zero} targets are zero: the loss takes their absolute error.")
    if at_minus_one:
        notes.append(f"{at_minus_one} targets are -1, where target + 1 vanishes: the loss takes their absolute error.")
    return notes


def _refit(
    problem: Problem, settings: FitSettings, observation: ObservationSettings, gated: Gated
) -> Refit | None:
    """The refit of what the gates kept, if one is asked for and anything was kept."""
    kept = np.flatnonzero(gated.weights)
    if not settings.refit.refit or not len(kept):
        return None
    X = problem.X if len(kept) == problem.X.shape[1] else problem.X.take_columns(kept)
    if not observation.force:
        refuse_large_refit(X)
    refit = refit_weights(
        X,
        problem.objective,
        settings,
        gated_weights=gated.weights[kept],
        initial_weights=problem.start[kept],
        ranks=problem.ranks,
    )
    weights = np.zeros(len(gated.weights))
    weights[kept] = refit.weights
    return replace(refit, weights=weights)


def _describe(problem: Problem, settings: FitSettings, gated: Gated) -> dict[str, Any]:
    """The part of the record that is known after the gated phase."""
    return {
        "settings": asdict(settings),
        "lambda_l0": gated.lambda_l0,
        "seed": settings.seed,
        "rows": problem.X.shape[0],
        "columns": problem.X.shape[1],
        "entries": problem.X.nnz,
        "kept_columns": int(np.count_nonzero(gated.weights)),
        "epochs_run": gated.epochs,
        "stopped": gated.stopped,
        "notes": gated.notes + target_notes(problem.targets, settings),
        "threads": torch.get_num_threads(),
        "ranks": problem.ranks.size,
        "versions": {package: version(package) for package in PACKAGES} | {"python": platform.python_version()},
    }


def _peak_memory() -> int:
    """Largest resident size of this process so far, bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
