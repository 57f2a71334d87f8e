"""Sources by name or place, and the folder of records between steps."""

import functools
import http.server
import threading

import fsspec
import pandas as pd
import pytest

from calibration_assets.errors import CalibrationError
from calibration_assets.microdata.dataset import write_dataset
from calibration_assets.microdata.links import ENTITIES
from calibration_assets.microdata.sources import open_source, read_records, source_key, write_records


@pytest.fixture
def local(tiny_dataset, tmp_path):
    write_dataset(tiny_dataset, tmp_path / "records.h5")
    return tmp_path / "records.h5"


def test_a_local_file_is_a_source(tiny_dataset, local):
    dataset, agi = open_source(str(local))
    assert agi is None
    for entity in ENTITIES:
        pd.testing.assert_frame_equal(dataset.tables[entity], tiny_dataset.tables[entity])


def test_a_remote_file_is_a_source(tiny_dataset, local):
    with fsspec.open("memory://bucket/records.h5", "wb") as remote:
        remote.write(local.read_bytes())
    dataset, agi = open_source("memory://bucket/records.h5")
    assert agi is None
    pd.testing.assert_frame_equal(dataset.tables["person"], tiny_dataset.tables["person"])
    assert source_key("memory://bucket/records.h5") == source_key(str(local))


def test_a_file_on_the_web_is_a_source(tiny_dataset, local):
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=local.parent)
    with http.server.HTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        dataset, _ = open_source(f"http://127.0.0.1:{server.server_port}/records.h5")
        with pytest.raises(CalibrationError, match=r"absent.h5: it could not be fetched \(HTTP Error 404"):
            open_source(f"http://127.0.0.1:{server.server_port}/absent.h5")
        server.shutdown()
    pd.testing.assert_frame_equal(dataset.tables["person"], tiny_dataset.tables["person"])


@pytest.mark.parametrize(
    ("dataset", "sentence"),
    [
        ("cps_2024", "dataset cps_2024: no source has this name, expected `taxcalc`, `census:2024`, or the path"),
        ("/no/such/file.h5", "dataset /no/such/file.h5: no such file"),
        ("foo://bucket/records.h5", "dataset foo://bucket/records.h5: it could not be fetched"),
        ("hf://owner/records.h5", "dataset hf://owner/records.h5: it could not be fetched"),
        ("memory://bucket/absent.h5", "dataset memory://bucket/absent.h5: it could not be fetched"),
    ],
)
def test_what_is_no_source_is_a_sentence(dataset, sentence):
    with pytest.raises(CalibrationError, match=sentence):
        open_source(dataset)


def test_records_are_read_as_written(tiny_dataset, tiny_household_agi, tmp_path):
    write_records(tiny_dataset, tiny_household_agi, tmp_path / "known")
    dataset, agi = read_records(tmp_path / "known")
    pd.testing.assert_frame_equal(dataset.tables["household"], tiny_dataset.tables["household"])
    assert agi is not None
    pd.testing.assert_frame_equal(agi, tiny_household_agi)
    write_records(tiny_dataset, None, tmp_path / "unknown")
    assert read_records(tmp_path / "unknown")[1] is None
