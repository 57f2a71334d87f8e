"""The gate penalty that keeps a wanted number of columns, found by continuation.

From stage to stage the penalty rises, each stage starting from the state that the last one ended with. A stage that
closes too many gates is taken back and its penalty bounds the later ones from above; when the bounds have met, stages
are made shorter instead. No column is cut: gates alone decide.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from calibration_assets.errors import CalibrationError
from calibration_assets.fit.engine import GatedEngine, GatedState, Terms
from calibration_assets.fit.loop import Observer, run_epochs

TOLERANCE = 0.02
FIRST_FACTOR = 100.0
BOUNDS_MET = 1.05
MAX_STAGES = 60
MIN_STAGE_EPOCHS = 50


@dataclass(frozen=True)
class Search:
    """What a search knows besides its state: the lowest penalty known to close too many gates, and a stage's epochs."""

    too_high: float | None
    stage_epochs: int

    def next_penalty(self, penalty: float) -> float:
        """The penalty of the next stage: between the bounds, or a hundredfold while there is only one."""
        return penalty * FIRST_FACTOR if self.too_high is None else (penalty * self.too_high) ** 0.5

    def after_overshoot(self, penalty: float, tried: float) -> "Search":
        """What is known once the stage from `penalty` at the penalty `tried` has closed too many gates."""
        if tried > penalty * BOUNDS_MET:
            return replace(self, too_high=tried)
        return Search(max(tried, penalty * BOUNDS_MET), max(1, self.stage_epochs // 2))


Save = Callable[[GatedState, list[Terms], Search], None]


def reach_budget(
    engine: GatedEngine,
    state: GatedState,
    terms: list[Terms],
    *,
    wanted: int,
    epochs: int,
    search: Search | None,
    observers: Sequence[Observer],
    save: Save,
) -> tuple[GatedState, str]:
    """The state that keeps `wanted` columns within 2 %, and a sentence on how it was reached.

    `epochs` are run at the starting penalty and half of them a stage; `search` is that of a resumed one; `save` is
    given every state that the next stage starts from.
    """
    if search is None:
        run_epochs(engine, state, terms, epochs, observers)
        search = Search(None, max(MIN_STAGE_EPOCHS, epochs // 2))
    kept = engine.count_kept(state)
    if kept < wanted * (1 - TOLERANCE):
        raise CalibrationError(
            f"{wanted:,} columns were asked for, but the lowest penalty {state.lambda_l0:g} keeps {kept:,} of "
            f"{engine.n_columns:,}: ask for fewer, or start with the preset `local` and fewer epochs."
        )
    for stage in range(MAX_STAGES):
        if kept <= wanted * (1 + TOLERANCE):
            return state, f"The penalty {state.lambda_l0:g} keeps {kept:,} columns, reached in {stage} stages."
        save(state, terms, search)
        trial, trial_terms = state.copy(), list(terms)
        trial.lambda_l0 = search.next_penalty(state.lambda_l0)
        run_epochs(engine, trial, trial_terms, state.epoch + search.stage_epochs, observers)
        trial_kept = engine.count_kept(trial)
        if trial_kept < wanted * (1 - TOLERANCE):
            search = search.after_overshoot(state.lambda_l0, trial.lambda_l0)
        else:
            state, kept, terms[:] = trial, trial_kept, trial_terms
    return state, f"{MAX_STAGES} stages ended with {kept:,} columns, not within 2 % of the {wanted:,} asked for."
