"""Lays out the manual's files from the store: what each job leaves in `storage/`, beside the values themselves."""

import shutil
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from calibration_assets.errors import CalibrationError
from calibration_assets.package.bridge import write_package_pickle
from calibration_assets.package.folder import read_package_folder
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
        "unachievable_targets.csv": "calibration/unachievable_targets.csv",
    },
    "report": {"report.html": "calibration/report.html"},
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


def lay_out_fit(store: Store, output: Path) -> list[Path]:
    """Copy weights to `output` and the manual's other files of the fit beside it."""
    sources = {output: store.current("weights").folder / "weights.npy"}
    for asset in ("diagnostics", "report"):
        sources |= {output.with_name(name): store.current(asset).folder / name for name in FILES[asset]}
    return [replace_file(source, target) for target, source in sources.items()]


def save_package(store: Store, target: Path, target_config: Mapping[str, Any] | None = None) -> Path:
    """The current package as the manual's pickle, or as a folder where the target has no `.pkl` suffix.

    A pickle records `target_config`, which is then the default of its fits. Every file is hashed before it leaves.
    """
    package = store.current("calibration_package")
    store.verify(package)
    if target.suffix in (".pkl", ".pickle"):
        opened = read_package_folder(package.folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        write_package_pickle(replace(opened, metadata={**opened.metadata, "target_config": target_config}), target)
        return target
    if target.exists():
        raise CalibrationError(f"package output {target} is there already; remove it or give another path")
    partial = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}")
    shutil.copytree(package.folder, partial)
    return partial.rename(target)


def replace_file(source: Path, target: Path) -> Path:
    """Copy a file over another in one step."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}")
    shutil.copyfile(source, partial)
    return partial.replace(target)
