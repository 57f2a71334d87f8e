"""Checkpoints of the gated phase: everything that the next epoch depends on, in one file written atomically.

A checkpoint belongs to one problem (hash of matrix, targets and initial weights) and one set of settings; another one
is refused with what differs. Only the total of epochs, the refit and the device may change. Weights stay out.
"""

import hashlib
import json
import os
import time
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from calibration_assets.errors import CalibrationError
from calibration_assets.fit.engine import GatedEngine, GatedState, Terms
from calibration_assets.fit.ranks import Ranks
from calibration_assets.matrix.cell_matrix import CellMatrix
from calibration_assets.settings import FitSettings

FORMAT_VERSION = 1
MAY_DIFFER = ("epochs", "refit", "device")
ARRAYS = ("parameters", "first_moment", "second_moment")


@dataclass(frozen=True)
class Identity:
    """What a checkpoint belongs to, and the number of threads it was made with."""

    problem: str
    settings: Mapping[str, Any]
    threads: int


@dataclass(frozen=True)
class Checkpoint:
    """A state to go on from (arrays hold all columns), the terms of the epochs behind it, and `extra` of its maker."""

    arrays: Mapping[str, np.ndarray]
    epoch: int
    lambda_l0: float
    terms: list[Terms]
    threads: int
    extra: Mapping[str, Any]


def identify(
    X: CellMatrix, targets: np.ndarray, start: np.ndarray, importance: np.ndarray, settings: FitSettings
) -> Identity:
    """The identity of a fit's checkpoints."""
    digest = hashlib.sha256(json.dumps(X.shape).encode())
    csr = [getattr(part, name) for part in (X.by_column, X.by_cell) for name in ("indptr", "indices", "data")]
    for part in (*csr, X.column_rows, X.cell_rows, X.cell, targets, start, importance):
        digest.update(np.ascontiguousarray(part).view(np.uint8).data)
    kept = {name: value for name, value in asdict(settings).items() if name not in MAY_DIFFER}
    return Identity(digest.hexdigest(), kept, torch.get_num_threads())


def write_checkpoint(
    path: Path,
    state: GatedState,
    terms: list[Terms],
    identity: Identity,
    ranks: Ranks,
    n_columns: int,
    extra: Mapping[str, Any],
) -> None:
    """Write a checkpoint beside `path` and put it in its place; the first rank writes."""
    arrays = {
        name: np.stack([ranks.gather(row, n_columns).cpu().numpy() for row in getattr(state, name)]) for name in ARRAYS
    }
    if ranks.rank:
        return
    header = {
        "format_version": FORMAT_VERSION,
        "epoch": state.epoch,
        "lambda_l0": state.lambda_l0,
        "identity": asdict(identity),
        "terms": [asdict(term) for term in terms],
        "extra": dict(extra),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".part")
    with partial.open("wb") as file:
        arrays["generator"] = state.generator.get_state().numpy()
        np.savez(file, allow_pickle=False, header=np.array(json.dumps(header)), **arrays)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def read_checkpoint(path: Path, identity: Identity) -> Checkpoint:
    """The checkpoint of a path, if it belongs to this problem and these settings."""
    if not path.exists():
        raise CalibrationError(f"The checkpoint {path} does not exist, expected a file of --checkpoint-output.")
    try:
        with np.load(path, allow_pickle=False) as file:
            header = json.loads(str(file["header"]))
            arrays = {name: file[name] for name in (*ARRAYS, "generator")}
    except (zipfile.BadZipFile, EOFError, KeyError, ValueError, OSError) as error:
        raise CalibrationError(
            f"The checkpoint {path} is truncated or no checkpoint ({error}), expected one of this program: "
            "start without --resume-from."
        ) from error
    differences = _differences(header, identity)
    if differences:
        raise CalibrationError(
            f"The checkpoint {path} belongs to another fit ({'; '.join(differences)}): "
            "resume with what it was made with, or start without --resume-from."
        )
    terms = [Terms(**term) for term in header["terms"]]
    threads = header["identity"]["threads"]
    return Checkpoint(arrays, header["epoch"], header["lambda_l0"], terms, threads, header["extra"])


def restore(checkpoint: Checkpoint, ranks: Ranks, device: str) -> GatedState:
    """This rank's state at a checkpoint."""
    shard = slice(*ranks.shard(checkpoint.arrays["parameters"].shape[1]))
    tensors = (torch.from_numpy(checkpoint.arrays[name][:, shard].copy()).to(device) for name in ARRAYS)
    parameters, first_moment, second_moment = tensors
    generator = torch.Generator(device)
    generator.set_state(torch.from_numpy(checkpoint.arrays["generator"]))
    return GatedState(parameters, first_moment, second_moment, generator, checkpoint.lambda_l0, checkpoint.epoch)


class Checkpoints:
    """Where and when a fit writes checkpoints; as an observer it writes every so many epochs or seconds."""

    def __init__(
        self, path: Path, identity: Identity, ranks: Ranks, *, every: int = 0, seconds: float = 0.0
    ) -> None:
        self._path, self._identity, self._ranks = path, identity, ranks
        self._every, self._seconds = every, seconds
        self._written = time.monotonic()

    def __call__(self, engine: GatedEngine, state: GatedState, terms: list[Terms]) -> None:
        """Write after an epoch where due; ranks follow the first one's clock."""
        late = self._seconds > 0 and time.monotonic() - self._written >= self._seconds
        if (self._every > 0 and state.epoch % self._every == 0) or self._ranks.agree(late):
            self.write(engine, state, terms, {})

    def write(self, engine: GatedEngine, state: GatedState, terms: list[Terms], extra: Mapping[str, Any]) -> None:
        """Write now."""
        write_checkpoint(self._path, state, terms, self._identity, self._ranks, engine.n_columns, extra)
        self._written = time.monotonic()


def _differences(header: Mapping[str, Any], identity: Identity) -> list[str]:
    """What a checkpoint has that this fit has not, in words."""
    if header["format_version"] != FORMAT_VERSION:
        return [f"format version {header['format_version']}, expected {FORMAT_VERSION}"]
    found = header["identity"]
    differences = [] if found["problem"] == identity.problem else ["another matrix, targets or initial weights"]
    settings = json.loads(json.dumps(identity.settings))
    for name in sorted(settings.keys() | found["settings"].keys()):
        there, here = found["settings"].get(name), settings.get(name)
        if there != here:
            differences.append(f"{name} is {there} there and {here} here")
    return differences
