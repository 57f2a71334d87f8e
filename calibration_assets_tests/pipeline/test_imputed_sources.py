"""The imputed records with made surveys: what the asset stores and shows, and what its key follows."""

import numpy as np
import pytest
from upath import UPath

from calibration_assets.errors import CalibrationError
from calibration_assets.microdata import sources
from calibration_assets.pipeline.imputed import imputed_cps
from calibration_assets.settings import ImputationSettings
from calibration_assets.storage.store import Store
from calibration_assets_tests.microdata.surveys import made
from calibration_assets_tests.microdata.surveys.population import made_population, made_records


@pytest.fixture
def store(tmp_path):
    return Store(UPath(tmp_path / "store"), tmp_path / "cache")


@pytest.fixture
def sample(store):
    records = made_records(made_population(80, 5), all_known=False)
    return store.build("stratified_cps", "k" * 64, lambda folder: sources.write_records(records, None, folder) or {})


@pytest.fixture
def raw(tmp_path):
    folder = tmp_path / "raw"
    folder.mkdir()
    made.write_acs(folder, 150)
    made.write_scf(folder, 60)
    return folder


def test_the_asset_stores_the_records_their_tables_and_a_picture(store, sample, raw):
    settings = ImputationSettings(sources=("acs", "scf"), raw_folder=str(raw))
    value = imputed_cps(store, sample, settings)
    dataset, _ = sources.read_records(value.folder)
    heads = dataset.tables["person"]["is_household_head"].to_numpy()
    assert (dataset.tables["person"]["pre_subsidy_rent"].to_numpy() > 0)[heads].any()
    assert np.ptp(dataset.tables["household"]["net_worth"]) > 0
    assert "tip_income" not in dataset.tables["person"]
    assert [row["source"] for row in value.metadata["sources"]] == ["acs", "scf"]
    assert value.metadata["sources"][0]["left out (not in the records)"] == "is_female, tenure"
    assert len(value.metadata["imputed variables"]) == 5
    assert (value.folder / "imputed_values.png").read_bytes()[:4] == b"\x89PNG"


def test_the_key_follows_the_surveys_and_the_switches(store, sample, raw):
    both, one = (
        imputed_cps(store, sample, ImputationSettings(sources=keys, raw_folder=str(raw)))
        for keys in (("acs", "scf"), ("acs",))
    )
    assert both.key != one.key
    again = imputed_cps(store, sample, ImputationSettings(sources=("scf", "acs"), raw_folder=str(raw)))
    assert again.version == both.version
    for file in raw.glob("acs*"):
        file.unlink()
    made.write_acs(raw, 160)
    assert imputed_cps(store, sample, ImputationSettings(sources=("acs",), raw_folder=str(raw))).key != one.key


def test_a_source_that_fails_stops_the_asset_with_its_name_and_stores_nothing(store, sample, raw, tmp_path):
    made.write_scf(raw, 60, drop="networth")
    for file in raw.glob("scf*.json"):
        file.unlink()
    with pytest.raises(CalibrationError, match=r"source scf \(SCF 2022\): rscfp2022.dta has no column NETWORTH"):
        imputed_cps(store, sample, ImputationSettings(sources=("acs", "scf"), raw_folder=str(raw)))
    assert not list((tmp_path / "store" / "imputed_cps").rglob("manifest.json"))
