"""Simulated values on disk: a folder per state with a file per value, and an index of entities.

    values.json  <value>.npy
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from calibration_assets.errors import CalibrationError
from calibration_assets.simulation.states import StateValues, Values

INDEX = "values.json"


def write_state_values(values: StateValues, folder: Path) -> None:
    """Write one state's values into an empty folder."""
    for name, value in values.items():
        np.save(folder / f"{name}.npy", value.array, allow_pickle=False)
    (folder / INDEX).write_text(json.dumps({name: value.entity for name, value in sorted(values.items())}, indent=1))


class StoredStateValues(Mapping[str, Values]):
    """One state's values over several folders, each value read when it is asked for."""

    def __init__(self, folders: Mapping[str, Path]) -> None:
        """`folders` says which folder holds which value."""
        self.folders = folders
        self.entities = {
            name: entity for folder in set(folders.values()) for name, entity in _read_index(folder).items()
        }

    def __getitem__(self, name: str) -> Values:
        path = self.folders[name] / f"{name}.npy"
        return Values(self.entities[name], np.load(path, allow_pickle=False))

    def __iter__(self) -> Iterator[str]:
        return iter(self.folders)

    def __len__(self) -> int:
        return len(self.folders)


def read_state_values(folder: Path) -> StoredStateValues:
    """The values of a folder."""
    return StoredStateValues(dict.fromkeys(_read_index(folder), folder))


def _read_index(folder: Path) -> dict[str, str]:
    path = folder / INDEX
    if not path.exists():
        raise CalibrationError(f"{folder}: no {INDEX} was found, expected simulated values; simulate them again.")
    return dict(json.loads(path.read_text()))
