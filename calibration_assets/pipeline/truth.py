"""The truth sample: some columns of a stored package, simulated again as households of their own."""

import numpy as np
import pandas as pd

from calibration_assets.matrix.calibration_matrix import CalibrationMatrix
from calibration_assets.matrix.verify import compare_columns
from calibration_assets.microdata import sources
from calibration_assets.package.folder import read_package_folder
from calibration_assets.pipeline.findings import Finding, shown
from calibration_assets.pipeline.matrix import place_columns, settings_of
from calibration_assets.pipeline.records import DATABASE_FILE
from calibration_assets.settings import MODEL_YEAR, TargetSettings, TruthSettings
from calibration_assets.storage.store import StoredValue
from calibration_assets.targets import select


def truth_finding(
    records: StoredValue,
    target_database: StoredValue,
    simulated_values: StoredValue,
    calibration_package: StoredValue,
    settings: TruthSettings,
) -> Finding:
    """The largest difference between what the matrix and what a simulation says of sampled columns.

    Relative to the larger of both and one unit; the rules are imported, which takes most of a minute.
    """
    if not settings.columns:
        return Finding("truth_sample", True, 0, settings.tolerance, "No column was asked to be simulated again.")
    package = read_package_folder(calibration_package.folder)
    if package.columns is None:
        raise TypeError("a stored package has its columns")
    matrix = CalibrationMatrix(package.matrix, package.targets_df, package.columns)
    constraints = select.read_targets(target_database.folder / DATABASE_FILE, TargetSettings(), MODEL_YEAR).constraints
    constraints = constraints[constraints["stratum_id"].isin(package.targets_df["stratum_id"])]
    dataset, _ = sources.read_records(records.folder)
    n_columns = len(package.columns)
    chosen = np.random.default_rng(settings.seed).choice(n_columns, min(settings.columns, n_columns), replace=False)
    chosen.sort()
    simulation = settings_of(simulated_values)
    county = place_columns(dataset, package.columns, simulation).county[chosen]
    found = compare_columns(matrix, constraints, dataset, chosen, county, simulation.rerandomize_takeup)
    return judge_truth(found, package.target_names, len(chosen), settings)


def judge_truth(found: pd.DataFrame, names: list[str], n_columns: int, settings: TruthSettings) -> Finding:
    """What a comparison (`matrix`, `simulated`, a row a target) over sampled columns amounts to."""
    size = np.maximum(found.abs().max(axis=1), 1.0)
    table = found.assign(target=names, difference=(found["matrix"] - found["simulated"]).abs() / size)
    broken = table[table["difference"] > settings.tolerance].sort_values("difference", ascending=False, kind="stable")
    covered = int((found["simulated"] != 0).sum())
    return Finding(
        "truth_sample",
        broken.empty,
        float(table["difference"].max()),
        settings.tolerance,
        f"{len(broken):,} of {len(found):,} targets differ over {n_columns:,} simulated columns, which {covered:,} "
        "targets count.",
        shown(broken[["target", "matrix", "simulated", "difference"]]),
    )
