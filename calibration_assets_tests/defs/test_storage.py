"""The storage resource: which store it opens, what it never tells, what a run sees while others change the store."""

import io
import logging

import pandas as pd
import pytest
from dagster import (
    AssetKey,
    Config,
    DagsterInstance,
    Definitions,
    EnvVar,
    Failure,
    Output,
    ReexecutionOptions,
    asset,
    define_asset_job,
    execute_job,
    in_process_executor,
    reconstructable,
)
from dagster._serdes import serialize_value

from calibration_assets.definitions import build_defs, defs
from calibration_assets.defs.io_managers import StoredValueIOManager
from calibration_assets.defs.metadata import stored_output
from calibration_assets.defs.prune import main as prune_main
from calibration_assets.defs.resources import CalibrationStorage
from calibration_assets.errors import CalibrationError
from calibration_assets.microdata.dataset import write_dataset
from calibration_assets.storage.keys import content_key
from calibration_assets.storage.store import StoredValue

SECRET = "never-to-be-seen-0123456789"  # noqa: S105


class TextConfig(Config):
    """What the first asset stores."""

    text: str = "a"


class MeanwhileConfig(Config):
    """What another run stores while this one is at its second asset; empty: no other run."""

    meanwhile: str = ""
    is_broken: bool = False


def store_text(storage, name, text):
    def write(folder):
        (folder / "text.txt").write_text(text)
        pd.DataFrame({"letter": list(text)}).to_parquet(folder / "table.parquet")
        return {"letters": len(text)}

    return stored_output(storage.open().build(name, content_key(name, 1, {"text": text}), write))


def text_of(value):
    return (value.folder / "text.txt").read_text()


@asset(io_manager_key="stored_value")
def origin(config: TextConfig, storage: CalibrationStorage) -> Output[StoredValue]:
    """The text of the config."""
    return store_text(storage, "origin", config.text)


@asset(io_manager_key="stored_value")
def between(config: MeanwhileConfig, storage: CalibrationStorage, origin: StoredValue) -> Output[StoredValue]:
    """Hands the text on, while another run may change the same store."""
    if config.meanwhile:
        with DagsterInstance.ephemeral() as instance:
            assert run(storage, instance, config.meanwhile).success
    if config.is_broken:
        raise Failure("stopped here")
    return store_text(storage, "between", text_of(origin))


@asset(io_manager_key="stored_value")
def end(storage: CalibrationStorage, origin: StoredValue, between: StoredValue) -> Output[StoredValue]:
    """What it sees of both, and by which key the store answers."""
    key = storage.open().current_key("origin")
    return store_text(storage, "end", f"{text_of(origin)} {text_of(between)} {key == origin.key}")


def text_defs(storage):
    resources = {"storage": storage, "stored_value": StoredValueIOManager(storage=storage)}
    jobs = [define_asset_job("texts", executor_def=in_process_executor), define_asset_job("last", ["between", "end"])]
    return Definitions(assets=[origin, between, end], jobs=jobs, resources=resources)


def run(storage, instance, text, meanwhile="", job="texts"):
    ops = {"origin": {"config": {"text": text}}} if job == "texts" else {}
    config = {"ops": {**ops, "between": {"config": {"meanwhile": meanwhile}}}}
    plain = CalibrationStorage(**{name: getattr(storage, name) for name in CalibrationStorage.model_fields})
    return text_defs(plain).resolve_job_def(job).execute_in_process(config, instance, raise_on_error=False)


def texts_job():
    """The job over the store of the environment, as a worker process would load it."""
    return text_defs(CalibrationStorage()).resolve_job_def("texts")


def metadata_of(result, name):
    (event,) = result.asset_materializations_for_node(name)
    return {key: entry.value for key, entry in event.metadata.items()}


def test_the_environment_chooses_the_store(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in ("CALIBRATION_STORE", "CALIBRATION_CACHE"):
        monkeypatch.delenv(name, raising=False)
    assert CalibrationStorage().open().base.path == str(tmp_path / "storage" / "store")
    monkeypatch.setenv("CALIBRATION_STORE", "s3://team-bucket/calibration")
    monkeypatch.setenv("CALIBRATION_CACHE", str(tmp_path / "copies"))
    store = CalibrationStorage().open()
    assert (str(store.base), store.cache) == ("s3://team-bucket/calibration", tmp_path / "copies")
    assert CalibrationStorage(base_path=str(tmp_path / "own")).open().base.path == str(tmp_path / "own")


def test_an_address_of_no_kind_is_a_sentence():
    with pytest.raises(CalibrationError, match="store nowhere://x: .*nowhere.*, expected a folder or an fsspec URL"):
        CalibrationStorage(base_path="nowhere://x").open()


def test_an_address_with_a_password_is_refused_and_not_repeated():
    with pytest.raises(CalibrationError, match="holds a name or password") as refused:
        CalibrationStorage(base_path=f"ftp://user:{SECRET}@host/store").open()
    assert SECRET not in str(refused.value)


def test_the_pipeline_runs_over_a_bucket(bucket, tmp_path, tiny_dataset):
    write_dataset(tiny_dataset, tmp_path / "tiny.h5")
    job = build_defs(resources={"storage": bucket.storage()}).resolve_implicit_global_asset_job_def()
    config = {"ops": {"extended_cps": {"config": {"dataset": str(tmp_path / "tiny.h5")}}}}
    chosen = [AssetKey("extended_cps")]
    with DagsterInstance.ephemeral() as instance:
        first = job.execute_in_process(config, instance, asset_selection=chosen)
        second = job.execute_in_process(config, instance, asset_selection=chosen)
    value = bucket.open("another machine").current("extended_cps")
    assert (value.folder / "dataset.h5").is_file()
    assert metadata_of(first, "extended_cps")["version"] == metadata_of(second, "extended_cps")["version"]


def test_the_io_manager_says_what_was_stored(tmp_path):
    storage = CalibrationStorage(base_path=str(tmp_path / "store"), cache_path=str(tmp_path / "cache"))
    with DagsterInstance.ephemeral() as instance:
        result = run(storage, instance, "abc")
        event = instance.get_latest_materialization_event(AssetKey("origin"))
    value = storage.open().current("origin")
    shown = metadata_of(result, "origin")
    assert shown["letters"] == 3
    assert shown["version"] == value.version
    assert shown["path"] == str(tmp_path / "store" / "origin" / value.version)
    assert shown["megabytes"] == round(value.size / 1e6, 2)
    assert shown["seconds"] == value.metadata["seconds"]
    assert shown["rows"] == {"table.parquet": 3}
    assert event.asset_materialization.tags["dagster/data_version"] == value.key


@pytest.mark.parametrize("kind", ["folder", "bucket"])
def test_runs_that_change_one_store_at_once_do_not_see_each_other(kind, request, tmp_path):
    folder = CalibrationStorage(base_path=str(tmp_path / "store"), cache_path=str(tmp_path / "cache"))
    storage = folder if kind == "folder" else request.getfixturevalue("bucket").storage()
    with DagsterInstance.ephemeral() as instance:
        assert run(storage, instance, "a", meanwhile="b").success
        assert text_of(storage.open().current("end")) == "a a True"
        assert text_of(storage.open().current("origin")) == "b"
        # What a run opens without making it stays the same for all of its steps, too.
        assert run(storage, instance, "", meanwhile="c", job="last").success
    assert text_of(storage.open().current("end")) == "b b True"
    assert text_of(storage.open().current("origin")) == "c"


def test_a_resumed_run_goes_on_with_what_the_first_had_made(monkeypatch, tmp_path):
    monkeypatch.setenv("CALIBRATION_STORE", str(tmp_path / "store"))
    broken = {"origin": {"config": {"text": "a"}}, "between": {"config": {"is_broken": True}}}
    whole = {"origin": {"config": {"text": "a"}}}
    with DagsterInstance.local_temp(str(tmp_path)) as instance:
        first = execute_job(reconstructable(texts_job), instance, run_config={"ops": broken})
        assert not first.success
        assert run(CalibrationStorage(), instance, "b").success
        options = ReexecutionOptions.from_failure(first.run_id, instance)
        with execute_job(
            reconstructable(texts_job), instance, run_config={"ops": whole}, reexecution_options=options
        ) as second:
            assert second.success
            assert {event.step_key for event in second.get_step_success_events()} == {"between", "end"}
    assert text_of(CalibrationStorage().open().current("end")) == "a a True"


def test_a_missing_upstream_says_what_to_select(tmp_path):
    storage = CalibrationStorage(base_path=str(tmp_path / "store"))
    with DagsterInstance.ephemeral() as instance:
        result = run(storage, instance, "", job="last")
        (failure,) = result.get_step_failure_events()
    assert "materialise it with --select '+key:origin'" in failure.event_specific_data.error.to_string()


def test_a_secret_is_never_told(monkeypatch, capfd, bucket, tmp_path):
    monkeypatch.setenv("STORE_SECRET", SECRET)
    monkeypatch.setenv("STORE_KEY", bucket.access_key)
    logged = io.StringIO()
    handler = logging.StreamHandler(logged)
    logging.getLogger().addHandler(handler)
    given = {"cache_path": str(tmp_path / "cache"), "endpoint_url": bucket.endpoint}
    secrets = {"access_key": EnvVar("STORE_KEY"), "secret_key": EnvVar("STORE_SECRET")}
    storages = [
        CalibrationStorage(base_path=bucket.base, **given, **secrets),
        CalibrationStorage(base_path="s3://no-such-bucket/x", **given, **secrets),
        CalibrationStorage(base_path=bucket.base, **given, access_key=bucket.access_key, secret_key=SECRET),
    ]
    told = []
    try:
        for storage, is_reached in zip(storages, [True, False, True], strict=True):
            job = text_defs(storage).resolve_job_def("texts")
            with DagsterInstance.local_temp(str(tmp_path)) as instance:
                result = job.execute_in_process(instance=instance, raise_on_error=False)
                assert result.success == is_reached
                told += [serialize_value(entry) for entry in instance.all_logs(result.run_id)]
                told.append(serialize_value(result.dagster_run))
            told += [repr(storage), str(storage)]
    finally:
        logging.getLogger().removeHandler(handler)
    told += [logged.getvalue(), *capfd.readouterr()]
    assert any("NoSuchBucket" in text for text in told)
    assert not any(SECRET in text for text in told)


def test_the_secret_fields_are_hidden_in_the_ui():
    fields = CalibrationStorage.model_json_schema()["properties"]
    hidden = {name for name, field in fields.items() if field.get("dagster__is_secret")}
    assert hidden == {"access_key", "secret_key"}


def test_pruning_is_a_job_and_a_command_that_say_what_they_did(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("CALIBRATION_STORE", str(tmp_path / "store"))
    store = CalibrationStorage().open()
    for text in ("a", "b"):
        value = store_text(CalibrationStorage(), "origin", text).value
    store.set_current(value)
    config = {"keep_days": 0.0, "keep_versions": 0, "grace_hours": 0.0}
    job = defs.resolve_job_def("prune")
    with DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process({"ops": {"prune_versions": {"config": config}}}, instance)
    (event,) = [event for event in result.all_events if event.is_step_materialization or event.is_successful_output]
    assert event.event_specific_data.metadata["pruned"].value == 1
    flags = ["--keep-days", "0", "--keep-versions", "0", "--grace-hours", "0"]
    assert prune_main(flags) == 0
    assert prune_main(flags) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("removed origin/")
    assert second == "nothing to prune"
    assert prune_main(["--keep-days", "-1"]) == 1
    assert "negative number" in capsys.readouterr().err
