"""The compile command, and the figures that the project ships: coverage, published totals, speed of use."""

import time
from pathlib import Path

import pandas as pd
import pytest

from calibration_assets.errors import CalibrationError
from calibration_assets.geography.crosswalk import STATE_FIPS
from calibration_assets.settings import MODEL_YEAR, TargetSettings
from calibration_assets.storage.raw_cache import RawCache
from calibration_assets.storage.reference import REFERENCE, read_reference
from calibration_assets.targets.compile import compile_reference, fetch_sources, main
from calibration_assets.targets.config import DEFAULT_CONFIG, check_target_config, load_target_config, select_rows
from calibration_assets.targets.consistency import consistency_report
from calibration_assets.targets.database import build_database, read_database_reference
from calibration_assets.targets.names import target_names
from calibration_assets.targets.select import district_agi, read_targets
from calibration_assets.targets.sources import SOURCES

RAW = Path(__file__).parents[3] / "shared" / "raw_inputs"
CATALOGUE = ("variables", "parameters", "counties")


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    path = tmp_path_factory.mktemp("shipped") / "policy_data.db"
    build_database(path, read_database_reference())
    return path


@pytest.fixture(scope="module")
def selection(shipped):
    return read_targets(shipped, TargetSettings(), MODEL_YEAR)


def test_breadth(selection):
    targets = selection.targets
    assert len(targets) >= 30_000
    assert set(targets["geo_level"]) == {"national", "state", "district"}
    assert select_rows(targets, load_target_config(DEFAULT_CONFIG)).sum() >= 11_000
    assert len(set(target_names(targets, selection.constraints))) == len(targets)


@pytest.mark.parametrize(
    ("variable", "domain"),
    [("person_count", "age"), ("adjusted_gross_income", "adjusted_gross_income"), ("household_count", "snap")],
)
def test_every_state_and_district_is_covered(selection, variable, domain):
    targets = selection.targets
    chosen = targets[(targets["variable"] == variable) & (targets["domain_variable"] == domain)]
    places = chosen.groupby("geo_level")["geographic_id"].nunique()
    assert (places["state"], places["district"]) == (51, 436)
    states = set(chosen.loc[chosen["geo_level"] == "state", "geographic_id"].astype(int))
    assert states == set(STATE_FIPS.values())


def published(figures, source, variable, constraints, level):
    chosen = figures[(figures["source"] == source) & (figures["variable"] == variable)]
    inside = {"nation": chosen["geography"] == 0, "state": chosen["geography"].between(1, 99)}
    chosen = chosen[inside.get(level, chosen["geography"] >= 100)]
    return chosen.loc[chosen["constraints"].str.contains(constraints, regex=False), "value"].sum()


@pytest.mark.parametrize(
    ("source", "variable", "constraints", "level", "total", "tolerance"),
    [
        # Census Bureau, Vintage 2024 estimates: 340,110,988 residents on 1 July 2024.
        ("Census ACS S0101", "person_count", "age", "nation", 340_110_988, 1e-6),
        ("Census ACS S0101", "person_count", "age", "state", 340_110_988, 1e-6),
        ("Census ACS S0101", "person_count", "age", "district", 340_110_988, 1e-6),
        # USDA FNS, SNAP data tables, fiscal year 2024: 22.2 million households, 93.8 billion dollars of benefits.
        ("USDA FNS SNAP", "household_count", "snap", "state", 22.2e6, 0.005),
        ("USDA FNS SNAP", "snap", "snap", "state", 93.8e9, 0.005),
        # IRS, Historical Table 2, tax year 2022, all returns: AGI 14,782 billion with abroad, 159.7 million returns.
        ("IRS SOI state", "irs_employment_income", "irs_employment_income", "state", 9_708.9e9, 0.01),
        # IRS, Publication 1304, tax year 2021: AGI 14,796 billion; positive AGI of districts leaves out abroad.
        ("IRS SOI district", "adjusted_gross_income", "adjusted_gross_income", "district", 14_795.6e9, 0.01),
        # CMS, December 2024 Medicaid enrolment: 71.8 million, with Rhode Island's latest earlier month 72.1.
        ("CMS Medicaid", "person_count", "medicaid_enrolled", "state", 72.1e6, 0.001),
        # Census Bureau, State Tax Collections 2024, item T40: 494.9 billion dollars.
        ("Census STC", "state_income_tax", "", "state", 494.9e9, 0.001),
    ],
)
def test_compiled_totals_are_the_published_ones(source, variable, constraints, level, total, tolerance):
    figures = read_reference("figures")
    assert published(figures, source, variable, constraints, level) == pytest.approx(total, rel=tolerance)


def test_ages_of_states_and_districts_sum_to_the_nation_bin_by_bin():
    figures = read_reference("figures")
    ages = figures[figures["source"] == "Census ACS S0101"]
    level = (ages["geography"] > 0).astype(int) + (ages["geography"] >= 100)
    sums = ages.pivot_table("value", "constraints", level, "sum")
    assert len(sums) == 18
    assert (sums[1] / sums[0]).tolist() == pytest.approx([1] * 18, rel=0.01)
    assert (sums[2] / sums[0]).tolist() == pytest.approx([1] * 18, rel=0.01)


def test_district_agi_meets_the_nation_in_the_same_year(shipped, selection):
    nation = selection.targets[
        (selection.targets["variable"] == "adjusted_gross_income")
        & (selection.targets["geo_level"] == "national")
        & selection.targets["domain_variable"].isna()
    ]
    districts = district_agi(shipped, MODEL_YEAR)
    assert len(districts) == 436
    assert districts.sum() == pytest.approx(nation["value"].item(), rel=0.03)


def test_the_shipped_figures_are_consistent(selection):
    report = consistency_report(selection.targets)
    assert set(report["verdict"]) == {"ok", "exception"}
    assert (report.loc[report["verdict"] == "exception", "reason"] != "").all()


def test_every_target_has_source_vintage_and_url(selection):
    sources = read_reference("sources").set_index("source")
    assert set(selection.targets["source"]) <= set(sources.index)
    assert sources["url"].str.startswith("https://").all()
    assert sources["vintage"].between(2021, 2024).all()
    assert sources["raw_sha256"].str.fullmatch(r"[0-9a-f]{64}( [0-9a-f]{64})*").all()


def test_the_default_config_names_known_variables():
    check_target_config(load_target_config(DEFAULT_CONFIG), read_reference("variables")["variable"])


def test_a_states_targets_are_read_in_no_time(shipped):
    read_targets(shipped, TargetSettings(), MODEL_YEAR, ["6"])
    seconds = []
    for _ in range(5):
        started = time.process_time()
        selected = read_targets(shipped, TargetSettings(), MODEL_YEAR, ["6"])
        seconds.append(time.process_time() - started)
    assert len(selected.targets) > 100
    assert min(seconds) < 0.1


def test_the_shipped_folder_is_small():
    assert sum(path.stat().st_size for path in REFERENCE.iterdir()) < 10_000_000


@pytest.fixture
def folder(tmp_path):
    for name in CATALOGUE:
        (tmp_path / f"{name}.parquet").write_bytes((REFERENCE / f"{name}.parquet").read_bytes())
    return tmp_path


@pytest.mark.slow
@pytest.mark.skipif(not RAW.is_dir(), reason="the agencies' files are not at hand")
def test_the_shipped_tables_come_from_the_raw_files_byte_by_byte(folder):
    for path in compile_reference(RAW, folder):
        shipped = REFERENCE / path.name
        if path.suffix == ".parquet":
            pd.testing.assert_frame_equal(pd.read_parquet(path), pd.read_parquet(shipped))
        assert path.read_bytes() == shipped.read_bytes(), path.name


def test_a_folder_without_raw_files(folder, tmp_path, capsys):
    empty = tmp_path / "raw"
    empty.mkdir()
    only = [source for source in SOURCES if source.key == "Census STC"]
    with pytest.raises(CalibrationError, match="holds the raw files of no source"):
        compile_reference(empty, folder, only)
    assert main(["--raw", str(empty), "--output", str(tmp_path / "nowhere")]) == 1
    assert "holds the raw files of no source" in capsys.readouterr().err


def test_what_has_no_address_is_put_there_by_hand(tmp_path):
    only = [source for source in SOURCES if source.key == "Census STC"]
    name = only[0].files[0].name
    assert fetch_sources(RawCache(tmp_path, offline=True), only) == [name]
    (tmp_path / name).write_bytes(b"[]")
    assert fetch_sources(RawCache(tmp_path, offline=True), only) == []
