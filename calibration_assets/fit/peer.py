"""The engine `l0-python`: the peer package itself through its public interface, for parity and comparison.

Its gates draw from torch's global generator, so it runs with that generator forked and seeded.
"""

import numpy as np
import torch
from l0.calibration import SparseCalibrationWeights

from calibration_assets.errors import CalibrationError
from calibration_assets.fit.engine import ALPHA_JITTER, THETA_JITTER
from calibration_assets.fit.gates import GAMMA, START_KEEP_PROBABILITY, ZETA
from calibration_assets.matrix.cell_matrix import CellMatrix
from calibration_assets.settings import FitSettings


def fit_with_l0_python(
    X: CellMatrix, targets: np.ndarray, initial_weights: np.ndarray, settings: FitSettings, lambda_l0: float
) -> np.ndarray:
    """The peer's weights (columns,) float32 with evaluated gates."""
    if settings.objective.loss != "relative" or settings.objective.group_targets:
        raise CalibrationError(
            f"The engine l0-python was asked for the loss `{settings.objective.loss}`, expected `relative` without "
            "groups: use the engine csr."
        )
    devices = [torch.cuda.current_device()] if settings.device == "cuda" else []
    with torch.random.fork_rng(devices):
        torch.manual_seed(settings.seed)
        model = SparseCalibrationWeights(
            n_features=X.shape[1],
            beta=settings.beta,
            gamma=GAMMA,
            zeta=ZETA,
            init_keep_prob=START_KEEP_PROBABILITY,
            init_weights=np.asarray(initial_weights, dtype=np.float32),
            log_weight_jitter_sd=THETA_JITTER,
            log_alpha_jitter_sd=ALPHA_JITTER,
            device=settings.device,
        )
        model.fit(
            X.tocsr(),
            targets,
            lambda_l0=lambda_l0,
            lambda_l2=settings.lambda_l2,
            lr=settings.learning_rate,
            epochs=settings.epochs,
            loss_type="relative",
        )
        with torch.no_grad():
            return model.get_weights(deterministic=True).cpu().numpy()
