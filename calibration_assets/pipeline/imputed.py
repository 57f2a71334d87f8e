"""The records that are cloned: the sample after PUF cloning and source re-imputation; both off, the sample itself."""

import shutil
from pathlib import Path
from typing import Any

import pandas as pd

from calibration_assets.diagnostics.imputed import imputed_values_png
from calibration_assets.errors import CalibrationError
from calibration_assets.geography import shares
from calibration_assets.imputation import doubling, forest, puf, puf_growth
from calibration_assets.imputation.sources import impute_sources, source_keys
from calibration_assets.microdata import sources
from calibration_assets.microdata.dataset import Dataset, select_households
from calibration_assets.microdata.puf import VARIABLES, read_puf
from calibration_assets.settings import MODEL_YEAR, ImputationSettings
from calibration_assets.simulation.engine import engine_version
from calibration_assets.simulation.household_agi import simulate_household_agi
from calibration_assets.simulation.places import default_counties
from calibration_assets.simulation.retirement_limits import retirement_limits
from calibration_assets.simulation.states import HOUSEHOLDS_A_SIMULATION
from calibration_assets.storage.keys import content_key, file_key, files_key
from calibration_assets.storage.store import Store, StoredValue

QUALITY_FILE = "puf_quality.csv"
"""How the forests do on held-out donors of the PUF; of a private file, metadata holds counts alone."""


def imputed_cps(store: Store, stratified_cps: StoredValue, settings: ImputationSettings) -> StoredValue:
    """The records that are cloned: doubled where a PUF is given, variables drawn anew from the named surveys.

    With neither, it is the stratified CPS, byte for byte and under the same key, so that nothing after it is made anew.
    """
    if not settings.puf_dataset and not settings.sources:
        return store.build("imputed_cps", stratified_cps.key, lambda folder: _copy(stratified_cps, folder))
    puf_path = Path(settings.puf_dataset) if settings.puf_dataset else None
    raw_folder = Path(settings.raw_folder)
    inputs = {"stratified_cps": stratified_cps.key, **source_keys(settings.sources, raw_folder)}
    inputs |= _puf_keys(puf_path) if puf_path else {}
    key = content_key("imputed_cps", forest.VERSION, inputs, [settings.seed, settings.trees])

    def make(folder: Path) -> dict[str, Any]:
        dataset, household_agi = sources.read_records(stratified_cps.folder)
        counts: dict[str, Any] = {}
        if puf_path:
            dataset, counts = _clone(dataset, puf_path, settings, folder)
            household_agi = _simulate_agi(dataset)
        dataset, tables = impute_sources(dataset, settings.sources, settings.seed, raw_folder)
        sources.write_records(dataset, household_agi, folder)
        if tables["imputed variables"]:
            (folder / "imputed_values.png").write_bytes(imputed_values_png(tables["imputed variables"]))
        shown = {name: table for name, table in tables.items() if table}
        return {**sources.describe_records(dataset, household_agi), **counts, **shown}

    return store.build("imputed_cps", key, make)


def _copy(value: StoredValue, folder: Path) -> dict[str, Any]:
    for file in value.files:
        shutil.copyfile(value.folder / file, folder / file)
    return {**value.metadata, "imputed": "nothing: the stratified CPS itself"}


def _puf_keys(path: Path) -> dict[str, str]:
    """What PUF cloning hangs on beside the records."""
    if not path.is_file():
        raise CalibrationError(f"PUF {path}: no such file, expected an H5 or CSV file; correct --puf-dataset.")
    demographics = path.with_name(path.name.replace("puf", "demographics"))
    files = [path, *([demographics] if path.suffix == ".csv" and demographics.is_file() else [])]
    return {
        "puf": files_key(files),
        "puf_rules": content_key(
            "puf", puf.VERSION, {"variables": file_key(VARIABLES), "growth": file_key(puf_growth.TABLE)}
        ),
        "doubling": str(doubling.VERSION),
        "rules": engine_version(),
        "counties": shares.county_shares_key(),
    }


def _clone(dataset: Dataset, path: Path, settings: ImputationSettings, folder: Path) -> tuple[Dataset, dict[str, Any]]:
    cloned = puf.clone_with_puf(dataset, read_puf(path), retirement_limits(MODEL_YEAR), settings.seed, settings.trees)
    if not cloned.quality.empty:
        cloned.quality.to_csv(folder / QUALITY_FILE, index=False)
    return cloned.dataset, cloned.counts


def _simulate_agi(dataset: Dataset) -> pd.DataFrame:
    """AGI by household, in as many simulations as memory asks for."""
    counties = default_counties(shares.read_county_shares())
    ids = dataset.tables["household"]["household_id"].to_numpy()
    blocks = [ids[start : start + HOUSEHOLDS_A_SIMULATION] for start in range(0, len(ids), HOUSEHOLDS_A_SIMULATION)]
    parts = [simulate_household_agi(select_households(dataset, block), counties) for block in blocks]
    return pd.concat(parts, ignore_index=True)
