"""What a store does when the server is busy, a connection breaks, a disk is full or the address is wrong."""

import resource
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import replace

import pytest
import requests
import s3fs

from calibration_assets.defs import resources
from calibration_assets.errors import CalibrationError
from calibration_assets_tests.storage.places import Place
from calibration_assets_tests.storage.proxy import Proxy

MEGABYTE = 1_000_000
WRONG = "wrong-secret-0123"


def write_bytes(size, fill=b"x"):
    def write(folder):
        (folder / "small.txt").write_bytes(fill)
        (folder / "large.bin").write_bytes(fill * size)
        return {}

    return write


@pytest.fixture
def impatient(monkeypatch):
    """S3 gives up after two requests."""
    monkeypatch.setattr(s3fs.S3FileSystem, "retries", 1)
    monkeypatch.setitem(resources.S3_CLIENT, "retries", {"mode": "standard", "max_attempts": 2})


def test_a_busy_server_is_asked_again(bucket):
    with Proxy(bucket.endpoint, slow_downs=3) as proxy:
        store = bucket.through(proxy.url).open()
        store.set_current(store.build("weights", "k1", write_bytes(100)))
        assert proxy.slow_downs == 0
    assert bucket.open("elsewhere").current("weights").key == "k1"


def test_an_upload_that_is_cut_is_sent_again(remote):
    with Proxy(remote.endpoint, cuts=2, cut_after=200_000) as proxy:
        remote.through(proxy.url).open().build("weights", "k1", write_bytes(2 * MEGABYTE))
        assert proxy.cuts == 0
    elsewhere = remote.open("elsewhere")
    elsewhere.verify(elsewhere.find("weights", "k1"))


def test_an_upload_that_is_cut_for_good_leaves_what_was_stored(remote, impatient):
    before = remote.open().build("weights", "k1", write_bytes(10))
    remote.open().set_current(before)
    with Proxy(remote.endpoint, cuts=1_000, cut_after=200_000) as proxy:
        store = remote.through(proxy.url).open()
        with pytest.raises(CalibrationError, match=r"large\.bin: .*, expected to reach it; check the address"):
            store.build("weights", "k2", write_bytes(2 * MEGABYTE))
    store = remote.open("elsewhere")
    assert store.find("weights", "k2") is None
    assert store.current("weights").key == "k1"
    assert not list(remote.caches.rglob("k2-*"))


def test_nobody_at_the_address_is_a_sentence(bucket, impatient):
    with Proxy(bucket.endpoint) as proxy:
        address = proxy.url
    with pytest.raises(CalibrationError, match=f"store {bucket.base}/weights/.*{address}.*check the address"):
        bucket.through(address).open().find("weights", "k1")


def test_a_bucket_that_does_not_exist_is_a_sentence_before_anything_is_made(remote):
    made = []
    store = replace(remote, base="s3://no-such-bucket-0123/store").open()
    with pytest.raises(CalibrationError, match=r"NoSuchBucket.*make the bucket, or correct CALIBRATION_STORE"):
        store.build("weights", "k1", made.append)
    with pytest.raises(CalibrationError, match="NoSuchBucket"):
        store.find_many("weights", ["k1", "k2"])
    with pytest.raises(CalibrationError, match="NoSuchBucket"):
        store.current("weights")
    assert made == []


def test_wrong_credentials_are_a_sentence_without_them(bucket):
    store = bucket.open()
    store.set_current(store.build("weights", "k1", write_bytes(10)))
    wrong = replace(bucket, access_key="stranger", secret_key=WRONG).open("stranger")
    requests.post(f"{bucket.endpoint}/moto-api/reset-auth", data=b"0", timeout=10)
    try:
        with pytest.raises(CalibrationError, match="check the credentials and what they allow") as refused:
            wrong.current("weights")
    finally:
        requests.post(f"{bucket.endpoint}/moto-api/reset-auth", data=b"1000000000", timeout=10)
    assert WRONG not in str(refused.value)
    assert store.current("weights").key == "k1"


@pytest.mark.slow
def test_a_wrong_secret_is_refused_by_the_gateway(gateway_bucket):
    store = gateway_bucket.open()
    store.set_current(store.build("weights", "k1", write_bytes(10)))
    for wrong in (
        replace(gateway_bucket, secret_key=WRONG),
        replace(gateway_bucket, access_key="stranger", secret_key=WRONG),
    ):
        with pytest.raises(CalibrationError, match="check the credentials and what they allow") as refused:
            wrong.open("stranger").build("weights", "k2", write_bytes(10))
        assert WRONG not in str(refused.value)
    assert store.current("weights").key == "k1"


@pytest.mark.slow
def test_a_gateway_killed_in_the_middle_of_a_write_loses_nothing(gateway, gateway_bucket, impatient):
    store = gateway_bucket.open()
    store.set_current(store.build("weights", "k1", write_bytes(10)))
    with Proxy(gateway_bucket.endpoint, cut_after=5 * MEGABYTE, cuts=1, at_cut=gateway.kill_gateway) as proxy:
        writer = gateway_bucket.through(proxy.url).open("writer")
        with pytest.raises(CalibrationError, match="nothing stored before is lost"):
            writer.build("weights", "k2", write_bytes(120 * MEGABYTE))
    gateway.start_gateway()
    reader = gateway_bucket.open("reader")
    assert reader.current("weights").key == "k1"
    assert reader.find("weights", "k2") is None
    value = reader.build("weights", "k2", write_bytes(120 * MEGABYTE))
    elsewhere = gateway_bucket.open("elsewhere")
    elsewhere.verify(elsewhere.find("weights", "k2"))
    assert elsewhere.find("weights", "k2").version == value.version


@pytest.mark.slow
def test_a_gateway_that_comes_back_is_written_to_as_if_nothing_had_been(gateway, gateway_bucket):
    def restart():
        gateway.kill_gateway()
        gateway.start_gateway()

    with Proxy(gateway_bucket.endpoint, cut_after=5 * MEGABYTE, cuts=1, at_cut=restart) as proxy:
        gateway_bucket.through(proxy.url).open().build("weights", "k1", write_bytes(120 * MEGABYTE))
    elsewhere = gateway_bucket.open("elsewhere")
    elsewhere.verify(elsewhere.find("weights", "k1"))


@contextmanager
def largest_file(size):
    """No file of this process may grow beyond a size, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_without_room_is_a_sentence_and_leaves_what_was_stored(place):
    store = place.open()
    store.set_current(store.build("weights", "k1", write_bytes(10)))
    with largest_file(MEGABYTE), pytest.raises(CalibrationError, match=r"weights: the disk of .* is full .*free space"):
        store.build("weights", "k2", write_bytes(2 * MEGABYTE))
    assert store.find("weights", "k2") is None
    assert store.current("weights").key == "k1"
    assert not list(place.caches.parent.rglob("k2-*"))


def test_a_cache_without_room_is_a_sentence(remote):
    remote.open().build("weights", "k1", write_bytes(2 * MEGABYTE))
    reader = remote.open("reader")
    with (
        largest_file(MEGABYTE),
        pytest.raises(CalibrationError, match=r"disk of the cache .* is full"),
    ):
        reader.find("weights", "k1").fetch()
    assert not list((remote.caches / "reader").rglob("k1-*"))
    reader.verify(reader.find("weights", "k1"))


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 4 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_is_a_sentence_and_leaves_what_was_stored(small_disk, tmp_path):
    store = Place(str(small_disk / "store"), tmp_path / "caches").open()
    store.set_current(store.build("weights", "k1", write_bytes(MEGABYTE)))
    for _ in range(2):
        with pytest.raises(CalibrationError, match=r"weights: the disk of .* is full \(.*\).* \(nothing stored before"):
            store.build("weights", "k2", write_bytes(8 * MEGABYTE))
    assert store.current("weights").key == "k1"
    store.verify(store.current("weights"))
    (small_disk / "filled").write_bytes(b"x" * shutil.disk_usage(small_disk).free)
    with pytest.raises(CalibrationError, match=r"current.json: No space left on device.*free space"):
        store.set_current(store.current("weights"))
    assert store.current("weights").key == "k1"
