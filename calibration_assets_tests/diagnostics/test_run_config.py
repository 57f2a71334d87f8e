"""The run's record beside its weights."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd

from calibration_assets.diagnostics.run_config import run_config, write_run_config

ERRORS = pd.DataFrame({"abs_rel_error": [0.02, 0.04, 1.0], "achievable": [True, True, False]})


def test_record_states_what_came_out(tmp_path):
    (tmp_path / "unified_weights.npy").write_bytes(b"abc")
    config = run_config(
        {"epochs": 5, "dataset": Path("a.h5")},
        ERRORS,
        np.array([1.5, 0, 2.0], dtype=np.float32),
        elapsed_seconds=2.5,
        files={"unified_weights.npy": tmp_path / "unified_weights.npy"},
    )
    write_run_config(config, tmp_path / "out" / "unified_run_config.json")
    assert json.loads((tmp_path / "out" / "unified_run_config.json").read_text()) == {
        "epochs": 5,
        "dataset": "a.h5",
        "n_targets": 3,
        "n_records": 3,
        "weight_format": "clone_level",
        "weight_sum": 3.5,
        "weight_nonzero": 2,
        "mean_error_pct": 3.0,
        "elapsed_seconds": 2.5,
        "artifacts": {"unified_weights.npy": "sha256:" + hashlib.sha256(b"abc").hexdigest()},
    }


def test_nothing_that_can_be_met_leaves_the_mean_open():
    config = run_config({}, ERRORS.tail(1), np.zeros(2), elapsed_seconds=0.0, files={})
    assert config["mean_error_pct"] is None
