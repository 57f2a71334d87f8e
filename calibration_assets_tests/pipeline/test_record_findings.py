"""What is found in records: implausible means, and imputed values unlike those of donors held out."""

import pandas as pd
import pytest

from calibration_assets.microdata import sources
from calibration_assets.microdata.dataset import Dataset
from calibration_assets.microdata.plausible import RECORD_MEANS, describe_means
from calibration_assets.pipeline.record_findings import held_out_donors, judge_held_out, means_finding, record_findings
from calibration_assets.settings import ImputationBounds
from calibration_assets_tests.matrix.example import HOUSEHOLDS, tiny_dataset
from calibration_assets_tests.pipeline.stored import open_store

BOUNDS = ImputationBounds()


def store_records(tmp_path, dataset, **metadata):
    def make(folder):
        sources.write_records(dataset, None, folder)
        return metadata

    return open_store(tmp_path).put("imputed_cps", "a" * 64, make)


def judged(*rows, mean_error=100.0, zero_share_error=0.01):
    columns = ["source", "variable", "mean_donors", "mean_imputed", "zero_share_donors", "zero_share_imputed"]
    return pd.DataFrame(rows, columns=columns).assign(mean_error=mean_error, zero_share_error=zero_share_error)


def test_means_are_weighted_and_by_household():
    dataset = tiny_dataset()
    household = dataset.tables["household"].assign(household_weight=[2.0] + [0.0] * 19)
    means = describe_means(Dataset(2024, {**dataset.tables, "household": household}))
    assert means == {
        "persons": 6.0,
        "persons a household": 3.0,
        "age of a person": pytest.approx((34 + 33 + 6) / 3),
        "share under 18": pytest.approx(1 / 3),
        "employment income a household": 67_000.0,
    }


def test_without_weights_all_households_weigh_alike():
    dataset = tiny_dataset()
    household = dataset.tables["household"].assign(household_weight=0.0)
    assert describe_means(Dataset(2024, {**dataset.tables, "household": household}))["persons"] == sum(
        len(unit) for units in HOUSEHOLDS for unit in units
    )


def test_sound_records_pass_and_wages_in_cents_do_not(tmp_path):
    assert all(one.passed for one in record_findings(store_records(tmp_path, tiny_dataset())))
    dataset = tiny_dataset()
    person = dataset.tables["person"]
    person = person.assign(employment_income_before_lsr=person["employment_income_before_lsr"] * 100)
    means = describe_means(Dataset(2024, {**dataset.tables, "person": person}))
    found = means_finding("record_means", means, RECORD_MEANS)
    assert (found.passed, found.number) == (False, 1)
    assert "The first: employment income a household" in found.sentence


def test_unreadable_records_fail_both_checks(tmp_path):
    value = store_records(tmp_path, tiny_dataset())
    path = value.folder / sources.DATASET_FILE
    path.write_bytes(b"x" * path.stat().st_size)
    assert [(one.check, one.passed) for one in record_findings(value)] == [
        ("dataset_contract", False),
        ("record_means", False),
    ]


def test_imputed_values_like_their_donors_pass():
    table = judged(("acs", "rent", 9000, 9900, 0.6, 0.62), ("scf", "net_worth", 5e5, 5.1e5, 0, 0.01))
    assert judge_held_out(table, BOUNDS).passed


@pytest.mark.parametrize("imputed", [(13_000, 0.6), (9_000, 0.66)])
def test_a_mean_or_share_of_zeros_far_from_the_donors_is_told(imputed):
    table = judged(("acs", "rent", 9000, imputed[0], 0.6, imputed[1]), ("scf", "net_worth", 5e5, 5.1e5, 0, 0.01))
    found = judge_held_out(table, BOUNDS)
    assert (found.passed, found.number) == (False, 50.0)
    assert found.rows[0]["variable"] == "rent"
    assert found.rows[0]["mean_imputed"] == imputed[0]


def test_what_chance_explains_is_not_told():
    row = ("acs", "rent", 9000, 13_000, 0.6, 0.66)
    assert not judge_held_out(judged(row), BOUNDS).passed
    assert judge_held_out(judged(row, mean_error=2000.0, zero_share_error=0.03), BOUNDS).passed


def test_nothing_of_a_private_file_but_names_is_told():
    found = judge_held_out(judged(("puf", "rental_income", 1234.5, 99.0, 0.6, 0.9)), BOUNDS)
    assert not found.passed
    assert set(found.rows[0].values()) == {"puf", "rental_income", "private"}


def test_records_without_imputation_pass(tmp_path):
    assert "Nothing was imputed" in held_out_donors(store_records(tmp_path, tiny_dataset()), BOUNDS).sentence
