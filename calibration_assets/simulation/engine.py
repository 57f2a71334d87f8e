"""The door to policyengine-us: arrays in, values of variables out, at each variable's own entity.

Imported inside functions, since the import takes 40 seconds and a gigabyte. Every simulation is fresh, the period is
always given, and a variable that cannot be calculated stops the build.
"""

import gc
import importlib.metadata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from calibration_assets.errors import CalibrationError
from calibration_assets.settings import MODEL_YEAR

PACKAGE = "policyengine-us"
PATIENCE = (1_000_000, 2, 2)
"""Objects made between two garbage collections, and of how many one walks older objects; Python's own: 700, 10, 10."""


def engine_version() -> str:
    """The installed policyengine-us, as every simulated value's key holds it."""
    return importlib.metadata.version(PACKAGE)


@cache
def system() -> Any:
    """The tax-benefit system of the installed policyengine-us.

    Its millions of objects live as long as the process: they are put out of the garbage collector's sight.
    """
    from policyengine_us.system import system as installed

    forget_simulations()
    return installed


@contextmanager
def patient_collector() -> Iterator[None]:
    """Garbage is collected seldom inside: a simulation keeps nearly all that it makes, and walking it over and over
    takes a third of its time. Not never: New York's copies the parameters for every branch and drops them.
    """
    thresholds = gc.get_threshold()
    gc.set_threshold(*PATIENCE)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)


def forget_simulations() -> None:
    """Free simulations that nothing refers to any more, which are cycles (New York's holds a copy of the parameters).

    What outlives them, such as parameters looked up, is put out of the collector's sight like the system.
    """
    gc.collect()
    gc.freeze()


def entity_of(variable: str) -> str:
    """The entity that a variable belongs to."""
    return str(_variable(variable).entity.key)


def open_simulation(arrays: Mapping[str, np.ndarray]) -> Any:
    """A fresh simulation of arrays by variable (ids and links among them), all for the model year.

    Without weights: the class that carries them calculates the same numbers three times as slowly.
    """
    from policyengine_us import Simulation

    unknown = sorted(name for name in arrays if name not in system().variables)
    if unknown:
        raise CalibrationError(
            f"dataset: {', '.join(unknown[:5])} {'is' if len(unknown) == 1 else 'are'} unknown to {PACKAGE} "
            f"{engine_version()} ({len(unknown)} in all), expected its input variables; rename or drop them."
        )
    return Simulation(dataset=_Arrays({name: {str(MODEL_YEAR): values} for name, values in arrays.items()}))


def calculate(simulation: Any, variable: str, where: str) -> np.ndarray:
    """A variable's values at its own entity: float32, bool, integer, or text for enumerations."""
    _variable(variable)
    try:
        values = np.asarray(simulation.calculate(variable, MODEL_YEAR, decode_enums=True))
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RuntimeError) as error:
        raise CalibrationError(
            f"{variable} cannot be simulated in {where}: {type(error).__name__}: {error}; drop its targets and "
            "constraints, or correct the inputs it reads."
        ) from error
    if values.dtype.kind in "OSU":
        return values.astype(str)
    values = values.astype(np.float32) if values.dtype.kind == "f" else values
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise CalibrationError(
            f"{variable} has {int((~np.isfinite(values)).sum()):,} values in {where} that are not finite, expected "
            "numbers; correct the inputs it reads."
        )
    return values


def has_read(simulation: Any, variable: str) -> bool:
    """Whether a simulation, or a branch that its formulas have made, has asked for a variable so far."""
    known = bool(simulation.get_holder(variable).get_known_periods())
    return known or any(has_read(branch, variable) for branch in simulation.branches.values())


def set_input(simulation: Any, variable: str, values: np.ndarray) -> None:
    """Give a simulation an input for the model year; on a branch, whatever depends on it is calculated anew."""
    simulation.set_input(variable, str(MODEL_YEAR), values)


@dataclass
class _Arrays:
    """Arrays in memory, as policyengine-core reads a dataset."""

    data: Mapping[str, Mapping[str, np.ndarray]]
    name: str = "copies"
    data_format: str = "time_period_arrays"
    time_period: str = str(MODEL_YEAR)
    file_path: None = None

    def load(self) -> Mapping[str, Mapping[str, np.ndarray]]:
        """All arrays by variable and period."""
        return self.data


def _variable(name: str) -> Any:
    variables = system().variables
    if name not in variables:
        raise CalibrationError(
            f"variable {name} is unknown to {PACKAGE} {engine_version()}, expected one of its {len(variables):,} "
            "variables; correct the target or constraint that names it."
        )
    return variables[name]
