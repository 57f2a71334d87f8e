"""Fitted weights."""

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from calibration_assets.diagnostics.families import error_statistics, judged_targets
from calibration_assets.diagnostics.plots import loss_curve_png, weight_histogram_png
from calibration_assets.diagnostics.records import weight_bins
from calibration_assets.diagnostics.targets import target_errors
from calibration_assets.diagnostics.weights import weight_summary
from calibration_assets.fit import fit
from calibration_assets.fit.progress import Reports
from calibration_assets.fit.result import FitResult, write_fit
from calibration_assets.package.folder import read_package_folder
from calibration_assets.package.package import CalibrationPackage
from calibration_assets.package.staleness import check_fresh
from calibration_assets.package.validity import refuse_unsound
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
    "records": "imputed_cps",
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
    tell: Callable[[dict[str, float]], None] | None = None,
    name: str = "weights",
    stored_as: str = "",
) -> StoredValue:
    """Weights fitted to the targets that the target config keeps (empty: the default config).

    An interrupted fit leaves a checkpoint under its content key, from which the next one goes on. `tell` hears of
    epoch, loss and shares of targets while the fit runs. `name` tells a sweep point's weights from `weights`;
    `stored_as` is another name under which the same fit is taken from the store instead of being run.
    """
    if not allow_stale:
        now = {name: store.current_key(asset) for name, asset in INPUTS.items()}
        check_fresh(calibration_package.metadata, {name: key for name, key in now.items() if key is not None})
    config = load_target_config(target_config or DEFAULT_CONFIG)
    check_target_config(config, read_reference("variables")["variable"])
    key = weights_key(calibration_package, settings, config)

    checkpoint = store.cache / "checkpoints" / f"{key}.pt"

    def make(folder: Path) -> dict[str, Any]:
        fitted = store.find(stored_as, key) if stored_as else None
        if fitted:
            for file in fitted.files:
                shutil.copyfile(fitted.folder / file, folder / file)
            return dict(fitted.metadata)
        package = select_package(calibration_package, config)
        refuse_unsound(package)
        targets = package.targets_df["value"].to_numpy(np.float64)
        checkpoint.parent.mkdir(parents=True, exist_ok=True)
        result = fit.fit(
            package.matrix,
            targets,
            settings,
            initial_weights=package.initial_weights,
            target_names=package.target_names,
            groups=target_groups(package.targets_df),
            observation=ObservationSettings(
                checkpoint_output=str(checkpoint),
                resume_from=str(checkpoint) if checkpoint.exists() else None,
                progress=name == "weights",
            ),
            observers=[Reports(targets, settings.epochs, tell)] if tell else (),
        )
        write_fit(result, folder)
        if len(result.terms):
            (folder / "loss.png").write_bytes(loss_curve_png(result.terms))
        bins = weight_bins(result.weights, package.initial_weights)
        (folder / "histogram.png").write_bytes(weight_histogram_png(bins))
        (folder / CONFIG_FILE).write_text(json.dumps(asdict(config), indent=1))
        rules = count_matches(read_package_folder(calibration_package.folder).targets_df, config).fillna("")
        origin = {"package": calibration_package.key, "target_config": config_key(config)}
        figures = {**_describe_fit(result), **fit_figures(package, result.weights)}
        return {**figures, **origin, "rules": rules.to_dict("records")}

    value = store.build(name, key, make)
    checkpoint.unlink(missing_ok=True)
    return value


def weights_key(calibration_package: StoredValue, settings: FitSettings, config: TargetConfig) -> str:
    """The content key of the weights that a fit gives."""
    inputs = {"package": calibration_package.key}
    return content_key("weights", fit.VERSION, inputs, [asdict(settings), asdict(config)])


def select_package(calibration_package: StoredValue, config: TargetConfig | Mapping[str, Any]) -> CalibrationPackage:
    """The stored package with the targets that the config keeps."""
    package = read_package_folder(calibration_package.folder)
    targets, X, names = apply_target_config(package.targets_df, package.matrix, package.target_names, config)
    return replace(package, matrix=X, targets_df=targets, target_names=names)


def config_key(config: TargetConfig) -> str:
    """What tells the targets of one fit from those of another."""
    return content_key("target_config", 1, {}, config)


def fit_figures(package: CalibrationPackage, weights: np.ndarray) -> dict[str, Any]:
    """Errors in per cent over the targets that can be met, and how many records carry how much."""
    errors = target_errors(package.matrix, package.targets_df, package.target_names, weights)
    accuracy = error_statistics(judged_targets(errors, package.targets_df))
    named = {"median": "median_error_pct", **{share: f"{share}_pct" for share in ("within_1", "within_5", "within_10")}}
    summary = weight_summary(weights, package.columns)
    return {
        **{figure: accuracy[f"{statistic}_achievable"] * 100 for statistic, figure in named.items()},
        "kept_records": summary.kept_records,
        "effective_sample_size": summary.effective_sample_size,
        "largest_weight": summary.largest,
    }


def _describe_fit(result: FitResult) -> dict[str, Any]:
    record = result.record
    named = ("rows", "columns", "entries", "kept_columns", "epochs_run", "gated_seconds", "refit_seconds", "threads")
    return {name: record[name] for name in (*named, "stopped", "refit", "settings")}
