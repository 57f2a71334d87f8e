"""What a fit gives back, and its files: weights.npy, gated_weights.npy, terms.csv, record.json.

Plain npy, csv and json, so that it needs no package beyond those of the fit. How weights are found stays out.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from calibration_assets.errors import CalibrationError

FORMAT_VERSION = 1


@dataclass(frozen=True)
class FitResult:
    """The fit record.

    `weights` (columns,) float32 are the refitted ones, or the gated ones without a refit; `terms` has a row by epoch
    (epoch, data_loss, l0_penalty, l2_penalty, total); `record` holds settings, seed, epochs, certificate, notes,
    seconds, peak memory, threads and versions, as JSON can.
    """

    weights: np.ndarray
    gated_weights: np.ndarray
    terms: pd.DataFrame
    record: dict[str, Any]


def write_fit(result: FitResult, folder: Path) -> None:
    """Write a fit into a folder that exists."""
    np.save(folder / "weights.npy", result.weights)
    np.save(folder / "gated_weights.npy", result.gated_weights)
    result.terms.to_csv(folder / "terms.csv", index=False, float_format="%.17g")
    record = {"format_version": FORMAT_VERSION} | result.record
    (folder / "record.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def read_fit(folder: Path) -> FitResult:
    """The fit that a folder holds; weights are mapped into memory."""
    if not (folder / "record.json").exists():
        raise CalibrationError(f"{folder} has no record.json, expected a written fit: run the fit again.")
    record = json.loads((folder / "record.json").read_text(encoding="utf-8"))
    if record.pop("format_version") != FORMAT_VERSION:
        raise CalibrationError(f"{folder} holds a fit of another format, expected version {FORMAT_VERSION}: fit again.")
    return FitResult(
        np.load(folder / "weights.npy", mmap_mode="r", allow_pickle=False),
        np.load(folder / "gated_weights.npy", mmap_mode="r", allow_pickle=False),
        pd.read_csv(folder / "terms.csv"),
        record,
    )
