"""From stored weights to the report, on twenty households: stored once, compared with the run before, refused where
weights belong elsewhere."""

import json

import numpy as np
import pandas as pd
import pytest
import yaml
from upath import UPath

from calibration_assets.defs.metadata import stored_output
from calibration_assets.diagnostics.compare import main
from calibration_assets.diagnostics.diagnosis import read_diagnosis
from calibration_assets.errors import CalibrationError
from calibration_assets.microdata.sources import write_records
from calibration_assets.package.folder import write_package
from calibration_assets.pipeline.diagnostics import diagnostics
from calibration_assets.pipeline.held_out import held_out_accuracy
from calibration_assets.pipeline.reporting import find_previous, report
from calibration_assets.pipeline.weights import weights
from calibration_assets.settings import DiagnosticsSettings, FitSettings, HeldOutSettings
from calibration_assets.storage.store import Store
from calibration_assets_tests.diagnostics.example import make_package

FOLDS = HeldOutSettings(n_folds=3, max_iterations=40)


class Run:
    """The stored values of one run over a made package of the twenty households."""

    def __init__(self, store, dataset, agi, config):
        self.store, self.config, self.told = store, config, []
        X, targets, columns, _ = make_package(households=dataset.tables["household"]["household_id"].to_numpy())
        initial = np.full(len(columns), 30.0)

        def write_dataset(folder):
            write_records(dataset, agi, folder)
            return {}

        def write_matrix(folder):
            write_package(X, targets.assign(target_id=range(len(targets))), columns, initial, folder)
            return {"keys": {}}

        self.records = store.find("stratified_cps", "records") or store.put("stratified_cps", "records", write_dataset)
        self.package = store.find("calibration_package", "p") or store.put("calibration_package", "p", write_matrix)

    def make(self, folds=FOLDS, checks=0, **settings):
        store, fit = self.store, FitSettings(epochs=20, **settings)
        self.weights = weights(store, self.package, fit, self.config, allow_stale=True, tell=self.told.append)
        self.held_out = held_out_accuracy(store, self.package, self.weights, folds)
        inputs = (self.records, self.package, self.weights, self.held_out)
        self.diagnostics = diagnostics(store, *inputs, DiagnosticsSettings(check_conflicts=checks))
        self.report = report(store, self.diagnostics)
        store.set_current(self.report)
        return self


@pytest.fixture
def run(tmp_path, tiny_dataset, tiny_household_agi):
    config = tmp_path / "targets.yaml"
    config.write_text(yaml.safe_dump({"include": [{"variable": "person_count"}, {"variable": "employment_income"}]}))
    store = Store(UPath(tmp_path / "store"), tmp_path / "cache")
    return Run(store, tiny_dataset, tiny_household_agi, str(config))


def test_nothing_changed_nothing_made(run):
    first = run.make()
    values = (first.weights, first.held_out, first.diagnostics, first.report)
    second = run.make()
    assert (second.weights, second.held_out, second.diagnostics, second.report) == values


def test_report_shows_held_out_accuracy_and_states_that_nothing_went_before(run):
    page = (run.make().report.folder / "report.html").read_text()
    assert "There is no previous run to compare with." in page
    assert "Every target was held out once, in 3 folds" in page
    assert list(run.report.files) == ["report.html"]
    held_out = read_diagnosis(run.diagnostics.folder).held_out
    assert sorted(held_out["fold"].unique()) == [0, 1, 2]
    median = held_out["held_out_abs_rel_error"].median() * 100
    assert run.diagnostics.metadata["held_out_median_error_pct"] == pytest.approx(median)
    assert run.held_out.metadata["held_out_median_error_pct"] == pytest.approx(median)


def test_second_run_is_compared_with_the_first_and_stays_so(run, capsys):
    first = run.make().diagnostics
    second = run.make(seed=7)
    assert second.report.metadata["previous"] == first.key
    assert find_previous(run.store, run.diagnostics) == first
    page = (second.report.folder / "report.html").read_text()
    assert "Households whose weight moved to another record" in page
    targets = pd.read_parquet(second.report.folder / "targets.parquet")
    counts = targets["status"].value_counts()
    assert second.report.metadata["targets better"] == counts.get("better", 0)
    assert main([str(first.folder), str(second.diagnostics.folder)]) == 0
    assert capsys.readouterr().out == (second.report.folder / "comparison.txt").read_text()


def test_previous_diagnostics_that_are_gone_leave_no_comparison(run):
    first = run.make().diagnostics
    (run.store.base / "diagnostics" / first.version / "manifest.json").unlink()
    assert "previous" not in run.make(seed=7).report.metadata or run.report.metadata["previous"] == ""


def test_previous_diagnostics_of_another_format_leave_no_comparison(run):
    first = run.make().diagnostics
    manifest = first.folder / "manifest.json"
    text = json.loads(manifest.read_text())
    text["metadata"]["format"] = 0
    manifest.write_text(json.dumps(text))
    assert run.make(seed=7).report.metadata["previous"] == ""


def test_held_out_accuracy_can_be_left_out(run):
    run.make(folds=HeldOutSettings(n_folds=0))
    assert run.held_out.metadata["folds"] == 0
    assert "held_out_median_error_pct" not in run.diagnostics.metadata
    assert "Held-out accuracy was not measured in this run." in (run.report.folder / "report.html").read_text()


def test_conflicts_are_checked_on_request(run):
    conflicts = read_diagnosis(run.make(checks=1).diagnostics.folder).conflicts
    assert conflicts["error_refitted"].notna().sum() == min(1, len(conflicts))


def test_a_fit_tells_its_figures_while_it_runs(run):
    run.make()
    assert [told["epoch"] for told in run.told] == list(range(2, 21, 2))
    assert set(run.told[0]) == {"epoch", "loss", "kept_columns", "within_1_pct", "within_10_pct"}
    assert 0 <= run.told[-1]["within_10_pct"] <= 100


def test_weights_of_another_package_are_refused(run, tmp_path):
    run.make()
    other = run.store.put("calibration_package", "other", lambda folder: {"keys": {}})
    with pytest.raises(CalibrationError, match="weights were fitted to another calibration package"):
        held_out_accuracy(run.store, other, run.weights, FOLDS)
    with pytest.raises(CalibrationError, match="weights were fitted to another calibration package"):
        diagnostics(run.store, run.records, other, run.weights, run.held_out, DiagnosticsSettings())


def test_asset_pages_stay_small(run):
    run.make()
    run.make(seed=7)
    for value in (run.weights, run.held_out, run.diagnostics, run.report):
        metadata = stored_output(value).metadata
        assert len(metadata) < 30
        assert sum(len(str(entry.value)) for entry in metadata.values()) < 500_000
