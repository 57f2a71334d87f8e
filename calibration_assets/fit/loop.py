"""The loop of the gated fit, written once: step until done, observers look on.

An observer reads the state and the terms after an epoch and changes nothing. How a step is made stays out.
"""

from collections.abc import Callable, Sequence

from calibration_assets.errors import CalibrationError
from calibration_assets.fit.engine import GatedEngine, GatedState, Terms

Observer = Callable[[GatedEngine, GatedState, Terms], None]


def run_epochs(engine: GatedEngine, state: GatedState, epochs: int, observers: Sequence[Observer] = ()) -> list[Terms]:
    """Step until `state.epoch` is `epochs`; the objective's terms of the epochs run here."""
    terms = []
    while state.epoch < epochs:
        terms.append(engine.step(state))
        if not terms[-1].total < float("inf"):
            raise CalibrationError(
                f"The objective is {terms[-1].total} at epoch {state.epoch}, expected a finite number: "
                "lower the learning rate, or look for extreme values in the matrix and the targets."
            )
        for observe in observers:
            observe(engine, state, terms[-1])
    return terms
