"""A fit by a command of its own: the same weights, a clean environment, and no command where they are stored."""

import json
import os
import sys

import numpy as np
import pytest
from dagster import AssetKey, DagsterEventType, DagsterInstance

from calibration_assets.definitions import build_defs
from calibration_assets.defs.fit_place import COMMAND, FitPlace
from calibration_assets.defs.resources import CalibrationStorage
from calibration_assets.storage.store import Store
from calibration_assets_tests.pipeline.stored import open_store, store_package

WORKER = f"{sys.executable} -W ignore -m calibration_assets.defs.fit_worker"
CONFIG = {"epochs": 30, "lambda_l0": 1e-3}
SECRETS = ("DAGSTER_PG_PASSWORD", "CALIBRATION_SLACK_TOKEN")


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    """A deployment's variables, two secrets that are not the fit's among them."""
    for name, part in {"CALIBRATION_STORE": "store", "CALIBRATION_CACHE": "cache"}.items():
        monkeypatch.setenv(name, str(tmp_path / part))
    for name in SECRETS:
        monkeypatch.setenv(name, "made-up")
    monkeypatch.delenv(COMMAND, raising=False)


def fit(command, config=CONFIG) -> tuple[bool, str]:
    """A run of the asset `weights`: whether it succeeded, and all that it said."""
    job = build_defs(resources={"fit_place": FitPlace(command=command)}).resolve_implicit_global_asset_job_def()
    with DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(
            {"ops": {"weights": {"config": config}}},
            instance,
            asset_selection=[AssetKey("weights")],
            raise_on_error=False,
        )
        logs = [log.user_message for log in instance.all_logs(result.run_id) if not log.dagster_event]
        events = instance.all_logs(result.run_id, of_type=DagsterEventType.STEP_FAILURE)
        failures = [event.get_dagster_event().step_failure_data.error.to_string() for event in events]
    return result.success, "\n".join([*logs, *failures])


def weights_of(store: Store) -> np.ndarray:
    return np.load(store.current("weights").folder / "weights.npy")


def test_the_command_s_weights_are_those_of_the_run_s_own_process(tmp_path):
    store_package(open_store(tmp_path))
    success, said = fit(WORKER)
    assert success, said
    assert f"stored {tmp_path}/store/weights/" in said
    assert "epoch" in said
    here = open_store(tmp_path / "here")
    store_package(here)
    os.environ["CALIBRATION_STORE"] = str(tmp_path / "here" / "store")
    assert fit("")[0]
    np.testing.assert_array_equal(weights_of(open_store(tmp_path)), weights_of(here))


def test_the_command_sees_the_store_and_no_other_secret(tmp_path):
    store_package(open_store(tmp_path))
    script = tmp_path / "look.py"
    script.write_text(
        "import json, os, sys\n"
        f"json.dump(dict(os.environ), open({str(tmp_path / 'seen.json')!r}, 'w'))\n"
        "from calibration_assets.defs.fit_worker import main\n"
        "sys.exit(main())\n"
    )
    assert fit(f"{sys.executable} -W ignore {script}")[0]
    seen = json.loads((tmp_path / "seen.json").read_text())
    assert seen["CALIBRATION_STORE"] == str(tmp_path / "store")
    assert not set(SECRETS) & set(seen)
    beginnings = ("CALIBRATION_", "AWS_", "MODAL_", "OMP_", "PATH", "HOME", "TMPDIR", "DAGSTER_PIPES_", "LC_CTYPE")
    assert [name for name in seen if not name.startswith(beginnings)] == []


def test_a_stored_fit_starts_no_command(tmp_path):
    store_package(open_store(tmp_path))
    assert fit("")[0]
    assert fit("/no/such/program")[0]
    success, said = fit("/no/such/program", {**CONFIG, "epochs": 31})
    assert not success
    assert "CALIBRATION_FIT_COMMAND /no/such/program: No such file or directory, expected it to store the fit" in said


def test_a_command_that_fails_is_a_sentence_and_leaves_what_was_stored(tmp_path):
    store = open_store(tmp_path)
    store_package(store)
    assert fit("")[0]
    before = store.current("weights").version
    success, said = fit(f"{WORKER} --broken", {**CONFIG, "target_config": str(tmp_path / "none.yaml")})
    assert not success
    assert "none.yaml" in said
    success, said = fit("false", {**CONFIG, "epochs": 31})
    assert not success
    assert "CALIBRATION_FIT_COMMAND false: it ended with code 1, expected it to store the fit" in said
    assert store.current("weights").version == before


def test_the_environment_names_the_command(tmp_path, monkeypatch):
    store_package(open_store(tmp_path))
    monkeypatch.setenv(COMMAND, "false")
    assert "CALIBRATION_FIT_COMMAND false" in fit("")[1]
    assert CalibrationStorage().open().current_key("weights") is None
