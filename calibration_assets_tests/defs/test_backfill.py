"""A sweep launched as `dagster job backfill` through a running daemon, on a store and a DAGSTER_HOME of its own."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from dagster import DagsterInstance, DagsterRunStatus

from calibration_assets.fit.points import read_points
from calibration_assets_tests.pipeline.stored import open_store, store_package

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
MODULE = ("-m", "calibration_assets.definitions")
POINTS = list(read_points())[:3]


@pytest.fixture
def environment(tmp_path):
    """The variables of a deployment in a folder."""
    places = {"CALIBRATION_STORE": "store", "CALIBRATION_CACHE": "cache", "DAGSTER_HOME": "home"}
    (tmp_path / "home").mkdir()
    shutil.copyfile(ROOT / "dagster.yaml", tmp_path / "home" / "dagster.yaml")
    return {**os.environ, **{name: str(tmp_path / part) for name, part in places.items()}, "OMP_NUM_THREADS": "1"}


@pytest.fixture
def daemon(environment):
    process = subprocess.Popen(
        [BIN / "dagster-daemon", "run", *MODULE],
        cwd=ROOT,
        env=environment,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    yield process
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.slow
def test_a_range_of_points_is_fitted_by_a_backfill(tmp_path, environment, daemon):
    store = open_store(tmp_path)
    store_package(store)
    chosen = ("--from", POINTS[0], "--to", POINTS[-1])
    command = [BIN / "dagster", "job", "backfill", "-j", "sweep", *chosen, *MODULE, "--noprompt"]
    subprocess.run(command, cwd=ROOT, env=environment, check=True)
    with DagsterInstance.from_config(str(tmp_path / "home")) as instance:
        for _ in range(600):
            runs = instance.get_runs()
            if len(runs) == len(POINTS) and all(run.is_finished for run in runs):
                break
            assert daemon.poll() is None
            time.sleep(1)
        assert {run.tags["dagster/partition"]: run.status for run in runs} == dict.fromkeys(
            POINTS, DagsterRunStatus.SUCCESS
        )
    for point in POINTS:
        assert store.current(f"sweep_weights/{point}").metadata["kept_columns"] > 0
