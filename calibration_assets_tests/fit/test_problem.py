"""Bad input stops with one sentence."""

import numpy as np
import pytest
import torch
from scipy import sparse

from calibration_assets.errors import CalibrationError
from calibration_assets.fit.fit import fit
from calibration_assets.settings import FitSettings, LossSettings, ObservationSettings, RefitSettings
from calibration_assets_tests.fit.problems import small_problem

NAN, INFINITE = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (FitSettings(epochs=-1), "epochs is -1"),
        (FitSettings(beta=0.0), "beta is 0.0"),
        (FitSettings(learning_rate=NAN), "learning_rate is nan"),
        (FitSettings(lambda_l0=-1e-8), "lambda_l0 is -1e-08"),
        (FitSettings(lambda_l2=INFINITE), "lambda_l2 is inf"),
        (FitSettings(preset="county"), "preset is `county`"),
        (FitSettings(engine="gpu"), "engine is `gpu`"),
        (FitSettings(device="tpu"), "device is `tpu`"),
        (FitSettings(lambda_l0=1e-8, target_records=10), "Both lambda_l0 and target_records"),
        (FitSettings(target_records=0), "target_records is 0"),
        (FitSettings(target_records=320), "320 columns were asked for"),
        (FitSettings(engine="l0-python", target_records=5), "use the engine csr"),
        (FitSettings(engine="l0-python", objective=LossSettings(loss="scaled")), "use the engine csr"),
        (FitSettings(refit=RefitSettings(max_iterations=-1)), "max_iterations is -1"),
        (FitSettings(refit=RefitSettings(upper_ratio=0.0)), "upper_ratio is 0.0"),
        (FitSettings(learning_rate=1e30, epochs=5), "expected a finite number: lower the learning rate"),
    ],
)
def test_settings_that_no_fit_can_have(settings, sentence):
    X, targets = small_problem()
    with pytest.raises(CalibrationError, match=sentence):
        fit(X, targets, settings)


def with_entry(value):
    X, targets = small_problem()
    X.data[5] = value
    return X, targets


X, TARGETS = small_problem()


@pytest.mark.parametrize(
    ("matrix", "targets", "start", "sentence"),
    [
        (with_entry(NAN)[0], TARGETS, None, "1 NaN or infinite entries"),
        (with_entry(INFINITE)[0], TARGETS, None, "1 NaN or infinite entries"),
        (X[:0], TARGETS[:0], None, r"shape \(0, 300\)"),
        (X[:, :0], TARGETS, None, r"shape \(12, 0\)"),
        (sparse.csr_matrix((12, 300)), TARGETS, None, "has no entries"),
        (X, TARGETS[:5], None, r"targets have shape \(5,\), expected \(12,\)"),
        (X, np.where(np.arange(12) == 3, NAN, TARGETS), None, "1 targets are NaN or infinite, the first in row 3"),
        (X, np.zeros(12), None, "All 12 targets are zero"),
        (X, TARGETS, np.ones(299), r"initial weights have shape \(299,\)"),
        (X, TARGETS, np.full(300, -1.0), "negative or infinite"),
    ],
)
def test_input_that_cannot_be_fitted(matrix, targets, start, sentence):
    with pytest.raises(CalibrationError, match=sentence):
        fit(matrix, targets, FitSettings(epochs=2), initial_weights=start)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_a_device_that_is_not_there():
    with pytest.raises(CalibrationError, match="torch finds none"):
        fit(X, TARGETS, FitSettings(device="cuda"))


def test_weights_to_start_from_that_are_no_weights(tmp_path):
    path = tmp_path / "weights.npy"
    with pytest.raises(CalibrationError, match="do not exist"):
        fit(X, TARGETS, FitSettings(), observation=ObservationSettings(resume_from=str(path)))
    np.save(path, np.ones(300))
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(CalibrationError, match="truncated or no array"):
        fit(X, TARGETS, FitSettings(), observation=ObservationSettings(resume_from=str(path)))
    np.save(path, np.array([{}]))
    with pytest.raises(CalibrationError, match="truncated or no array"):
        fit(X, TARGETS, FitSettings(), observation=ObservationSettings(resume_from=str(path)))


def test_unsorted_indices_are_sorted_on_a_copy():
    unsorted = sparse.csr_matrix((X.data[::-1].copy(), X.indices[::-1].copy(), X.nnz - X.indptr[::-1]), shape=X.shape)
    before = unsorted.indices.copy()
    targets = TARGETS[::-1]
    expected = fit(unsorted.sorted_indices(), targets, FitSettings(epochs=3)).weights
    assert (fit(unsorted, targets, FitSettings(epochs=3)).weights == expected).all()
    assert (unsorted.indices == before).all()
