"""The checked input of a fit: matrix, targets, initial weights and settings that can be fitted.

Every fault is one sentence; nothing is repaired in silence. What the targets say together is examined elsewhere.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from scipy import sparse

from calibration_assets.errors import CalibrationError
from calibration_assets.matrix.cell_matrix import CellMatrix, as_cell_matrix
from calibration_assets.settings import L0_PRESETS, FitSettings, ObservationSettings

DEFAULT_INITIAL_WEIGHT = 100.0
ENGINES = ("csr", "l0-python")


def check_matrix(X: CellMatrix | sparse.spmatrix | np.ndarray) -> CellMatrix:
    """X (rows, columns) with sorted column indices and finite float32 entries."""
    if len(X.shape) != 2 or 0 in X.shape:
        raise CalibrationError(
            f"The matrix has shape {X.shape}, expected at least one target and one column: look at the target config."
        )
    given = as_cell_matrix(X)
    parts = {part: getattr(given, part).astype(np.float32, copy=False) for part in ("by_column", "by_cell")}
    matrix = replace(given, **parts)
    faulty = sum(np.count_nonzero(~np.isfinite(part.data)) for part in parts.values())
    if faulty:
        raise CalibrationError(f"The matrix has {faulty} NaN or infinite entries, expected none: rebuild the package.")
    if matrix.stored_entries == 0:
        raise CalibrationError(f"The matrix {matrix.shape} has no entries, expected some: rebuild the package.")
    return matrix


def check_targets(targets: np.ndarray, n_rows: int) -> np.ndarray:
    """Targets (rows,) as finite float64 numbers, not all zero."""
    targets = np.asarray(targets, dtype=np.float64)
    if targets.shape != (n_rows,):
        raise CalibrationError(
            f"The targets have shape {targets.shape}, expected ({n_rows},): give one for each row of the matrix."
        )
    faulty = np.flatnonzero(~np.isfinite(targets))
    if len(faulty):
        raise CalibrationError(
            f"{len(faulty)} targets are NaN or infinite, the first in row {faulty[0]}, expected finite numbers: "
            "mend the target database or exclude them."
        )
    if not targets.any():
        raise CalibrationError(f"All {n_rows} targets are zero, expected some that are not: look at the target config.")
    return targets


def check_initial_weights(initial_weights: np.ndarray | None, n_columns: int) -> np.ndarray:
    """Initial weights (columns,) float32 above 0; 100 everywhere if none are given."""
    if initial_weights is None:
        return np.full(n_columns, DEFAULT_INITIAL_WEIGHT, dtype=np.float32)
    weights = np.asarray(initial_weights, dtype=np.float32)
    if weights.shape != (n_columns,):
        raise CalibrationError(
            f"The initial weights have shape {weights.shape}, expected ({n_columns},): give one for each column."
        )
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise CalibrationError("The initial weights have negative or infinite values, expected numbers of at least 0.")
    return weights


def read_initial_weights(path: Path) -> np.ndarray:
    """Weights (columns,) of a .npy file, to start from."""
    if not path.exists():
        raise CalibrationError(f"The weights {path} do not exist, expected a .npy file of an earlier fit.")
    try:
        return np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise CalibrationError(f"{path} is truncated or no array ({error}), expected a .npy file.") from error


def check_settings(settings: FitSettings, observation: ObservationSettings) -> None:
    """Refuse settings that no fit can have."""
    if settings.engine not in ENGINES:
        raise CalibrationError(f"The engine is `{settings.engine}`, expected one of {', '.join(ENGINES)}.")
    if settings.device not in ("cpu", "cuda"):
        raise CalibrationError(f"The device is `{settings.device}`, expected `cpu` or `cuda`.")
    if settings.device == "cuda" and not torch.cuda.is_available():
        raise CalibrationError("The device is `cuda`, but this machine's torch finds none: use `cpu`.")
    if settings.lambda_l0 is not None and settings.target_records is not None:
        raise CalibrationError("Both lambda_l0 and target_records are given, expected one of them: drop the other.")
    at_least_zero = {
        "lambda_l0": settings.lambda_l0 or 0.0,
        "lambda_l2": settings.lambda_l2,
        "epochs": settings.epochs,
        "max_iterations": settings.refit.max_iterations,
        "tolerance": settings.refit.tolerance,
        "log_freq": observation.log_freq,
        "checkpoint_every": observation.checkpoint_every,
        "checkpoint_seconds": observation.checkpoint_seconds,
    }
    above_zero = {
        "beta": settings.beta,
        "learning_rate": settings.learning_rate,
        "target_records": settings.target_records,
        "lower_ratio": settings.refit.lower_ratio,
        "upper_ratio": settings.refit.upper_ratio,
    }
    for name, value in at_least_zero.items():
        if not 0 <= value < float("inf"):
            raise CalibrationError(f"The setting {name} is {value}, expected a finite number of at least 0.")
    for name, given in above_zero.items():
        if given is not None and not 0 < given < float("inf"):
            raise CalibrationError(f"The setting {name} is {given}, expected a finite number above 0.")


def l0_penalty(settings: FitSettings) -> float:
    """The weight of the expected number of open gates: the custom one, or the preset's."""
    if settings.lambda_l0 is not None:
        return settings.lambda_l0
    if settings.preset not in L0_PRESETS:
        raise CalibrationError(f"The preset is `{settings.preset}`, expected one of {', '.join(L0_PRESETS)}.")
    return L0_PRESETS[settings.preset]
