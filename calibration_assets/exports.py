"""Lays out the manual's files from the store: what each job leaves in `storage/`, beside the values themselves."""

import shutil
import uuid
from collections.abc import Iterable
from pathlib import Path

from calibration_assets.storage.store import Store

SUMMARY_FILE = "summary.txt"
"""The page of figures in the diagnostics' folder."""

FILES = {
    "stratified_cps": {"dataset.h5": "stratified_extended_cps_2024.h5"},
    "target_database": {"policy_data.db": "calibration/policy_data.db"},
    "weights": {"weights.npy": "calibration/unified_weights.npy"},
    "diagnostics": {
        "unified_diagnostics.csv": "calibration/unified_diagnostics.csv",
        "unified_run_config.json": "calibration/unified_run_config.json",
    },
}
"""For an asset, which of its files go where."""


def lay_out(store: Store, assets: Iterable[str], folder: Path) -> list[Path]:
    """Copy the manual's files of these assets' current values; each appears complete or not at all."""
    written = []
    for asset in assets:
        value = store.current(asset)
        for file, target in FILES.get(asset, {}).items():
            written.append(replace_file(value.folder / file, folder / target))
    return written


def replace_file(source: Path, target: Path) -> Path:
    """Copy a file over another in one step."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}")
    shutil.copyfile(source, partial)
    return partial.replace(target)
