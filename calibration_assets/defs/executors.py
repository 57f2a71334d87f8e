"""Where the steps of a run execute: processes of the run's machine, or pods of the cluster it runs in.

Run config chooses, and every job takes the same: `multiprocess` (the default), `in_process`, or `k8s` with the config
of dagster-k8s, from the extra `deploy`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from dagster import (
    DagsterInvalidConfigError,
    Executor,
    Field,
    InitExecutorContext,
    Permissive,
    Selector,
    executor,
)
from dagster import _check as check
from dagster._config import process_config
from dagster._core.definitions.executor_definition import (
    IN_PROC_CONFIG,
    MULTI_PROC_CONFIG,
    ExecutorRequirement,
    multi_or_in_process_executor,
    multiple_process_executor_requirements,
)

PLACES = {
    "multiprocess": MULTI_PROC_CONFIG,
    "in_process": IN_PROC_CONFIG,
    "k8s": Field(Permissive({}), description="A pod a step; config of dagster_k8s.k8s_job_executor"),
}


def _requirements(config: Mapping[str, Any]) -> Sequence[ExecutorRequirement]:
    return [] if "in_process" in config else multiple_process_executor_requirements()


@executor(
    name="processes_or_pods",
    config_schema=Field(Selector(PLACES), default_value={"multiprocess": {}}),
    requirements=_requirements,
)
def processes_or_pods(context: InitExecutorContext) -> Executor:
    """The executor that run config asks for."""
    config: Mapping[str, Any] = context.executor_config
    if "k8s" not in config:
        return check.not_none(multi_or_in_process_executor.executor_creation_fn)(context)
    from dagster_k8s import k8s_job_executor

    given = process_config(k8s_job_executor.config_schema.config_type, config["k8s"])
    if not given.success:
        raise DagsterInvalidConfigError("in the config of the executor k8s", given.errors, config)
    pods = context._replace(executor_config=check.not_none(given.value))
    return check.not_none(k8s_job_executor.executor_creation_fn)(pods)
