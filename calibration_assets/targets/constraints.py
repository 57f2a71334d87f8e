"""Constraints of strata: one form, canonical text, and what makes a set of them contradictory. Reads no data."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from calibration_assets.errors import CalibrationError
from calibration_assets.schemas import OPERATIONS

GEOGRAPHIC_VARIABLES = ("state_fips", "congressional_district_geoid")
UNNAMED_VARIABLES = (*GEOGRAPHIC_VARIABLES, "tax_unit_is_filer")
"""Constraint variables that are no domain: a filter on `domain_variable` never names them."""
_FORM = re.compile(r"([a-z][a-z0-9_]*)(==|!=|>=|<=|>|<)([^<>=!;]+)")


@dataclass(frozen=True, order=True)
class Constraint:
    """What a record must fulfil: a variable, an operation of schemas.OPERATIONS, and a value as text."""

    variable: str
    operation: str
    value: str

    def __str__(self) -> str:
        """The constraint as it stands in target names, e.g. `age>=5`."""
        return f"{self.variable}{self.operation}{self.value}"


def parse_constraints(text: str) -> tuple[Constraint, ...]:
    """Constraints from text such as `age<10;age>=5`; the empty text has none."""
    return tuple(_parse(part) for part in text.split(";")) if text else ()


def constraint_text(parts: Iterable[str]) -> str:
    """Canonical text of constraints given as text: sorted, joined by semicolons."""
    return ";".join(sorted(str(_parse(part)) for part in parts))


def band(variable: str, lower: float, upper: float) -> list[str]:
    """The constraints of the half-open band [lower, upper); an infinite bound has none."""
    bounds = ((">=", lower), ("<", upper))
    return [f"{variable}{operation}{_number(bound)}" for operation, bound in bounds if math.isfinite(bound)]


def check_constraints(constraints: Sequence[Constraint]) -> None:
    """Stop at an unknown operation or at constraints of one variable that contradict or repeat each other."""
    for variable, group in groupby(sorted(constraints), key=lambda constraint: constraint.variable):
        _check_variable(variable, list(group))


def _check_variable(variable: str, group: list[Constraint]) -> None:
    operations = [constraint.operation for constraint in group]
    unknown = set(operations) - set(OPERATIONS)
    if unknown:
        raise _contradiction(variable, group, f"operation {unknown.pop()!r}, expected one of {' '.join(OPERATIONS)}")
    if len(group) > 1 and {"==", "!="} & set(operations):
        raise _contradiction(variable, group, "== or != beside another constraint, expected it alone")
    for pair in ({">", ">="}, {"<", "<="}):
        if sum(operation in pair for operation in operations) > 1:
            raise _contradiction(variable, group, f"two of {' and '.join(sorted(pair))}, expected one bound a side")
    if len(group) == 2 and _is_empty_range(group):
        raise _contradiction(variable, group, "a range without values, expected lower < upper")


def _is_empty_range(group: list[Constraint]) -> bool:
    try:
        bounds = {constraint.operation[0]: float(constraint.value) for constraint in group}
    except ValueError:
        return False
    inclusive = all(constraint.operation.endswith("=") for constraint in group)
    return not (bounds[">"] < bounds["<"] or (inclusive and bounds[">"] == bounds["<"]))


def _contradiction(variable: str, group: list[Constraint], found: str) -> CalibrationError:
    text = ", ".join(str(constraint) for constraint in group)
    return CalibrationError(f"constraints on {variable} ({text}) have {found}; correct the stratum")


def _parse(text: str) -> Constraint:
    match = _FORM.fullmatch(text.replace(" ", ""))
    if match is None:
        raise CalibrationError(
            f"constraint {text!r} has no form variable, operation, value, such as `age>=5`; rewrite it"
        )
    return Constraint(*match.groups())


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(float(value))
