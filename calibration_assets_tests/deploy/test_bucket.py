"""The deployment's own bucket: killed in the middle of a write, fitted from by two ranks and by a clean process."""

import os
import shlex
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from calibration_assets.defs.resources import CalibrationStorage
from calibration_assets.errors import CalibrationError
from calibration_assets_tests.defs.test_fit_place import WORKER, fit
from calibration_assets_tests.deploy.stack import ROOT, Stack
from calibration_assets_tests.pipeline.stored import store_package
from calibration_assets_tests.storage.gateway import Gateway
from calibration_assets_tests.storage.test_faults import MEGABYTE, write_bytes

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(Gateway.missing()), reason="needs ceph-mon, ceph-osd, radosgw and ceph-common"),
]
SPREAD = """
import sys
from calibration_assets.defs.resources import CalibrationStorage
from calibration_assets.flags import parse_request
from calibration_assets.unified_calibration import fit_package

folder = CalibrationStorage().open().current("calibration_package").folder
fit_package(parse_request(["--package-path", str(folder), *sys.argv[1:]]))
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """The service s3 alone."""
    deployment = Stack(tmp_path_factory.mktemp("bucket") / "deployment")
    try:
        deployment.start_bucket()
        yield deployment
    finally:
        deployment.end("s3")


@pytest.fixture
def store(stack, tmp_path, monkeypatch):
    """The bucket as the code server sees it, from a machine of its own."""
    for name, value in stack.environment("code").items():
        if name.startswith(("CALIBRATION_", "AWS_")):
            monkeypatch.setenv(name, value)
    monkeypatch.setenv("CALIBRATION_CACHE", str(tmp_path / "cache"))
    return CalibrationStorage().open()


def test_a_server_killed_in_the_middle_of_a_write_comes_back_with_all_that_was_stored(stack, store):
    store.set_current(store.build("notes", "k1", write_bytes(10)))
    failures = []

    def write():
        try:
            store.build("notes", "k2", write_bytes(400 * MEGABYTE))
        except CalibrationError as error:
            failures.append(str(error))

    writer = threading.Thread(target=write)
    writer.start()
    while not any("large.bin" in path.name for path in store.cache.rglob("*")):
        time.sleep(0.01)
    time.sleep(1.0)
    stack.kill("s3")
    writer.join(300)
    assert "nothing stored before is lost" in failures[0]
    stack.start_bucket()
    assert store.current("notes").key == "k1"
    assert store.find("notes", "k2") is None
    store.verify(store.build("notes", "k2", write_bytes(40 * MEGABYTE)))


def test_a_clean_process_fits_the_package_of_the_bucket(store, tmp_path):
    store_package(store)
    success, said = fit(WORKER)
    assert success, said
    value = store.current("weights")
    store.verify(value)
    assert np.isfinite(np.load(value.folder / "weights.npy")).all()


def test_two_ranks_fit_the_package_of_the_bucket(store, tmp_path):
    store_package(store)
    script = tmp_path / "spread.py"
    script.write_text(SPREAD)
    flags = shlex.split("--epochs 30 --lambda-l0 1e-3")
    weights = []
    for ranks in (1, 2):
        output = tmp_path / str(ranks) / "weights.npy"
        output.parent.mkdir()
        launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={ranks}"]
        command = [sys.executable, "-W", "ignore", *launcher, str(script), *flags, "--output", str(output)]
        subprocess.run(command, cwd=ROOT, env=clean(), check=True, timeout=300)
        weights.append(np.load(output))
    assert np.abs(weights[1] - weights[0]).max() <= 1e-5 * weights[0].max()


def clean():
    """What a rented machine has."""
    kept = ("CALIBRATION_STORE", "CALIBRATION_S3_ENDPOINT", "CALIBRATION_CACHE", "AWS_", "PATH", "HOME")
    own = {name: value for name, value in os.environ.items() if name.startswith(kept)}
    return {**own, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
