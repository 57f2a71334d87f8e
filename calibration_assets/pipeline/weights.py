"""Fitted weights."""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from calibration_assets.diagnostics.plots import loss_curve_png
from calibration_assets.fit import fit
from calibration_assets.fit.result import FitResult, write_fit
from calibration_assets.package.folder import read_package_folder
from calibration_assets.package.package import CalibrationPackage
from calibration_assets.package.staleness import check_fresh
from calibration_assets.settings import FitSettings, ObservationSettings
from calibration_assets.storage.keys import content_key
from calibration_assets.storage.reference import read_reference
from calibration_assets.storage.store import Store, StoredValue
from calibration_assets.targets.config import (
    DEFAULT_CONFIG,
    TargetConfig,
    apply_target_config,
    check_target_config,
    count_matches,
    load_target_config,
    target_groups,
)

CONFIG_FILE = "target_config.json"


INPUTS = {
    "records": "stratified_cps",
    "targets": "target_database",
    "clones": "cloned_records",
    "values": "simulated_values",
}
"""The assets behind the keys that a package was made from."""


def weights(
    store: Store,
    calibration_package: StoredValue,
    settings: FitSettings,
    target_config: str = "",
    allow_stale: bool = False,
) -> StoredValue:
    """Weights fitted to the targets that the target config keeps (empty: the default config).

    An interrupted fit leaves a checkpoint under its content key, from which the next one goes on.
    """
    if not allow_stale:
        now = {name: store.current_key(asset) for name, asset in INPUTS.items()}
        check_fresh(calibration_package.metadata, {name: key for name, key in now.items() if key is not None})
    config = load_target_config(target_config or DEFAULT_CONFIG)
    check_target_config(config, read_reference("variables")["variable"])
    inputs = {"package": calibration_package.key}
    key = content_key("weights", fit.VERSION, inputs, [asdict(settings), asdict(config)])

    checkpoint = store.cache / "checkpoints" / f"{key}.pt"

    def make(folder: Path) -> dict[str, Any]:
        package = select_package(calibration_package, config)
        checkpoint.parent.mkdir(parents=True, exist_ok=True)
        result = fit.fit(
            package.X_sparse,
            package.targets_df["value"].to_numpy(),
            settings,
            initial_weights=package.initial_weights,
            target_names=package.target_names,
            groups=target_groups(package.targets_df),
            observation=ObservationSettings(
                checkpoint_output=str(checkpoint),
                resume_from=str(checkpoint) if checkpoint.exists() else None,
                progress=True,
            ),
        )
        write_fit(result, folder)
        if len(result.terms):
            (folder / "loss.png").write_bytes(loss_curve_png(result.terms))
        (folder / CONFIG_FILE).write_text(json.dumps(asdict(config), indent=1))
        rules = count_matches(read_package_folder(calibration_package.folder).targets_df, config).fillna("")
        return {**_describe_fit(result), "package": calibration_package.key, "rules": rules.to_dict("records")}

    value = store.build("weights", key, make)
    checkpoint.unlink(missing_ok=True)
    return value


def select_package(calibration_package: StoredValue, config: TargetConfig | Mapping[str, Any]) -> CalibrationPackage:
    """The stored package with the targets that the config keeps."""
    package = read_package_folder(calibration_package.folder)
    targets, X, names = apply_target_config(package.targets_df, package.X_sparse, package.target_names, config)
    return replace(package, X_sparse=X, targets_df=targets, target_names=names)


def _describe_fit(result: FitResult) -> dict[str, Any]:
    record = result.record
    named = ("rows", "columns", "entries", "kept_columns", "epochs_run", "gated_seconds", "refit_seconds", "threads")
    return {name: record[name] for name in named} | {"stopped": record["stopped"], "refit": record["refit"]}
