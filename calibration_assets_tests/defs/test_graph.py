"""The whole graph on twenty households: once from nothing, once again where nothing has changed."""

import numpy as np
import pandas as pd
import pytest
from dagster import DagsterInstance

from calibration_assets import exports
from calibration_assets.definitions import JOBS, build_defs
from calibration_assets.defs.resources import CalibrationStorage
from calibration_assets.microdata.dataset import write_dataset
from calibration_assets.package.load import load_calibration_package


@pytest.mark.slow
def test_the_whole_graph_on_twenty_households(tmp_path, tiny_dataset):
    write_dataset(tiny_dataset, tmp_path / "tiny.h5")
    storage = CalibrationStorage(base_path=str(tmp_path / "store"), cache_path=str(tmp_path / "cache"))
    job = build_defs(resources={"storage": storage}).resolve_job_def("calibrate")
    ops = {
        "extended_cps": {"config": {"dataset": str(tmp_path / "tiny.h5")}},
        "stratified_cps": {"config": {"target_households": 0}},
        "cloned_records": {"config": {"n_clones": 40}},
        "simulated_values": {"config": {"rerandomize_takeup": False, "batches": 1}},
        "weights": {"config": {"epochs": 20, "refit": {"max_iterations": 50}}},
    }
    store = storage.open()
    with DagsterInstance.ephemeral() as instance:
        assert job.execute_in_process({"ops": ops}, instance).success
        first = {name: store.current(name).version for name, _ in JOBS.values()}
        assert job.execute_in_process({"ops": ops}, instance).success
    assert {name: store.current(name).version for name, _ in JOBS.values()} == first

    package = load_calibration_package(store.current("calibration_package").folder)
    assert package.X_sparse.shape == (len(package.target_names), 20 * 40)
    written = exports.lay_out(store, ["weights", "diagnostics", "report"], tmp_path / "out")
    weights = np.load(tmp_path / "out" / "calibration" / "unified_weights.npy")
    errors = pd.read_csv(tmp_path / "out" / "calibration" / "unified_diagnostics.csv")
    assert len(written) == 5
    assert weights.shape == (800,)
    fitted = dict(zip(package.target_names, package.X_sparse.astype(float) @ weights.astype(float), strict=True))
    np.testing.assert_allclose(errors["estimate"], [fitted[name] for name in errors["target"]], rtol=1e-9)
