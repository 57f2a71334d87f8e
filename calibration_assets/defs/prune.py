"""Pruning the store: a job for the UI and for schedules, and the verb `make prune`; the rule is the core's."""

import argparse
import sys
from dataclasses import fields

from dagster import MetadataValue, OpExecutionContext, job, op

from calibration_assets.defs.config import SettingsConfig, fields_of
from calibration_assets.defs.metadata import markdown_table
from calibration_assets.defs.resources import CalibrationStorage
from calibration_assets.errors import CalibrationError
from calibration_assets.settings import PruneSettings
from calibration_assets.storage.prune import Pruned, prune


@fields_of(PruneSettings)
class PruneConfig(SettingsConfig):
    """Which versions stay."""


@op
def prune_versions(context: OpExecutionContext, config: PruneConfig, storage: CalibrationStorage) -> None:
    """Hide and remove stored versions that nothing refers to any more."""
    done = prune(storage.open(), config.settings)
    for one in done:
        context.log.info(_line(one))
    table = markdown_table([{"path": one.path, "verdict": one.verdict, "megabytes": one.megabytes} for one in done])
    context.add_output_metadata({"pruned": len(done), **({"versions": MetadataValue.md(table)} if done else {})})


@job(name="prune", description="Hides versions that nothing refers to any more, and removes those hidden before.")
def prune_store() -> None:
    """One step over the whole store."""
    prune_versions()


def main(arguments: list[str] | None = None) -> int:
    """`python -m calibration_assets.defs.prune`: a line a version; 0, or 1 after a sentence."""
    parser = argparse.ArgumentParser(prog="calibration_assets.defs.prune", description=prune_store.description)
    for one in fields(PruneSettings):
        flag, text = f"--{one.name.replace('_', '-')}", f"{one.metadata['help']} [{one.default}]"
        parser.add_argument(flag, type=type(one.default), default=one.default, help=text)
    try:
        done = prune(CalibrationStorage().open(), PruneSettings(**vars(parser.parse_args(arguments))))
    except CalibrationError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write("".join(f"{_line(one)}\n" for one in done) or "nothing to prune\n")
    return 0


def _line(one: Pruned) -> str:
    return f"{one.verdict} {one.path} ({one.megabytes:,} MB)"


if __name__ == "__main__":
    raise SystemExit(main())
