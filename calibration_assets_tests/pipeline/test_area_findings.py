"""What is found in an area's records: a sound file passes, planted faults are told with their number."""

from dataclasses import replace

import numpy as np
import pytest

from calibration_assets.errors import CalibrationError
from calibration_assets.geography.areas import area_names
from calibration_assets.imputation.takeup import PROGRAMMES
from calibration_assets.matrix.area import area_dataset
from calibration_assets.matrix.area_totals import rows_of_area
from calibration_assets.microdata.dataset import Dataset, write_dataset
from calibration_assets.microdata.plausible import describe_means
from calibration_assets.pipeline import area_findings
from calibration_assets.pipeline.areas import area_file
from calibration_assets.settings import AreaBounds
from calibration_assets.storage.reference import read_reference
from calibration_assets_tests.matrix.example import columns_of, targets_of, tiny_dataset
from calibration_assets_tests.pipeline.stored import open_store, store_package

BOUNDS = AreaBounds(sampled_pct=0)
COLUMNS = columns_of([601, 602, 1101, 4801, 601] * 8)
COUNTY = COLUMNS["county"].to_numpy()


def records_of(area="CA", weights=None):
    weights = np.full(40, 1000.0) if weights is None else weights
    return area_dataset(tiny_dataset(), COLUMNS, weights, COUNTY, area, True)


def age_targets(value):
    bands = [[("age", "<", "18")], [("age", ">=", "18")]]
    rows = [
        ("person_count", level, place, band) for level, place in (("state", "6"), ("national", "US")) for band in bands
    ]
    targets, _ = targets_of(rows)
    return targets.assign(domain_variable="age", value=value / 2)


@pytest.fixture
def stored(tmp_path):
    """A store whose current California is of its current weights."""
    store = open_store(tmp_path)

    def make(folder):
        write_dataset(records_of(), folder / area_file("CA"))
        return {"weights": "w" * 64}

    for name, key, maker in (
        ("area_datasets/CA", "a" * 64, make),
        ("weights", "w" * 64, lambda _: {}),
        ("target_database", "t" * 64, lambda _: {}),
    ):
        store.set_current(store.put(name, key, maker))
    store_package(store)
    return store


def test_a_sound_file_passes_every_check_and_says_that_it_was_not_simulated(stored):
    found = {one.check: one for one in area_findings.area_findings(stored, "CA", BOUNDS)}
    assert tuple(found) == area_findings.CHECKS
    assert {name for name, one in found.items() if not one.passed} == {"area_population"}
    assert "not in the sample of 0 %" in found["area_totals"].sentence
    assert len(found["area_means"].rows) == 4


def test_a_file_that_cannot_be_read_fails_every_check(stored):
    value = stored.current("area_datasets/CA")
    path = value.folder / area_file("CA")
    path.write_bytes(b"x" * path.stat().st_size)
    found = list(area_findings.area_findings(stored, "CA", BOUNDS))
    assert not any(one.passed for one in found)
    assert "it cannot be read" in found[0].sentence


def test_records_of_other_weights_are_refused(stored):
    stored.set_current(stored.put("weights", "v" * 64, lambda _: {}))
    with pytest.raises(CalibrationError, match="area_datasets/CA: it is of other weights than the current ones"):
        list(area_findings.area_findings(stored, "CA", BOUNDS))


def test_take_up_must_be_true_or_false():
    sound = records_of()
    assert area_findings.contract_finding(sound).passed
    person = sound.tables["person"].assign(takes_up_ssi_if_eligible=1.0)
    found = area_findings.contract_finding(Dataset(2024, {**sound.tables, "person": person}))
    assert (found.passed, found.number) == (False, 1)
    assert "takes_up_ssi_if_eligible hold other values" in found.sentence
    assert "takes_up_ssi_if_eligible" in {one.variable for one in PROGRAMMES}


@pytest.mark.parametrize(("factor", "passed"), [(1.0, True), (1.09, True), (1.11, False), (0.5, False)])
def test_population_is_held_against_the_age_targets(factor, passed):
    dataset = records_of()
    persons = describe_means(dataset)["persons"]
    found = area_findings.population_finding(dataset, age_targets(persons / factor), "CA", BOUNDS)
    assert found.passed is passed
    assert found.number == pytest.approx(100 * abs(factor - 1), abs=1e-6)


def test_without_age_targets_population_is_not_judged():
    assert (
        "no age targets of CA-01"
        in area_findings.population_finding(records_of("CA-01"), age_targets(1.0), "CA-01", BOUNDS).sentence
    )


def test_the_rows_of_an_area_are_its_own():
    targets, _ = targets_of(
        [("snap", level, place, []) for level, place in (("national", "US"), ("state", "6"), ("district", "612"))]
    )
    assert [rows_of_area(targets, area).tolist() for area in ("US", "CA", "CA-12", "CA-13")] == [[0], [1], [2], []]


def test_a_total_that_differs_is_named_with_both_numbers():
    by_matrix = np.array([1e6, 0.0, 50.0])
    assert area_findings.totals_finding(["a", "b", "c"], by_matrix, by_matrix * (1 + 5e-5), BOUNDS).passed
    found = area_findings.totals_finding(["a", "b", "c"], by_matrix, np.array([1e6, 3.0, 50.0]), BOUNDS)
    assert (found.passed, found.number) == (False, 1.0)
    assert found.rows == [{"target": "b", "matrix": 0.0, "file": 3.0, "difference": 1.0}]
    assert "1 of 3 weighted totals of the file differ from X @ w; 3 are not zero" in found.sentence


def test_the_sample_of_areas_is_fixed_and_of_its_size():
    areas = area_names(read_reference("county_shares")["district"].to_numpy())
    sampled = [area for area in areas if area_findings.is_sampled(area, AreaBounds(sampled_pct=5))]
    assert 10 < len(sampled) < 40
    assert all(area_findings.is_sampled(area, AreaBounds(sampled_pct=100)) for area in areas)
    assert not any(area_findings.is_sampled(area, replace(BOUNDS, sampled_pct=0)) for area in areas)
