"""Constraints: a variable, an operation and a value of the variable's own type. Half-open ranges come from >= and <."""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from calibration_assets.errors import CalibrationError

OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
TRUTH = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}


@dataclass(frozen=True, order=True)
class Constraint:
    """What a person or unit must fulfil, as stored in the target database."""

    variable: str
    operation: str
    value: str

    def holds(self, array: np.ndarray) -> np.ndarray:
        """Where the constraint holds, bool, for an array of the variable's values."""
        if self.operation not in OPERATORS:
            raise CalibrationError(
                f"constraint {self}: operation {self.operation} is unknown, expected one of {', '.join(OPERATORS)}; "
                "correct it in the target database."
            )
        return np.asarray(OPERATORS[self.operation](array, self._value(array.dtype)))

    def __str__(self) -> str:
        return f"{self.variable}{self.operation}{self.value}"

    def _value(self, dtype: np.dtype) -> Any:
        if dtype.kind == "U":
            if self.operation in ("==", "!="):
                return self.value
            raise CalibrationError(
                f"constraint {self}: {self.variable} is text, expected the operation == or !=; correct it in the "
                "target database."
            )
        text = self.value.strip().lower()
        if dtype.kind == "b" and text in TRUTH:
            return TRUTH[text]
        try:
            return float({"true": "1", "false": "0"}.get(text, text))
        except ValueError:
            raise CalibrationError(
                f"constraint {self}: {self.variable} is a number, expected one instead of {self.value!r}; correct it "
                "in the target database."
            ) from None
