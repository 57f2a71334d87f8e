"""The whole graph with a Public Use File and all four surveys, made in their real layouts: what they add arrives."""

import numpy as np
import pytest
from dagster import AssetKey, DagsterInstance

from calibration_assets.definitions import build_defs
from calibration_assets.defs.resources import CalibrationStorage
from calibration_assets.microdata.dataset import read_dataset, write_dataset
from calibration_assets.package.load import load_calibration_package
from calibration_assets.pipeline.areas import area_file
from calibration_assets_tests.microdata.made_puf import made_arrays, made_returns, write_h5
from calibration_assets_tests.microdata.surveys import made

IMPUTED = {"rent", "net_worth", "tip_income", "real_estate_taxes", "loss_limited_net_capital_gains"}
"""Targets that the twenty households alone do not move."""


@pytest.fixture(scope="module")
def graph(tmp_path_factory, tiny_dataset):
    """The graph run to its report and one area, and what its run told: store, instance results."""
    folder = tmp_path_factory.mktemp("imputed")
    write_dataset(tiny_dataset, folder / "tiny.h5")
    write_h5(folder / "puf_2024.h5", made_arrays(made_returns(400)))
    made.write_all(folder / "raw", 150)
    imputed = {"puf_dataset": str(folder / "puf_2024.h5"), "sources": ["acs", "sipp", "org", "scf"], "trees": 5}
    ops = {
        "extended_cps": {"config": {"dataset": str(folder / "tiny.h5")}},
        "stratified_cps": {"config": {"target_households": 0}},
        "imputed_cps": {"config": {**imputed, "raw_folder": str(folder / "raw")}},
        "cloned_records": {"config": {"n_clones": 6}},
        "simulated_values": {"config": {"rerandomize_takeup": False, "batches": 1}},
        "weights": {"config": {"epochs": 20, "refit": {"max_iterations": 50}}},
        "held_out_accuracy": {"config": {"n_folds": 0}},
    }
    storage = CalibrationStorage(base_path=str(folder / "store"), cache_path=str(folder / "cache"))
    definitions = build_defs(resources={"storage": storage})
    every = definitions.resolve_implicit_global_asset_job_def()
    with DagsterInstance.ephemeral() as instance:
        whole = definitions.resolve_job_def("calibrate").execute_in_process({"ops": ops}, instance)
        area = every.execute_in_process(
            {"ops": {"check_areas": {"config": {"sampled_pct": 100}}}},
            instance,
            asset_selection=[AssetKey("area_datasets")],
            partition_key="CA",
        )
    return storage.open(), whole, area


pytestmark = pytest.mark.slow


def test_the_records_are_doubled_and_hold_what_was_imputed(graph):
    store, whole, _ = graph
    assert whole.success
    dataset = read_dataset(store.current("imputed_cps").folder / "dataset.h5")
    weight = dataset.tables["household"]["household_weight"].to_numpy()
    assert (len(weight), (weight[20:] == 0).all()) == (40, True)
    held = {str(name) for frame in dataset.tables.values() for name in frame}
    assert {"pre_subsidy_rent", "tip_income", "net_worth", "auto_loan_balance", "s_corp_income"} <= held


def test_targets_of_imputed_variables_are_moved(graph):
    package = load_calibration_package(graph[0].current("calibration_package").folder)
    assert package.matrix.shape[1] == 40 * 6
    moved = package.matrix @ np.ones(240) != 0
    assert set(package.targets_df["variable"][moved]) >= IMPUTED


def test_an_area_s_file_passes_its_checks_and_says_what_the_matrix_says(graph):
    store, _, area = graph
    assert area.success
    checks = {one.check_name: one for one in area.get_asset_check_evaluations()}
    assert set(checks) == {"area_contract", "area_population", "area_means", "area_totals"}
    assert checks["area_totals"].passed, checks["area_totals"].description
    assert checks["area_contract"].passed
    assert checks["area_totals"].partition == "CA"
    found = read_dataset(store.current("area_datasets/CA").folder / area_file("CA"))
    assert (found.tables["household"]["state_fips"] == 6).all()
    assert "net_worth" in found.tables["household"]


def test_of_the_public_use_file_the_run_tells_counts_alone(graph):
    told = str([event.event_specific_data for event in graph[1].all_events])
    amounts = np.unique(np.round(made_arrays(made_returns(400))["employment_income"]))
    assert "PUF persons" in told
    assert not [amount for amount in amounts if amount > 1e5 and f"{amount:.0f}" in told]
