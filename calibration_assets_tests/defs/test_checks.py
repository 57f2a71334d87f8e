"""Checks in a run: on the asset's page with number, bound and rows; severe ones stop what is downstream."""

import numpy as np
import pytest
from dagster import AssetCheckSeverity, AssetKey, DagsterInstance, Definitions, Output, asset

from calibration_assets.definitions import defs
from calibration_assets.defs.assets.weights import weights
from calibration_assets.defs.checks import check_package, check_weights
from calibration_assets.defs.fit_place import FitPlace
from calibration_assets.defs.io_managers import StoredValueIOManager
from calibration_assets.defs.partitions import AREAS
from calibration_assets.defs.resources import CalibrationStorage
from calibration_assets.pipeline.area_findings import CHECKS
from calibration_assets.storage.store import StoredValue
from calibration_assets_tests.pipeline.stored import example_package, store_package


@asset(io_manager_key="stored_value")
def calibration_package(storage: CalibrationStorage) -> Output[StoredValue]:
    """A package with an entry that is not finite, as no build would make it."""
    matrix, *_ = example_package()
    matrix.data[7] = np.nan
    return Output(store_package(storage.open(), matrix=matrix))


@asset(io_manager_key="stored_value", name="calibration_package")
def sound_package(storage: CalibrationStorage) -> Output[StoredValue]:
    """A package that can be fitted."""
    return Output(store_package(storage.open()))


def run(tmp_path, package):
    """The package, the fit and their checks in one run."""
    storage = CalibrationStorage(base_path=str(tmp_path / "store"), cache_path=str(tmp_path / "cache"))
    graph = Definitions(
        assets=[package, weights],
        asset_checks=[check_package, check_weights],
        resources={
            "storage": storage,
            "stored_value": StoredValueIOManager(storage=storage),
            "fit_place": FitPlace(),
        },
    )
    config = {"ops": {"weights": {"config": {"epochs": 10}}}}
    with DagsterInstance.ephemeral() as instance:
        result = graph.resolve_implicit_global_asset_job_def().execute_in_process(
            config, instance, raise_on_error=False
        )
        checks = {one.check_name: one for one in result.get_asset_check_evaluations()}
    return result, checks, storage.open()


def test_a_bad_package_is_not_fitted(tmp_path):
    result, checks, store = run(tmp_path, calibration_package)
    assert not result.success
    assert store.current_key("weights") is None
    found = checks["package_validity"]
    assert (found.passed, found.severity) == (False, AssetCheckSeverity.ERROR)
    assert found.metadata["number"].value == 1
    assert found.metadata["bound"].value == 0
    assert "1 entries of the matrix are not finite" in found.metadata["rows"].value
    assert "valid_weights" not in checks


def test_a_sound_package_is_fitted_and_thin_weights_only_warn(tmp_path):
    result, checks, store = run(tmp_path, sound_package)
    assert result.success
    assert store.current_key("weights") is not None
    assert checks["package_validity"].passed
    assert checks["valid_weights"].passed
    found = checks["largest_weight"]
    assert (found.passed, found.severity) == (False, AssetCheckSeverity.WARN)
    assert found.metadata["number"].value > found.metadata["bound"].value


@pytest.mark.parametrize(
    ("asset_name", "checks"),
    [
        ("stratified_cps", {"dataset_contract"}),
        ("imputed_cps", {"dataset_contract"}),
        ("target_database", {"database_consistency"}),
        ("calibration_package", {"package_validity", "truth_sample"}),
        ("weights", {"valid_weights"}),
    ],
)
def test_severe_checks_block(asset_name, checks):
    graph = defs.resolve_asset_graph()
    specs = [graph.get_check_spec(key) for key in graph.get_check_keys_for_assets([AssetKey(asset_name)])]
    assert checks <= {spec.name for spec in specs if spec.blocking}


def test_an_area_is_checked_by_itself():
    graph = defs.resolve_asset_graph()
    specs = [graph.get_check_spec(key) for key in graph.get_check_keys_for_assets([AssetKey("area_datasets")])]
    assert {spec.name for spec in specs} == set(CHECKS)
    assert all(spec.partitions_def == AREAS for spec in specs)


def test_every_check_is_described():
    graph = defs.resolve_asset_graph()
    assert all(graph.get_check_spec(key).description for key in graph.asset_check_keys)
