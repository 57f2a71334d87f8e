"""Yearly limits of retirement contributions, read from the parameter files of the installed policyengine-us."""

import importlib.util
from pathlib import Path
from typing import Any

import yaml

from calibration_assets.errors import CalibrationError
from calibration_assets.imputation.retirement import RetirementLimits

FOLDER = "parameters/gov/irs/gross_income/retirement_contributions"


def retirement_limits(year: int) -> RetirementLimits:
    """The limits in force on 1 January of a year; nothing of policyengine-us is imported."""
    package = importlib.util.find_spec("policyengine_us")
    if package is None or package.origin is None:
        raise CalibrationError(
            "policyengine-us is not installed, expected it for the limits of contributions; install it."
        )
    folder = Path(package.origin).parent / FOLDER
    catch_up_age = int(_in_force(_read(folder / "catch_up/age_threshold.yaml"), year))
    return RetirementLimits(
        catch_up_age=catch_up_age,
        deferral=_in_force(_read(folder / "limit/401k.yaml"), year),
        deferral_catch_up=_bracket(_read(folder / "catch_up/limit/k401.yaml"), catch_up_age, year),
        ira=_in_force(_read(folder / "limit/ira.yaml"), year),
        ira_catch_up=_in_force(_read(folder / "catch_up/limit/ira.yaml"), year),
        self_employed=_in_force(_read(folder / "limit/annual_additions.yaml"), year),
    )


def _read(path: Path) -> dict[str, Any]:
    if not path.exists():
        raise CalibrationError(
            f"{path}: no such file, expected a parameter of policyengine-us; install the version in constraints.txt."
        )
    return dict(yaml.safe_load(path.read_text()))


def _in_force(parameter: dict[str, Any], year: int) -> float:
    """The value of the last date up to 1 January of the year, or the first one."""
    values = {str(date): value for date, value in parameter["values"].items()}
    begun = [date for date in sorted(values) if date <= f"{year}-01-01"]
    return float(values[begun[-1] if begun else min(values)])


def _bracket(scale: dict[str, Any], age: int, year: int) -> float:
    """The amount of the bracket that an age falls in."""
    reached = [one for one in scale["brackets"] if _in_force(one["threshold"], year) <= age]
    return _in_force(reached[-1]["amount"], year)
