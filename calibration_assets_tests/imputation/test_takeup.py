from dataclasses import replace

import numpy as np
import pytest

from calibration_assets.errors import CalibrationError
from calibration_assets.imputation.takeup import PROGRAMMES, read_rates, take_up_of, uniforms
from calibration_assets.microdata.dataset import Dataset

SNAP = next(programme for programme in PROGRAMMES if programme.variable == "takes_up_snap_if_eligible")
MEDICAID = next(programme for programme in PROGRAMMES if programme.variable == "takes_up_medicaid_if_eligible")


def scalar_uniform(variable, household_id, clone, position):
    """The documented hash in Python's own integers."""
    mask = 2**64 - 1
    state = 0xCBF29CE484222325
    for byte in variable.encode():
        state = (state ^ byte) * 0x100000001B3 & mask
    for part in (household_id, clone, position):
        state = (state + part + 0x9E3779B97F4A7C15) & mask
        state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 & mask
        state = (state ^ (state >> 27)) * 0x94D049BB133111EB & mask
        state ^= state >> 31
    return (state >> 11) / 2**53


def test_draws_are_the_documented_hash():
    keys = [(1, 0, 0), (1, 0, 1), (1, 1, 0), (987654321012, 435, 7)]
    household_id, clone, position = (np.array(part) for part in zip(*keys, strict=True))
    expected = [scalar_uniform(SNAP.variable, *key) for key in keys]
    assert uniforms(SNAP.variable, household_id, clone, position).tolist() == expected
    assert len(set(expected)) == 4


def test_draws_are_uniform_and_unrelated():
    household, clone = (part.ravel() for part in np.meshgrid(np.arange(2_000), np.arange(50)))
    none = np.zeros(len(household), dtype=int)
    snap, ssi = (
        uniforms(SNAP.variable, household, clone, none),
        uniforms("takes_up_ssi_if_eligible", household, clone, none),
    )
    assert np.histogram(snap, bins=10, range=(0, 1))[0] == pytest.approx(10_000, rel=0.05)
    assert abs(np.corrcoef(snap, ssi)[0, 1]) < 0.02
    assert abs(np.corrcoef(snap[:-2_000], snap[2_000:])[0, 1]) < 0.02


def test_rates_by_state_and_nation():
    rates = read_rates()
    assert set(rates) == {programme.variable for programme in PROGRAMMES}
    assert rates[SNAP.variable][[6, 48]].tolist() == [0.82, 0.82]
    assert rates[MEDICAID.variable][[49, 8]].tolist() == [0.53, 0.99]


def test_a_missing_rate_is_a_sentence(tmp_path):
    (tmp_path / "rates.csv").write_text("variable,state,rate,since,source,url\n")
    with pytest.raises(CalibrationError, match="has 0 rates, expected one or more"):
        read_rates(tmp_path / "rates.csv")


def test_reporters_take_up_and_the_others_make_up_the_rest(tiny_dataset):
    persons = tiny_dataset.tables["person"]
    reports = np.arange(len(persons)) % 4 == 0
    tables = dict(tiny_dataset.tables) | {"person": persons.assign(**{MEDICAID.reported: reports})}
    take_up = take_up_of(Dataset(2024, tables))
    rate, share = read_rates()[MEDICAID.variable][6], reports.mean()
    assert take_up.rates[MEDICAID.variable][6] == pytest.approx((rate - share) / (1 - share))
    rows = np.arange(len(persons))
    keys = persons["person_household_id"].to_numpy(), np.zeros_like(rows), rows, np.full(len(rows), 6)
    assert take_up.takes_up(MEDICAID, rows, *keys)[reports].all()
    none = replace(take_up, rates={MEDICAID.variable: np.zeros(57)})
    assert none.takes_up(MEDICAID, rows, *keys).tolist() == reports.tolist()


def test_a_draw_depends_on_its_own_keys_alone(tiny_dataset):
    take_up = take_up_of(tiny_dataset)
    household = np.arange(500)
    keys = (household, household, household % 7, household % 3, np.full(500, 6))
    together = take_up.takes_up(SNAP, *keys)
    alone = [take_up.takes_up(SNAP, *(part[i : i + 1] for part in keys))[0] for i in range(500)]
    assert together.tolist() == alone
