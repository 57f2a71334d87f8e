"""Pruning removes what nothing refers to any more, says so, and takes nothing from under a reader."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from calibration_assets.errors import CalibrationError
from calibration_assets.settings import PruneSettings
from calibration_assets.storage.keys import content_key
from calibration_assets.storage.prune import prune

AT_ONCE = PruneSettings(keep_days=0, keep_versions=0, grace_hours=1)


def put(store, name, number, parts=(), **metadata):
    def write(folder):
        (folder / "value.txt").write_text(f"{name} {number}")
        return metadata

    return store.put(name, content_key(name, number, {}), write, parts)


def later(**delta):
    return datetime.now(UTC) + timedelta(**delta)


def verdicts(done):
    return {one.path: one.verdict for one in done}


def test_pointed_new_and_young_versions_stay_and_the_others_go_after_the_grace(place):
    store = place.open()
    values = [put(store, "weights", number) for number in range(4)]
    store.set_current(values[0])
    settings = PruneSettings(keep_days=14, keep_versions=1, grace_hours=1)
    assert prune(store, settings, later(days=13)) == []

    old = {f"weights/{value.version}" for value in values[1:3]}
    assert verdicts(prune(store, settings, later(days=15))) == dict.fromkeys(old, "hidden")
    assert store.find("weights", values[1].key) is None
    assert (place.open("slow reader").open("weights", values[1].version).folder / "value.txt").exists()
    now = later()
    assert prune(store, replace(settings, keep_days=0), now + timedelta(minutes=50)) == []

    assert verdicts(prune(store, settings, later(days=15, hours=2))) == dict.fromkeys(old, "removed")
    assert not store.has("weights", values[1].version)
    assert store.current("weights").version == values[0].version
    assert store.find("weights", values[3].key).version == values[3].version


def test_what_a_value_that_stays_was_made_from_stays_too(place):
    store = place.open()
    states = [put(store, "simulated_values/6", number) for number in range(2)]
    index = put(store, "simulated_values", 0, versions_by_state={"6": [states[0].version]})
    packages = [put(store, "calibration_package", number, keys={"values": index.key}) for number in range(2)]
    weights = [put(store, "weights", number, package=packages[number].key) for number in range(2)]
    store.set_current(weights[0])
    expected = {"calibration_package": packages[1], "weights": weights[1], "simulated_values/6": states[1]}
    hidden = {f"{name}/{value.version}": "hidden" for name, value in expected.items()}
    assert verdicts(prune(store, AT_ONCE, later(minutes=1))) == hidden


def test_any_pointer_beside_a_version_keeps_it(place):
    store = place.open()
    accepted, rejected = put(store, "weights", 0), put(store, "weights", 1)
    (store.base / "weights" / "accepted.json").write_text(f'{{"version": "{accepted.version}"}}')
    assert verdicts(prune(store, AT_ONCE, later(minutes=1))) == {f"weights/{rejected.version}": "hidden"}


def test_a_hidden_version_that_is_wanted_again_comes_back(place):
    store = place.open()
    value = put(store, "weights", 0)
    prune(store, AT_ONCE, later(minutes=1))
    store.set_current(value)
    assert verdicts(prune(store, AT_ONCE, later(hours=2))) == {f"weights/{value.version}": "restored"}
    assert store.find("weights", value.key) == value
    assert prune(store, AT_ONCE, later(hours=4)) == []


def test_a_hidden_version_is_not_found_by_its_parts(place):
    store = place.open()
    value = put(store, "simulated_values/6", 0, parts=["snap"])
    assert store.find_many("simulated_values/6", ["snap"]) == {"snap": value}
    prune(store, AT_ONCE, later(minutes=1))
    assert store.find_many("simulated_values/6", ["snap"]) == {}
    store.set_current(value)
    prune(store, AT_ONCE, later(minutes=2))
    assert store.find_many("simulated_values/6", ["snap"]) == {"snap": value}


def test_what_a_recent_run_opened_stays_and_records_of_old_runs_go(place):
    store = place.open()
    value, other = put(store, "records", 0), put(store, "records", 1)
    store.set_current(value)
    assert replace(store, runs=("run-1",)).current("records") == value
    store.set_current(other)
    settings = replace(AT_ONCE, keep_days=14)
    assert prune(store, settings, later(days=13)) == []
    assert verdicts(prune(store, settings, later(days=15))) == {
        f"records/{value.version}": "hidden",
        "runs/run-1": "removed",
    }


def test_what_a_killed_writer_left_goes_once_it_is_old(place):
    store = place.open()
    value = put(store, "weights", 0)
    store.set_current(value)
    left = store.base / "weights" / "0123456789ab-01234567"
    left.mkdir(parents=True, exist_ok=True)
    (left / "data.npy").write_bytes(b"half")
    settings = replace(AT_ONCE, keep_days=1)
    assert prune(store, settings, later(hours=20)) == []
    assert verdicts(prune(store, settings, later(days=2))) == {"weights/0123456789ab-01234567": "removed"}
    assert not (left / "data.npy").exists()
    assert store.current("weights") == value


def test_local_copies_go_with_what_they_are_copies_of(remote):
    store = remote.open()
    old, new = put(store, "weights", 0), put(store, "weights", 1)
    store.set_current(new)
    prune(store, AT_ONCE, later(minutes=1))
    assert old.folder.exists()
    prune(store, AT_ONCE, later(hours=2))
    done = verdicts(prune(store, AT_ONCE, later(hours=2)))
    assert done == {f"cache of weights/{old.version}": "removed"}
    assert not old.folder.exists()
    assert new.folder.exists()


def test_readers_go_on_while_versions_change_and_are_pruned(place):
    store = place.open()
    store.set_current(put(store, "weights", 0))
    done = threading.Event()

    def read():
        reader, texts = place.open("reader"), set()
        while not done.is_set():
            texts.add((reader.current("weights").folder / "value.txt").read_text())
        return texts

    hidden = []
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read)
        for number in range(1, 8):
            store.set_current(put(store, "weights", number))
            hidden += prune(store, AT_ONCE, later(minutes=1))
        done.set()
        assert len(reading.result()) > 1
    assert {one.verdict for one in hidden} == {"hidden"}
    assert len(hidden) == 7


def test_an_empty_store_has_nothing_to_prune(place):
    assert prune(place.open(), AT_ONCE) == []


def test_negative_durations_are_refused(place):
    with pytest.raises(CalibrationError, match="negative number, expected 0 or more"):
        prune(place.open(), replace(AT_ONCE, keep_days=-1))
