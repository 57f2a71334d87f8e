"""How much memory and time a fit will take, told before it starts, and refused where memory will not suffice.

Bytes follow from the arrays that the phases hold; seconds from the bytes that an epoch reads and a bandwidth measured
on the spot.
"""

import time
from dataclasses import dataclass
from pathlib import Path

import torch

from calibration_assets.errors import CalibrationError
from calibration_assets.fit.lbfgs import HISTORY
from calibration_assets.fit.products import BLOCK_COLUMNS, mapped_file
from calibration_assets.matrix.cell_matrix import CellMatrix

PROCESS_BYTES = 350e6
GATED_ENTRY_BYTES = 2 * (4 + 4)
GATED_COLUMN_BYTES = 4 * (3 * 2 + 4 + 1 + 4)
REFIT_ENTRY_BYTES = 2 * (4 + 8) + (4 + 4)
REFIT_COLUMN_BYTES = 8 * (2 * HISTORY + 10)
BUILD_ENTRY_BYTES = 4 * 8
CELL_BYTES = 2 * (4 + 8)
"""At most, of a column in one of its cells: its place among the cell's columns, and the cell's among its own."""
COPIED_FLOATS = 1 << 24
TRAFFIC_OF_AN_EPOCH = 3.5
"""Time of an epoch over that of reading what it touches once at the copy's speed (benchmarks/README.md)."""


@dataclass(frozen=True)
class Forecast:
    """Peak bytes of the two phases (the refit's with every column kept), bytes at hand, and seconds of an epoch."""

    gated_bytes: float
    refit_bytes: float
    available_bytes: float
    epoch_seconds: float

    def sentence(self, epochs: int) -> str:
        """What is told before the run."""
        return (
            f"Predicted: {epochs} epochs of {self.epoch_seconds:.2g} s and {self.gated_bytes / 1e9:.2g} GB, the refit "
            f"at most {self.refit_bytes / 1e9:.2g} GB; {self.available_bytes / 1e9:.3g} GB are at hand."
        )


def forecast_fit(X: CellMatrix, n_ranks: int = 1) -> Forecast:
    """The forecast for a matrix (rows, columns) whose columns are spread over ranks."""
    # Rows by cell are held whole by every rank, rows by column for the rank's own columns.
    entries, columns = X.by_column.nnz / n_ranks + X.by_cell.nnz, X.shape[1] / n_ranks
    cells = columns * len(X.cell) * CELL_BYTES if len(X.cell_rows) else 0
    given = 0 if mapped_file(X.by_column.data) is not None else X.stored_entries * 8
    building = BUILD_ENTRY_BYTES * min(entries, entries * BLOCK_COLUMNS / columns)
    gated = cells + entries * GATED_ENTRY_BYTES + max(columns * GATED_COLUMN_BYTES, building)
    refit = cells + entries * REFIT_ENTRY_BYTES + max(columns * REFIT_COLUMN_BYTES, building)
    touched = cells + entries * GATED_ENTRY_BYTES + columns * GATED_COLUMN_BYTES
    return Forecast(
        gated_bytes=PROCESS_BYTES + given + gated,
        refit_bytes=PROCESS_BYTES + given + refit,
        available_bytes=available_memory(),
        epoch_seconds=TRAFFIC_OF_AN_EPOCH * touched / copy_bandwidth(),
    )


def refuse_too_large(forecast: Forecast, n_ranks: int = 1) -> None:
    """Stop before the run if the gated phase's memory exceeds what is at hand."""
    needed = forecast.gated_bytes * n_ranks
    if needed > forecast.available_bytes:
        raise CalibrationError(
            f"The fit needs about {needed / 1e9:.3g} GB and {forecast.available_bytes / 1e9:.3g} GB are at hand: "
            "free memory, take fewer clones, spread it over machines with torchrun, or go on with --force."
        )


def refuse_large_refit(X: CellMatrix) -> None:
    """Stop before the refit of the kept columns of X if its memory exceeds what is at hand."""
    entries, columns = X.stored_entries, X.shape[1]
    needed = entries * (REFIT_ENTRY_BYTES + BUILD_ENTRY_BYTES / max(1, columns // BLOCK_COLUMNS))
    needed += columns * (REFIT_COLUMN_BYTES + len(X.cell) * CELL_BYTES)
    available = available_memory()
    if needed > available:
        raise CalibrationError(
            f"The refit of {columns:,} columns needs about {needed / 1e9:.3g} GB and {available / 1e9:.3g} GB are at "
            "hand: keep fewer with --target-records or --lambda-l0, resume with --no-refit, or go on with --force."
        )


def available_memory() -> float:
    """Bytes that can be taken without swapping, by the kernel's count and the control group's limit."""
    numbers = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    available = float(numbers["MemAvailable"].split()[0]) * 1024
    limit, used = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")
    if limit.exists() and limit.read_text().strip() != "max":
        return min(available, float(limit.read_text()) - float(used.read_text()))
    return available


def copy_bandwidth() -> float:
    """Bytes read and written a second by the best of three copies of 64 MB."""
    source = torch.zeros(COPIED_FLOATS)
    target = torch.zeros_like(source)
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        target.copy_(source)
        seconds.append(time.perf_counter() - began)
    return 2 * 4 * COPIED_FLOATS / min(seconds)
