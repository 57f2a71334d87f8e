"""Simulated values on disk: a folder per state with a file per value, and an index of entities.

values.json  <value>.npy
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from calibration_assets.errors import CalibrationError
from calibration_assets.simulation.values import SWITCH_PREFIX, StateValues, Values

INDEX = "values.json"


TURNED = ".turned_"


def write_state_values(values: StateValues, folder: Path) -> None:
    """Write one state's values into an empty folder."""
    index = {}
    for name, value in sorted(values.items()):
        np.save(folder / f"{name}.npy", value.array, allow_pickle=False)
        for programme, array in value.turned.items():
            np.save(folder / f"{name}{TURNED}{programme}.npy", array, allow_pickle=False)
        index[name] = [value.entity, sorted(value.turned), value.placed]
    (folder / INDEX).write_text(json.dumps(index, indent=1))


class StoredStateValues(Mapping[str, Values]):
    """One state's values over several folders, each value read when it is asked for."""

    def __init__(self, folders: Mapping[str, Path]) -> None:
        """`folders` says which folder holds which value; switches that only some states have come with any."""
        indexes = {folder: _read_index(folder) for folder in set(folders.values())}
        switches = {
            name: folder for folder, index in indexes.items() for name in index if name.startswith(SWITCH_PREFIX)
        }
        self.folders = {**switches, **folders}
        self.index = {name: indexes[folder][name] for name, folder in self.folders.items()}

    def __getitem__(self, name: str) -> Values:
        entity, programmes, placed = self.index[name]
        path = self.folders[name] / name
        turned = {one: np.load(f"{path}{TURNED}{one}.npy", allow_pickle=False) for one in programmes}
        return Values(entity, np.load(f"{path}.npy", allow_pickle=False), turned, placed)

    def __iter__(self) -> Iterator[str]:
        return iter(self.folders)

    def __len__(self) -> int:
        return len(self.folders)


def read_state_values(folder: Path) -> StoredStateValues:
    """The values of a folder."""
    return StoredStateValues(dict.fromkeys(_read_index(folder), folder))


def _read_index(folder: Path) -> dict[str, tuple[str, list[str], bool]]:
    path = folder / INDEX
    if not path.exists():
        raise CalibrationError(f"{folder}: no {INDEX} was found, expected simulated values; simulate them again.")
    return {name: tuple(entry) for name, entry in json.loads(path.read_text()).items()}
