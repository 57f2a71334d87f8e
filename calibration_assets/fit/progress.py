"""The progress bar, an observer that shows epoch, loss and kept columns. Needs tqdm, which the portable set lacks."""

from importlib.util import find_spec

from calibration_assets.errors import CalibrationError
from calibration_assets.fit.engine import GatedEngine, GatedState, Terms

COUNT_EVERY = 20


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
