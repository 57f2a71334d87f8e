"""The Modal app: importable, and its functions called here do what they do there."""

import json

import numpy as np
import pandas as pd
import pytest

from calibration_assets.defs.config import WeightsConfig
from calibration_assets.package.bridge import write_package_pickle
from calibration_assets.package.folder import read_package_folder
from calibration_assets_tests.pipeline.stored import open_store, store_package
from deploy import modal_app

SETTINGS = {"epochs": 30, "beta": 0.65, "lambda_l0": 1e-3, "lambda_l2": 1e-8, "device": "cpu"}


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A store on what stands for the volume."""
    for name, part in {"CALIBRATION_STORE": "store", "CALIBRATION_CACHE": "cache"}.items():
        monkeypatch.setenv(name, str(tmp_path / part))
    monkeypatch.chdir(tmp_path)
    return open_store(tmp_path)


@pytest.fixture
def package(store, tmp_path):
    """The manual's package file."""
    path = tmp_path / "calibration_package.pkl"
    write_package_pickle(read_package_folder(store_package(store).folder), path)
    return str(path)


def test_a_package_file_is_fitted_into_the_store(store, package):
    said = modal_app.fit_package.local(package, SETTINGS)
    value = store.current("package_fit")
    assert said == f"stored {store.base}/package_fit/{value.version}"
    store.verify(value)
    config = json.loads((value.folder / "unified_run_config.json").read_text())
    assert {name: config[name] for name in SETTINGS} == SETTINGS
    assert len(pd.read_csv(value.folder / "unified_diagnostics.csv")) == 27
    assert np.load(value.folder / "unified_weights.npy").shape == (240,)
    assert modal_app.fit_package.local(package, SETTINGS) == said


def test_a_target_config_travels_as_text(store, package):
    targets = "include: [{variable: person_count, geo_level: state}]"
    modal_app.fit_package.local(package, SETTINGS, targets)
    assert len(pd.read_csv(store.current("package_fit").folder / "unified_diagnostics.csv")) == 9


def test_a_dagster_run_s_fit(store):
    package = store_package(store)
    request = {"run": "a-run", "config": WeightsConfig(epochs=30).model_dump(mode="json"), "package": package.version}
    said = modal_app.fit.local(request)
    assert said.startswith(f"stored {store.base}/weights/")


def test_the_flags_of_the_manual_are_the_entry_point_s():
    given = modal_app.main.info.raw_f.__annotations__
    assert set(given) >= {"package_volume", "gpu", "epochs", "beta", "lambda_l0", "lambda_l2", "target_config"}
