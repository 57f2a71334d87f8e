"""A night in a deployment: the schedule's run builds everything, the next one finds nothing to do."""

import json
import time
from datetime import UTC, datetime, timedelta

import psutil
import pytest

from calibration_assets_tests.deploy.postgres import Postgres
from calibration_assets_tests.deploy.stack import PROCESSES, Stack
from calibration_assets_tests.storage.gateway import wait_for

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(Postgres.missing(), reason="needs PostgreSQL of apt-get install postgresql, and root"),
]
NEW_YEAR = "0 0 1 1 *"


@pytest.fixture
def stack(tmp_path, small_profile, record_property):
    """A deployment over an empty store, timed from `up` to an answer for the pipeline's code."""
    chosen = {"CALIBRATION_STORE": str(tmp_path / "store"), "CALIBRATION_PROFILE": str(small_profile)}
    deployment = Stack(tmp_path / "deployment", **chosen, CALIBRATION_NIGHTLY_CRON=NEW_YEAR)
    try:
        deployment.postgres.create()
        began = time.monotonic()
        deployment.start_processes()
        record_property("seconds_from_up_to_an_answer", round(time.monotonic() - began, 1))
        yield deployment
    finally:
        deployment.down()


def scheduled(stack):
    """The runs of the schedule, oldest first."""
    tags = [(one, {tag["key"]: tag["value"] for tag in one["tags"]}) for one in reversed(stack.runs())]
    return [one for one, named in tags if named.get("dagster/schedule_name") == "nightly"]


def idle_megabytes(stack):
    """Memory of a service with all its children, shared pages counted once."""
    families = {name: psutil.Process(process.pid) for name, process in stack.processes.items()}
    return {
        name: sum(one.memory_full_info().pss for one in (parent, *parent.children(recursive=True))) / 1e6
        for name, parent in families.items()
    }


def test_a_scheduled_run_builds_all_and_the_next_has_nothing_to_do(stack, record_property):
    time.sleep(20)
    assert all(stack.is_healthy(service) for service in PROCESSES)
    megabytes = idle_megabytes(stack)
    record_property("idle_megabytes", json.dumps({name: round(size) for name, size in megabytes.items()}))
    assert sum(megabytes.values()) < 700

    first = next_run(stack)
    assert first["status"] == "SUCCESS"
    assert {"weights", "diagnostics", "report"} <= {path.name for path in (stack.folder.parent / "store").iterdir()}
    versions = versions_of(stack)

    second = next_run(stack)
    assert second["status"] == "SUCCESS"
    assert versions_of(stack) == versions
    record_property("seconds_without_changes", round(second["endTime"] - second["startTime"], 1))


def next_run(stack):
    """Let the schedule tick once, in the minute after next, and wait until its run has ended."""
    before, tick = len(scheduled(stack)), datetime.now(UTC) + timedelta(minutes=2)
    stack.end("code")
    stack.chosen["CALIBRATION_NIGHTLY_CRON"] = f"{tick.minute} {tick.hour} * * *"
    stack.start("code")
    wait_for(lambda: len(scheduled(stack)) > before, 240)
    wait_for(lambda: scheduled(stack)[before]["status"] in ("SUCCESS", "FAILURE"), 900)
    return scheduled(stack)[before]


def versions_of(stack):
    """The versions of every value in the store."""
    store = stack.folder.parent / "store"
    return {path.parent.relative_to(store).as_posix() for path in store.rglob("manifest.json")}
