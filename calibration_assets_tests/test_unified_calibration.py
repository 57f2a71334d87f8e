"""The command line and the portable functions, on a small package, also where only the manual's packages are."""

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from calibration_assets import unified_calibration
from calibration_assets.diagnostics.targets import CSV_COLUMNS
from calibration_assets.fit.result import read_fit
from calibration_assets.flags import parse_request
from calibration_assets.matrix.cell_matrix import as_cell_matrix
from calibration_assets.package.bridge import write_package_pickle
from calibration_assets.package.package import CalibrationPackage
from calibration_assets.settings import RunRequest
from calibration_assets_tests.fit.problems import small_problem

ROOT = Path(__file__).parents[1]
MANUAL_FLAGS = {
    "--dataset": ("files", "dataset", "storage/stratified_extended_cps_2024.h5"),
    "--db-path": ("files", "db_path", "storage/calibration/policy_data.db"),
    "--output": ("files", "output", "storage/calibration/unified_weights.npy"),
    "--puf-dataset": ("files", "puf_dataset", None),
    "--preset": ("fit", "preset", "local"),
    "--lambda-l0": ("fit", "lambda_l0", None),
    "--epochs": ("fit", "epochs", 100),
    "--device": ("fit", "device", "cpu"),
    "--n-clones": ("clone", "n_clones", 436),
    "--seed": ("clone", "seed", 42),
    "--target-config": ("files", "target_config", None),
    "--domain-variables": ("target", "domain_variables", ()),
    "--hierarchical-domains": ("target", "hierarchical_domains", ()),
    "--package-path": ("files", "package_path", None),
    "--package-output": ("files", "package_output", None),
    "--beta": ("fit", "beta", 0.35),
    "--lambda-l2": ("fit", "lambda_l2", 1e-12),
    "--learning-rate": ("fit", "learning_rate", 0.15),
}
SWITCHES = ["--build-only", "--skip-puf", "--skip-source-impute", "--skip-takeup-rerandomize"]
PORTABLE = """
import sys

ABSENT = {"dagster", "pandera", "pyarrow", "sqlalchemy", "h5py", "policyengine_us", "upath", "matplotlib", "tqdm"}

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ABSENT:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Refuse())
from calibration_assets.unified_calibration import main
code = main(sys.argv[1:])
assert not ABSENT & set(sys.modules)
raise SystemExit(code)
"""


@pytest.fixture
def package_path(tmp_path):
    """A pickle of 12 targets and 300 columns, its start at 100 households a column."""
    X, targets = small_problem()
    levels = ["national"] * 2 + ["state"] * 4 + ["district"] * 6
    table = pd.DataFrame(
        {
            "variable": ["snap", "rent"] * 6,
            "geo_level": levels,
            "geographic_id": ["US"] * 2 + ["1", "1", "2", "2"] + ["101", "101", "102", "102", "201", "201"],
            "domain_variable": None,
            "value": targets,
        }
    )
    names = [f"{place}/{variable}" for place, variable in zip(table["geographic_id"], table["variable"], strict=True)]
    metadata = {
        "dataset_path": "cps.h5",
        "db_path": "policy_data.db",
        "n_clones": 3,
        "n_records": 300,
        "base_n_records": 100,
        "seed": 42,
        "created_at": "2026-11-22T00:00:00",
        "target_config": {},
    }
    path = tmp_path / "calibration_package.pkl"
    write_package_pickle(CalibrationPackage(as_cell_matrix(X), table, names, metadata), path)
    return path


def call(package_path, *flags):
    output = package_path.parent / "out" / "unified_weights.npy"
    arguments = ["--package-path", str(package_path), "--output", str(output), "--epochs", "40", *flags]
    return unified_calibration.main(arguments), output


def test_every_flag_of_the_manual_has_its_default():
    request = parse_request([])
    for owner, name, default in MANUAL_FLAGS.values():
        assert getattr(getattr(request, owner), name) == default
    assert request == RunRequest()


@pytest.mark.parametrize("flag", [flag for flag in MANUAL_FLAGS if flag not in ("--preset", "--device")])
def test_every_flag_of_the_manual_arrives(flag):
    owner, name, _ = MANUAL_FLAGS[flag]
    value = getattr(getattr(parse_request([flag, "7"]), owner), name)
    assert value in (7, 7.0, "7", ("7",))


def test_switches_arrive():
    request = parse_request(SWITCHES)
    assert request.build_only
    assert request.skip_puf
    assert request.skip_source_impute
    assert not request.simulation.rerandomize_takeup


def test_one_seed_serves_geography_and_gates():
    request = parse_request(["--seed", "5"])
    assert (request.clone.seed, request.fit.seed) == (5, 5)


def test_help_shows_flags_and_defaults(capsys):
    with pytest.raises(SystemExit):
        parse_request(["--help"])
    shown = " ".join(capsys.readouterr().out.split())
    for flag in [*MANUAL_FLAGS, *SWITCHES, "--no-refit", "--target-records", "--resume-from", "--log-freq"]:
        assert flag in shown
    assert "L0 gate temperature (higher = softer gates) [0.35]" in shown


def test_a_package_is_fitted_and_the_manuals_files_written(package_path, capsys):
    code, output = call(package_path, "--lambda-l0", "1e-3", "--seed", "3")
    assert code == 0
    weights = np.load(output)
    assert weights.dtype == np.float32
    errors = pd.read_csv(output.with_name("unified_diagnostics.csv"))
    assert errors.columns.tolist() == list(CSV_COLUMNS)
    X, targets = small_problem()
    np.testing.assert_allclose(errors["estimate"], X @ weights.astype(np.float64), rtol=1e-6)
    assert errors["abs_rel_error"].max() < 0.01
    config = json.loads(output.with_name("unified_run_config.json").read_text())
    assert (config["epochs"], config["lambda_l0"], config["seed"], config["n_records"]) == (40, 1e-3, 3, 300)
    assert config["weight_nonzero"] == np.count_nonzero(weights)
    assert (read_fit(output.with_name("unified_fit")).weights == weights).all()
    shown = capsys.readouterr().out
    assert "Predicted: 40 epochs" in shown
    assert f"OUTPUT_PATH:{output}" in shown


def test_a_target_config_narrows_the_fit(package_path, tmp_path, capsys):
    config = tmp_path / "config.yaml"
    config.write_text("exclude:\n  - variable: rent\n    geo_level: district\n")
    code, output = call(package_path, "--target-config", str(config))
    assert code == 0
    assert len(pd.read_csv(output.with_name("unified_diagnostics.csv"))) == 9
    assert "exclude rent, district: 3 targets" in capsys.readouterr().out


def test_it_resumes_and_logs(package_path, tmp_path):
    checkpoint = str(tmp_path / "c.npz")
    _, output = call(package_path, "--log-freq", "10", "--checkpoint-output", checkpoint, "--checkpoint-every", "15")
    whole = np.load(output)
    assert pd.read_parquet(output.with_name("calibration_log.parquet"))["epoch"].unique().tolist() == [10, 20, 30, 40]
    code, output = call(package_path, "--resume-from", checkpoint)
    assert code == 0
    assert (np.load(output) == whole).all()


def test_it_runs_where_only_the_manuals_packages_are(package_path):
    output = package_path.parent / "portable" / "unified_weights.npy"
    flags = ["--package-path", package_path, "--epochs", "20", "--output", output, "--log-freq", "10"]
    flags += ["--epoch-log", output.with_name("log.csv")]
    command = [sys.executable, "-W", "ignore", "-c", PORTABLE, *map(str, flags)]
    subprocess.run(command, check=True, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert len(np.load(output)) == 300
    assert len(pd.read_csv(output.with_name("log.csv"))) == 24


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--puf-dataset", "puf.h5"], "Both --puf-dataset and --package-path"),
        (["--build-only"], "Both --build-only and --package-path"),
        (["--epochs", "-3"], "epochs is -3"),
        (["--target-config", "nowhere.yaml"], "nowhere.yaml"),
        (["--resume-from", "nowhere.npz"], "nowhere.npz does not exist"),
        (["--package-path", "nowhere.pkl"], "nowhere.pkl"),
    ],
)
def test_bad_input_is_one_sentence_and_overwrites_nothing(package_path, flags, sentence, capsys):
    output = package_path.parent / "out" / "unified_weights.npy"
    output.parent.mkdir()
    output.write_bytes(b"as it was")
    code, _ = call(package_path, *flags)
    told = capsys.readouterr().err
    assert code == 1
    assert sentence in told
    assert told.count("\n") == 1
    assert output.read_bytes() == b"as it was"
    assert [path.name for path in output.parent.iterdir()] == ["unified_weights.npy"]


def test_all_targets_excluded_is_one_sentence(package_path, tmp_path, capsys):
    config = tmp_path / "config.yaml"
    config.write_text("exclude:\n  - variable: rent\n  - variable: snap\n")
    assert call(package_path, "--target-config", str(config))[0] == 1
    assert "keeps 0 of 12 targets" in capsys.readouterr().err


class Attack:
    """Runs a command when unpickled by a reader that allows it."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


def test_a_pickle_that_would_run_code_does_not(package_path, tmp_path, capsys):
    package_path.write_bytes(pickle.dumps({"X_sparse": Attack(tmp_path / "ran")}))
    assert call(package_path)[0] == 1
    assert "system" in capsys.readouterr().err
    assert not (tmp_path / "ran").exists()


def test_a_truncated_package_is_one_sentence(package_path, capsys):
    package_path.write_bytes(package_path.read_bytes()[:500])
    assert call(package_path)[0] == 1
    assert str(package_path) in capsys.readouterr().err
