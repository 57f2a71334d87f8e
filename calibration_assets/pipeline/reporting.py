"""The report in the browser: one fit beside the one that the report before it showed."""

from pathlib import Path
from typing import Any

from calibration_assets.diagnostics.compare import VERSION, compare_runs, write_comparison
from calibration_assets.diagnostics.diagnosis import Diagnosis, read_diagnosis
from calibration_assets.diagnostics.report.page import write_report
from calibration_assets.storage.keys import content_key
from calibration_assets.storage.store import Store, StoredValue

NAME = "report"
REPORT_FILE = "report.html"


def report(store: Store, diagnostics: StoredValue) -> StoredValue:
    """The page of one fit, with the comparison to the last other fit that a report was made of."""
    previous = find_previous(store, diagnostics)
    inputs = {"diagnostics": diagnostics.key, "previous": previous.key if previous else ""}
    key = content_key(NAME, VERSION, inputs)

    def make(folder: Path) -> dict[str, Any]:
        after = read_diagnosis(diagnostics.folder)
        before = read_diagnosis(previous.folder) if previous else None
        write_report(after, folder / REPORT_FILE, subtitle=_subtitle(diagnostics, previous), previous=before)
        return {"diagnostics": inputs["diagnostics"], "previous": inputs["previous"], **_compare(before, after, folder)}

    return store.build(NAME, key, make)


def find_previous(store: Store, diagnostics: StoredValue) -> StoredValue | None:
    """The diagnosis to compare with: the current report's, or what that was compared with where it is the same one.

    None without a report, or where the stored diagnosis is gone or of another format.
    """
    shown = store.find(NAME, store.current_key(NAME) or "none")
    if shown is None:
        return None
    same = shown.metadata["diagnostics"] == diagnostics.key
    key = shown.metadata["previous" if same else "diagnostics"]
    found = store.find("diagnostics", key) if key else None
    return found if found and found.metadata["format"] == diagnostics.metadata["format"] else None


def _compare(before: Diagnosis | None, after: Diagnosis, folder: Path) -> dict[str, Any]:
    """Write the comparison; its counts and figures for the asset's page."""
    if before is None:
        return {}
    comparison = compare_runs(before, after)
    write_comparison(comparison, folder)
    targets = comparison.targets["status"].value_counts()
    records = comparison.records["status"].value_counts()
    counts = {f"targets {status}": int(targets.get(status, 0)) for status in ("entered", "left", "better", "worse")}
    counts |= {f"records {status}": int(records.get(status, 0)) for status in ("entered", "left")}
    return {**counts, "figures": comparison.figures.astype(object).fillna("").to_dict("records")}


def _subtitle(diagnostics: StoredValue, previous: StoredValue | None) -> str:
    before = f", compared with {previous.version}" if previous else ""
    return f"Diagnostics {diagnostics.version}{before}."
