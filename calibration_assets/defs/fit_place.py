"""Where `weights` are fitted: in the run's own process, or by a command that has a machine of its own (a rented GPU).

The command is a Dagster Pipes process: it makes and stores the fit, which the asset then finds by its content key. So
both places do the same, and a fit that is stored already starts no machine.
"""

import os
import shlex
from subprocess import Popen, TimeoutExpired

from dagster import (
    AssetExecutionContext,
    ConfigurableResource,
    DagsterExecutionInterruptedError,
    EnvVar,
    PipesEnvContextInjector,
    PipesTempFileMessageReader,
    open_pipes_session,
)
from pydantic import Field

from calibration_assets.defs.config import WeightsConfig
from calibration_assets.defs.resources import BASE, CACHE, ENDPOINT
from calibration_assets.errors import CalibrationError
from calibration_assets.fit.points import read_points
from calibration_assets.storage.store import Store, StoredValue

COMMAND = "CALIBRATION_FIT_COMMAND"
HANDED_ON = (BASE, ENDPOINT, CACHE, "AWS_", "MODAL_", "OMP_", "PATH", "HOME", "TMPDIR")
"""Beginnings of the names of variables that the command sees: the store and its credentials, no others."""
PATIENCE = 20
"""Seconds that a terminated command has to end."""


class FitPlace(ConfigurableResource):
    """Empty: this process. Otherwise a command, such as `python -m calibration_assets.defs.fit_worker`."""

    command: str = Field(default="", description=f"Command that makes a fit; empty: ${COMMAND}, else none")

    def prepare(
        self, context: AssetExecutionContext, config: WeightsConfig, store: Store, calibration_package: StoredValue
    ) -> None:
        """Have the weights of this config made and stored where the command runs; nothing without a command."""
        command = shlex.split(self.command or EnvVar(COMMAND).get_value("") or "")
        if not command or _are_stored(config, store, calibration_package):
            return
        extras = {"config": config.model_dump(mode="json"), "package": calibration_package.version}
        injector, reader = PipesEnvContextInjector(), PipesTempFileMessageReader()
        with open_pipes_session(context, injector, reader, extras=extras) as session:
            _run(command, {**_environment(), **session.get_bootstrap_env_vars()})


def _are_stored(config: WeightsConfig, store: Store, calibration_package: StoredValue) -> bool:
    from calibration_assets.pipeline import sweep

    fit = (read_points(), config.point, config.settings, config.target_config)
    return sweep.are_stored(store, calibration_package, *fit)


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith(HANDED_ON)}


def _run(command: list[str], environment: dict[str, str]) -> None:
    try:
        process = Popen(command, env=environment)  # noqa: S603  # the deployment's own command, without a shell
    except OSError as error:
        raise _refusal(command, error.strerror or str(error)) from error
    try:
        code = process.wait()
    except DagsterExecutionInterruptedError:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except TimeoutExpired:
            process.kill()
        raise
    if code:
        raise _refusal(command, f"it ended with code {code}")


def _refusal(command: list[str], found: str) -> CalibrationError:
    return CalibrationError(
        f"{COMMAND} {shlex.join(command)}: {found}, expected it to store the fit; its own output says why (a run "
        "started again goes on from what is stored)"
    )
