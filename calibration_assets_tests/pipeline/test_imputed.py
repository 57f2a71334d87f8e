"""The asset between the sample and its readers: off it is the sample itself; on it is keyed by all that it hangs on."""

import json

import numpy as np
import pytest
from dagster import AssetKey, DagsterInstance
from upath import UPath

from calibration_assets.definitions import build_defs
from calibration_assets.defs.config import ImputationConfig
from calibration_assets.defs.resources import CalibrationStorage
from calibration_assets.defs.run import _ops, with_puf
from calibration_assets.errors import CalibrationError
from calibration_assets.flags import parse_request
from calibration_assets.microdata import sources
from calibration_assets.microdata.dataset import read_dataset
from calibration_assets.microdata.surveys import SURVEYS as KNOWN_SURVEYS
from calibration_assets.pipeline import imputed
from calibration_assets.settings import SURVEYS, ImputationSettings
from calibration_assets.simulation.engine import calculate, open_simulation
from calibration_assets.storage.store import Store
from calibration_assets_tests.microdata.made_puf import made_arrays, made_returns, write_h5


@pytest.fixture
def store(tmp_path):
    return Store(UPath(tmp_path / "store"), tmp_path / "cache")


@pytest.fixture
def sample(store, tiny_dataset):
    def make(folder):
        sources.write_records(tiny_dataset, None, folder)
        return {"household rows": 20}

    return store.build("stratified_cps", "k" * 64, make)


@pytest.fixture
def puf_path(tmp_path):
    write_h5(tmp_path / "puf_2024.h5", made_arrays(made_returns(400)))
    return tmp_path / "puf_2024.h5"


def test_switched_off_it_is_the_sample_under_its_key(store, sample):
    value = imputed.imputed_cps(store, sample, ImputationSettings())
    assert value.name == "imputed_cps"
    assert value.key == sample.key
    assert value.files == sample.files
    assert value.metadata["household rows"] == 20
    assert imputed.imputed_cps(store, sample, ImputationSettings()).version == value.version


def test_switched_off_settings_change_nothing(store, sample):
    value = imputed.imputed_cps(store, sample, ImputationSettings(seed=7, trees=3))
    assert value.key == sample.key


def test_the_asset_hands_the_sample_on(store, sample, tmp_path):
    store.set_current(sample)
    storage = CalibrationStorage(base_path=str(tmp_path / "store"), cache_path=str(tmp_path / "cache"))
    definitions = build_defs(resources={"storage": storage})
    job = definitions.resolve_implicit_global_asset_job_def()
    with DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(instance=instance, asset_selection=[AssetKey("imputed_cps")])
    assert result.success
    value = store.current("imputed_cps")
    assert value.key == sample.key
    assert sources.read_records(value.folder)[0].tables["household"]["household_id"].tolist() == list(range(1, 21))


def test_a_puf_that_is_not_there_is_one_sentence(store, sample, tmp_path):
    with pytest.raises(CalibrationError, match="PUF .*nowhere.h5: no such file"):
        imputed.imputed_cps(store, sample, ImputationSettings(puf_dataset=str(tmp_path / "nowhere.h5")))
    assert not (tmp_path / "store" / "imputed_cps").exists()


def test_the_command_line_s_flags_arrive(tmp_path):
    files = {name: tmp_path / f"{name}.h5" for name in ("dataset", "db")}
    for path in files.values():
        path.touch()
    given = ["--dataset", str(files["dataset"]), "--db-path", str(files["db"])]

    def config(*flags):
        return _ops(parse_request([*given, *flags]))["imputed_cps"]["config"]

    assert config() == {"puf_dataset": "", "sources": list(SURVEYS)}
    assert config("--puf-dataset", "puf.h5", "--skip-source-impute") == {"puf_dataset": "puf.h5", "sources": []}
    assert config("--puf-dataset", "puf.h5", "--skip-puf")["puf_dataset"] == ""
    assert ImputationConfig(**config("--puf-dataset", "puf.h5")).settings.sources == SURVEYS


def test_make_puts_the_puf_into_any_profile():
    assert with_puf({"ops": None}, "p.h5")["ops"] == {"imputed_cps": {"config": {"puf_dataset": "p.h5"}}}
    profile = {"ops": {"imputed_cps": {"config": {"trees": 5}}, "weights": {"config": {}}}}
    ops = with_puf(profile, "p.h5")["ops"]
    assert ops == {"imputed_cps": {"config": {"trees": 5, "puf_dataset": "p.h5"}}, "weights": {"config": {}}}


def test_the_surveys_are_those_that_there_are():
    assert set(SURVEYS) == set(KNOWN_SURVEYS)


@pytest.mark.slow
def test_doubled_records_open_in_policyengine_and_tell_counts_alone(store, sample, puf_path, policyengine):
    settings = ImputationSettings(puf_dataset=str(puf_path), trees=5)
    value = imputed.imputed_cps(store, sample, settings)
    assert value.key != sample.key
    assert value.metadata["household rows"] == 40
    text = json.dumps(dict(value.metadata))
    arrays = made_arrays(made_returns(400))
    amounts = np.unique(np.round(arrays["employment_income"]))
    assert not any(f"{amount:.0f}" in text for amount in amounts if amount > 1e5)
    dataset = read_dataset(value.folder / sources.DATASET_FILE)
    household_agi = sources.read_household_agi(value.folder)
    assert household_agi["household_id"].tolist() == dataset.tables["household"]["household_id"].tolist()
    columns = {name: frame[name].to_numpy() for frame in dataset.tables.values() for name in frame}
    simulation = open_simulation(columns)
    for name in ("long_term_capital_gains_before_response", "s_corp_income", "foreign_tax_credit_potential"):
        np.testing.assert_allclose(calculate(simulation, name, "the test"), columns[name], rtol=1e-6)
    wages = calculate(simulation, "employment_income", "the test")
    np.testing.assert_allclose(wages, columns["employment_income_before_lsr"], rtol=1e-6)
    assert imputed.imputed_cps(store, sample, settings).version == value.version
