"""What the weights are worth: the manual's files, tables, pictures and the page of figures."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from calibration_assets.diagnostics import outside, plots
from calibration_assets.diagnostics.alarms import alarms
from calibration_assets.diagnostics.diagnosis import VERSION, Diagnosis, diagnose, key_figures, write_diagnosis
from calibration_assets.diagnostics.families import level_family_table
from calibration_assets.diagnostics.held_out import check_conflicts
from calibration_assets.diagnostics.records import record_attributes
from calibration_assets.diagnostics.run_config import run_config, write_run_config
from calibration_assets.diagnostics.summary import render_summary
from calibration_assets.diagnostics.targets import unachievable_targets
from calibration_assets.exports import SUMMARY_FILE
from calibration_assets.microdata import sources
from calibration_assets.package.package import CalibrationPackage
from calibration_assets.pipeline.fitted import Fitted, open_fitted
from calibration_assets.pipeline.held_out import read_held_out
from calibration_assets.settings import DiagnosticsSettings
from calibration_assets.storage.keys import content_key, file_key
from calibration_assets.storage.store import Store, StoredValue

SHOWN = ["geo_level", "family", "targets", "unachievable", "median", "mean", "within_1", "within_5", "within_10"]


def diagnostics(
    store: Store,
    records: StoredValue,
    calibration_package: StoredValue,
    weights: StoredValue,
    held_out: StoredValue,
    settings: DiagnosticsSettings,
) -> StoredValue:
    """Every target against its estimate, by level and family; what cannot be met and why."""
    inputs = {"records": records.key, "package": calibration_package.key, "weights": weights.key}
    inputs |= {"held_out": held_out.key, "outside": file_key(outside.PATH)}
    key = content_key("diagnostics", VERSION, inputs, settings)

    def make(folder: Path) -> dict[str, Any]:
        fitted = open_fitted(calibration_package, weights)
        diagnosis = _diagnose(records, fitted, read_held_out(held_out), settings)
        write_diagnosis(diagnosis, folder)
        families = level_family_table(diagnosis.errors, fitted.package.targets_df)
        _write_pictures(diagnosis, families, folder)
        _write_texts(diagnosis, fitted.package, folder)
        described = run_config(
            {**fitted.result.record["settings"], "target_config": fitted.target_config},
            diagnosis.errors,
            fitted.result.weights,
            elapsed_seconds=weights.metadata["seconds"],
            files={"unified_weights.npy": weights.folder / "weights.npy"},
        )
        write_run_config(described, folder / "unified_run_config.json")
        figures = {name: value for name, value in key_figures(diagnosis).items() if math.isfinite(value)}
        raised = [
            {"kind": alarm.kind, "cases": len(alarm.cases), "sentence": alarm.sentence} for alarm in alarms(diagnosis)
        ]
        tables = {"alarms": raised, "by_level_and_family": families[SHOWN].to_dict("records")}
        return {**figures, **tables, "format": VERSION, "weights": weights.key}

    return store.build("diagnostics", key, make)


def _diagnose(
    records: StoredValue, fitted: Fitted, held_out: pd.DataFrame | None, settings: DiagnosticsSettings
) -> Diagnosis:
    dataset, _ = sources.read_records(records.folder)
    package, result = fitted.package, fitted.result
    diagnosis = diagnose(
        package.matrix,
        package.targets_df,
        fitted.columns,
        result.weights,
        gated_weights=result.gated_weights,
        initial_weights=fitted.initial_weights,
        objective=fitted.objective,
        attributes=record_attributes(dataset, sources.read_household_agi(records.folder)),
    )
    pairs = check_conflicts(
        package.matrix,
        diagnosis.targets,
        fitted.objective,
        fitted.settings,
        result.weights,
        diagnosis.conflicts,
        settings.check_conflicts,
    )
    totals = outside.outside_totals(dataset, diagnosis.records, diagnosis.targets)
    return replace(diagnosis, conflicts=pairs, loss=result.terms, outside=totals, held_out=held_out)


def _write_pictures(diagnosis: Diagnosis, families: pd.DataFrame, folder: Path) -> None:
    (folder / "errors.png").write_bytes(plots.error_distribution_png(families))
    (folder / "weights.png").write_bytes(plots.weight_histogram_png(diagnosis.weight_bins))


def _write_texts(diagnosis: Diagnosis, package: CalibrationPackage, folder: Path) -> None:
    unachievable = unachievable_targets(package.matrix, package.targets_df, package.target_names)
    unachievable.to_csv(folder / "unachievable_targets.csv", index=False)
    page = render_summary(diagnosis.errors, package.targets_df, diagnosis.weights, unachievable)
    (folder / SUMMARY_FILE).write_text(page)
