"""The store finds values by content, never shows half of one, and says what is wrong in a sentence."""

import json

import pytest
from upath import UPath

from calibration_assets.errors import CalibrationError
from calibration_assets.settings import CloneSettings
from calibration_assets.storage.keys import content_key, files_key
from calibration_assets.storage.store import Store


@pytest.fixture
def store(tmp_path):
    return Store(UPath(tmp_path / "store"), tmp_path / "cache")


def write_answer(folder):
    (folder / "answer.txt").write_text("42")
    return {"rows": 1}


def test_a_value_is_made_once_for_a_key(store):
    made = []

    def make(folder):
        made.append(folder)
        return write_answer(folder)

    first = store.build("weights", "k1", make)
    second = store.build("weights", "k1", make)
    assert len(made) == 1
    assert first == second
    assert (second.folder / "answer.txt").read_text() == "42"
    assert second.metadata["rows"] == 1
    assert second.size == 2


def test_a_failed_step_leaves_the_current_value_and_no_folder(store):
    store.set_current(store.build("weights", "k1", write_answer))

    def fail(folder):
        write_answer(folder)
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        store.build("weights", "k2", fail)
    assert store.current("weights").key == "k1"
    assert store.find("weights", "k2") is None
    assert len([p for p in (store.base / "weights").iterdir() if p.name.startswith("k2")]) == 0


def test_a_folder_without_manifest_is_not_a_value(store):
    value = store.build("weights", "k1", write_answer)
    (value.folder / "manifest.json").unlink()
    assert store.find("weights", "k1") is None


def test_nothing_stored_says_what_to_materialise(store):
    with pytest.raises(CalibrationError, match=r"--select '\+key:calibration_package'"):
        store.current("calibration_package")


def test_a_truncated_file_is_refused(store):
    value = store.build("weights", "k1", write_answer)
    (value.folder / "answer.txt").write_text("4")
    with pytest.raises(CalibrationError, match=r"answer.txt has 1 bytes, its manifest says 2"):
        store.find("weights", "k1")


def test_a_changed_file_is_found_by_full_hashing(store):
    value = store.build("weights", "k1", write_answer)
    (value.folder / "answer.txt").write_text("43")
    with pytest.raises(CalibrationError, match="has sha256"):
        store.verify(value)


def test_a_newer_manifest_is_refused(store):
    value = store.build("weights", "k1", write_answer)
    manifest = value.folder / "manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "format": 99}))
    with pytest.raises(CalibrationError, match="format 99, this version reads 1"):
        store.find("weights", "k1")


def test_a_remote_store_gives_the_same_bytes(tmp_path):
    store = Store(UPath("memory://store-test"), tmp_path / "cache")
    value = store.build("sweep_weights/soft", "k1", write_answer)
    elsewhere = Store(store.base, tmp_path / "another-machine")
    fetched = elsewhere.find("sweep_weights/soft", "k1")
    assert fetched is not None
    assert fetched.folder.is_relative_to(tmp_path / "another-machine")
    assert (fetched.folder / "answer.txt").read_text() == "42"
    assert fetched.files == value.files
    for folder in (value.folder, fetched.folder):
        assert json.loads((folder / "manifest.json").read_text())["key"] == "k1"


@pytest.mark.parametrize("base", ["memory://parts-test", None])
def test_a_value_is_found_by_its_parts(tmp_path, base):
    store = Store(UPath(base or tmp_path / "store"), tmp_path / "cache")
    value = store.put("simulated_values/6", "k1", write_answer, parts=["snap", "ssi"])
    other = store.put("simulated_values/6", "k2", write_answer, parts=["age"])
    found = store.find_many("simulated_values/6", ["snap", "ssi", "tanf", "age"])
    assert {key: v.version for key, v in found.items()} == {
        "snap": value.version,
        "ssi": value.version,
        "age": other.version,
    }


def test_keys_follow_settings_inputs_and_version():
    base = content_key("clones", 1, {"records": "a"}, CloneSettings())
    assert base == content_key("clones", 1, {"records": "a"}, CloneSettings())
    others = {
        content_key("clones", 2, {"records": "a"}, CloneSettings()),
        content_key("clones", 1, {"records": "b"}, CloneSettings()),
        content_key("clones", 1, {"records": "a"}, CloneSettings(seed=1)),
    }
    assert base not in others
    assert len(others) == 3


def test_the_key_of_files_ignores_their_order(tmp_path):
    (tmp_path / "a").write_text("1")
    (tmp_path / "b").write_text("2")
    paths = [tmp_path / "a", tmp_path / "b"]
    assert files_key(paths) == files_key(reversed(paths))
    (tmp_path / "b").write_text("3")
    assert files_key(paths) != files_key([tmp_path / "a"])
