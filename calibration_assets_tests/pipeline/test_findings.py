"""Every check passes on a sound value and tells the number and the rows of a fault that was planted."""

import sqlite3
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from calibration_assets.diagnostics.diagnosis import diagnose, write_diagnosis
from calibration_assets.errors import CalibrationError
from calibration_assets.microdata.dataset import write_dataset
from calibration_assets.microdata.sources import DATASET_FILE
from calibration_assets.package.folder import read_package_folder
from calibration_assets.pipeline import findings
from calibration_assets.pipeline.records import DATABASE_FILE
from calibration_assets.pipeline.truth import judge_truth
from calibration_assets.pipeline.weights import weights
from calibration_assets.settings import FitBounds, FitSettings, GateSettings, PackageBounds, TruthSettings
from calibration_assets.targets.database import build_database
from calibration_assets_tests.pipeline.stored import example_package, open_store, store_package
from calibration_assets_tests.targets.conftest import figures, make_reference


@pytest.fixture
def store(tmp_path):
    return open_store(tmp_path)


def judge_package(store, **changes):
    package = store_package(store, **changes)
    return {one.check: one for one in findings.package_findings(package, PackageBounds())}


def test_a_sound_package_passes(store):
    found = judge_package(store)
    assert list(found) == ["package_validity", "movable_targets", "district_support"]
    assert all(one.passed for one in found.values())
    assert found["district_support"].number == 40


def planted(part, fault):
    matrix, targets, columns, initial = example_package()
    changes = {"matrix": matrix, "targets": targets, "columns": columns, "initial_weights": initial}
    fault(changes[part])
    return {part: changes[part]}


def infinite_entry(matrix):
    matrix.data[7] = np.inf


def column_outside(matrix):
    matrix.indices[3] = 240


def missing_value(targets):
    targets.loc[2, "value"] = np.nan


def repeated_name(targets):
    targets.loc[2, "target_name"] = targets.loc[1, "target_name"]


def negative_start(initial):
    initial[5] = -1.0


@pytest.mark.parametrize(
    ("part", "fault", "sentence"),
    [
        ("matrix", infinite_entry, "1 entries of the matrix are not finite"),
        ("matrix", column_outside, "1 entries name no column of the 240"),
        ("targets", missing_value, "1 targets are not finite"),
        ("targets", repeated_name, "1 names of targets repeat another"),
        ("initial_weights", negative_start, "1 initial weights are negative"),
    ],
)
def test_a_faulty_package_fails_and_is_refused_by_the_fit(store, part, fault, sentence):
    changes = planted(part, fault)
    found = judge_package(store, **changes)["package_validity"]
    assert not found.passed
    assert sentence in found.sentence
    assert found.number == 1
    with pytest.raises(CalibrationError, match=sentence):
        weights(store, store.current("calibration_package"), FitSettings(epochs=1))
    assert store.current_key("weights") is None


def test_a_package_that_does_not_open_fails(store):
    package = store_package(store)
    (package.folder / "column_data.npy").write_bytes(b"")
    found = {one.check: one for one in findings.package_findings(package, PackageBounds())}
    assert not any(one.passed for one in found.values())
    assert "column_data.npy: 0 bytes was found" in found["package_validity"].sentence


def test_targets_that_no_column_moves_are_counted_and_named(store):
    matrix, *_ = example_package()
    matrix.data[: matrix.indptr[10]] = 0
    matrix.eliminate_zeros()
    found = judge_package(store, matrix=matrix)["movable_targets"]
    assert (found.passed, found.number) == (False, pytest.approx(100 * 10 / 27))
    assert len(found.rows) == 10
    assert found.rows[0]["target"] == "6/person_count/age 0 to 18"


def test_districts_without_columns_are_named(store):
    _, targets, *_ = example_package()
    targets["geographic_id"] = targets["geographic_id"].replace("602", "603")
    found = judge_package(store, targets=targets)["district_support"]
    assert (found.passed, found.number, found.rows) == (False, 0, [{"district": 603, "columns": 0}])


def judge_fit(store, values=None, bounds=None, **metadata):
    package = store_package(store)
    fitted = weights(store, package, FitSettings(epochs=30))
    if values is not None:
        np.save(fitted.folder / "weights.npy", values)
    fitted = replace(fitted, metadata={**fitted.metadata, **metadata})
    return {one.check: one for one in findings.fit_findings(package, fitted, bounds or FitBounds())}


def test_a_sound_fit_passes(store):
    found = judge_fit(store, bounds=FitBounds(largest_weight_pct=5.0))
    assert list(found) == ["valid_weights", "fit_convergence", "largest_weight", "effective_sample"]
    assert all(one.passed for one in found.values()), found


@pytest.mark.parametrize("value", [-1.0, np.nan, np.inf])
def test_a_weight_that_is_none_is_named(store, value):
    values = np.full(240, 5.0, dtype=np.float32)
    values[17] = value
    found = judge_fit(store, values)["valid_weights"]
    assert not found.passed
    assert [row["column"] for row in found.rows] == [17]


def test_weights_that_are_all_zero_fail(store):
    assert not judge_fit(store, np.zeros(240, dtype=np.float32))["valid_weights"].passed


def test_a_fit_cut_short_fails(store):
    cut = {"converged": False, "reason": "Cut.", "iterations": 5, "last_iterations": 5, "relative_gradient_norm": 0.5}
    found = judge_fit(store, refit={**cut, "relative_change_of_last_iterations": 0.3})["fit_convergence"]
    assert (found.passed, found.number, found.bound) == (False, pytest.approx(30), 1.0)


def test_a_weight_that_carries_the_nation_is_named(store):
    values = np.full(240, 1.0, dtype=np.float32)
    values[41] = 1e6
    found = judge_fit(store, values)
    assert not found["largest_weight"].passed
    assert not found["effective_sample"].passed
    assert found["largest_weight"].rows == [{"household_id": 101, "clone": 1, "district": 602, "weight": 1e6}]


def test_the_dataset_s_contract(store, tiny_dataset):
    def put(dataset, key):
        return store.put("stratified_cps", key * 64, lambda folder: write_dataset(dataset, folder / DATASET_FILE) or {})

    assert findings.dataset_contract(put(tiny_dataset, "a")).passed
    value = put(tiny_dataset, "b")
    (value.folder / DATASET_FILE).write_bytes(b"not H5")
    found = findings.dataset_contract(value)
    assert not found.passed
    assert DATASET_FILE in found.sentence


def test_levels_of_the_database_that_disagree_are_named(store):
    reference = make_reference(figures({0: 100, 6: 60, 48: 40}, "snap"), figures({6: 5}, "household_count"))

    def judge(california):
        def make(folder):
            build_database(folder / DATABASE_FILE, reference)
            with sqlite3.connect(folder / DATABASE_FILE) as connection:
                connection.execute("UPDATE targets SET value = ? WHERE value = 60", (california,))
            connection.close()
            return {}

        return findings.database_consistency(store.put("target_database", f"{california:064}", make))

    assert judge(60).passed
    found = judge(20)
    assert (found.passed, found.number, found.bound) == (False, 1, 0)
    assert (found.rows[0]["quantity"], found.rows[0]["left_value"], found.rows[0]["right_value"]) == ("snap", 100, 60)


def store_run(store, name, initial):
    """Diagnostics of weights, stored and current."""
    store_package(store)
    package = read_package_folder(store.current("calibration_package").folder)
    names = package.targets_df["target_name"].tolist()
    targets = package.targets_df.assign(target_name=names)
    fitted = store.put("weights", name * 64, lambda folder: np.save(folder / "weights.npy", initial) or {})
    store.set_current(fitted)
    diagnosis = diagnose(package.X_sparse, targets, package.columns, initial)

    def make(folder):
        write_diagnosis(diagnosis, folder)
        return {"weights": fitted.key}

    value = store.put("diagnostics", name * 64, make)
    store.set_current(value)
    return value


@pytest.fixture
def exact():
    """Weights that meet every target of the example."""
    rng = np.random.default_rng(5)
    rng.poisson(1.2, (3, 40))
    return rng.uniform(500, 1500, 240)


def test_a_run_that_passes_is_the_accepted_one(store, exact):
    first = store_run(store, "a", exact)
    assert all(one.passed for one in findings.pass_gate(store, GateSettings()))
    assert store.accepted("diagnostics").version == first.version
    second = store_run(store, "b", exact * 1.01)
    found = {one.check: one for one in findings.pass_gate(store, GateSettings())}
    assert found["accuracy"].number == 0
    assert found["movement"].number == pytest.approx(0.5)
    assert store.accepted("diagnostics").version == second.version
    assert store.accepted("weights").key == "b" * 64


def test_a_regression_is_an_error_and_leaves_the_accepted_run(store, exact):
    first = store_run(store, "a", exact)
    findings.pass_gate(store, GateSettings())
    worse = exact.copy()
    worse[:40] *= 1.5
    store_run(store, "b", worse)
    found = {one.check: one for one in findings.pass_gate(store, GateSettings())}
    missed = pd.DataFrame(found["accuracy"].rows)
    assert (found["accuracy"].passed, found["accuracy"].number) == (False, pytest.approx(100 * len(missed) / 27))
    assert missed["abs_rel_error_after"].max() == pytest.approx(0.5)
    assert store.accepted("diagnostics").version == first.version
    assert all(one.passed for one in findings.pass_gate(store, GateSettings(accept=True)) if one.check == "accuracy")
    assert store.accepted("diagnostics").key == "b" * 64


def test_weight_that_moves_far_is_named(store, exact):
    store_run(store, "a", exact)
    findings.pass_gate(store, GateSettings())
    store_run(store, "b", np.where(np.arange(240) % 40 < 10, 0, exact))
    found = {one.check: one for one in findings.pass_gate(store, GateSettings(largest_movement_pct=5))}["movement"]
    assert not found.passed
    assert found.rows[0]["weight_after"] == 0


def test_diagnostics_of_other_weights_are_refused(store, exact):
    store_run(store, "a", exact)
    other = store.put("weights", "c" * 64, lambda folder: np.save(folder / "weights.npy", exact) or {})
    store.set_current(other)
    with pytest.raises(CalibrationError, match="they are of other weights than the current ones"):
        findings.pass_gate(store, GateSettings())
    assert store.accepted("diagnostics") is None


@pytest.mark.parametrize(("matrix", "passed"), [([5.0, 0.0, 1e6 + 10], True), ([5.0, 1.0, 1e6 + 5000], False)])
def test_what_a_comparison_with_a_simulation_amounts_to(matrix, passed):
    table = pd.DataFrame({"matrix": matrix, "simulated": [5.0, 0.0, 1e6]})
    found = judge_truth(table, ["a", "b", "c"], 30, TruthSettings(columns=30))
    assert found.passed == passed
    assert [row["target"] for row in found.rows] == ([] if passed else ["b", "c"])
