"""Runs a sweep from the terminal: every point is a run of its own, over a few processes that each start once.

`dagster job backfill -j sweep` does the same through a daemon. What a point is stays in `fit/points.py`.
"""

import argparse
import multiprocessing
import os
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path
from typing import Any

from dagster import DagsterInstance

from calibration_assets.defs.run import PRELOADED, check_home, job_config, read_profile, resolve_job
from calibration_assets.errors import CalibrationError
from calibration_assets.fit.points import check_names, read_points

POOL = "fit"


def main(arguments: list[str] | None = None) -> int:
    """`python -m calibration_assets.defs.run_sweep --profile FILE`: 0 where all points were fitted, else 1."""
    parser = argparse.ArgumentParser(prog="calibration_assets.defs.run_sweep", description="Fit the points of a sweep.")
    parser.add_argument("--profile", type=Path, required=True, help="a Dagster run config file")
    parser.add_argument("--points", default="", help="comma-separated names of sweep.yaml; all if not given")
    given = parser.parse_args(arguments)
    try:
        points = [name.strip() for name in given.points.split(",") if name.strip()]
        run_sweep(points, read_profile(given.profile))
    except CalibrationError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def run_sweep(names: Sequence[str], profile: Mapping[str, Any]) -> None:
    """Fit the named points (none: all) and compare what is stored; CalibrationError where a point stops."""
    check_home()
    points = read_points()
    check_names(names, points)
    chosen = list(names) or list(points)
    fit, compare = (partial(_run, job, job_config(job, profile)["ops"]) for job in ("sweep", "compare_points"))
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    try:
        with ProcessPoolExecutor(min(_slots(), len(chosen)), mp_context=context) as processes:
            fitted = dict(zip(chosen, processes.map(fit, chosen), strict=True))
            failed = [name for name, success in fitted.items() if not success]
            failed += [] if processes.submit(compare).result() else ["the comparison"]
    except BrokenProcessPool as error:
        raise CalibrationError(
            "sweep: a process was killed (most often for memory); lower the limit of the pool `fit`, then run again: "
            "the points that are stored stay"
        ) from error
    if failed:
        raise CalibrationError(f"sweep stopped at {', '.join(failed)}, as marked above; what was stored before stays")


def _run(job: str, ops: Mapping[str, Any], point: str | None = None) -> bool:
    """One run of a job in this process."""
    config = {"loggers": {"progress": {}}, "ops": ops}
    with DagsterInstance.get() as instance:
        run = resolve_job(job).execute_in_process(config, instance, partition_key=point, raise_on_error=False)
    return run.success


def _slots() -> int:
    """How many fits the pool lets run at once, at most one a core."""
    with DagsterInstance.get() as instance:
        limit = instance.get_concurrency_config().pool_config.default_pool_limit
        own = [one.limit for one in instance.event_log_storage.get_pool_limits() if one.name == POOL]
    cores = os.cpu_count() or 1
    return max(1, min(cores, own[0] if own else cores if limit is None else limit))


if __name__ == "__main__":
    raise SystemExit(main())
