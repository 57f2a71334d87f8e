"""When the pipeline runs by itself and whom it tells: nightly rebuild, weekly pruning, changed inputs, alerts to Slack.

All of it is stopped until someone starts it in the UI, or CALIBRATION_DEPLOY is set. What a rebuild does stays in the
assets; a rebuild without changes makes nothing, since every value is found by its content key.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from dagster import (
    DagsterEventType,
    DagsterRun,
    DagsterRunStatus,
    DefaultScheduleStatus,
    DefaultSensorStatus,
    EnvVar,
    RunFailureSensorContext,
    RunRequest,
    RunStatusSensorContext,
    ScheduleDefinition,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    run_failure_sensor,
    run_status_sensor,
    schedule,
    sensor,
)
from dagster._utils.schedules import is_valid_cron_schedule
from dagster_slack import SlackResource
from pydantic import Field
from slack_sdk import WebClient

from calibration_assets.defs.progress import describe
from calibration_assets.errors import CalibrationError
from calibration_assets.settings import RAW_FOLDER

DEPLOY, CRON, ZONE, PROFILE = (
    "CALIBRATION_DEPLOY",
    "CALIBRATION_NIGHTLY_CRON",
    "CALIBRATION_TIMEZONE",
    "CALIBRATION_PROFILE",
)
TOKEN, CHANNEL = "CALIBRATION_SLACK_TOKEN", "CALIBRATION_SLACK_CHANNEL"  # noqa: S105
NIGHTLY = "0 3 * * *"
WEEKLY = "0 6 * * 0"
JOB = "calibrate"
QUICK = Path(__file__).parents[2] / "profiles" / "quick.yaml"
LONGEST = 3000
"""Characters of one message that Slack shows whole."""
TOLD_CHECKS = ("accuracy", "movement")
"""Checks that say how far a run is from the accepted one; their failure stops nothing and is told."""


class SlackAlerts(SlackResource):
    """Where alerts go; without a token nothing is sent."""

    token: str = Field(default="", description=f"Bot token; empty: ${TOKEN}", repr=False)
    channel: str = Field(default="", description=f"Channel; empty: ${CHANNEL}")
    base_url: str = Field(default=WebClient.BASE_URL, description="Slack's API")

    def tell(self, text: str) -> bool:
        """Send one message; False where no token is set."""
        token, channel = self.token or EnvVar(TOKEN).get_value(), self.channel or EnvVar(CHANNEL).get_value()
        if not token:
            return False
        if not channel:
            raise CalibrationError(f"alerts: {TOKEN} is set and {CHANNEL} is not, expected the channel to write to")
        WebClient(token, base_url=self.base_url).chat_postMessage(channel=channel, text=text)
        return True


def nightly_schedule() -> ScheduleDefinition:
    """The rebuild by the clock of the environment (default: every night at three, UTC)."""
    cron = EnvVar(CRON).get_value(NIGHTLY) or NIGHTLY
    if not is_valid_cron_schedule(cron):
        raise CalibrationError(f"{CRON} is {cron!r}, expected a cron schedule such as {NIGHTLY!r}; correct it")

    @schedule(
        cron_schedule=cron,
        job_name=JOB,
        name="nightly",
        default_status=_schedule_status(),
        execution_timezone=EnvVar(ZONE).get_value("UTC"),
        description="Rebuilds what has changed and judges it against the accepted run.",
    )
    def nightly() -> RunRequest:
        return _rebuild()

    return nightly


def prune_schedule() -> ScheduleDefinition:
    """Removes old versions from the store, every Sunday."""
    return ScheduleDefinition(
        name="weekly_prune",
        job_name="prune",
        cron_schedule=WEEKLY,
        default_status=_schedule_status(),
        execution_timezone=EnvVar(ZONE).get_value("UTC"),
        description="Removes stored versions that nothing refers to any more.",
    )


def sensors() -> list[SensorDefinition]:
    """Changed inputs, failures, and runs that are far from the accepted one."""
    status = DefaultSensorStatus.RUNNING if _is_deployed() else DefaultSensorStatus.STOPPED

    @sensor(
        job_name=JOB,
        default_status=status,
        minimum_interval_seconds=300,
        description="Rebuilds when a dataset, raw file, figure or target config has other contents.",
    )
    def inputs_changed(context: SensorEvaluationContext) -> SensorResult:
        return _look_at_inputs(context.cursor)

    @run_failure_sensor(default_status=status, description="Tells which step of a run stopped, and why.")
    def tell_failure(context: RunFailureSensorContext, alerts: SlackAlerts) -> SkipReason | None:
        reasons = [line for event in context.get_step_failure_events() if (line := describe(event))]
        return _tell(alerts, context.dagster_run, "failed", reasons or [context.failure_event.message or ""])

    @run_status_sensor(
        run_status=DagsterRunStatus.SUCCESS,
        default_status=status,
        description="Tells when a run lost more accuracy, or moved more weight, than is tolerated.",
    )
    def tell_movement(context: RunStatusSensorContext, alerts: SlackAlerts) -> SkipReason | None:
        logs = context.instance.all_logs(context.dagster_run.run_id, of_type=DagsterEventType.ASSET_CHECK_EVALUATION)
        checks = [log.get_dagster_event().asset_check_evaluation_data for log in logs]
        failed = [
            f"✗ {one.check_name}: {one.description}"
            for one in checks
            if one.check_name in TOLD_CHECKS and not one.passed
        ]
        if not failed:
            return SkipReason("The run is as the accepted one.")
        return _tell(alerts, context.dagster_run, "differs from the accepted run", failed)

    return [inputs_changed, tell_failure, tell_movement]


def _look_at_inputs(cursor: str | None) -> SensorResult:
    from calibration_assets.pipeline.inputs import changed_inputs, input_keys

    keys = input_keys(_profile(), Path(RAW_FOLDER))
    noted = json.dumps(keys, sort_keys=True)
    if cursor is None:
        return SensorResult(skip_reason=f"{len(keys)} inputs were noted; a change of one starts a run.", cursor=noted)
    changed = changed_inputs(json.loads(cursor), keys)
    if not changed:
        return SensorResult(skip_reason=f"None of {len(keys)} inputs has changed.", cursor=noted)
    request = _rebuild()
    tags = {**request.tags, "calibration/changed": "; ".join(changed)[:255]}
    return SensorResult(run_requests=[request.with_replaced_attrs(tags=tags)], cursor=noted)


def _rebuild() -> RunRequest:
    from calibration_assets.defs.run import job_config

    return RunRequest(run_config=job_config(JOB, _profile()))


def _profile() -> dict:
    from calibration_assets.defs.run import read_profile

    return read_profile(Path(EnvVar(PROFILE).get_value("") or QUICK))


def _schedule_status() -> DefaultScheduleStatus:
    return DefaultScheduleStatus.RUNNING if _is_deployed() else DefaultScheduleStatus.STOPPED


def _is_deployed() -> bool:
    return bool(EnvVar(DEPLOY).get_value(""))


def _tell(alerts: SlackAlerts, run: DagsterRun, what: str, lines: Sequence[str]) -> SkipReason | None:
    text = "\n".join([f"{run.job_name} {what} (run {run.run_id[:8]}).", *lines])
    told = alerts.tell(text[:LONGEST])
    return None if told else SkipReason(f"{TOKEN} is not set: nobody was told.")
