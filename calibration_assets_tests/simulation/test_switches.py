import numpy as np
import pytest

from calibration_assets.errors import CalibrationError
from calibration_assets.imputation.takeup import SHARED, TakeUp
from calibration_assets.microdata.links import ENTITIES
from calibration_assets.simulation.copies import every_household
from calibration_assets.simulation.switches import Switches

SSI, TANF, FILING = (programme.variable for programme in SHARED)


@pytest.fixture
def households(tiny_dataset):
    return every_household(tiny_dataset)


@pytest.fixture
def switches(households):
    """Household row 1 has two persons' SSI; row 4 a person's SSI, its unit's TANF and its second tax unit's filing."""
    matters = {one.variable: np.zeros(len(households.rows[one.entity]), dtype=bool) for one in SHARED}
    matters[SSI][[1, 2]] = True
    first = {entity: households.start[entity][4] for entity in ENTITIES}
    matters[SSI][first["person"]] = matters[TANF][first["spm_unit"]] = matters[FILING][first["tax_unit"] + 1] = True
    return Switches.where(SHARED, households, matters)


def test_every_combination_is_a_variant(switches):
    copy, pattern = switches.variants()
    assert copy.tolist() == [1] * 3 + [4] * 7
    assert pattern.tolist() == [1, 2, 3, 1, 2, 3, 4, 5, 6, 7]
    assert switches.bit.tolist() == [0, 1, 0, 1, 2]


def test_patterns_turn_the_rows_of_their_bits(switches, households):
    copy, pattern = switches.variants()
    varied = households.take(copy)
    turned = switches.turned(varied, copy, pattern)
    by_copy = np.array([[turned[SSI][varied.start["person"][i] + j] for j in range(3)] for i in range(10)])
    assert by_copy[:, 0].tolist() == [1, 0, 1, 1, 0, 1, 0, 1, 0, 1]
    assert by_copy[:3, 1].tolist() == [0, 1, 1]
    assert turned[TANF][varied.start["spm_unit"][:-1]].tolist() == [0, 0, 0, 0, 1, 1, 0, 0, 1, 1]
    assert turned[FILING][varied.start["tax_unit"][3:-1] + 1].tolist() == [0, 0, 0, 1, 1, 1, 1]


@pytest.mark.parametrize(("rate", "chosen"), [(1.0, [0, 1, 4, 5]), (0.0, [0, 22, 25, 5])])
def test_columns_choose_the_variant_of_their_draws(switches, rate, chosen):
    """All take up benefits and none files: the base. None takes up and none files: the variant of all benefit bits."""
    rates = {SSI: np.full(57, rate), TANF: np.full(57, rate), FILING: np.zeros(57)}
    copy = np.array([0, 1, 4, 5])
    drawn = switches.choose(TakeUp(rates), copy, copy + 1, np.zeros(4, int), np.full(4, 6))
    assert drawn.tolist() == chosen


def test_taking_copies_keeps_households_together(households):
    which = np.array([4, 1, 4])
    taken = households.take(which)
    assert taken.record.tolist() == [4, 1, 4]
    for entity in ENTITIES:
        of_old = households.copy_of(entity)
        assert np.array_equal(of_old[taken.source[entity]], which[taken.copy_of(entity)])
    for entity, group in taken.group.items():
        assert np.array_equal(taken.copy_of(entity)[group], taken.copy_of("person"))
        assert np.array_equal(
            taken.rows[entity][group], households.rows[entity][households.group[entity][taken.source["person"]]]
        )


def test_households_that_are_not_there_are_refused(households):
    with pytest.raises(CalibrationError, match="households 3 to 20 were asked for, expected 0 to 19"):
        households.take(np.array([3, 20]))
