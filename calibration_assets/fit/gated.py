"""The gated phase: from a checked problem to gated weights, started, resumed, or taken to a number of columns."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from calibration_assets.errors import CalibrationError
from calibration_assets.fit.budget import Save, Search, reach_budget
from calibration_assets.fit.checkpoint import Checkpoint, Checkpoints, Identity, identify, read_checkpoint, restore
from calibration_assets.fit.engine import GatedEngine, GatedState, Terms
from calibration_assets.fit.epoch_log import EpochLog
from calibration_assets.fit.loop import Observer, run_epochs
from calibration_assets.fit.objective import Objective
from calibration_assets.fit.peer import fit_with_l0_python
from calibration_assets.fit.problem import l0_penalty
from calibration_assets.fit.products import MatrixProducts
from calibration_assets.fit.ranks import Ranks
from calibration_assets.matrix.cell_matrix import CellMatrix
from calibration_assets.settings import FitSettings, ObservationSettings


@dataclass(frozen=True)
class Problem:
    """A checked fit: X (rows, columns), targets and their names (rows,), weights to start from (columns,)."""

    X: CellMatrix
    targets: np.ndarray
    names: Sequence[str]
    start: np.ndarray
    objective: Objective
    ranks: Ranks


@dataclass(frozen=True)
class Gated:
    """Gated weights (columns,) float32 and how they came about."""

    weights: np.ndarray
    terms: list[Terms]
    lambda_l0: float
    epochs: int
    stopped: str
    notes: list[str]


def fit_gates(
    problem: Problem, settings: FitSettings, observation: ObservationSettings, observers: Sequence[Observer]
) -> Gated:
    """Run the gated phase with the engine of the settings."""
    if settings.engine == "l0-python":
        return _fit_with_peer(problem, settings, observation)
    ranks, n_columns = problem.ranks, problem.X.shape[1]
    identity = _identity(problem, settings, observation)
    checkpoint = _read_resumed(observation, identity)
    products = MatrixProducts(problem.X, *ranks.shard(n_columns), device=settings.device)
    engine = GatedEngine(products, problem.objective, settings, n_columns=n_columns, ranks=ranks)
    if checkpoint is None:
        state, terms = engine.start(problem.start, l0_penalty(settings)), []
    else:
        state, terms = restore(checkpoint, ranks, settings.device), checkpoint.terms
    log = _epoch_log(observation, problem, state.epoch)
    observers = [*observers, *([log] if log else [])]
    checkpoints = _checkpoints(observation, identity, ranks)
    wanted = settings.target_records
    if wanted is None:
        stopped = _run_all(engine, state, terms, settings, observers, checkpoints)
    else:
        state, stopped = reach_budget(
            engine,
            state,
            terms,
            wanted=wanted,
            epochs=settings.epochs,
            search=Search(**checkpoint.extra) if checkpoint else None,
            observers=observers,
            save=_save_stages(engine, checkpoints),
        )
    if log:
        log.write_table(problem.targets, problem.names, problem.X)
    weights = ranks.gather(engine.weights(state), n_columns).cpu().numpy()
    return Gated(weights, terms, state.lambda_l0, state.epoch, stopped, _notes(observation, checkpoint, identity))


def _run_all(
    engine: GatedEngine,
    state: GatedState,
    terms: list[Terms],
    settings: FitSettings,
    observers: Sequence[Observer],
    checkpoints: Checkpoints | None,
) -> str:
    """Run the total of epochs; a checkpoint is left at the end too, since the refit follows."""
    if state.epoch > settings.epochs:
        raise CalibrationError(
            f"The checkpoint was made after epoch {state.epoch} and a total of {settings.epochs} epochs is asked for, "
            "expected at least as many: raise --epochs."
        )
    begun = state.epoch
    run_epochs(engine, state, terms, settings.epochs, [*observers, *([checkpoints] if checkpoints else [])])
    if checkpoints and state.epoch > begun:
        checkpoints.write(engine, state, terms, {})
    return f"The {settings.epochs} epochs asked for were run."


def _save_stages(engine: GatedEngine, checkpoints: Checkpoints | None) -> Save:
    """Writes the start of every stage of the search for a number of columns."""

    def save(start: GatedState, terms: list[Terms], search: Search) -> None:
        if checkpoints:
            checkpoints.write(engine, start, terms, asdict(search))

    return save


def _fit_with_peer(problem: Problem, settings: FitSettings, observation: ObservationSettings) -> Gated:
    """The peer's weights; it can neither be watched nor resumed nor searched with."""
    if observation.log_freq or observation.checkpoint_output or settings.target_records or problem.ranks.size > 1:
        raise CalibrationError(
            "The engine l0-python was asked for an epoch log, checkpoints, a number of records or several ranks, "
            "expected none of these: use the engine csr."
        )
    lambda_l0 = l0_penalty(settings)
    weights = fit_with_l0_python(problem.X, problem.targets, problem.start, settings, lambda_l0)
    return Gated(weights, [], lambda_l0, settings.epochs, f"The {settings.epochs} epochs asked for were run.", [])


def _identity(problem: Problem, settings: FitSettings, observation: ObservationSettings) -> Identity | None:
    """What checkpoints belong to, where there are any: hashing the matrix takes its time."""
    if observation.checkpoint_output is None and not _resumes(observation):
        return None
    importance = problem.objective.importance.cpu().numpy()
    return identify(problem.X, problem.targets, problem.start, importance, settings)


def _resumes(observation: ObservationSettings) -> bool:
    """Whether `resume_from` names a checkpoint rather than weights."""
    return observation.resume_from is not None and not observation.resume_from.endswith(".npy")


def _read_resumed(observation: ObservationSettings, identity: Identity | None) -> Checkpoint | None:
    if identity is None or observation.resume_from is None or not _resumes(observation):
        return None
    return read_checkpoint(Path(observation.resume_from), identity)


def _checkpoints(observation: ObservationSettings, identity: Identity | None, ranks: Ranks) -> Checkpoints | None:
    if observation.checkpoint_output is None or identity is None:
        return None
    path = Path(observation.checkpoint_output)
    return Checkpoints(
        path, identity, ranks, every=observation.checkpoint_every, seconds=observation.checkpoint_seconds
    )


def _epoch_log(observation: ObservationSettings, problem: Problem, from_epoch: int) -> EpochLog | None:
    if not observation.log_freq or observation.epoch_log is None:
        return None
    path, writes = Path(observation.epoch_log), problem.ranks.rank == 0
    return EpochLog(path, observation.log_freq, len(problem.targets), from_epoch=from_epoch, writes=writes)


def _notes(
    observation: ObservationSettings, checkpoint: Checkpoint | None, identity: Identity | None
) -> list[str]:
    """What the record says about where the fit began."""
    if checkpoint is None or identity is None:
        warm = observation.resume_from is not None
        return [f"Warm start from the weights {observation.resume_from}."] if warm else []
    notes = [f"Resumed from {observation.resume_from} after epoch {checkpoint.epoch}."]
    if checkpoint.threads != identity.threads:
        notes.append(
            f"The checkpoint was made with {checkpoint.threads} threads and resumed with {identity.threads}: "
            "the weights equal the uninterrupted fit's up to rounding alone."
        )
    return notes
