"""The stratified sample: caps, rates, order and what it refuses."""

import numpy as np
import pandas as pd
import pytest
from pandera.errors import SchemaError

from calibration_assets.errors import CalibrationError
from calibration_assets.microdata.dataset import Dataset
from calibration_assets.microdata.links import ENTITIES, GROUPS, id_column, link_column
from calibration_assets.microdata.stratify import BRACKETS, draw_stratified_sample
from calibration_assets.settings import SampleSettings


def singles(agi: np.ndarray, weight: np.ndarray | float = 1.0) -> tuple[Dataset, pd.DataFrame]:
    """One-person households with these AGIs; ids fall, so that no id is a row number."""
    ids = np.arange(len(agi), 0, -1) * 10
    tables = {entity: pd.DataFrame({id_column(entity): ids}) for entity in ENTITIES}
    tables["person"] = tables["person"].assign(age=40, **{link_column(group): ids for group in GROUPS})
    tables["household"] = tables["household"].assign(household_weight=weight, state_fips=6)
    return Dataset(2024, tables), pd.DataFrame({"household_id": ids, "adjusted_gross_income": agi.astype(float)})


def selected(agi: np.ndarray, weight: np.ndarray | float = 1.0, **settings: int) -> list[int]:
    sample = draw_stratified_sample(*singles(agi, weight), SampleSettings(**settings))
    return sample.strata["selected"].tolist()


@pytest.fixture(scope="module")
def many() -> np.ndarray:
    """40,000 AGIs: 600 in each high bracket, the rest spread evenly below."""
    high = [np.full(600, lower) for lower, _, _ in BRACKETS]
    return np.concatenate([np.linspace(-1_000, 499_999, 37_000), *high])


def test_high_brackets_are_cut_at_their_caps_and_the_rest_shares_one_rate(many):
    # 12,000 - 1,800 of 37,000: a quarter of them from the bottom quarter.
    assert selected(many, target_households=12_000) == [400, 400, 400, 300, 300, 2_550, 7_650]


def test_the_bottom_quarter_is_drawn_one_and_a_half_times_as_often(many):
    drawn = selected(many, target_households=12_000, oversample_poor=True)
    assert drawn[:5] == [400, 400, 400, 300, 300]
    assert sum(drawn) == 12_000
    assert (drawn[5] / 9_250) / (drawn[6] / 27_750) == pytest.approx(1.5, rel=1e-3)


def test_caps_shrink_with_the_target_below_12_000(many):
    assert selected(many, target_households=2_000) == [66, 66, 66, 50, 50, 425, 1_277]
    assert selected(many, target_households=30_000)[:5] == [400, 400, 400, 300, 300]


def test_brackets_are_closed_below_and_open_above():
    agi = np.array([499_999.0, 500_000, 999_999, 1e6, 2e6, 5e6, 10e6, 5e8])
    sample = draw_stratified_sample(*singles(agi), SampleSettings(target_households=0))
    assert sample.strata["available"].tolist() == [2, 1, 1, 1, 2, 0, 1]


def test_a_bracket_takes_weighted_households_first():
    agi = np.r_[np.zeros(12_000), np.full(1_000, 6e5)]
    weight = np.r_[np.ones(12_000), np.arange(1_000) % 4 == 0].astype(float)
    sample = draw_stratified_sample(*singles(agi, weight), SampleSettings(target_households=12_000))
    high = sample.household_agi["adjusted_gross_income"] > 0
    assert high.sum() == 400
    assert (sample.dataset.tables["household"]["household_weight"][high] > 0).sum() == 250
    sample = draw_stratified_sample(*singles(agi, weight), SampleSettings(target_households=4_000))
    high = sample.household_agi["adjusted_gross_income"] > 0
    assert high.sum() == 133
    assert (sample.dataset.tables["household"]["household_weight"][high] > 0).all()


@pytest.mark.parametrize("target", [0, 20, 1_000])
def test_all_households_are_kept_where_the_target_asks_for_them(tiny_dataset, tiny_household_agi, target):
    sample = draw_stratified_sample(tiny_dataset, tiny_household_agi, SampleSettings(target_households=target))
    for entity in ENTITIES:
        pd.testing.assert_frame_equal(sample.dataset.tables[entity], tiny_dataset.tables[entity])
    assert sample.strata["selected"].tolist() == sample.strata["available"].tolist()


def test_the_target_is_met_and_order_ids_weights_and_agi_stay(many):
    dataset, agi = singles(many, np.linspace(0, 5, len(many)))
    sample = draw_stratified_sample(dataset, agi, SampleSettings(target_households=1_234))
    household = sample.dataset.tables["household"]
    assert len(household) == 1_234
    assert household["household_id"].is_monotonic_decreasing
    assert sample.household_agi["household_id"].tolist() == household["household_id"].tolist()
    before = dataset.tables["household"].merge(agi, on="household_id", validate="1:1").set_index("household_id")
    kept = before.loc[household["household_id"]]
    assert kept["household_weight"].tolist() == household["household_weight"].tolist()
    assert kept["adjusted_gross_income"].tolist() == sample.household_agi["adjusted_gross_income"].tolist()


def test_agi_is_joined_by_id_and_not_by_position(many):
    dataset, agi = singles(many)
    settings = SampleSettings(target_households=500)
    shuffled = agi.sample(frac=1, random_state=1)
    one, other = (draw_stratified_sample(dataset, table, settings) for table in (agi, shuffled))
    pd.testing.assert_frame_equal(one.household_agi, other.household_agi)


def test_the_seed_alone_decides(many):
    np.random.seed(1)  # noqa: NPY002 - a global seed must not matter
    dataset, agi = singles(many)
    draws = [
        draw_stratified_sample(dataset, agi, SampleSettings(target_households=500, seed=seed)).household_agi
        for seed in (3526, 3526, 1)
    ]
    assert draws[0].equals(draws[1])
    assert not draws[0].equals(draws[2])


def test_wrong_requests_are_sentences(tiny_dataset, tiny_household_agi):
    with pytest.raises(CalibrationError, match="target_households: -1 was found"):
        draw_stratified_sample(tiny_dataset, tiny_household_agi, SampleSettings(target_households=-1))
    with pytest.raises(CalibrationError, match="AGI by household: 1 ids were not found, the first is 1"):
        draw_stratified_sample(tiny_dataset, tiny_household_agi.iloc[1:], SampleSettings())
    with pytest.raises(SchemaError, match="adjusted_gross_income"):
        draw_stratified_sample(tiny_dataset, tiny_household_agi.replace(52_120.0, np.nan), SampleSettings())
