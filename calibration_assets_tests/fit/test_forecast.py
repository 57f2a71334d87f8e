"""Memory and time told before the run against what a fit takes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from calibration_assets.errors import CalibrationError
from calibration_assets.fit import forecast
from calibration_assets.fit.fit import fit
from calibration_assets.fit.forecast import forecast_fit
from calibration_assets.matrix.cell_matrix import as_cell_matrix
from calibration_assets.settings import FitSettings, ObservationSettings
from calibration_assets_tests.fit.problems import small_problem

ROOT = Path(__file__).parents[2]
MEASURE = """
import numpy as np
from scipy import sparse
from calibration_assets.fit.fit import fit
from calibration_assets.fit.forecast import forecast_fit
from calibration_assets.matrix.cell_matrix import as_cell_matrix
from calibration_assets.settings import FitSettings, RefitSettings

X = sparse.random_array((2000, 400_000), density=0.01, format="csr", dtype=np.float32, rng=np.random.default_rng(0))
X.indices, X.indptr = X.indices.astype(np.int32), X.indptr.astype(np.int32)
settings = FitSettings(epochs=2, lambda_l0=1e-8, refit=RefitSettings(max_iterations=12))
record = fit(sparse.csr_matrix(X), X @ np.ones(400_000), settings).record
predicted = forecast_fit(as_cell_matrix(X))
print(record["gated_peak_memory_bytes"] / predicted.gated_bytes, record["peak_memory_bytes"] / predicted.refit_bytes)
"""


@pytest.mark.slow
def test_predicted_memory_is_near_the_peak():
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    printed = subprocess.check_output([sys.executable, "-W", "ignore", "-c", MEASURE], env=environment, cwd=ROOT)
    gated, refit = map(float, printed.split())
    assert 0.7 < gated < 1.2
    assert 0.6 < refit < 1.2


def test_too_little_memory_is_one_sentence_unless_forced(monkeypatch):
    X, targets = small_problem()
    monkeypatch.setattr(forecast, "available_memory", lambda: 1e8)
    with pytest.raises(CalibrationError, match=r"needs about 0\.35 GB and 0\.1 GB are at hand"):
        fit(X, targets, FitSettings(epochs=1))
    fit(X, targets, FitSettings(epochs=1), observation=ObservationSettings(force=True))


def test_the_sentence_names_epochs_seconds_and_bytes():
    sentence = forecast_fit(as_cell_matrix(small_problem()[0])).sentence(500)
    assert sentence.startswith("Predicted: 500 epochs of ")
    assert "GB are at hand." in sentence


def test_memory_at_hand_is_between_nothing_and_the_machines():
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert 0 < forecast.available_memory() <= pages
