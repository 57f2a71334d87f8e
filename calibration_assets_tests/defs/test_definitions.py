"""The graph as its users know it: assets, what each needs, run config from the settings, profiles that are accepted."""

from dataclasses import fields
from pathlib import Path

import pytest
import yaml
from dagster import AssetKey, Definitions, validate_run_config

from calibration_assets.definitions import JOBS, defs
from calibration_assets.defs.config import FitConfig, SampleConfig, TargetConfig
from calibration_assets.defs.metadata import _show
from calibration_assets.defs.run import main, read_profile, resolve_job
from calibration_assets.errors import CalibrationError
from calibration_assets.microdata.sources import read_mapping
from calibration_assets.settings import CloneSettings, FitSettings, SampleSettings
from calibration_assets.targets.config import load_target_config

ROOT = Path(__file__).parents[2]
GRAPH = {
    "extended_cps": [],
    "stratified_cps": ["extended_cps"],
    "imputed_cps": ["stratified_cps"],
    "target_database": [],
    "cloned_records": ["imputed_cps", "target_database"],
    "simulated_values": ["cloned_records", "imputed_cps", "target_database"],
    "calibration_package": ["cloned_records", "imputed_cps", "simulated_values", "target_database"],
    "weights": ["calibration_package"],
    "sweep_weights": ["calibration_package"],
    "sweep_frontier": ["calibration_package", "sweep_weights"],
    "held_out_accuracy": ["calibration_package", "weights"],
    "sweep_held_out_accuracy": ["calibration_package", "sweep_weights"],
    "diagnostics": ["calibration_package", "held_out_accuracy", "imputed_cps", "weights"],
    "report": ["diagnostics"],
    "area_datasets": ["calibration_package", "cloned_records", "imputed_cps", "simulated_values", "weights"],
}


def test_the_definitions_can_be_loaded():
    Definitions.validate_loadable(defs)


def test_the_graph_is_the_documented_one():
    graph = defs.resolve_asset_graph()
    found = {
        key.to_user_string(): sorted(parent.to_user_string() for parent in graph.get(key).parent_keys)
        for key in graph.get_all_asset_keys()
    }
    assert found == GRAPH


def test_every_asset_is_described_and_grouped():
    graph = defs.resolve_asset_graph()
    for name in GRAPH:
        node = graph.get(AssetKey(name))
        assert node.description
        assert node.group_name != "default"


def test_config_has_the_fields_and_defaults_of_the_settings():
    assert FitConfig().settings == FitSettings()
    assert SampleConfig().settings == SampleSettings()
    assert TargetConfig(domain_variables=["age"]).settings.domain_variables == ("age",)
    assert {one.name for one in fields(FitSettings)} <= set(FitConfig.model_fields)


@pytest.mark.parametrize("dataset", ["taxcalc", "census:2024"])
def test_the_page_of_extended_cps_shows_its_whole_mapping(dataset):
    mapping = read_mapping(dataset).to_dict("records")
    assert {"entity", "unit", "note"} <= set(mapping[0])
    assert _show(mapping).value.count("\n") == len(mapping) + 1


def test_every_setting_has_help():
    assert all(entry.description for entry in FitConfig.model_fields.values())


@pytest.mark.parametrize("name", JOBS)
@pytest.mark.parametrize("profile", ["quick", "full"])
def test_profiles_are_accepted(name, profile):
    ops = read_profile(ROOT / "profiles" / f"{profile}.yaml")["ops"]
    job = resolve_job(name)
    known = {node.name for node in job.nodes}
    assert validate_run_config(job, {"ops": {key: value for key, value in ops.items() if key in known}})


def test_the_quick_profile_is_the_default():
    ops = read_profile(ROOT / "profiles" / "quick.yaml")["ops"]
    assert ops["stratified_cps"]["config"]["target_households"] == SampleSettings().target_households
    assert ops["cloned_records"]["config"]["n_clones"] == CloneSettings().n_clones


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("ops: {stratified_cps: {config: {households: 5}}}", "households"),
        ("ops: {stratified_csp: {config: {}}}", "names the asset 'stratified_csp', which no job has; nearest names: "),
        ("[1, 2]", "holds list, expected run config with the key ops"),
    ],
)
def test_a_bad_profile_is_one_sentence_and_exit_code_1(tmp_path, monkeypatch, capfd, text, sentence):
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    (tmp_path / "profile.yaml").write_text(text)
    assert main(["data", "--profile", str(tmp_path / "profile.yaml")]) == 1
    last = capfd.readouterr().err.strip().splitlines()[-1]
    assert sentence in last


def test_a_missing_profile_names_the_others():
    with pytest.raises(CalibrationError, match="the profiles in .* are: full, quick"):
        read_profile(ROOT / "profiles" / "medium.yaml")


def test_the_profile_s_target_config_exists():
    ops = read_profile(ROOT / "profiles" / "quick.yaml")["ops"]
    rules = load_target_config(ROOT / ops["weights"]["config"]["target_config"])
    assert len(rules.include) == 5


def test_the_location_has_one_name_everywhere():
    module = yaml.safe_load((ROOT / "workspace.yaml").read_text())["load_from"][0]["python_module"]
    text = (ROOT / "pyproject.toml").read_text()
    assert set(module.values()) == {"calibration_assets.definitions"}
    assert 'module_name = "calibration_assets.definitions"' in text
    assert 'code_location_name = "calibration_assets.definitions"' in text
    assert "DAGSTER_MODULE_NAME := calibration_assets.definitions" in (ROOT / "Makefile").read_text()
