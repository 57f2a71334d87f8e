"""The log of estimates by epoch: a long table (target, epoch, estimate, error, loss) in Parquet, or the manual's CSV.

While the fit runs, estimates are appended as numbers to a file beside the log, so that a killed run keeps them; the
table is made at the end. The fit's own course stays out.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from calibration_assets.errors import CalibrationError
from calibration_assets.fit.engine import GatedEngine, GatedState, Terms
from calibration_assets.fit.examine import achievable_targets
from calibration_assets.matrix.cell_matrix import CellMatrix


class EpochLog:
    """An observer that notes the estimates of the evaluated gates every `frequency` epochs."""

    def __init__(self, path: Path, frequency: int, n_rows: int, *, from_epoch: int, writes: bool) -> None:
        if path.suffix not in (".parquet", ".csv"):
            raise CalibrationError(f"The epoch log is {path}, expected a name that ends with .parquet or .csv.")
        self._frequency, self._n_rows, self._writes = frequency, n_rows, writes
        self._notes = path.with_name(path.name + ".part")
        self._path = path
        if writes:
            path.parent.mkdir(parents=True, exist_ok=True)
            earlier = self._read() if from_epoch and self._notes.exists() else np.empty((0, n_rows + 1))
            earlier[earlier[:, 0] <= from_epoch].tofile(self._notes)

    def __call__(self, engine: GatedEngine, state: GatedState, terms: list[Terms]) -> None:
        """Note the estimates where due."""
        if state.epoch % self._frequency:
            return
        estimates = engine.estimates(state).cpu().numpy()
        if self._writes:
            with self._notes.open("ab") as file:
                np.concatenate([[state.epoch], estimates]).tofile(file)

    def write_table(self, targets: np.ndarray, names: Sequence[str], X: CellMatrix) -> None:
        """Turn the notes into the table and remove them."""
        if not self._writes:
            return
        notes = self._read()
        table = _long_table(notes[:, 0].astype(np.int64), notes[:, 1:], np.asarray(targets), names)
        if self._path.suffix == ".parquet":
            table.to_parquet(self._path, index=False)
        else:
            _manual_columns(table, np.tile(achievable_targets(X, targets), len(notes))).to_csv(self._path, index=False)
        self._notes.unlink()

    def _read(self) -> np.ndarray:
        """Notes (logged epochs, 1 + rows); a last one that was cut short is left out."""
        numbers = np.fromfile(self._notes)
        width = self._n_rows + 1
        return numbers[: len(numbers) // width * width].reshape(-1, width)


def _long_table(epochs: np.ndarray, estimates: np.ndarray, targets: np.ndarray, names: Sequence[str]) -> pd.DataFrame:
    """One row by epoch and target; error is estimate - target, loss its square relative to the target (0 at 0)."""
    error = estimates - targets
    relative = np.divide(error, np.abs(targets), out=np.zeros_like(error), where=targets != 0)
    columns = {"estimate": estimates, "error": error, "rel_error": relative, "loss": relative**2}
    return pd.DataFrame(
        {
            "target": pd.Categorical.from_codes(np.tile(np.arange(len(names)), len(epochs)), pd.Index(list(names))),
            "epoch": np.repeat(epochs, len(names)),
            "true_value": np.tile(targets, len(epochs)),
        }
        | {name: values.ravel() for name, values in columns.items()}
    )


def _manual_columns(table: pd.DataFrame, achievable: np.ndarray) -> pd.DataFrame:
    """The columns that readers of the manual's calibration_log.csv expect."""
    return pd.DataFrame(
        {
            "target_name": table["target"],
            "estimate": table["estimate"],
            "target": table["true_value"],
            "epoch": table["epoch"],
            "error": table["error"],
            "rel_error": table["rel_error"],
            "abs_error": table["error"].abs(),
            "rel_abs_error": table["rel_error"].abs(),
            "loss": table["loss"],
            "achievable": achievable,
        }
    )
