import os
import pickle
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from upath import UPath

from calibration_assets.errors import CalibrationError
from calibration_assets.package.bridge import write_package_pickle
from calibration_assets.package.folder import create_array, write_package
from calibration_assets.package.load import load_calibration_package
from calibration_assets.storage.store import Store
from calibration_assets_tests.matrix.example import columns_of
from calibration_assets_tests.matrix.test_build import DISTRICTS, EXPECTED, ROWS, build

METADATA = {"n_clones": 1, "n_records": 20, "base_n_records": 20, "seed": 42}


def fill(folder):
    """What a build writes: the matrix assembled straight into the folder's files."""
    matrix = build(allocate=lambda *array: create_array(folder, *array))
    names = [f"{level}/{variable}" for variable, level, _, _ in ROWS]
    targets = matrix.targets.assign(target_name=names)
    write_package(matrix.matrix, targets, matrix.columns, np.full(20, 5.0), folder)
    return METADATA


@pytest.fixture
def stored(tmp_path):
    return Store(UPath(tmp_path / "store"), tmp_path / "cache").put("calibration_package", "k" * 64, fill)


def test_a_folder_is_mapped_and_says_what_was_built(stored):
    package = load_calibration_package(stored.folder)
    assert package["X_sparse"].toarray().tolist() == EXPECTED
    for part in (package.matrix.by_column, package.matrix.by_cell):
        assert not part.data.flags.owndata
        assert not part.data.flags.writeable
    assert package["targets_df"]["geographic_id"].tolist() == [row[2] for row in ROWS]
    assert package["target_names"][2] == "national/snap"
    assert package["metadata"]["base_n_records"] == 20
    assert package["columns"].equals(columns_of(DISTRICTS))
    assert package["initial_weights"].tolist() == [5.0] * 20
    with pytest.raises(KeyError, match="a package has X_sparse"):
        package["weights"]


def test_the_pickle_is_the_manuals_dict_and_comes_back(stored, tmp_path):
    package = load_calibration_package(stored.folder)
    path = tmp_path / "package.pkl"
    write_package_pickle(package, path)
    plain = pickle.loads(path.read_bytes())  # noqa: S301
    assert {"X_sparse", "targets_df", "target_names", "metadata"} <= set(plain)
    assert plain["targets_df"]["variable"].dtype == object
    assert plain["targets_df"]["domain_variable"].iloc[0] is None
    assert type(plain["X_sparse"].data) is np.ndarray
    back = load_calibration_package(path)
    assert (back.X_sparse != package.X_sparse).nnz == 0
    assert back.target_names == package.target_names
    assert back.metadata == package.metadata


def test_a_dict_of_the_manual_alone_is_enough(tmp_path):
    content = {
        "X_sparse": sparse.random(3, 4, density=0.5, format="csr", random_state=np.random.default_rng(1)),
        "targets_df": pd.DataFrame({"variable": ["a", "b", "c"], "value": [1.0, 2.0, 3.0]}).astype(
            {"variable": object}
        ),
        "target_names": ["a", "b", "c"],
        "metadata": {"n_clones": 2},
    }
    content["targets_df"].columns = pd.Index(["variable", "value"], dtype=object)
    (tmp_path / "old.pkl").write_bytes(pickle.dumps(content, protocol=4))
    package = load_calibration_package(tmp_path / "old.pkl")
    assert package.X_sparse.dtype == np.float32
    assert package.columns is None
    assert package["targets_df"]["value"].tolist() == [1.0, 2.0, 3.0]


class Exploit:
    def __reduce__(self):
        return os.system, ("touch /tmp/should-not-exist",)  # noqa: S605, S108


@pytest.mark.parametrize(
    "payload", [Exploit(), np.load, pd.read_pickle, pd.eval], ids=["system", "load", "read", "eval"]
)
def test_a_pickle_that_names_anything_else_is_refused(tmp_path, payload):
    path = tmp_path / "bad.pkl"
    path.write_bytes(pickle.dumps({"X_sparse": payload}))
    with pytest.raises(CalibrationError, match="the pickle names (posix|numpy|pandas).*expected nothing but arrays"):
        load_calibration_package(path)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"no pickle", "cannot be unpickled"),
        (pickle.dumps({"X_sparse": 1}), "targets_df, target_names, metadata not found"),
    ],
)
def test_a_file_that_is_no_package_is_a_sentence(tmp_path, content, sentence):
    (tmp_path / "file.pkl").write_bytes(content)
    with pytest.raises(CalibrationError, match=sentence):
        load_calibration_package(tmp_path / "file.pkl")


def test_damaged_folders_are_sentences(stored, tmp_path):
    with pytest.raises(CalibrationError, match="no such file or folder"):
        load_calibration_package(tmp_path / "nowhere")
    with (stored.folder / "column_data.npy").open("ab") as file:
        file.write(b"0")
    with pytest.raises(CalibrationError, match="column_data.npy: .* was found, the manifest says"):
        load_calibration_package(stored.folder)
    (stored.folder / "manifest.json").unlink()
    with pytest.raises(CalibrationError, match="no manifest.json was found"):
        load_calibration_package(stored.folder)


def test_a_disk_without_room_is_a_sentence(tmp_path):
    with pytest.raises(CalibrationError, match="could not be reserved"):
        create_array(tmp_path, "data", "float32", (2**58,))


def test_targets_without_names_are_refused(tmp_path):
    matrix = build()
    with pytest.raises(CalibrationError, match="no column target_name"):
        write_package(matrix.matrix, matrix.targets, matrix.columns, np.ones(20), tmp_path)


WRITER = """
import sys, time
from pathlib import Path
from upath import UPath
from calibration_assets.storage.store import Store
from calibration_assets_tests.package.test_package import fill
base, moment = Path(sys.argv[1]), sys.argv[2]
def make(folder):
    if moment == "before":
        (base / "ready").touch(); time.sleep(60)
    metadata = fill(folder)
    if moment == "after":
        (base / "ready").touch(); time.sleep(60)
    return metadata
Store(UPath(base / "store"), base / "cache").build("calibration_package", "n" * 64, make)
"""


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_killed_writer_leaves_the_old_package_and_no_half_one(stored, tmp_path, moment):
    store = Store(UPath(tmp_path / "store"), tmp_path / "cache")
    store.set_current(stored)
    with subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), moment]) as writer:
        while not (tmp_path / "ready").exists():
            assert writer.poll() is None
            time.sleep(0.05)
        writer.send_signal(signal.SIGKILL)
    assert store.find("calibration_package", "n" * 64) is None
    assert load_calibration_package(store.current("calibration_package").folder).metadata["seed"] == 42
    halves = list((tmp_path / "store" / "calibration_package").glob("nnnn*"))
    assert len(halves) == 1
    with pytest.raises(CalibrationError, match="no manifest.json was found"):
        load_calibration_package(halves[0])
    again = store.build("calibration_package", "n" * 64, fill)
    assert load_calibration_package(again.folder)["X_sparse"].toarray().tolist() == EXPECTED
