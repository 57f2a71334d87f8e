"""The compose file's processes run on PostgreSQL, and are killed one after the other, without a lost run."""

import json
import time
from contextlib import suppress

import psutil
import pytest

from calibration_assets_tests.defs.test_interruptions import widen
from calibration_assets_tests.deploy.postgres import Postgres
from calibration_assets_tests.deploy.stack import PROCESSES, Stack
from calibration_assets_tests.pipeline.stored import open_store, store_package
from calibration_assets_tests.storage.gateway import wait_for

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(Postgres.missing(), reason="needs PostgreSQL of apt-get install postgresql, and root"),
]
NEW_YEAR = "0 0 1 1 *"
LONG_FIT = {"target_records": 24_000, "epochs": 1000, "refit": {"max_iterations": 30}}
"""A search for a number of columns, of some half a minute, writes a checkpoint at every stage."""


@pytest.fixture
def stack(tmp_path):
    """A deployment over a store in a folder, with a package of its own, whose schedule never ticks."""
    store = open_store(tmp_path)
    store_package(store, **widen(200))
    with_store = {"CALIBRATION_STORE": str(tmp_path / "store"), "CALIBRATION_NIGHTLY_CRON": NEW_YEAR}
    deployment = Stack(tmp_path / "deployment", **with_store)
    try:
        deployment.up()
        yield deployment
    finally:
        deployment.down()


def launch_fit(stack, seed):
    """A run of `weights`; seeds tell one fit from another."""
    return stack.launch("__ASSET_JOB", {"ops": {"weights": {"config": {**LONG_FIT, "seed": seed}}}}, ["weights"])


def family(stack, run):
    """The run and those that were started in its place, oldest first."""
    return [one for one in reversed(stack.runs()) if run in (one["runId"], one["rootRunId"])]


def wait_for_checkpoint(stack, run):
    """Wait until the fit of a run could go on from where it is."""
    folder = stack.folder / "cache" / "checkpoints"
    wait_for(lambda: list(folder.glob("*.pt")), 120)
    assert family(stack, run)[-1]["status"] == "STARTED"


def wait_for_success(stack, run, seconds=240):
    """Wait until the run, or one in its place, has succeeded; the UI may answer with an error meanwhile."""

    def has_succeeded():
        with suppress(OSError):
            return family(stack, run)[-1]["status"] == "SUCCESS"
        return False

    wait_for(has_succeeded, seconds)


def notes(stack):
    """What the last fit says of itself."""
    value = open_store(stack.folder.parent).current("weights")
    return " ".join(json.loads((value.folder / "record.json").read_text())["notes"])


def test_a_killed_code_server_loses_no_run(stack, record_property):
    run = launch_fit(stack, 1)
    wait_for_checkpoint(stack, run)
    stack.kill("code")
    killed = time.time()
    stack.start("code")
    wait_for(lambda: len(family(stack, run)) == 2 and family(stack, run)[-1]["startTime"], 120)
    first, second = family(stack, run)
    assert first["status"] == "FAILURE"
    record_property("seconds_until_resumed", round(second["startTime"] - killed, 1))
    assert second["startTime"] - killed < 60
    wait_for_success(stack, run)
    assert "Resumed from" in notes(stack)


def test_a_killed_run_process_is_started_again(stack, record_property):
    run = launch_fit(stack, 2)
    wait_for_checkpoint(stack, run)
    server = psutil.Process(stack.processes["code"].pid)
    workers = [child for child in server.children() if "spawn_main" in " ".join(child.cmdline())]
    assert len(workers) == 1
    for process in (*workers[0].children(recursive=True), *workers):
        process.kill()
    killed = time.time()
    wait_for(lambda: len(family(stack, run)) == 2 and family(stack, run)[-1]["startTime"], 120)
    resumed = family(stack, run)[-1]["startTime"] - killed
    record_property("seconds_until_resumed", round(resumed, 1))
    assert resumed < 60
    wait_for_success(stack, run)
    assert "Resumed from" in notes(stack)


def test_a_killed_daemon_starts_what_was_queued_when_it_comes_back(stack):
    first = launch_fit(stack, 3)
    wait_for_checkpoint(stack, first)
    stack.kill("daemon")
    second = launch_fit(stack, 4)
    wait_for_success(stack, first)
    assert family(stack, second)[-1]["status"] == "QUEUED"
    stack.start("daemon")
    wait_for_success(stack, second)
    assert len(family(stack, first)) == len(family(stack, second)) == 1


def test_a_restart_of_the_database_in_the_middle_of_a_run_loses_nothing(stack):
    run = launch_fit(stack, 5)
    wait_for_checkpoint(stack, run)
    stack.postgres.stop()
    time.sleep(5)
    stack.postgres.start()
    wait_for_success(stack, run)
    events = stack.postgres.query(f"select count(*) from event_logs where run_id = '{run}'")
    assert int(events[0]) > 10
    assert all(stack.is_healthy(service) for service in PROCESSES)


def test_a_database_that_is_away_for_a_minute_loses_no_run(stack):
    run = launch_fit(stack, 6)
    wait_for_checkpoint(stack, run)
    stack.postgres.stop()
    time.sleep(60)
    stack.postgres.start()
    wait_for_success(stack, run)


def test_a_queued_run_waits_for_a_code_server_that_is_away(stack):
    stack.end("daemon")
    run = launch_fit(stack, 7)
    stack.end("code")
    stack.start("daemon")
    wait_for(lambda: "re-submitting the run into the queue" in events_of(stack, run), 120)
    stack.start("code")
    wait_for_success(stack, run)
    assert len(family(stack, run)) == 1


def events_of(stack, run):
    """What was said of a run, as the database has it."""
    return " ".join(stack.postgres.query(f"select event from event_logs where run_id = '{run}'"))
