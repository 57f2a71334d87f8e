"""A fit read back equals the one written."""

import json

import pytest

from calibration_assets.errors import CalibrationError
from calibration_assets.fit.fit import fit
from calibration_assets.fit.result import read_fit, write_fit
from calibration_assets.settings import FitSettings
from calibration_assets_tests.fit.problems import small_problem


def test_a_fit_read_back_is_the_one_written(tmp_path):
    written = fit(*small_problem(), FitSettings(epochs=5))
    write_fit(written, tmp_path)
    read = read_fit(tmp_path)
    assert (read.weights == written.weights).all()
    assert (read.gated_weights == written.gated_weights).all()
    assert read.terms.equals(written.terms)
    assert read.record == written.record
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "gated_weights.npy",
        "record.json",
        "terms.csv",
        "weights.npy",
    ]


def test_the_record_says_what_was_done(tmp_path):
    record = fit(*small_problem(), FitSettings(epochs=5, seed=7)).record
    assert record["seed"] == 7
    assert record["epochs_run"] == 5
    assert record["settings"]["refit"]["max_iterations"] == 400
    assert record["peak_memory_bytes"] > 1e8
    assert record["versions"]["l0-python"]
    assert json.loads(json.dumps(record)) == record


def test_a_folder_without_a_fit_is_one_sentence(tmp_path):
    with pytest.raises(CalibrationError, match=r"has no record\.json"):
        read_fit(tmp_path)
