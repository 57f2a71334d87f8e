"""What is found in the records of an area: their contract, their population, their means, and whether they say what the
matrix says.

Like `findings.py`, which judges everything else: each function judges and changes nothing.
"""

import hashlib
from collections.abc import Iterator

import numpy as np
import pandas as pd

from calibration_assets.errors import CalibrationError
from calibration_assets.fit.result import read_fit
from calibration_assets.imputation.takeup import PROGRAMMES
from calibration_assets.matrix.area_totals import area_totals, rows_of_area
from calibration_assets.microdata.dataset import Dataset, read_dataset
from calibration_assets.microdata.plausible import AREA_MEANS, describe_means
from calibration_assets.package.folder import read_package_folder
from calibration_assets.package.package import CalibrationPackage
from calibration_assets.pipeline.areas import area_file
from calibration_assets.pipeline.findings import Finding, shown
from calibration_assets.pipeline.record_findings import means_finding
from calibration_assets.pipeline.records import DATABASE_FILE
from calibration_assets.settings import MODEL_YEAR, AreaBounds, TargetSettings
from calibration_assets.storage.store import Store, StoredValue
from calibration_assets.targets import select

CHECKS = ("area_contract", "area_population", "area_means", "area_totals")


def area_findings(store: Store, area: str, bounds: AreaBounds) -> Iterator[Finding]:
    """All that is found in the current records of an area, which must be of the current weights."""
    value, weights = store.current(f"area_datasets/{area}"), store.current("weights")
    package, database = store.current("calibration_package"), store.current("target_database")
    if value.metadata["weights"] != weights.key:
        raise CalibrationError(
            f"area_datasets/{area}: it is of other weights than the current ones; materialise its partition again"
        )
    try:
        dataset = read_dataset(value.folder / area_file(area))
    except CalibrationError as error:
        yield Finding("area_contract", False, 1, 0, str(error))
        for check in CHECKS[1:]:
            yield Finding(check, False, np.nan, np.nan, "The file cannot be read.")
        return
    opened = read_package_folder(package.folder)
    yield contract_finding(dataset)
    yield population_finding(dataset, opened.targets_df, area, bounds)
    yield means_finding("area_means", describe_means(dataset), AREA_MEANS)
    if not is_sampled(area, bounds):
        sentence = f"{area} is not in the sample of {bounds.sampled_pct:g} % of areas that are simulated."
        yield Finding("area_totals", True, 0, bounds.tolerance, sentence)
        return
    yield _simulated_finding(dataset, opened, weights, database, area, bounds)


def contract_finding(dataset: Dataset) -> Finding:
    """Whether the file, which opened and so keeps the dataset contract, holds take-up as true or false."""
    columns = {str(name): frame[name].dtype for frame in dataset.tables.values() for name in frame}
    wrong = [one.variable for one in PROGRAMMES if columns.get(one.variable, np.dtype(bool)) != np.dtype(bool)]
    counts = ", ".join(f"{len(table):,} rows of {entity}" for entity, table in sorted(dataset.tables.items()))
    sentence = f"The dataset of {dataset.period} keeps its contract: {counts}."
    if wrong:
        sentence = f"{', '.join(wrong)} hold other values than true and false."
    return Finding("area_contract", not wrong, len(wrong), 0, sentence)


def population_finding(dataset: Dataset, targets: pd.DataFrame, area: str, bounds: AreaBounds) -> Finding:
    """Weighted persons against the sum of the area's age targets, the difference in per cent of it."""
    own = targets.iloc[rows_of_area(targets, area)]
    by_age = own[
        (own["variable"] == "person_count") & (own["reform_id"] == 0) & (own["domain_variable"].fillna("") == "age")
    ]
    expected = float(by_age["value"].sum())
    if not expected:
        sentence = f"The package has no age targets of {area}."
        return Finding("area_population", True, 0, bounds.largest_population_pct, sentence)
    persons = describe_means(dataset)["persons"]
    gap = 100 * abs(persons / expected - 1)
    sentence = f"{persons:,.0f} persons live in {area}, its {len(by_age)} age targets add up to {expected:,.0f}."
    passed = gap <= bounds.largest_population_pct
    return Finding("area_population", passed, gap, bounds.largest_population_pct, sentence)


def is_sampled(area: str, bounds: AreaBounds) -> bool:
    """Whether an area is among those that are simulated: by its name alone, so that a backfill takes a fixed sample."""
    place = int.from_bytes(hashlib.sha256(area.encode()).digest()[:4]) / 2**32
    return 100 * place < bounds.sampled_pct


def totals_finding(names: list[str], by_matrix: np.ndarray, by_rules: np.ndarray, bounds: AreaBounds) -> Finding:
    """The largest difference between the matrix's totals and the file's, relative to the larger and one unit."""
    size = np.maximum(np.maximum(np.abs(by_matrix), np.abs(by_rules)), 1.0)
    table = pd.DataFrame({"target": names, "matrix": by_matrix, "file": by_rules})
    table["difference"] = (table["matrix"] - table["file"]).abs() / size
    broken = table[table["difference"] > bounds.tolerance].sort_values("difference", ascending=False, kind="stable")
    largest = float(table["difference"].max()) if len(table) else 0.0
    counted = int((table["file"] != 0).sum())
    sentence = (
        f"{len(broken):,} of {len(table):,} weighted totals of the file differ from X @ w; {counted:,} are not zero."
    )
    return Finding("area_totals", broken.empty, largest, bounds.tolerance, sentence, shown(broken))


def _simulated_finding(
    dataset: Dataset,
    package: CalibrationPackage,
    weights: StoredValue,
    database: StoredValue,
    area: str,
    bounds: AreaBounds,
) -> Finding:
    rows = rows_of_area(package.targets_df, area)
    targets = package.targets_df.iloc[rows].reset_index(drop=True)
    constraints = select.read_targets(database.folder / DATABASE_FILE, TargetSettings(), MODEL_YEAR).constraints
    constraints = constraints[constraints["stratum_id"].isin(targets["stratum_id"])]
    totals = package.matrix[rows] @ read_fit(weights.folder).weights
    by_rules = area_totals(dataset, targets, constraints)
    return totals_finding([package.target_names[row] for row in rows], totals, by_rules, bounds)
