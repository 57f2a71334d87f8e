"""A whole fit: checks, gates, refit, record; the manual's `fit_l0_weights` in front of it."""

import platform
import resource
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from importlib.metadata import version

import numpy as np
import pandas as pd
import torch
from scipy import sparse

from calibration_assets.fit.engine import GatedEngine
from calibration_assets.fit.loop import Observer, run_epochs
from calibration_assets.fit.objective import SINGULAR, Objective, make_objective
from calibration_assets.fit.peer import fit_with_l0_python
from calibration_assets.fit.problem import (
    check_initial_weights,
    check_matrix,
    check_settings,
    check_targets,
    l0_penalty,
)
from calibration_assets.fit.products import ColumnProducts
from calibration_assets.fit.ranks import Ranks, join_ranks
from calibration_assets.fit.refit import refit_weights
from calibration_assets.fit.result import FitResult
from calibration_assets.settings import FitSettings

VERSION = 1
PACKAGES = ("numpy", "scipy", "pandas", "torch", "l0-python")


def fit(
    X: sparse.spmatrix | np.ndarray,
    targets: np.ndarray,
    settings: FitSettings,
    *,
    initial_weights: np.ndarray | None = None,
    groups: np.ndarray | None = None,
    target_weights: np.ndarray | None = None,
    observers: Sequence[Observer] = (),
) -> FitResult:
    """Weights (columns,) with which `X @ weights` meets the targets (rows,), and the record of how they were found.

    X is (rows, columns); `initial_weights` (columns,) are 100 everywhere if not given; `groups` (rows,) serve
    `group_targets`, `target_weights` (rows,) multiply the loss of single targets. Under torchrun every rank calls this
    with the same arguments and gets the same result. Raises CalibrationError where the input cannot be fitted.
    """
    check_settings(settings)
    X = check_matrix(X)
    targets = check_targets(targets, X.shape[0])
    start = check_initial_weights(initial_weights, X.shape[1])
    ranks = join_ranks(settings.device)
    objective = make_objective(
        targets, settings.objective, groups=groups, target_weights=target_weights, device=settings.device
    )
    lambda_l0 = l0_penalty(settings)
    began = time.perf_counter()
    gated, terms = _gate(X, targets, start, objective, settings, lambda_l0, ranks, observers)
    gated_seconds = time.perf_counter() - began
    weights, certificate = gated, None
    if settings.refit.refit and gated.any():
        refit = refit_weights(
            X, objective, settings, gated_weights=gated, initial_weights=start, ranks=ranks, observe=lambda *_: None
        )
        weights, certificate = refit.weights.astype(np.float32), refit.certificate
    record = {
        "settings": asdict(settings),
        "lambda_l0": lambda_l0,
        "seed": settings.seed,
        "rows": X.shape[0],
        "columns": X.shape[1],
        "entries": int(X.nnz),
        "kept_columns": int(np.count_nonzero(gated)),
        "epochs_run": settings.epochs,
        "stopped": f"The {settings.epochs} epochs were run.",
        "refit": certificate,
        "notes": target_notes(targets, settings),
        "gated_seconds": gated_seconds,
        "refit_seconds": time.perf_counter() - began - gated_seconds,
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "threads": torch.get_num_threads(),
        "ranks": ranks.size,
        "versions": {package: version(package) for package in PACKAGES} | {"python": platform.python_version()},
    }
    return FitResult(weights, gated, terms, record)


def fit_l0_weights(
    X_sparse: sparse.spmatrix | np.ndarray,
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


def _gate(
    X: sparse.csr_matrix,
    targets: np.ndarray,
    start: np.ndarray,
    objective: Objective,
    settings: FitSettings,
    lambda_l0: float,
    ranks: Ranks,
    observers: Sequence[Observer],
) -> tuple[np.ndarray, pd.DataFrame]:
    """Gated weights (columns,) float32, and the objective's terms by epoch."""
    columns = ["epoch", "data_loss", "l0_penalty", "l2_penalty", "total"]
    if settings.engine == "l0-python":
        return fit_with_l0_python(X, targets, start, settings, lambda_l0), pd.DataFrame(columns=columns)
    products = ColumnProducts(X, *ranks.shard(X.shape[1]), device=settings.device)
    engine = GatedEngine(products, objective, settings, lambda_l0=lambda_l0, n_columns=X.shape[1], ranks=ranks)
    state = engine.start(start)
    terms = run_epochs(engine, state, settings.epochs, observers)
    rows = [(i + 1, t.data_loss, t.l0_penalty, t.l2_penalty, t.total) for i, t in enumerate(terms)]
    weights = ranks.gather(engine.weights(state), X.shape[1]).cpu().numpy()
    return weights, pd.DataFrame(rows, columns=columns)
