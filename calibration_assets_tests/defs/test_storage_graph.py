"""The whole graph on twenty households with its store in a bucket, read from another machine, damaged and pruned."""

from datetime import UTC, datetime, timedelta

import pytest
from dagster import DagsterInstance

from calibration_assets import exports
from calibration_assets.definitions import JOBS, build_defs
from calibration_assets.microdata.dataset import write_dataset
from calibration_assets.package.load import load_calibration_package
from calibration_assets.settings import PruneSettings
from calibration_assets.storage.prune import prune


@pytest.mark.slow
def test_the_whole_graph_over_a_bucket(bucket, tmp_path, tiny_dataset):
    write_dataset(tiny_dataset, tmp_path / "tiny.h5")
    ops = {
        "extended_cps": {"config": {"dataset": str(tmp_path / "tiny.h5")}},
        "stratified_cps": {"config": {"target_households": 0}},
        "cloned_records": {"config": {"n_clones": 40}},
        "simulated_values": {"config": {"rerandomize_takeup": False, "batches": 1}},
        "weights": {"config": {"epochs": 20, "refit": {"max_iterations": 50}}},
    }

    def calibrate(machine):
        job = build_defs(resources={"storage": bucket.storage(machine)}).resolve_job_def("calibrate")
        with DagsterInstance.ephemeral() as instance:
            assert job.execute_in_process({"ops": ops}, instance).success
        store = bucket.open(machine)
        return {name: store.current(name).version for name, _ in JOBS.values()}

    first = calibrate("one machine")
    assert calibrate("another machine") == first
    store = bucket.open("a third machine")
    package = load_calibration_package(store.current("calibration_package").folder)
    assert package.X_sparse.shape[1] == 20 * 40
    assert len(exports.lay_out(store, ["weights", "diagnostics", "report"], tmp_path / "out")) == 5

    settings, later = PruneSettings(keep_days=0, keep_versions=0), datetime.now(UTC) + timedelta(minutes=1)
    done = prune(store, settings, later)
    assert {one.path.split("/")[0] for one in done} <= {"runs"}
    assert calibrate("one machine") == first

    (version,) = store.current("simulated_values").metadata["versions_by_state"]["50"]
    store.base.fs.rm((store.base / "simulated_values/50" / version).path, recursive=True)
    store.base.fs.rm((store.base / "calibration_package").path, recursive=True)
    again = calibrate("a fourth machine")
    assert again.keys() == first.keys()
    assert bucket.open("one machine").current("simulated_values").metadata["versions_by_state"]["50"] != [version]
