"""The pipeline by itself: the nightly rebuild, runs on changed contents, and alerts that reach a server."""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from dagster import (
    AssetCheckResult,
    AssetCheckSpec,
    DagsterInstance,
    DefaultScheduleStatus,
    Definitions,
    MaterializeResult,
    asset,
    build_run_status_sensor_context,
    build_sensor_context,
    define_asset_job,
    validate_run_config,
)

from calibration_assets.defs.automation import (
    CHANNEL,
    CRON,
    DEPLOY,
    PROFILE,
    SlackAlerts,
    nightly_schedule,
    prune_schedule,
    sensors,
)
from calibration_assets.defs.run import resolve_job
from calibration_assets.errors import CalibrationError

TOKEN = "xoxb-made-up"  # noqa: S105
INPUTS_CHANGED, TELL_FAILURE, TELL_MOVEMENT = sensors()


@pytest.fixture
def profile(tmp_path, monkeypatch):
    """A profile that names a target config, in a folder with one raw file."""
    (tmp_path / "targets.yaml").write_text("exclude: [{variable: rent}]")
    path = tmp_path / "profile.yaml"
    path.write_text(f"ops: {{weights: {{config: {{target_config: {tmp_path / 'targets.yaml'}}}}}}}")
    (tmp_path / "storage" / "raw").mkdir(parents=True)
    (tmp_path / "storage" / "raw" / "table.csv").write_text("1,2")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(PROFILE, str(path))
    return tmp_path


def look(cursor=None):
    return INPUTS_CHANGED(build_sensor_context(cursor=cursor))


def test_the_nightly_run_takes_the_profile_of_the_environment(profile):
    request = nightly_schedule()()
    assert request.run_config["ops"]["weights"]["config"]["target_config"] == str(profile / "targets.yaml")
    assert validate_run_config(resolve_job("calibrate"), request.run_config)


def test_it_is_stopped_until_deployed(monkeypatch):
    schedules = (nightly_schedule, prune_schedule)
    assert {make().default_status for make in schedules} == {DefaultScheduleStatus.STOPPED}
    monkeypatch.setenv(DEPLOY, "yes")
    assert {make().default_status for make in schedules} == {DefaultScheduleStatus.RUNNING}
    assert all(one.default_status.value == "RUNNING" for one in sensors())


def test_the_environment_s_clock_and_one_that_is_none(monkeypatch):
    monkeypatch.setenv(CRON, "30 2 * * 1-5")
    assert nightly_schedule().cron_schedule == "30 2 * * 1-5"
    monkeypatch.setenv(CRON, "at night")
    with pytest.raises(CalibrationError, match="CALIBRATION_NIGHTLY_CRON is 'at night', expected a cron schedule"):
        nightly_schedule()


def test_inputs_are_noted_first_and_unchanged_contents_start_nothing(profile):
    first = look()
    assert not first.run_requests
    os.utime(profile / "targets.yaml", (1, 1))
    (profile / "targets.yaml").write_text("exclude: [{variable: rent}]")
    again = look(first.cursor)
    assert not again.run_requests
    assert again.cursor == first.cursor


@pytest.mark.parametrize(
    ("file", "named"),
    [("targets.yaml", "weights: "), ("storage/raw/table.csv", "raw file table.csv"), ("profile.yaml", "profile")],
)
def test_changed_contents_start_a_run_once(profile, file, named):
    first = look()
    (profile / file).write_text((profile / file).read_text() + " ")
    if file == "profile.yaml":
        (profile / file).write_text("ops: {weights: {config: {epochs: 7}}}")
    found = look(first.cursor)
    assert len(found.run_requests) == 1
    assert named in found.run_requests[0].tags["calibration/changed"]
    assert not look(found.cursor).run_requests


def test_a_new_raw_file_starts_a_run_and_its_record_is_believed(profile):
    first = look()
    (profile / "storage" / "raw" / "new.csv").write_text("3")
    found = look(first.cursor)
    assert found.run_requests[0].tags["calibration/changed"] == "raw file new.csv"
    key = json.loads(found.cursor)["raw file new.csv"]
    (profile / "storage" / "raw" / "new.csv.json").write_text(json.dumps({"sha256": key, "size": 1}))
    assert look(found.cursor).cursor == found.cursor


class Slack(BaseHTTPRequestHandler):
    """Answers as Slack's API does, and keeps what it was told."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.told.append((self.path, self.headers["Authorization"], body))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(b'{"ok": true}')

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def slack():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Slack)
    server.told = []
    Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


def alerts(server):
    url = f"http://127.0.0.1:{server.server_port}/api/"
    return SlackAlerts(token=TOKEN, channel="#calibration", base_url=url)


def told(server):
    """The messages that the server got, each with its channel."""
    from urllib.parse import parse_qs

    bodies = [json.loads(body) if body.startswith("{") else parse_qs(body) for _, _, body in server.told]
    return [{name: value[0] if isinstance(value, list) else value for name, value in one.items()} for one in bodies]


@asset
def refused() -> None:
    """Stops with a sentence."""
    raise CalibrationError("weights: 3 were found, expected 4; fit again")


@asset(check_specs=[AssetCheckSpec("accuracy", asset="judged"), AssetCheckSpec("movement", asset="judged")])
def judged() -> MaterializeResult:
    """A run that lost accuracy."""
    return MaterializeResult(
        check_results=[
            AssetCheckResult(check_name="accuracy", passed=False, description="90 % are within 10 %, 96 % were."),
            AssetCheckResult(check_name="movement", passed=True, description="Little moved."),
        ]
    )


def run_of(step, instance):
    job = Definitions(assets=[step], jobs=[define_asset_job("nightly_job")]).resolve_job_def("nightly_job")
    result = job.execute_in_process(instance=instance, raise_on_error=False)
    return result, result.get_run_success_event() if result.success else result.get_run_failure_event()


def test_a_failure_is_told_in_its_own_sentence(slack):
    with DagsterInstance.ephemeral() as instance:
        result, event = run_of(refused, instance)
        context = build_run_status_sensor_context("tell_failure", event, instance, result.dagster_run)
        TELL_FAILURE(context.for_run_failure(), alerts=alerts(slack))
    (message,) = told(slack)
    assert message["channel"] == "#calibration"
    assert "nightly_job failed" in message["text"]
    assert "✗ refused: weights: 3 were found, expected 4; fit again" in message["text"]
    assert slack.told[0][:2] == ("/api/chat.postMessage", "Bearer xoxb-made-up")


def test_lost_accuracy_is_told(slack):
    with DagsterInstance.ephemeral() as instance:
        result, event = run_of(judged, instance)
        context = build_run_status_sensor_context("tell_movement", event, instance, result.dagster_run)
        TELL_MOVEMENT(context, alerts=alerts(slack))
    (message,) = told(slack)
    assert "✗ accuracy: 90 % are within 10 %, 96 % were." in message["text"]
    assert "movement:" not in message["text"]


def test_without_a_token_nobody_is_told_and_without_a_channel_it_is_a_sentence(slack, monkeypatch):
    monkeypatch.delenv(CHANNEL, raising=False)
    url = f"http://127.0.0.1:{slack.server_port}/api/"
    assert not SlackAlerts(base_url=url).tell("anything")
    with pytest.raises(CalibrationError, match="CALIBRATION_SLACK_CHANNEL is not, expected the channel"):
        SlackAlerts(token=TOKEN, base_url=url).tell("anything")
    assert slack.told == []


def test_the_token_is_not_shown():
    assert "xoxb" not in repr(SlackAlerts(token=TOKEN))
