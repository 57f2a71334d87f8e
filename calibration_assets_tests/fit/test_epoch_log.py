"""The epoch log: what it holds, in both forms, and after a resume."""

import numpy as np
import pandas as pd
import pytest

from calibration_assets.errors import CalibrationError
from calibration_assets.fit.fit import fit
from calibration_assets.settings import FitSettings, ObservationSettings, RefitSettings
from calibration_assets_tests.fit.problems import small_problem

SETTINGS = FitSettings(epochs=30, refit=RefitSettings(refit=False))
NAMES = [f"cd_{row}/snap" for row in range(12)]
MANUAL = ["target_name", "estimate", "target", "epoch", "error", "rel_error", "abs_error", "rel_abs_error", "loss"]
MANUAL += ["achievable"]


def logged(path, settings=SETTINGS, **observation):
    X, targets = small_problem()
    watched = ObservationSettings(log_freq=10, epoch_log=str(path), **observation)
    return X, targets, fit(X, targets, settings, target_names=NAMES, observation=watched)


def test_parquet_holds_a_row_by_epoch_and_target(tmp_path):
    X, targets, result = logged(tmp_path / "log.parquet")
    table = pd.read_parquet(tmp_path / "log.parquet")
    assert table["epoch"].tolist() == [10] * 12 + [20] * 12 + [30] * 12
    assert table["target"].astype(str).tolist() == NAMES * 3
    last = table[table["epoch"] == 30]
    np.testing.assert_allclose(last["estimate"], X @ result.weights.astype(np.float64), rtol=1e-6)
    np.testing.assert_allclose(last["error"], last["estimate"] - targets)
    np.testing.assert_allclose(last["loss"], (last["error"] / targets) ** 2)
    assert [path.name for path in tmp_path.iterdir()] == ["log.parquet"]


def test_csv_has_the_manuals_columns(tmp_path):
    logged(tmp_path / "log.csv")
    table = pd.read_csv(tmp_path / "log.csv")
    assert table.columns.tolist() == MANUAL
    assert table["achievable"].all()
    np.testing.assert_allclose(table["abs_error"], np.abs(table["estimate"] - table["target"]))


def test_a_resumed_fit_has_the_whole_log(tmp_path):
    logged(tmp_path / "whole.csv")
    checkpoint = str(tmp_path / "fit.npz")
    stopped = FitSettings(epochs=15, refit=SETTINGS.refit)
    X, targets = small_problem()
    watched = ObservationSettings(log_freq=10, epoch_log=str(tmp_path / "log.csv"), checkpoint_output=checkpoint)

    def stop(engine, state, terms):
        if state.epoch == 25:
            raise KeyboardInterrupt

    fit(X, targets, stopped, target_names=NAMES, observation=ObservationSettings(checkpoint_output=checkpoint))
    with pytest.raises(KeyboardInterrupt):
        fit(X, targets, SETTINGS, target_names=NAMES, observation=watched, observers=[stop])
    with (tmp_path / "log.csv.part").open("ab") as notes:
        notes.write(b"cut")
    fit(X, targets, stopped, target_names=NAMES, observation=ObservationSettings(checkpoint_output=checkpoint))
    logged(tmp_path / "log.csv", resume_from=checkpoint)
    assert (tmp_path / "log.csv").read_text() == (tmp_path / "whole.csv").read_text()


def test_another_suffix_is_one_sentence(tmp_path):
    with pytest.raises(CalibrationError, match=r"ends with \.parquet or \.csv"):
        logged(tmp_path / "log.txt")
