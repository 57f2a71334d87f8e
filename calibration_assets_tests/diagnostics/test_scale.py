"""Diagnostics at the full profile's size: 30,000 targets x 5.2M columns under 60 s and 4 GB, the report under 20 s."""

import json
import subprocess
import sys

import pytest

from calibration_assets_tests.diagnostics.nation import write_nation

DIAGNOSE = """
import json, resource, sys, time
from pathlib import Path
import numpy as np, pandas as pd
from scipy import sparse
from calibration_assets.diagnostics.diagnosis import diagnose
from calibration_assets.diagnostics.report.page import write_report

folder = Path(sys.argv[1])
targets, columns = (pd.read_parquet(folder / f"{name}.parquet") for name in ("targets", "columns"))
data, indices = np.memmap(folder / "data", np.float32, "r"), np.memmap(folder / "indices", np.int32, "r")
X = sparse.csr_matrix((data, indices, np.load(folder / "indptr.npy")), shape=(len(targets), len(columns)), copy=False)
rng = np.random.default_rng(0)
initial = np.full(len(columns), 132e6 / len(columns))
weights = initial * rng.lognormal(0, 1, len(columns)) * (rng.random(len(columns)) < 0.5)
began = time.perf_counter()
diagnosis = diagnose(X, targets, columns, weights, gated_weights=weights, initial_weights=initial)
diagnosed = time.perf_counter()
write_report(diagnosis, folder / "report.html")
written = time.perf_counter()
size = (folder / "report.html").stat().st_size
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps([X.nnz, diagnosed - began, written - diagnosed, peak, size]))
"""


@pytest.mark.slow
def test_full_size_in_time_and_memory(tmp_path):
    write_nation(tmp_path, records=12_000, clones=436, persons=7)
    done = subprocess.run([sys.executable, "-c", DIAGNOSE, tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    entries, diagnosed, written, peak, size = json.loads(done.stdout)
    assert entries > 120e6
    assert diagnosed < 60
    assert written < 20
    assert peak < 4e9
    assert size < 8e6
