"""Observers that show how far the gated phase has come; a progress bar needs tqdm, which the portable set lacks."""

from collections.abc import Callable
from importlib.util import find_spec

import numpy as np

from calibration_assets.errors import CalibrationError
from calibration_assets.fit.engine import GatedEngine, GatedState, Terms

COUNT_EVERY = 20
REPORTS = 10
"""How often a fit tells its figures."""


class ProgressBar:
    """Shows how far the gated phase has come."""

    def __init__(self, epochs: int) -> None:
        if find_spec("tqdm") is None:
            raise CalibrationError("--progress needs tqdm, which is not installed: install it, or drop --progress.")
        from tqdm import tqdm

        self._bar = tqdm(total=epochs, unit="epoch")

    def __call__(self, engine: GatedEngine, state: GatedState, terms: list[Terms]) -> None:
        """Move the bar to this epoch."""
        self._bar.update(state.epoch - self._bar.n)
        if state.epoch % COUNT_EVERY == 0:
            self._bar.set_postfix(loss=f"{terms[-1].data_loss:.4g}", kept=engine.count_kept(state))


class Reports:
    """Tells epoch, loss, kept columns and the shares of targets within 1 and 10 %, ten times a fit."""

    def __init__(self, targets: np.ndarray, epochs: int, tell: Callable[[dict[str, float]], None]) -> None:
        self._targets, self._every, self._tell = targets, max(epochs // REPORTS, 1), tell

    def __call__(self, engine: GatedEngine, state: GatedState, terms: list[Terms]) -> None:
        """Tell the figures where due; targets of 0 count by their absolute error."""
        if state.epoch % self._every:
            return
        errors = np.abs(engine.estimates(state).cpu().numpy() - self._targets)
        relative = errors / np.where(self._targets == 0, 1.0, np.abs(self._targets))
        shares = {f"within_{cut}_pct": float(np.mean(relative <= cut / 100) * 100) for cut in (1, 10)}
        kept = engine.count_kept(state)
        self._tell({"epoch": state.epoch, "loss": terms[-1].data_loss, "kept_columns": kept, **shares})
