"""CPS records, the target database, and a place for every clone."""

import shutil
from pathlib import Path
from typing import Any

from calibration_assets.diagnostics.plots import district_columns_png, population_pyramid_png, target_sources_png
from calibration_assets.errors import CalibrationError
from calibration_assets.geography import clones, shares
from calibration_assets.microdata import sources, stratify
from calibration_assets.microdata.dataset import Dataset
from calibration_assets.microdata.links import household_rows
from calibration_assets.settings import (
    MODEL_YEAR,
    CloneSettings,
    DatabaseSettings,
    SampleSettings,
    SourceSettings,
    TargetSettings,
)
from calibration_assets.simulation.engine import engine_version
from calibration_assets.simulation.household_agi import simulate_household_agi
from calibration_assets.simulation.places import default_counties
from calibration_assets.storage.keys import content_key, file_key, files_key
from calibration_assets.storage.store import Store, StoredValue
from calibration_assets.targets import database, select
from calibration_assets.targets.browse import summarise_database
from calibration_assets.targets.consistency import check_consistency, consistency_report

DATABASE_FILE = "policy_data.db"
COLUMNS_FILE = "columns.parquet"


def extended_cps(store: Store, settings: SourceSettings) -> StoredValue:
    """CPS records from their source, with household AGI where the source knows it."""
    raw_folder = Path(settings.raw_folder)
    source = sources.source_key(settings.dataset, raw_folder)
    key = content_key("extended_cps", sources.VERSION, {"source": source})

    def make(folder: Path) -> dict[str, Any]:
        dataset, household_agi = sources.open_source(settings.dataset, raw_folder)
        sources.write_records(dataset, household_agi, folder)
        (folder / "ages.png").write_bytes(_ages_png(dataset))
        mapping = sources.read_mapping(settings.dataset).to_dict("records")
        return {**sources.describe_records(dataset, household_agi), "mapping": mapping}

    return store.build("extended_cps", key, make)


def stratified_cps(store: Store, extended_cps: StoredValue, settings: SampleSettings) -> StoredValue:
    """The stratified sample of households, with AGI of each."""
    inputs = {"extended_cps": extended_cps.key}
    if sources.AGI_FILE not in extended_cps.files:
        inputs |= {"rules": engine_version(), "counties": shares.county_shares_key()}
    key = content_key("stratified_cps", stratify.VERSION, inputs, settings)

    def make(folder: Path) -> dict[str, Any]:
        dataset, household_agi = sources.read_records(extended_cps.folder)
        if household_agi is None:
            household_agi = simulate_household_agi(dataset, default_counties(shares.read_county_shares()))
        sample = stratify.draw_stratified_sample(dataset, household_agi, settings)
        sources.write_records(sample.dataset, sample.household_agi, folder)
        (folder / "ages.png").write_bytes(_ages_png(sample.dataset))
        described = sources.describe_records(sample.dataset, sample.household_agi)
        return {**described, "strata": sample.strata.to_dict("records")}

    return store.build("stratified_cps", key, make)


def target_database(store: Store, settings: DatabaseSettings) -> StoredValue:
    """The target database, built from the compiled figures, or a given file after the same checks."""
    given = Path(settings.path) if settings.path else None
    if given and not given.is_file():
        raise CalibrationError(f"target database {given}: no such file; give an existing one, or none to build it")
    figures = file_key(given) if given else files_key(database.REFERENCE.glob("*.parquet"))
    key = content_key("target_database", database.VERSION, {"figures": figures})

    def make(folder: Path) -> dict[str, Any]:
        path = folder / DATABASE_FILE
        if given:
            shutil.copyfile(given, path)
        else:
            database.build_database(path, database.read_database_reference())
        targets = select.read_targets(path, TargetSettings(), MODEL_YEAR).targets
        report = consistency_report(targets)
        check_consistency(report)
        report.to_csv(folder / "consistency.csv", index=False)
        (folder / "sources.png").write_bytes(target_sources_png(targets))
        by_level = targets.groupby("geo_level").size().to_dict()
        counts = {"targets": len(targets), **{f"{level} targets": count for level, count in by_level.items()}}
        verdicts = {f"comparisons: {verdict}": count for verdict, count in report["verdict"].value_counts().items()}
        return {**counts, **verdicts, "contents": summarise_database(path).to_dict("records")}

    return store.build("target_database", key, make)


def cloned_records(
    store: Store, records: StoredValue, target_database: StoredValue, settings: CloneSettings
) -> StoredValue:
    """The matrix's columns: a place for every clone of every household."""
    blocks = Path(settings.block_file) if settings.block_file else None
    if blocks and not blocks.is_file():
        raise CalibrationError(f"block file {blocks}: no such file; give an existing one, or none to use the shares")
    district_agi = select.district_agi(target_database.folder / DATABASE_FILE, MODEL_YEAR)
    inputs = {
        "records": records.key,
        "shares": file_key(blocks) if blocks else shares.county_shares_key(),
        "agi": content_key("district_agi", 1, {}, [district_agi.index.tolist(), district_agi.tolist()]),
    }
    key = content_key("cloned_records", clones.VERSION, inputs, settings)

    def make(folder: Path) -> dict[str, Any]:
        household_agi = sources.read_household_agi(records.folder)
        county_shares = shares.read_block_shares(blocks) if blocks else shares.read_county_shares()
        columns = clones.place_clones(household_agi, county_shares, district_agi, settings)
        columns.to_parquet(folder / COLUMNS_FILE, index=False)
        (folder / "columns_by_district.png").write_bytes(district_columns_png(columns))
        return {**clones.describe_columns(columns), "seed": settings.seed}

    return store.build("cloned_records", key, make)


def _ages_png(dataset: Dataset) -> bytes:
    weights = dataset.tables["household"]["household_weight"].to_numpy()[household_rows(dataset.tables, "person")]
    return population_pyramid_png(dataset.tables["person"], weights)
