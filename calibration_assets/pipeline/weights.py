"""Fitted weights, and what they are worth."""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from calibration_assets.diagnostics.diagnosis import VERSION as DIAGNOSIS_VERSION
from calibration_assets.diagnostics.diagnosis import diagnose, write_diagnosis
from calibration_assets.diagnostics.families import error_statistics, judged_targets, level_family_table
from calibration_assets.diagnostics.plots import error_distribution_png
from calibration_assets.diagnostics.records import record_attributes
from calibration_assets.diagnostics.run_config import run_config, write_run_config
from calibration_assets.diagnostics.summary import render_summary
from calibration_assets.diagnostics.targets import unachievable_targets
from calibration_assets.exports import SUMMARY_FILE
from calibration_assets.fit import fit
from calibration_assets.fit.result import FitResult, read_fit, write_fit
from calibration_assets.microdata import sources
from calibration_assets.package.folder import read_package_folder
from calibration_assets.package.package import CalibrationPackage
from calibration_assets.settings import FitSettings
from calibration_assets.storage.keys import content_key
from calibration_assets.storage.store import Store, StoredValue
from calibration_assets.targets.config import DEFAULT_CONFIG, TargetConfig, apply_target_config, load_target_config

CONFIG_FILE = "target_config.json"
SHOWN = ("geo_level", "family", "targets", "unachievable", "median", "mean", "within_1", "within_5", "within_10")


def weights(store: Store, calibration_package: StoredValue, settings: FitSettings, target_config: str) -> StoredValue:
    """Weights fitted to the targets that the target config keeps (empty: the default config)."""
    config = load_target_config(target_config or DEFAULT_CONFIG)
    inputs = {"package": calibration_package.key}
    key = content_key("weights", fit.VERSION, inputs, [asdict(settings), asdict(config)])

    def make(folder: Path) -> dict[str, Any]:
        package = _select(calibration_package, config)
        targets = package.targets_df["value"].to_numpy()
        result = fit.fit(package.X_sparse, targets, settings, initial_weights=package.initial_weights)
        write_fit(result, folder)
        (folder / CONFIG_FILE).write_text(json.dumps(asdict(config), indent=1))
        return _describe_fit(result)

    return store.build("weights", key, make)


def diagnostics(
    store: Store, records: StoredValue, calibration_package: StoredValue, weights: StoredValue
) -> StoredValue:
    """Every target against its estimate: the manual's files, tables and pictures."""
    inputs = {"records": records.key, "package": calibration_package.key, "weights": weights.key}
    key = content_key("diagnostics", DIAGNOSIS_VERSION, inputs)

    def make(folder: Path) -> dict[str, Any]:
        config = json.loads((weights.folder / CONFIG_FILE).read_text())
        package = _select(calibration_package, config)
        fitted = read_fit(weights.folder)
        dataset, _ = sources.read_records(records.folder)
        household_agi = sources.read_household_agi(records.folder)
        diagnosis = diagnose(
            package.X_sparse,
            package.targets_df,
            package.columns,
            fitted.weights,
            gated_weights=fitted.gated_weights,
            initial_weights=package.initial_weights,
            attributes=record_attributes(dataset, household_agi),
        )
        write_diagnosis(replace(diagnosis, loss=fitted.terms), folder)
        table = level_family_table(diagnosis.errors, package.targets_df)
        (folder / "errors.png").write_bytes(error_distribution_png(table))
        unachievable = unachievable_targets(package.X_sparse, package.targets_df, package.target_names)
        unachievable.to_csv(folder / "unachievable_targets.csv", index=False)
        page = render_summary(diagnosis.errors, package.targets_df, diagnosis.weights, unachievable)
        (folder / SUMMARY_FILE).write_text(page)
        written = run_config(
            {**fitted.record["settings"], "target_config": config},
            diagnosis.errors,
            fitted.weights,
            elapsed_seconds=weights.metadata["seconds"],
            files={"unified_weights.npy": weights.folder / "weights.npy"},
        )
        write_run_config(written, folder / "unified_run_config.json")
        judged = judged_targets(diagnosis.errors, package.targets_df)
        figures = {name: round(value, 6) for name, value in error_statistics(judged).items()}
        return {**figures, **asdict(diagnosis.weights), "by_level_and_family": table[list(SHOWN)].to_dict("records")}

    return store.build("diagnostics", key, make)


def _select(calibration_package: StoredValue, config: TargetConfig | Mapping[str, Any]) -> CalibrationPackage:
    package = read_package_folder(calibration_package.folder)
    targets, X, names = apply_target_config(package.targets_df, package.X_sparse, package.target_names, config)
    return replace(package, X_sparse=X, targets_df=targets, target_names=names)


def _describe_fit(result: FitResult) -> dict[str, Any]:
    record = result.record
    named = ("rows", "columns", "entries", "kept_columns", "epochs_run", "gated_seconds", "refit_seconds", "threads")
    return {name: record[name] for name in named} | {"stopped": record["stopped"], "refit": record["refit"]}
