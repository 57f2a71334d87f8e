"""A fit on a machine of its own: `python -m calibration_assets.defs.fit_worker`, started by the asset `weights`.

A Dagster Pipes process: what to fit comes from the run that started it, the package and the weights go through the
store. Another machine (Modal) calls `make_fit` with the same request.
"""

import sys
from collections.abc import Callable, Mapping
from typing import Any

from dagster_pipes import PipesContext, open_dagster_pipes

from calibration_assets.defs.config import WeightsConfig
from calibration_assets.defs.resources import CalibrationStorage
from calibration_assets.errors import CalibrationError
from calibration_assets.fit.points import read_points


def main() -> int:
    """Make the fit of the run that started this process: 0, or 1 after one sentence."""
    try:
        with open_dagster_pipes() as pipes:
            pipes.log.info(make_fit(request_of(pipes), teller(pipes)))
    except CalibrationError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def request_of(pipes: PipesContext) -> dict[str, Any]:
    """What to fit, as plain values that any machine takes."""
    return {"run": pipes.run_id, **pipes.extras}


def teller(pipes: PipesContext) -> Callable[[Mapping[str, float]], None]:
    """Tells the run how the fit goes, a line at a time."""
    return lambda figures: pipes.log.info(", ".join(f"{name} {value:,.6g}" for name, value in figures.items()))


def make_fit(request: Mapping[str, Any], tell: Callable[[dict[str, float]], None] | None = None) -> str:
    """Fit the stored package that the request names and store the weights; says which version they are."""
    from calibration_assets.pipeline import sweep

    config, store = WeightsConfig(**request["config"]), CalibrationStorage().open(request["run"])
    package = store.open("calibration_package", request["package"])
    fit = (config.settings, config.target_config, config.allow_stale, tell)
    value = sweep.chosen_weights(store, package, read_points(), config.point, *fit)
    return f"stored {store.base / value.name / value.version}"


if __name__ == "__main__":
    raise SystemExit(main())
