"""A fit spread over processes gives the weights of one process."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from calibration_assets.fit.fit import fit
from calibration_assets.settings import FitSettings, ObservationSettings
from calibration_assets_tests.fit.problems import small_problem

ROOT = Path(__file__).parents[2]
SETTINGS = FitSettings(epochs=30, lambda_l0=1e-3)
SPREAD = """
import sys
import numpy as np
from torch import distributed
from calibration_assets.fit.fit import fit
from calibration_assets.settings import FitSettings, ObservationSettings
from calibration_assets_tests.fit.problems import small_problem

folder = sys.argv[1]
X, targets = small_problem(n_columns=1001)
observation = ObservationSettings(
    log_freq=10, epoch_log=f"{folder}/log.csv", checkpoint_output=f"{folder}/fit.npz", checkpoint_every=7
)
result = fit(X, targets, FitSettings(epochs=30, lambda_l0=1e-3), observation=observation)
np.save(f"{folder}/weights{distributed.get_rank()}.npy", result.weights)
np.save(f"{folder}/gated{distributed.get_rank()}.npy", result.gated_weights)
distributed.destroy_process_group()
"""


@pytest.mark.parametrize("size", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_ranks_give_the_single_process_weights(tmp_path, size):
    script = tmp_path / "spread.py"
    script.write_text(SPREAD)
    command = [sys.executable, "-W", "ignore", "-m", "torch.distributed.run", "--standalone"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    subprocess.run([*command, f"--nproc-per-node={size}", str(script), str(tmp_path)], check=True, env=environment)
    X, targets = small_problem(n_columns=1001)
    single = fit(X, targets, SETTINGS)
    for rank in range(size):
        weights, gated = (np.load(tmp_path / f"{name}{rank}.npy") for name in ("weights", "gated"))
        assert np.abs(gated - single.gated_weights).max() <= 1e-5 * single.gated_weights.max()
        assert np.abs(weights - single.weights).max() <= 1e-5 * single.weights.max()
    whole = replace(SETTINGS, epochs=30)
    resumed = fit(X, targets, whole, observation=ObservationSettings(resume_from=str(tmp_path / "fit.npz")))
    assert np.abs(resumed.gated_weights - single.gated_weights).max() <= 1e-5 * single.gated_weights.max()
