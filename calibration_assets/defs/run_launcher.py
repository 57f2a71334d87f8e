"""Launches runs in the code server, as Dagster does, and knows whether a run's process is still there.

With Dagster's own launcher a run whose code server was killed stays `started` for ever. With this one run monitoring
sees that the process is gone and fails the run, and run retries start it again from what was stored.
"""

from dagster import DagsterRun
from dagster._core.launcher import CheckRunHealthResult, DefaultRunLauncher, WorkerStatus
from dagster._grpc.types import CanCancelExecutionRequest, CanCancelExecutionResult
from dagster._serdes import deserialize_value


class WatchedRunLauncher(DefaultRunLauncher):
    """For `run_launcher` in dagster.yaml, with a code server of `dagster api grpc`."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        """It does: the code server knows its processes."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Whether the code server still has the run's process; a server that does not answer raises, and is asked
        again: a run is never failed for want of an answer.
        """
        client = self._get_grpc_client_for_termination(run.run_id)
        if client is None:  # finished meanwhile, or not launched here
            return CheckRunHealthResult(WorkerStatus.SUCCESS)
        answer = client.can_cancel_execution(CanCancelExecutionRequest(run_id=run.run_id))
        if deserialize_value(answer, CanCancelExecutionResult).can_cancel:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.NOT_FOUND, "the code server has no process of this run")
