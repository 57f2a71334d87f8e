"""An area's file in the store: under its name, or, where the disk fills half way, nothing of it."""

import resource
from contextlib import contextmanager

import pytest

from calibration_assets.errors import CalibrationError
from calibration_assets.microdata.dataset import read_dataset, write_dataset
from calibration_assets.pipeline.areas import area_file
from calibration_assets_tests.matrix.example import tiny_dataset
from calibration_assets_tests.pipeline.stored import open_store


@pytest.mark.parametrize(
    ("area", "file"), [("US", "national/US.h5"), ("CA", "states/CA.h5"), ("CA-12", "districts/CA-12.h5")]
)
def test_files_have_the_names_of_the_manual(area, file):
    assert area_file(area) == file


@contextmanager
def largest_file(size):
    """No file of this process may grow beyond a size, as on a disk that fills."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_fills_half_way_leaves_nothing_half_written(tmp_path):
    write_dataset(tiny_dataset(), tmp_path / "whole.h5")
    half = (tmp_path / "whole.h5").stat().st_size // 2
    with largest_file(half), pytest.raises((OSError, RuntimeError)):
        write_dataset(tiny_dataset(), tmp_path / "states" / "CA.h5")
    assert not list((tmp_path / "states").iterdir())


def test_a_disk_that_fills_is_a_sentence_and_the_area_stays_as_it_was(tmp_path):
    store = open_store(tmp_path)

    def make(folder):
        write_dataset(tiny_dataset(), folder / area_file("CA"))
        return {}

    store.set_current(store.build("area_datasets/CA", "a" * 64, make))
    half = store.current("area_datasets/CA").size // 2
    with largest_file(half), pytest.raises(CalibrationError, match=r"area_datasets/CA: the disk of .* is full .*free"):
        store.build("area_datasets/CA", "b" * 64, make)
    assert not list((tmp_path / "store" / "area_datasets" / "CA").glob("b*"))
    value = store.current("area_datasets/CA")
    store.verify(value)
    assert len(read_dataset(value.folder / area_file("CA")).tables["household"]) == 20
