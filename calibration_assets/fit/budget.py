"""The gate penalty that keeps a wanted number of columns, found by continuation.

The penalty rises by a factor from stage to stage, each starting from the state that the last one ended with; a stage
that closes too many gates is taken back and the factor's square root is tried. No column is cut: gates alone decide.
"""

from collections.abc import Callable, Sequence

from calibration_assets.errors import CalibrationError
from calibration_assets.fit.engine import GatedEngine, GatedState, Terms
from calibration_assets.fit.loop import Observer, run_epochs

TOLERANCE = 0.02
FIRST_FACTOR = 10.0
MAX_STAGES = 40
STAGE_SHARE = 4
MIN_STAGE_EPOCHS = 10

Save = Callable[[GatedState, list[Terms], float], None]


def reach_budget(
    engine: GatedEngine,
    state: GatedState,
    terms: list[Terms],
    *,
    wanted: int,
    epochs: int,
    factor: float | None,
    observers: Sequence[Observer],
    save: Save,
) -> tuple[GatedState, str]:
    """The state that keeps `wanted` columns within 2 %, and a sentence on how it was reached.

    `epochs` are run at the starting penalty and a quarter of them a stage; `factor` is that of a resumed search;
    `save` is given every state that the next stage starts from.
    """
    if factor is None:
        run_epochs(engine, state, terms, epochs, observers)
        factor = FIRST_FACTOR
    kept = engine.count_kept(state)
    if kept < wanted * (1 - TOLERANCE):
        raise CalibrationError(
            f"{wanted:,} columns were asked for, but the lowest penalty {state.lambda_l0:g} keeps {kept:,} of "
            f"{engine.n_columns:,}: ask for fewer, or start with the preset `local` and fewer epochs."
        )
    stage_epochs = max(MIN_STAGE_EPOCHS, epochs // STAGE_SHARE)
    for stage in range(MAX_STAGES):
        if abs(kept - wanted) <= TOLERANCE * wanted:
            return state, f"The penalty {state.lambda_l0:g} keeps {kept:,} columns, reached in {stage} stages."
        save(state, terms, factor)
        trial, trial_terms = state.copy(), list(terms)
        trial.lambda_l0 *= factor
        run_epochs(engine, trial, trial_terms, state.epoch + stage_epochs, observers)
        trial_kept = engine.count_kept(trial)
        if trial_kept < wanted * (1 - TOLERANCE):
            factor **= 0.5
        else:
            state, kept, terms[:] = trial, trial_kept, trial_terms
    return state, f"{MAX_STAGES} stages ended with {kept:,} columns, not within 2 % of the {wanted:,} asked for."
