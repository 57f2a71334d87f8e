"""What a deployment says when it cannot start: one sentence, and what was stored stays."""

import json
import socket

import pytest

from calibration_assets_tests.deploy.postgres import Postgres
from calibration_assets_tests.deploy.stack import SECRETS, Stack, free_ports
from calibration_assets_tests.pipeline.stored import open_store, store_package
from calibration_assets_tests.storage.gateway import wait_for

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(Postgres.missing(), reason="needs PostgreSQL of apt-get install postgresql, and root"),
]


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """A database with its tables, and a store in a folder."""
    folder = tmp_path_factory.mktemp("refusals")
    store_package(open_store(folder))
    deployment = Stack(folder / "deployment", CALIBRATION_STORE=str(folder / "store"))
    deployment.postgres.create()
    assert deployment.run("setup").returncode == 0
    yield deployment
    deployment.down()


def refusal(stack, **changed):
    """What `setup` says before it ends."""
    done = stack.run("setup", **changed)
    assert done.returncode == 1
    assert not any(secret in done.stderr for secret in SECRETS.values())
    assert "Traceback" not in done.stderr
    return done.stderr.strip().splitlines()[-1]


def test_no_database(stack):
    (port,) = free_ports(1)
    said = refusal(stack, DAGSTER_PG_PORT=port)
    assert f"database dagster at 127.0.0.1:{port}: " in said
    assert "Connection refused" in said
    assert "check DAGSTER_PG_HOST and DAGSTER_PG_PASSWORD" in said


def test_a_wrong_password(stack):
    said = refusal(stack, **{"DAGSTER_PG_PASSWORD": "another"})
    assert 'password authentication failed for user "dagster", expected to reach it as dagster' in said


def test_tables_of_a_newer_version(stack):
    (before,) = stack.postgres.query("select version_num from alembic_version")
    stack.postgres.query("update alembic_version set version_num = 'ffffffffffff'")
    try:
        assert "ffffffffffff" in (said := refusal(stack))
        assert "expected tables of this version of Dagster or an older one; use the image that wrote them" in said
    finally:
        stack.postgres.query(f"update alembic_version set version_num = '{before}'")


def test_no_bucket(stack, s3_server):
    said = refusal(stack, CALIBRATION_STORE="s3://nowhere/store", CALIBRATION_S3_ENDPOINT=s3_server)
    assert "make the bucket, or correct CALIBRATION_STORE (nothing stored before is lost)" in said


def test_values_of_another_version(stack):
    store = open_store(stack.folder.parent)
    value = store.current("calibration_package")
    path = value.folder / "manifest.json"
    manifest = path.read_text()
    path.write_text(json.dumps({**json.loads(manifest), "format": 99}))
    try:
        assert "has format 99, this version reads 1; use the version of calibration_assets that wrote it" in refusal(
            stack
        )
    finally:
        path.write_text(manifest)
    assert stack.run("setup").returncode == 0


def test_a_taken_port(stack):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", int(stack.ports["3000"])))
        taken.listen()
        stack.start("webserver")
        assert stack.processes.pop("webserver").wait(60) != 0
    assert "address already in use" in (stack.folder / "webserver.log").read_text()


def test_two_daemons_say_so_and_start_no_run_twice(stack):
    for service in ("code", "webserver", "daemon"):
        stack.start(service)
    wait_for(stack.answers, 90)
    first = stack.processes.pop("daemon")
    stack.start("daemon")
    log = stack.folder / "daemon.log"
    wait_for(lambda: "daemon is still sending heartbeats" in log.read_text(), 180)
    fits = [{"ops": {"weights": {"config": {"epochs": 5, "seed": seed}}}} for seed in range(4)]
    runs = [stack.launch("__ASSET_JOB", fit, ["weights"]) for fit in fits]
    wait_for(lambda: {one["status"] for one in stack.runs() if one["runId"] in runs} == {"SUCCESS"}, 300)
    starts = "select run_id, count(*) from event_logs where dagster_event_type = 'STEP_START' group by run_id"
    assert sorted(stack.postgres.query(starts)) == sorted(f"{run}|1" for run in runs)
    stack.end("daemon")
    stack.processes["daemon"] = first
