"""One store, whatever it lies on: a folder, a bucket over HTTP, a production gateway."""

import json
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from calibration_assets.errors import CalibrationError
from calibration_assets.microdata.dataset import read_dataset, write_dataset

ROOT = Path(__file__).parents[2]


def write_text(text):
    def write(folder):
        for part in ("first", "second", "third"):
            (folder / f"{part}.txt").write_text(f"{text}\n" * 200)
        return {"text": text}

    return write


def read_text(value):
    return {(value.folder / f"{part}.txt").read_text().split("\n")[0] for part in ("first", "second", "third")}


def test_folders_tables_and_datasets_come_back_on_another_machine(place, tiny_dataset):
    table = pd.DataFrame({"target_name": ["a", "b"], "value": [1.5, 2.5]})

    def write(folder):
        (folder / "tables").mkdir()
        table.to_parquet(folder / "tables" / "targets.parquet", index=False)
        np.save(folder / "weights.npy", np.arange(5, dtype=np.float32))
        write_dataset(tiny_dataset, folder / "dataset.h5")
        return {"targets": 2}

    written = place.open().build("sweep_weights/soft", "k1", write)
    place.open().set_current(written)
    elsewhere = place.open("another machine")
    value = elsewhere.current("sweep_weights/soft")
    elsewhere.verify(value)
    assert value.files == written.files
    assert value.metadata["targets"] == 2
    pd.testing.assert_frame_equal(pd.read_parquet(value.folder / "tables" / "targets.parquet"), table)
    np.testing.assert_array_equal(np.load(value.folder / "weights.npy", mmap_mode="r"), np.arange(5))
    person = read_dataset(value.folder / "dataset.h5").tables["person"]
    pd.testing.assert_frame_equal(person, tiny_dataset.tables["person"])


def test_a_value_is_found_by_its_parts(place):
    store = place.open()
    value = store.put("simulated_values/6", "k1", write_text("a"), parts=["snap", "ssi"])
    other = store.put("simulated_values/6", "k2", write_text("b"), parts=["age"])
    found = place.open("elsewhere").find_many("simulated_values/6", ["snap", "ssi", "tanf", "age"])
    versions = {key: found[key].version for key in sorted(found)}
    assert versions == {"age": other.version, "snap": value.version, "ssi": value.version}
    assert store.find_many("simulated_values/7", ["age"]) == {}


def test_two_writers_of_one_key_never_mix(place):
    together = threading.Barrier(4)

    def write(number):
        store = place.open(f"machine {number}")
        together.wait()
        for text in range(5):
            store.set_current(store.put("weights", "k1", write_text(f"{number} {text}")))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    reader = place.open("reader")
    for value in (reader.current("weights"), reader.find("weights", "k1")):
        reader.verify(value)
        assert read_text(value) == {value.metadata["text"]}


def test_readers_never_see_half_of_a_value(place):
    writer = place.open("writer")
    writer.set_current(writer.put("weights", "k0", write_text("0")))
    done = threading.Event()
    seen = set()

    def read(number):
        store, count = place.open(f"reader {number}"), 0
        while not done.is_set() or not count:
            value = store.current("weights")
            assert read_text(value) == {value.metadata["text"]}
            seen.add(value.metadata["text"])
            count += 1

    with ThreadPoolExecutor(3) as pool:
        reading = [pool.submit(read, number) for number in range(3)]
        for text in range(1, 15):
            writer.set_current(writer.put("weights", f"k{text}", write_text(str(text))))
        done.set()
        for one in reading:
            one.result()
    assert len(seen) > 1


def test_a_writer_that_is_killed_between_files_leaves_no_value(place):
    store = place.open()
    store.set_current(store.put("weights", "k1", write_text("before")))
    code = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from calibration_assets_tests.storage.places import Place\n"
        "place = Place(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])\n"
        "def write(folder):\n"
        "    for number in range(400):\n"
        "        (folder / f'{number}.txt').write_text('x' * 100)\n"
        "        time.sleep(0.005)\n"
        "    return {}\n"
        "place.open('killed').put('weights', 'k2', write)\n"
    )
    place_arguments = [place.base, str(place.caches)]
    place_arguments += [place.endpoint, place.access_key, place.secret_key] if place.endpoint else []
    process = subprocess.Popen([sys.executable, "-c", code, *place_arguments], cwd=ROOT)
    until = time.monotonic() + 30
    while not (found := files_of(store, "k2")):
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert 0 < len(found) < 400
    assert not any(path.endswith("manifest.json") for path in files_of(store, "k2"))
    assert store.find("weights", "k2") is None
    assert read_text(store.current("weights")) == {"before"}
    assert read_text(store.build("weights", "k2", write_text("after"))) == {"after"}


def files_of(store, key):
    try:
        return [path for path in store.base.fs.find((store.base / "weights").path) if f"/{key}-" in path]
    except FileNotFoundError:
        return []


def test_a_version_that_was_deleted_is_made_again(place):
    store = place.open()
    value = store.build("weights", "k1", write_text("a"))
    store.set_current(value)
    store.base.fs.rm((store.base / "weights" / value.version).path, recursive=True)
    with pytest.raises(
        CalibrationError, match=rf"weights: version {value.version} is gone .* --select '\+key:weights'"
    ):
        store.current("weights")
    assert read_text(store.build("weights", "k1", write_text("b"))) == {"b"}


def test_a_file_missing_from_a_version_is_a_sentence(place):
    store = place.open()
    value = store.build("weights", "k1", write_text("a"))
    store.base.fs.rm_file((store.base / "weights" / value.version / "second.txt").path)
    with pytest.raises(CalibrationError, match=r"second.txt .*delete .* and materialise"):
        read_text(place.open("elsewhere").find("weights", "k1"))


def test_a_value_is_downloaded_when_its_folder_is_asked_for(remote):
    written = remote.open().build("weights", "k1", write_text("a"))
    elsewhere = remote.open("elsewhere")
    value = elsewhere.find("weights", "k1")
    assert value == written
    assert not elsewhere.cache.exists()
    assert read_text(value) == {"a"}
    (value.folder / "first.txt").write_text("")
    with pytest.raises(CalibrationError, match=r"first.txt has 0 bytes, its manifest says 400; delete .*elsewhere"):
        read_text(remote.open("elsewhere").find("weights", "k1"))


def test_a_manifest_of_a_newer_format_is_refused_and_kept(place):
    store = place.open()
    value = store.build("weights", "k1", write_text("a"))
    manifest = store.base / "weights" / value.version / "manifest.json"
    newer = json.dumps({**json.loads(manifest.read_text()), "format": 99})
    manifest.write_text(newer)
    with pytest.raises(CalibrationError, match="format 99, this version reads 1; use the version"):
        store.build("weights", "k1", write_text("b"))
    assert manifest.read_text() == newer


def test_what_is_no_json_is_named(place):
    store = place.open()
    store.set_current(store.build("weights", "k1", write_text("a")))
    (store.base / "weights" / "current.json").write_text("")
    with pytest.raises(CalibrationError, match=r"weights/current.json is not JSON .* materialise the asset again"):
        store.current("weights")


def test_a_run_reads_again_what_it_has_made_or_opened(place):
    outside = place.open()
    first, second = replace(outside, runs=("run-1",)), replace(outside, runs=("run-2",))
    a = outside.build("records", "k1", write_text("a"))
    b = outside.build("records", "k2", write_text("b"))
    first.set_current(a)
    second.set_current(b)
    assert [store.current("records").key for store in (first, second, outside)] == ["k1", "k2", "k2"]
    assert [store.current_key("records") for store in (first, second, outside)] == ["k1", "k2", "k2"]
    resumed, third = replace(outside, runs=("run-3", "run-1")), replace(outside, runs=("run-4",))
    assert resumed.current("records").key == "k1"
    assert third.current("records").key == "k2"
    outside.set_current(a)
    assert third.current("records").key == "k2"
    assert third.current_key("targets") is None


def test_processes_of_one_run_that_open_first_agree(place):
    stores = [place.open() for _ in range(6)]
    values = [stores[0].build("records", f"k{number}", write_text(str(number))) for number in range(6)]
    together = threading.Barrier(6)

    def move_and_read(number):
        stores[number].set_current(values[number])
        reader = replace(place.open(), runs=("one run",))
        together.wait()
        return reader.current("records").key

    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(move_and_read, range(6)))) == 1
