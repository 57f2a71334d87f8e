"""A fit that is stopped or killed keeps its checkpoint, and the next run goes on from it to the same weights."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from calibration_assets.pipeline.weights import weights
from calibration_assets.settings import FitSettings
from calibration_assets_tests.matrix.example import columns_of
from calibration_assets_tests.pipeline.stored import DISTRICTS, example_package, open_store, store_package

ROOT = Path(__file__).parents[2]
SEARCH = FitSettings(target_records=120, epochs=60)
"""A search for a number of columns writes a checkpoint at every stage."""


def read(value):
    return [np.load(value.folder / name) for name in ("weights.npy", "gated_weights.npy")]


def notes(value):
    return json.loads((value.folder / "record.json").read_text())["notes"]


def test_an_interrupted_fit_goes_on_to_the_same_weights(tmp_path):
    class Stopped(BaseException):
        """As a terminated run is stopped."""

    heard = []

    def stop_late(figures):
        heard.append(figures["epoch"])
        if len(heard) == 15:
            raise Stopped

    store = open_store(tmp_path / "one")
    package = store_package(store)
    with pytest.raises(Stopped):
        weights(store, package, SEARCH, tell=stop_late)
    assert len(list((store.cache / "checkpoints").iterdir())) == 1
    assert not [path for path in (tmp_path / "one" / "store" / "weights").glob("*-*") if path.is_dir()]
    resumed = weights(store, package, SEARCH)
    assert "Resumed from" in " ".join(notes(resumed))
    assert not list((store.cache / "checkpoints").iterdir())

    other = open_store(tmp_path / "other")
    for found, expected in zip(read(resumed), read(weights(other, store_package(other), SEARCH)), strict=True):
        np.testing.assert_array_equal(found, expected)


def widen(times):
    """The example package with as many times the records."""
    matrix, targets, columns, _ = example_package()
    wide = columns_of(np.repeat(DISTRICTS, 40 * times).tolist(), 40 * times)
    by_district = [matrix[:, number * 40 : (number + 1) * 40] for number in range(len(DISTRICTS))]
    X = sparse.hstack([part for part in by_district for _ in range(times)], format="csr", dtype=np.float32)
    return {"matrix": X, "targets": targets, "columns": wide, "initial_weights": np.full(len(wide), 1000.0 / times)}


def start(folder, executor):
    """`dagster asset materialize --select weights` in a process group of its own."""
    settings = {"target_records": 24_000, "epochs": 1000, "refit": {"max_iterations": 30}}
    config = {"ops": {"weights": {"config": settings}}, "execution": {"config": executor}}
    places = {"CALIBRATION_STORE": "store", "CALIBRATION_CACHE": "cache", "DAGSTER_HOME": "home"}
    (folder / "home").mkdir(exist_ok=True)
    module = ("-m", "calibration_assets.definitions", "--config-json", json.dumps(config))
    command = (Path(sys.executable).with_name("dagster"), "asset", "materialize", "--select", "weights", *module)
    environment = {**os.environ, **{name: str(folder / part) for name, part in places.items()}, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)


def wait_for_checkpoint(folder, process):
    while not list((folder / "cache" / "checkpoints").glob("*.pt")):
        assert process.poll() is None, "the fit ended before it could be stopped"
        time.sleep(0.05)


@pytest.mark.slow
def test_a_run_that_is_terminated_or_killed_is_resumed(tmp_path):
    expected = None
    for stop in (None, signal.SIGTERM, signal.SIGKILL):
        folder = tmp_path / str(stop)
        store = open_store(folder)
        store_package(store, **widen(200))
        executor = {"in_process": {}} if stop != signal.SIGKILL else {"multiprocess": {"max_concurrent": 1}}
        if stop is not None:
            process = start(folder, executor)
            wait_for_checkpoint(folder, process)
            began = time.monotonic()
            os.killpg(process.pid, stop)
            assert process.wait(60) != 0
            assert time.monotonic() - began < 20
            assert store.current_key("weights") is None
            assert list((folder / "cache" / "checkpoints").glob("*.pt"))
        assert start(folder, executor).wait(600) == 0
        found = read(store.current("weights"))
        assert ("Resumed from" in " ".join(notes(store.current("weights")))) == (stop is not None)
        expected = expected or found
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one, other)
