"""The named points of a sweep: the file that lists them, checked, and the settings that each one stands for.

Fitting a point and comparing points stay out.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from calibration_assets.errors import CalibrationError
from calibration_assets.settings import FitSettings, PointSettings

SWEEP_FILE = Path(__file__).parents[1] / "sweep.yaml"
WHOLE_NUMBERS = ("target_records", "epochs", "seed")
ALTERNATIVES = ("lambda_l0", "target_records")
"""Two ways to say how many columns are kept: a point that gives one replaces both."""


def read_points(path: Path = SWEEP_FILE) -> dict[str, PointSettings]:
    """The points of a sweep file by name, in its order; anything unexpected in it is an error."""
    try:
        document = yaml.compose(path.read_text(), Loader=yaml.SafeLoader)
        content = yaml.safe_load(path.read_text())
    except OSError as error:
        raise CalibrationError(f"sweep {path} cannot be read ({error.strerror}); give an existing file") from error
    except yaml.YAMLError as error:
        raise CalibrationError(f"sweep {path} is not YAML ({error}); correct the file") from error
    if not isinstance(content, dict) or not isinstance(document, yaml.MappingNode):
        found = type(content).__name__
        raise CalibrationError(f"sweep {path} holds {found}, expected points by name; correct the file")
    names = [key.value for key, _ in document.value]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise CalibrationError(f"sweep {path} names the point {repeated[0]} twice, expected each name once; rename one")
    points = {str(name): _read_point(str(name), given, path) for name, given in content.items()}
    _check_distinct(points, path)
    return points


def point_settings(points: Mapping[str, PointSettings], name: str, settings: FitSettings) -> FitSettings:
    """The settings with those of a point put in."""
    check_names([name], points)
    given = given_settings(points[name])
    if given.keys() & set(ALTERNATIVES):
        given = {**dict.fromkeys(ALTERNATIVES), **given}
    return replace(settings, **given)


def check_names(names: Iterable[str], points: Mapping[str, PointSettings]) -> None:
    """Stop at the first name that no point has (any more), with the nearest ones."""
    for name in names:
        if name not in points:
            near = ", ".join(get_close_matches(name, points, n=3)) or ", ".join(points)
            raise CalibrationError(
                f"sweep point {name!r} is not among the {len(points)} that sweep.yaml names; nearest names: {near}"
            )


def given_settings(point: PointSettings) -> dict[str, Any]:
    """What a point sets."""
    return {name: value for name, value in asdict(point).items() if value is not None}


def _read_point(name: str, given: Any, path: Path) -> PointSettings:
    known = [one.name for one in fields(PointSettings)]
    if not isinstance(given, dict) or not given:
        raise CalibrationError(
            f"sweep {path}, point {name}: {given!r} was found, expected some of {', '.join(known)}; correct the file"
        )
    for setting, value in given.items():
        if setting not in known:
            near = ", ".join(get_close_matches(str(setting), known, n=1)) or ", ".join(known)
            raise CalibrationError(
                f"sweep {path}, point {name}: the setting {setting!r} is unknown, expected one of {', '.join(known)}; "
                f"nearest: {near}"
            )
        _check_number(name, setting, value, path)
    if set(ALTERNATIVES) <= given.keys():
        raise CalibrationError(
            f"sweep {path}, point {name}: both lambda_l0 and target_records are given, expected one of them; drop one"
        )
    return PointSettings(**given)


def _check_number(name: str, setting: str, value: Any, path: Path) -> None:
    expected = int if setting in WHOLE_NUMBERS else int | float
    if not isinstance(value, expected) or isinstance(value, bool):
        kind = "a whole number" if setting in WHOLE_NUMBERS else "a number (1.0e-8, not 1e-8, is one in YAML)"
        raise CalibrationError(
            f"sweep {path}, point {name}: {setting} is {value!r}, expected {kind}; correct the file"
        )


def _check_distinct(points: Mapping[str, PointSettings], path: Path) -> None:
    first: dict[PointSettings, str] = {}
    for name, point in points.items():
        if point in first:
            raise CalibrationError(
                f"sweep {path}: the points {first[point]} and {name} have the same settings, expected different ones; "
                "drop one"
            )
        first[point] = name
