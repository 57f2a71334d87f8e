"""The target config: the manual's examples, the default file, counts and refusals."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from calibration_assets.errors import CalibrationError
from calibration_assets.targets.config import (
    DEFAULT_CONFIG,
    apply_target_config,
    check_target_config,
    count_matches,
    load_target_config,
    select_rows,
)

MANUAL_EXAMPLE = """
exclude:
  - variable: rent
    geo_level: national
  - variable: eitc
    geo_level: district
  - variable: snap
    geo_level: state
    domain_variable: snap   # optional: further narrow the match
"""
TARGETS = pd.DataFrame(
    [
        ("rent", "national", None),
        ("rent", "state", None),
        ("eitc", "district", "eitc"),
        ("snap", "state", "snap"),
        ("snap", "state", "age,snap"),
        ("snap", "national", None),
    ],
    columns=["variable", "geo_level", "domain_variable"],
)


def kept(config):
    return np.flatnonzero(select_rows(TARGETS, load_target_config(config))).tolist()


def test_the_example_of_the_manual(tmp_path):
    path = tmp_path / "my_config.yaml"
    path.write_text(MANUAL_EXAMPLE)
    assert kept(path) == [1, 4, 5]
    assert kept(str(path)) == [1, 4, 5]


def test_include_then_exclude():
    config = {
        "include": [{"variable": "snap"}, {"variable": "rent"}],
        "exclude": [{"variable": "snap", "geo_level": "state"}],
    }
    assert kept(config) == [0, 1, 5]
    assert kept({"include": [{"variable": "snap", "domain_variable": "age,snap"}]}) == [4]


def test_no_rules_keep_all(tmp_path):
    (tmp_path / "empty.yaml").write_text("")
    assert kept(None) == kept({}) == kept(tmp_path / "empty.yaml") == [0, 1, 2, 3, 4, 5]


def test_all_three_are_filtered_alike():
    matrix = sp.csr_matrix(np.arange(12.0, dtype=np.float32).reshape(6, 2))
    names = [f"target {row}" for row in range(6)]
    targets, rows, kept_names = apply_target_config(TARGETS, matrix, names, {"exclude": [{"variable": "snap"}]})
    assert kept_names == ["target 0", "target 1", "target 2"]
    assert rows.toarray().tolist() == [[0, 1], [2, 3], [4, 5]]
    assert targets["variable"].tolist() == ["rent", "rent", "eitc"]
    assert targets.index.tolist() == [0, 1, 2]


def test_the_default_file_has_the_22_groups_of_the_manual():
    config = load_target_config(DEFAULT_CONFIG)
    levels = [rule.geo_level for rule in config.exclude]
    assert (levels.count("national"), levels.count("district"), len(levels)) == (13, 9, 22)
    assert config.include == ()
    national = {rule.variable for rule in config.exclude if rule.geo_level == "national"}
    assert {"rent", "net_worth", "person_count", "social_security_survivors"} <= national


def test_every_rule_reports_its_matches():
    config = load_target_config(
        {"exclude": [{"variable": "snap"}, {"variable": "net_worth"}, {"variable": "rent", "geo_level": "state"}]}
    )
    counts = count_matches(TARGETS, config)
    assert counts["matches"].tolist() == [3, 0, 1]
    assert counts["variable"].tolist() == ["snap", "net_worth", "rent"]


def test_unknown_names_are_errors_with_the_nearest():
    config = load_target_config({"exclude": [{"variable": "snapp"}]})
    with pytest.raises(CalibrationError, match=r"names 'snapp'.*nearest names: snap"):
        check_target_config(config, ["snap", "rent", "eitc"])
    domain = load_target_config({"exclude": [{"variable": "snap", "domain_variable": "age,snip"}]})
    with pytest.raises(CalibrationError, match=r"names 'snip'"):
        check_target_config(domain, ["snap", "age"])
    check_target_config(
        load_target_config(DEFAULT_CONFIG), [rule.variable for rule in load_target_config(DEFAULT_CONFIG).exclude]
    )


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"drop": []}, "holds drop, expected the lists"),
        ([1], "cannot be read|holds"),
        ({"exclude": [{"geo_level": "state"}]}, "expected `variable`"),
        ({"exclude": [{"variable": "snap", "level": "state"}]}, "expected `variable`"),
        (
            {"exclude": [{"variable": "snap", "geo_level": "nation"}]},
            "level 'nation', expected one of .*nearest: national",
        ),
        ({"exclude": ["snap"]}, "expected `variable`"),
    ],
)
def test_what_is_no_config(tmp_path, config, message):
    if not isinstance(config, dict):
        path = tmp_path / "list.yaml"
        path.write_text("- 1\n")
        config = path
    with pytest.raises(CalibrationError, match=message):
        load_target_config(config)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(CalibrationError, match="cannot be read"):
        load_target_config(tmp_path / "none.yaml")
    (tmp_path / "bad.yaml").write_text("exclude: [")
    with pytest.raises(CalibrationError, match="is not YAML"):
        load_target_config(tmp_path / "bad.yaml")


def test_a_config_that_keeps_nothing():
    with pytest.raises(CalibrationError, match="keeps 0 of 6 targets"):
        kept({"include": [{"variable": "net_worth"}]})
