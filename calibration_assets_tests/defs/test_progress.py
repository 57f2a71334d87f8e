"""The terminal shows a line a value and, where a step stops, one sentence of ours or the whole trace of a defect."""

import pytest
from dagster import Definitions, Output, asset, define_asset_job

from calibration_assets.defs.progress import progress
from calibration_assets.errors import CalibrationError


@asset
def counted() -> Output[int]:
    """A value with numbers on its page."""
    return Output(3, metadata={"columns": 40_000, "share": 0.25, "folder": "somewhere"})


@asset
def refused() -> int:
    """Stops with a sentence."""
    raise CalibrationError("weights: 3 were found, expected 4; fit again")


@asset
def refused_for_a_reason() -> int:
    """Stops with a sentence that has a cause."""
    try:
        return {}["seed"]
    except KeyError as error:
        raise CalibrationError("the profile has no seed; add one") from error


@asset
def broken() -> int:
    """Stops with a defect."""
    return {}["seed"]


@pytest.mark.parametrize(
    ("step", "line"),
    [
        (counted, "✓ counted: columns 40,000, share 0.25"),
        (refused, "✗ refused: weights: 3 were found, expected 4; fit again"),
        (refused_for_a_reason, "✗ refused_for_a_reason: the profile has no seed; add one"),
        (broken, "✗ broken: KeyError: 'seed'"),
    ],
)
def test_what_the_terminal_shows(capfd, step, line):
    defs = Definitions(assets=[step], jobs=[define_asset_job("job")], loggers={"progress": progress})
    defs.resolve_job_def("job").execute_in_process({"loggers": {"progress": {}}}, raise_on_error=False)
    assert line in capfd.readouterr().err.splitlines()
