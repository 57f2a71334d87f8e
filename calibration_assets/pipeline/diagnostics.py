"""What the weights are worth: the manual's files, tables, pictures, the page of figures and the report."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from calibration_assets.diagnostics import outside, plots
from calibration_assets.diagnostics.alarms import alarms
from calibration_assets.diagnostics.diagnosis import VERSION, Diagnosis, diagnose, key_figures, write_diagnosis
from calibration_assets.diagnostics.families import level_family_table
from calibration_assets.diagnostics.records import record_attributes
from calibration_assets.diagnostics.report.page import write_report
from calibration_assets.diagnostics.run_config import run_config, write_run_config
from calibration_assets.diagnostics.summary import render_summary
from calibration_assets.diagnostics.targets import unachievable_targets
from calibration_assets.errors import CalibrationError
from calibration_assets.exports import SUMMARY_FILE
from calibration_assets.fit.objective import make_objective
from calibration_assets.fit.result import FitResult, read_fit
from calibration_assets.microdata import sources
from calibration_assets.package.package import CalibrationPackage
from calibration_assets.pipeline.weights import CONFIG_FILE, select_package
from calibration_assets.settings import LossSettings
from calibration_assets.storage.keys import content_key, file_key
from calibration_assets.storage.store import Store, StoredValue
from calibration_assets.targets.config import target_groups

SHOWN = ["geo_level", "family", "targets", "unachievable", "median", "mean", "within_1", "within_5", "within_10"]


def diagnostics(
    store: Store, records: StoredValue, calibration_package: StoredValue, weights: StoredValue
) -> StoredValue:
    """Every target against its estimate, by level and family; what cannot be met and why."""
    if weights.metadata["package"] != calibration_package.key:
        raise CalibrationError(
            "diagnostics: the weights were fitted to another calibration package than the current one; "
            "materialise weights again"
        )
    inputs = {"records": records.key, "package": calibration_package.key, "weights": weights.key}
    inputs["outside"] = file_key(outside.PATH)
    key = content_key("diagnostics", VERSION, inputs)

    def make(folder: Path) -> dict[str, Any]:
        config = json.loads((weights.folder / CONFIG_FILE).read_text())
        package, fitted = select_package(calibration_package, config), read_fit(weights.folder)
        diagnosis = _diagnose(records, package, fitted)
        write_diagnosis(diagnosis, folder)
        families = level_family_table(diagnosis.errors, package.targets_df)
        _write_pictures(diagnosis, families, folder)
        _write_texts(diagnosis, package, folder)
        described = run_config(
            {**fitted.record["settings"], "target_config": config},
            diagnosis.errors,
            fitted.weights,
            elapsed_seconds=weights.metadata["seconds"],
            files={"unified_weights.npy": weights.folder / "weights.npy"},
        )
        write_run_config(described, folder / "unified_run_config.json")
        figures = {name: value for name, value in key_figures(diagnosis).items() if math.isfinite(value)}
        raised = alarms(diagnosis)[["kind", "sentence"]].to_dict("records")
        return {**figures, "alarms": raised, "by_level_and_family": families[SHOWN].to_dict("records")}

    return store.build("diagnostics", key, make)


def _diagnose(records: StoredValue, package: CalibrationPackage, fitted: FitResult) -> Diagnosis:
    dataset, _ = sources.read_records(records.folder)
    loss = LossSettings(**fitted.record["settings"]["objective"])
    diagnosis = diagnose(
        package.X_sparse,
        package.targets_df,
        _columns(package),
        fitted.weights,
        gated_weights=fitted.gated_weights,
        initial_weights=package.initial_weights,
        objective=make_objective(
            package.targets_df["value"].to_numpy(np.float64), loss, groups=target_groups(package.targets_df)
        ),
        attributes=record_attributes(dataset, sources.read_household_agi(records.folder)),
    )
    totals = outside.outside_totals(dataset, diagnosis.records, diagnosis.targets)
    return replace(diagnosis, loss=fitted.terms, outside=totals)


def _columns(package: CalibrationPackage) -> pd.DataFrame:
    if package.columns is None:
        raise TypeError("a stored package has its columns")
    return package.columns


def _write_pictures(diagnosis: Diagnosis, families: pd.DataFrame, folder: Path) -> None:
    (folder / "errors.png").write_bytes(plots.error_distribution_png(families))
    (folder / "weights.png").write_bytes(plots.weight_histogram_png(diagnosis.weight_bins))


def _write_texts(diagnosis: Diagnosis, package: CalibrationPackage, folder: Path) -> None:
    unachievable = unachievable_targets(package.X_sparse, package.targets_df, package.target_names)
    unachievable.to_csv(folder / "unachievable_targets.csv", index=False)
    page = render_summary(diagnosis.errors, package.targets_df, diagnosis.weights, unachievable)
    (folder / SUMMARY_FILE).write_text(page)
    write_report(diagnosis, folder / "report.html")
