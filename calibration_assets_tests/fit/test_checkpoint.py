"""Resumed fits equal uninterrupted ones bit by bit, and foreign checkpoints are refused."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from calibration_assets.errors import CalibrationError
from calibration_assets.fit.fit import fit
from calibration_assets.settings import FitSettings, ObservationSettings, RefitSettings
from calibration_assets_tests.fit.problems import small_problem

ROOT = Path(__file__).parents[2]
SETTINGS = FitSettings(epochs=40)
LONG = """
import sys
import numpy as np
from calibration_assets.fit.fit import fit
from calibration_assets.settings import FitSettings, ObservationSettings
from calibration_assets_tests.fit.problems import small_problem

path, output, resume = sys.argv[1:]
X, targets = small_problem(n_columns=5_000)
observation = ObservationSettings(checkpoint_output=path, checkpoint_every=3, resume_from=resume or None)
np.save(output, fit(X, targets, FitSettings(epochs=200), observation=observation).weights)
"""


def observed(path, resume=None, every=1):
    return ObservationSettings(checkpoint_output=str(path), checkpoint_every=every, resume_from=resume and str(resume))


def test_a_resumed_fit_equals_the_uninterrupted_one(tmp_path):
    X, targets = small_problem()
    whole = fit(X, targets, SETTINGS)
    fit(X, targets, replace(SETTINGS, epochs=13), observation=observed(tmp_path / "fit.npz"))
    resumed = fit(X, targets, SETTINGS, observation=observed(tmp_path / "fit.npz", tmp_path / "fit.npz"))
    assert (resumed.weights == whole.weights).all()
    assert resumed.terms.equals(whole.terms)
    assert resumed.record["notes"] == [f"Resumed from {tmp_path / 'fit.npz'} after epoch 13."]


def test_a_resumed_search_for_columns_equals_the_uninterrupted_one(tmp_path):
    X, targets = small_problem(n_rows=40, n_columns=1_000, density=0.1)
    wanted = FitSettings(target_records=300, epochs=50)
    whole = fit(X, targets, wanted, observation=observed(tmp_path / "fit.npz"))
    assert abs(whole.record["kept_columns"] - 300) <= 6
    resumed = fit(X, targets, wanted, observation=observed(tmp_path / "other.npz", tmp_path / "fit.npz"))
    assert resumed.record["epochs_run"] == whole.record["epochs_run"]
    assert (resumed.weights == whole.weights).all()


@pytest.mark.parametrize("kills", [1, pytest.param(10, marks=pytest.mark.slow)])
def test_killed_at_any_moment_and_resumed_the_weights_are_the_same(tmp_path, kills):
    environment = os.environ | {"OMP_NUM_THREADS": "2", "PYTHONPATH": str(ROOT)}

    def start(checkpoint, output, resume=""):
        command = [sys.executable, "-W", "ignore", "-c", LONG, str(checkpoint), str(output), str(resume)]
        return subprocess.Popen(command, env=environment, cwd=ROOT)

    whole, resumed, checkpoint = (tmp_path / name for name in ("whole.npy", "resumed.npy", "fit.npz"))
    assert start(tmp_path / "whole.npz", whole).wait() == 0
    generator, killed = np.random.default_rng(kills), 0
    for _ in range(kills):
        running = start(checkpoint, resumed, checkpoint if checkpoint.exists() else "")
        began, before = time.monotonic(), checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
        while running.poll() is None and not (checkpoint.exists() and checkpoint.stat().st_mtime_ns > before):
            assert time.monotonic() - began < 120
            time.sleep(0.01)
        time.sleep(generator.uniform(0, 0.1))
        running.send_signal(signal.SIGKILL)
        killed += running.wait() == -signal.SIGKILL
    assert killed > 0
    assert start(checkpoint, resumed, checkpoint).wait() == 0
    assert (np.load(whole) == np.load(resumed)).all()


def test_another_problem_or_other_settings_are_refused_with_the_differences(tmp_path):
    X, targets = small_problem()
    path = tmp_path / "fit.npz"
    fit(X, targets, SETTINGS, observation=observed(path))
    other = replace(SETTINGS, beta=0.65, seed=7)
    with pytest.raises(CalibrationError, match="another matrix.*beta is 0.35 there and 0.65 here; seed is 42"):
        fit(X, targets * 2, other, observation=observed(path, path))
    with pytest.raises(CalibrationError, match="after epoch 40 and a total of 5 epochs"):
        fit(X, targets, replace(SETTINGS, epochs=5), observation=observed(path, path))


def test_the_refit_may_change_at_a_resume(tmp_path):
    X, targets = small_problem()
    path = tmp_path / "fit.npz"
    fit(X, targets, SETTINGS, observation=observed(path))
    without = replace(SETTINGS, refit=RefitSettings(refit=False))
    assert fit(X, targets, without, observation=observed(path, path)).record["refit"] is None


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_truncated_checkpoint_is_one_sentence_and_stays(tmp_path, share):
    X, targets = small_problem()
    path = tmp_path / "fit.npz"
    fit(X, targets, SETTINGS, observation=observed(path))
    content = path.read_bytes()[: int(path.stat().st_size * share)]
    path.write_bytes(content)
    with pytest.raises(CalibrationError, match="truncated or no checkpoint"):
        fit(X, targets, SETTINGS, observation=observed(path, path))
    assert path.read_bytes() == content


def test_a_missing_checkpoint_is_one_sentence(tmp_path):
    X, targets = small_problem()
    with pytest.raises(CalibrationError, match="does not exist"):
        fit(X, targets, SETTINGS, observation=observed(tmp_path / "a.npz", tmp_path / "b.npz"))


def test_weights_of_a_file_are_a_warm_start_and_named_so(tmp_path):
    X, targets = small_problem()
    path = tmp_path / "weights.npy"
    np.save(path, np.full(300, 150.0))
    result = fit(X, targets, SETTINGS, observation=ObservationSettings(resume_from=str(path)))
    expected = fit(X, targets, SETTINGS, initial_weights=np.full(300, 150.0))
    assert (result.weights == expected.weights).all()
    assert result.record["notes"] == [f"Warm start from the weights {path}."]
