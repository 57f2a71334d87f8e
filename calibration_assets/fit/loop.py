"""The loop of the gated fit, written once: step until done, observers look on.

An observer reads the state and the terms of all epochs so far, and changes nothing. How a step is made stays out.
"""

import math
from collections.abc import Callable, Sequence

from calibration_assets.errors import CalibrationError
from calibration_assets.fit.engine import GatedEngine, GatedState, Terms

Observer = Callable[[GatedEngine, GatedState, list[Terms]], None]


def run_epochs(
    engine: GatedEngine, state: GatedState, terms: list[Terms], epochs: int, observers: Sequence[Observer]
) -> None:
    """Step until `state.epoch` is `epochs`, adding to `terms` the objective's terms of each epoch."""
    while state.epoch < epochs:
        terms.append(engine.step(state))
        if not math.isfinite(terms[-1].total):
            raise CalibrationError(
                f"The objective is {terms[-1].total} at epoch {state.epoch}, expected a finite number: "
                "lower the learning rate, or look for extreme values in the matrix and the targets."
            )
        for observe in observers:
            observe(engine, state, terms)
