"""What a check finds: one number against its bound, a sentence, and the rows that broke it.

Each function judges one stored value and changes nothing. Which findings stop a run is said in `defs/checks.py`.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from calibration_assets.diagnostics.compare import compare_runs
from calibration_assets.diagnostics.diagnosis import Diagnosis, read_diagnosis
from calibration_assets.diagnostics.targets import unachievable_targets
from calibration_assets.errors import CalibrationError
from calibration_assets.microdata import sources
from calibration_assets.package.folder import read_package_folder
from calibration_assets.package.package import CalibrationPackage
from calibration_assets.package.validity import package_faults
from calibration_assets.pipeline.records import DATABASE_FILE
from calibration_assets.settings import MODEL_YEAR, FitBounds, GateSettings, PackageBounds, TargetSettings
from calibration_assets.storage.store import Store, StoredValue
from calibration_assets.targets import select
from calibration_assets.targets.consistency import consistency_report

SHOWN = 20
WITHIN = 0.1


@dataclass(frozen=True)
class Finding:
    """`number` is what was found, `bound` what is allowed, `rows` up to twenty of those that break it."""

    check: str
    passed: bool
    number: float
    bound: float
    sentence: str
    rows: list[dict[str, Any]] = field(default_factory=list)


def dataset_contract(records: StoredValue) -> Finding:
    """Whether the dataset opens and keeps its contract: ids, links, finite values, states, weights."""
    try:
        dataset, _ = sources.read_records(records.folder)
    except CalibrationError as error:
        return Finding("dataset_contract", False, 1, 0, str(error))
    counts = ", ".join(f"{len(table):,} rows of {entity}" for entity, table in sorted(dataset.tables.items()))
    return Finding("dataset_contract", True, 0, 0, f"The dataset of {dataset.period} keeps its contract: {counts}.")


def database_consistency(target_database: StoredValue) -> Finding:
    """Comparisons of targets with each other that fail."""
    targets = select.read_targets(target_database.folder / DATABASE_FILE, TargetSettings(), MODEL_YEAR).targets
    report = consistency_report(targets)
    failing = report[report["verdict"] == "fails"].sort_values("gap", ascending=False)
    known = int((report["verdict"] == "exception").sum())
    sentence = f"{len(failing)} of {len(report):,} comparisons fail; {known} differ for a reason that is named."
    return Finding("database_consistency", failing.empty, len(failing), 0, sentence, shown(failing))


def package_findings(calibration_package: StoredValue, bounds: PackageBounds) -> Iterator[Finding]:
    """Whether a package can be fitted, how many of its targets nothing moves, and how thin its districts are."""
    package, faults = _open_package(calibration_package)
    sentence = faults[0] if faults else "Shapes agree, and every number is finite."
    yield Finding("package_validity", not faults, len(faults), 0, sentence, [{"fault": fault} for fault in faults])
    if package is None or faults:
        for check in ("movable_targets", "district_support"):
            yield Finding(check, False, math.nan, math.nan, "The package cannot be read.")
        return
    yield _movable_targets(package, bounds)
    yield _district_support(package, bounds)


def _open_package(calibration_package: StoredValue) -> tuple[CalibrationPackage | None, list[str]]:
    """The package, None where it does not open, and its faults."""
    try:
        package = read_package_folder(calibration_package.folder)
    except CalibrationError as error:
        return None, [str(error)]
    return package, package_faults(package)


def _movable_targets(package: CalibrationPackage, bounds: PackageBounds) -> Finding:
    unmovable = unachievable_targets(package.matrix, package.targets_df, package.target_names)
    share = 100 * len(unmovable) / len(package.target_names)
    sentence = f"{len(unmovable):,} of {len(package.target_names):,} targets are moved by no column ({share:.1f} %)."
    passed = share <= bounds.largest_unmovable_pct
    return Finding("movable_targets", passed, share, bounds.largest_unmovable_pct, sentence, shown(unmovable))


def _district_support(package: CalibrationPackage, bounds: PackageBounds) -> Finding:
    targets = package.targets_df
    places = targets[targets["geo_level"] == "district"]["geographic_id"].astype(int)
    wanted = pd.Index(np.unique(places.to_numpy()), name="district")
    if package.columns is None:
        raise TypeError("a stored package has its columns")
    columns = package.columns.groupby("district").size().reindex(wanted, fill_value=0).rename("columns")
    thin = columns[columns < bounds.fewest_columns].sort_values(kind="stable").reset_index()
    fewest = int(columns.min()) if len(columns) else bounds.fewest_columns
    sentence = f"{len(thin)} of {len(wanted)} districts with targets have fewer than {bounds.fewest_columns} columns."
    return Finding("district_support", thin.empty, fewest, bounds.fewest_columns, sentence, shown(thin))


def fit_findings(calibration_package: StoredValue, weights: StoredValue, bounds: FitBounds) -> Iterator[Finding]:
    """Whether weights are weights, whether the fit had come to rest, and whether few columns carry much."""
    values = np.load(weights.folder / "weights.npy", mmap_mode="r", allow_pickle=False).astype(np.float64)
    columns = int(weights.metadata["columns"])
    wrong = np.flatnonzero(~np.isfinite(values) | (values < 0))
    kept = int((values > 0).sum())
    sentence = f"{len(wrong):,} of {len(values):,} weights are negative or not finite; {kept:,} are above 0."
    rows = [{"column": int(column), "weight": float(values[column])} for column in wrong[:SHOWN]]
    passed = len(values) == columns and kept > 0 and not len(wrong)
    yield Finding("valid_weights", passed, len(wrong), 0, sentence, rows)
    yield _convergence(weights, bounds)
    yield from _concentration(calibration_package, np.where(np.isfinite(values), values, 0.0), bounds)


def _convergence(weights: StoredValue, bounds: FitBounds) -> Finding:
    certificate = weights.metadata["refit"]
    if certificate is None:
        sentence = f"No refit was made. {weights.metadata['stopped']}"
        return Finding("fit_convergence", True, 0, bounds.largest_change_pct, sentence)
    change = 100 * certificate["relative_change_of_last_iterations"]
    sentence = (
        f"{certificate['reason']} Over the last {certificate['last_iterations']} of {certificate['iterations']} "
        f"iterations the loss fell by {change:.3g} %; its relative gradient norm is "
        f"{certificate['relative_gradient_norm']:.2g}."
    )
    passed = bool(certificate["converged"]) or change <= bounds.largest_change_pct
    return Finding("fit_convergence", passed, change, bounds.largest_change_pct, sentence)


def _concentration(calibration_package: StoredValue, values: np.ndarray, bounds: FitBounds) -> Iterator[Finding]:
    total, kept = float(values.sum()), int((values > 0).sum())
    share = 100 * float(values.max(initial=0)) / total if total > 0 else math.nan
    squares = float(values @ values)
    sample = 100 * total**2 / squares / kept if squares > 0 and kept else math.nan
    heavy = np.flatnonzero(values > bounds.largest_weight_pct / 100 * total)
    heavy = heavy[np.argsort(-values[heavy], kind="stable")][:SHOWN]
    columns = pd.read_parquet(calibration_package.folder / "columns.parquet").iloc[heavy]
    rows = columns[["household_id", "clone", "district"]].assign(weight=values[heavy])
    yield Finding(
        "largest_weight",
        share <= bounds.largest_weight_pct,
        share,
        bounds.largest_weight_pct,
        f"The largest weight is {share:.3g} % of all households.",
        shown(rows),
    )
    yield Finding(
        "effective_sample",
        sample >= bounds.smallest_sample_pct,
        sample,
        bounds.smallest_sample_pct,
        f"The effective sample size is {sample:.3g} % of the {kept:,} columns kept.",
    )


def pass_gate(store: Store, settings: GateSettings) -> list[Finding]:
    """Judge the current diagnostics; where they are as accurate as asked, they and their weights are accepted."""
    diagnostics, weights = store.current("diagnostics"), store.current("weights")
    if diagnostics.metadata.get("weights") != weights.key:
        raise CalibrationError(
            "diagnostics: they are of other weights than the current ones; materialise diagnostics again"
        )
    findings = list(gate_findings(store, diagnostics, settings))
    if all(one.passed for one in findings if one.check == "accuracy"):
        store.accept(diagnostics)
        store.accept(weights)
    return findings


def gate_findings(store: Store, diagnostics: StoredValue, settings: GateSettings) -> Iterator[Finding]:
    """This run against the last accepted one: accuracy on the targets of both, and how far weight moved."""
    accepted = store.accepted(diagnostics.name)
    if accepted is None or accepted.key == diagnostics.key:
        sentence = "No run was accepted before." if accepted is None else "This is the accepted run."
        yield Finding("accuracy", True, 0, settings.largest_loss_points, sentence)
        yield Finding("movement", True, 0, settings.largest_movement_pct, sentence)
        return
    before, after = read_diagnosis(accepted.folder), read_diagnosis(diagnostics.folder)
    comparison = compare_runs(before, after)
    yield _lost_accuracy(before, after, accepted.version, settings)
    both = comparison.records
    moved = (both["weight_after"] - both["weight_before"]).abs()
    share = 100 * float(moved.sum()) / 2 / max(float(both["weight_before"].sum()), 1.0)
    far = both.assign(moved=moved).nlargest(SHOWN, "moved") if share > settings.largest_movement_pct else both.head(0)
    yield Finding(
        "movement",
        share <= settings.largest_movement_pct,
        share,
        settings.largest_movement_pct,
        f"{share:.3g} % of all households' weight moved to other records since {accepted.version}.",
        shown(far),
    )


def _lost_accuracy(before: Diagnosis, after: Diagnosis, version: str, settings: GateSettings) -> Finding:
    """The share within 10 % of the targets that both runs have, can meet and are not near zero."""
    kept = ["target", "abs_rel_error", "achievable", "near_zero"]
    both = before.targets[kept].merge(after.targets[kept], on="target", suffixes=("_before", "_after"), validate="1:1")
    for side in ("before", "after"):
        both = both[both[f"achievable_{side}"].astype(bool) & ~both[f"near_zero_{side}"].astype(bool)]
    if both.empty:
        sentence = f"No target is shared with the accepted run {version}; accept this one by hand."
        return Finding("accuracy", settings.accept, math.nan, settings.largest_loss_points, sentence)
    shares = {side: 100 * float((both[f"abs_rel_error_{side}"] <= WITHIN).mean()) for side in ("before", "after")}
    lost = shares["before"] - shares["after"]
    change = both["abs_rel_error_after"] - both["abs_rel_error_before"]
    worse = both.assign(change=change)[change > 0].nlargest(SHOWN, "change")
    named = worse[["target", "abs_rel_error_before", "abs_rel_error_after"]]
    sentence = (
        f"Of {len(both):,} targets shared with the accepted run {version}, {shares['after']:.2f} % are within 10 %, "
        f"{shares['before']:.2f} % were."
    )
    return Finding(
        "accuracy", settings.accept or lost <= settings.largest_loss_points, lost, settings.largest_loss_points,
        sentence, shown(named),
    )  # fmt: skip


def shown(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """The first rows as a check's page shows them."""
    return [{str(name): value for name, value in row.items()} for row in rows.head(SHOWN).to_dict("records")]
