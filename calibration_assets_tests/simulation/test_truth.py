"""The matrix says what a simulation of the cloned records says, for every kind of target."""

import numpy as np
import pandas as pd
import pytest

from calibration_assets.errors import CalibrationError
from calibration_assets.geography.shares import read_county_shares
from calibration_assets.imputation.takeup import PROGRAMMES
from calibration_assets.matrix import area_totals
from calibration_assets.matrix.area import area_dataset
from calibration_assets.matrix.area_totals import rows_of_area
from calibration_assets.matrix.build import build_matrix
from calibration_assets.matrix.concepts import index_rows, required_values
from calibration_assets.matrix.evaluate import evaluate
from calibration_assets.matrix.verify import compare_columns
from calibration_assets.microdata.dataset import Dataset, read_dataset, write_dataset
from calibration_assets.microdata.links import GROUPS
from calibration_assets.simulation import states
from calibration_assets.simulation.catalogue import place_free
from calibration_assets.simulation.copies import every_household
from calibration_assets.simulation.engine import calculate, engine_version, entity_of
from calibration_assets.simulation.places import Placement, default_counties
from calibration_assets.simulation.values import SWITCH_VALUES, Values, reform_value
from calibration_assets_tests.matrix.example import columns_of, targets_of

pytestmark = pytest.mark.slow

STATES = (6, 11, 48)
DISTRICTS = (601, 612, 1101, 4801, 4810)
COUNTIES = {601: 6089, 612: 6037, 1101: 11001, 4801: 48005, 4810: 48453}
"""A county of each district; Los Angeles, with its two rating areas, among them."""
N_CLONES = 12
KINDS = [
    ("person_count", [("age", ">=", "18"), ("age", "<", "65")]),
    ("household_count", [("snap", ">", "0")]),
    ("snap", []),
    ("ssi", []),
    ("tanf", []),
    ("spm_unit_count", [("tanf", ">", "0")]),
    ("person_count", [("medicaid_enrolled", "==", "True")]),
    ("aca_ptc", []),
    ("tax_unit_count", [("used_aca_ptc", ">", "0")]),
    ("tax_unit_count", [("tax_unit_is_filer", "==", "1"), ("adjusted_gross_income", ">=", "25000")]),
    ("adjusted_gross_income", [("adjusted_gross_income", ">=", "1000000"), ("tax_unit_is_filer", "==", "1")]),
    ("eitc", [("eitc_child_count", "==", "2")]),
    ("income_tax", []),
    ("state_income_tax", []),
    ("person_count", [("ssn_card_type", "==", "CITIZEN")]),
]
REFORMS = ("salt_deduction", "charitable_deduction")


@pytest.fixture(scope="module")
def dataset(tiny_dataset):
    """The 20 households, of whom those with high wages give: with deductions to repeal, reforms change their tax."""
    person = tiny_dataset.tables["person"]
    gifts = np.where(person["employment_income_before_lsr"] > 400_000, 60_000, 0).astype(np.float32)
    tables = {**tiny_dataset.tables, "person": person.assign(charitable_cash_donations=gifts)}
    return Dataset(2024, tables)


@pytest.fixture(scope="module")
def targets():
    rows = [
        (variable, level, place, constraints)
        for variable, constraints in KINDS
        for level, place in (("national", "US"), *(("state", str(one)) for one in STATES), ("district", "601"))
    ]
    rows += [(variable, "national", "US", []) for variable in REFORMS]
    table, constraints = targets_of(rows)
    table.loc[len(rows) - len(REFORMS) :, "reform_id"] = np.arange(len(REFORMS)) + 1
    return table, constraints


@pytest.fixture(scope="module")
def counties():
    known = default_counties(read_county_shares())
    return {state: known[state] for state in STATES}


@pytest.fixture(scope="module")
def columns(dataset):
    household_id = dataset.tables["household"]["household_id"].to_numpy()
    districts = np.random.default_rng(3).choice(DISTRICTS, len(household_id) * N_CLONES)
    table = columns_of(districts.tolist(), len(household_id))
    county = pd.Series(districts).map(COUNTIES).astype("int32")
    return table.assign(household_id=np.tile(household_id, N_CLONES), county=county)


@pytest.fixture(scope="module")
def simulate(policyengine, dataset, targets):
    """The values for a placement's residents; each is simulated once."""
    known = {}

    def simulated(placement, rerandomize):
        key = rerandomize, len(placement.residents[6])
        if key not in known:
            names = required_values(*targets)
            alone = place_free(names, engine_version())
            assert {"age", "ssn_card_type"} <= alone
            anywhere = states.simulate_unplaced(dataset, 17031, sorted(alone))
            by_state = states.simulate_states(dataset, placement.residents, sorted(set(names) - alone), rerandomize)
            known[key] = {state: {**anywhere, **values} for state, values in by_state}
        return known[key]

    return simulated


@pytest.mark.parametrize("county_level", [False, True], ids=["state level", "county level"])
@pytest.mark.parametrize("rerandomize", [True, False], ids=["take-up drawn anew", "take-up as it is"])
def test_matrix_equals_a_simulation_of_the_clones(
    dataset, counties, targets, columns, simulate, rerandomize, county_level
):
    placement = Placement.by_county(columns) if county_level else Placement.by_state(columns, 20, counties)
    matrix = build_matrix(dataset, columns, *targets, simulate(placement, rerandomize), placement)
    everything = np.arange(len(columns))
    for chosen in (everything, everything[::7]):
        county = placement.county[chosen]
        found = compare_columns(matrix, targets[1], dataset, chosen, county, rerandomize)
        assert found["matrix"].to_numpy() == pytest.approx(found["simulated"].to_numpy(), rel=1e-4, abs=0.1)
    covered = pd.Series(found["simulated"].to_numpy() != 0).groupby(targets[0]["variable"].to_numpy()).any()
    assert covered.drop(["tanf"], errors="ignore").sum() >= 10


@pytest.mark.parametrize("county_level", [False, True], ids=["state level", "county level"])
def test_policyengine_opens_an_area_and_finds_the_matrixs_totals(
    policyengine, tmp_path, dataset, counties, targets, columns, simulate, county_level
):
    """`X @ w` for the weights of a state and of a district is the weighted sum of the file, opened by the rules."""
    placement = Placement.by_county(columns) if county_level else Placement.by_state(columns, 20, counties)
    matrix = build_matrix(dataset, columns, *targets, simulate(placement, True), placement)
    weights = np.random.default_rng(5).choice([0, 1, 2.5, 40], len(columns))
    totals = matrix.matrix @ weights
    rows = index_rows(*targets)
    for area, level, place in (("CA", "state", 6), ("CA-01", "district", 601)):
        path = tmp_path / f"{area}.h5"
        write_dataset(area_dataset(dataset, columns, weights, placement.county, area, True), path)
        written = read_dataset(path)
        simulation = policyengine.Simulation(dataset=str(path))
        copies, household_weight = every_household(written), written.tables["household"]["household_weight"]
        values = {
            name: Values(entity_of(name), calculate(simulation, name, area))
            for concept in rows.concepts
            if not concept.reform_id
            for name in concept.needed
        }
        for number, concept in enumerate(rows.concepts):
            row = rows.rows[level][number, place]
            if row >= 0 and not concept.reform_id:
                found = evaluate(concept, copies, values.__getitem__) @ household_weight.to_numpy(np.float64)
                assert found == pytest.approx(totals[row], rel=1e-4, abs=0.1), concept


@pytest.mark.parametrize("rerandomize", [True, False], ids=["take-up drawn anew", "take-up as it is"])
def test_the_rules_find_the_matrixs_totals_in_every_kind_of_area(
    dataset, counties, targets, columns, simulate, rerandomize, monkeypatch
):
    """Every kind of target, reforms among them, of the nation, a state and a district, simulated in pieces."""
    placement = Placement.by_state(columns, 20, counties)
    matrix = build_matrix(dataset, columns, *targets, simulate(placement, rerandomize), placement)
    weights = np.random.default_rng(5).choice([0, 1, 2.5, 40], len(columns))
    totals = matrix.matrix @ weights
    monkeypatch.setattr(area_totals, "HOUSEHOLDS_A_SIMULATION", 80)
    for area in ("US", "TX", "CA-01"):
        rows = rows_of_area(targets[0], area)
        records = area_dataset(dataset, columns, weights, placement.county, area, rerandomize)
        found = area_totals.area_totals(records, targets[0].iloc[rows].reset_index(drop=True), targets[1])
        assert found == pytest.approx(totals[rows], rel=1e-4, abs=0.1), area
        assert (found != 0).sum() >= 10
    reformed = targets[0]["reform_id"].to_numpy()[rows_of_area(targets[0], "US")] > 0
    assert reformed.sum() == len(REFORMS)


def couples_in_colorado():
    """Twelve couples: a pensioner of 66 and a spouse of 50 with wages of 2,000 to 13,000 dollars."""
    number = np.arange(12)
    household = np.repeat(number, 2)
    wages = np.where(np.arange(24) % 2, 2_000 + 1_000 * household, 0)
    person = pd.DataFrame(
        {
            "person_id": np.arange(24),
            "age": np.tile([66, 50], 12),
            "tax_unit_role_input": np.tile(["HEAD", "SPOUSE"], 12),
            "employment_income_before_lsr": wages.astype(np.float32),
            "social_security_retirement": np.tile([3_000, 0], 12).astype(np.float32),
            **{f"person_{group}_id": household for group in GROUPS},
        }
    )
    tables = {group: pd.DataFrame({f"{group}_id": number}) for group in GROUPS}
    tables["household"] = tables["household"].assign(state_fips=8, household_weight=100.0)
    return Dataset(2024, {"person": person, **tables})


def test_take_up_that_reaches_others_through_a_states_rules_has_switches(policyengine):
    """Whether a spouse is on Medicaid decides the pension of Colorado, and so the couple's SNAP."""
    couples = couples_in_colorado()
    county, household_id = np.full(240, 8031, np.int32), np.tile(np.arange(12), 20)
    columns = columns_of([801] * 240, 12).assign(household_id=household_id, county=county)
    placement = Placement.by_state(columns, 12, {8: 8031})
    table, constraints = targets_of(
        [
            ("snap", "state", "8", []),
            ("household_count", "state", "8", [("snap", ">", "0")]),
            ("person_count", "district", "801", [("medicaid_enrolled", "==", "True")]),
        ]
    )
    names = sorted(set(required_values(table, constraints)) - set(SWITCH_VALUES))
    values = dict(states.simulate_states(couples, placement.residents, names))
    assert values[8]["switch_takes_up_medicaid_if_eligible"].array.any()
    assert set(values[8]["snap"].turned) == {"takes_up_snap_if_eligible"}
    matrix = build_matrix(couples, columns, table, constraints, values, placement)
    chosen = np.arange(len(columns))
    found = compare_columns(matrix, constraints, couples, chosen, placement.county, True)
    assert found["matrix"].to_numpy() == pytest.approx(found["simulated"].to_numpy(), rel=1e-4, abs=0.1)
    assert (found["simulated"] > 0).all()


def test_values_do_not_depend_on_the_batch(dataset, counties, targets, columns, simulate, monkeypatch):
    placement = Placement.by_state(columns, 20, counties)
    together = simulate(placement, True)[48]
    monkeypatch.setattr(states, "HOUSEHOLDS_A_SIMULATION", 13)
    names, residents = required_values(*targets), {48: placement.residents[48]}
    alone = dict(states.simulate_states(dataset, residents, names))[48]
    for name in alone.keys() & {name for name, value in together.items() if value.placed}:
        value = together[name]
        assert np.array_equal(alone[name].array, value.array), name
        assert sorted(alone[name].turned) == sorted(value.turned), name


def test_a_reform_is_the_rules_own_neutralisation(policyengine, dataset, counties, columns, simulate):
    from policyengine_core.reforms import Reform

    from calibration_assets.simulation.copies import copied_inputs, every_household
    from calibration_assets.simulation.engine import open_simulation

    class Neutralise(Reform):
        def apply(self):
            self.neutralize_variable("charitable_deduction")

    copies = every_household(dataset)
    place = np.full(len(copies), 6), np.full(len(copies), counties[6])
    left_out = [one.variable for one in PROGRAMMES]
    plain = open_simulation(copied_inputs(dataset, copies, *place, {}, left_out))
    reformed = policyengine.Microsimulation(dataset=plain.dataset, reform=Neutralise)
    change = np.asarray(reformed.calculate("income_tax", 2024, use_weights=False)) - plain.calculate("income_tax", 2024)
    values = simulate(Placement.by_state(columns, 20, counties), True)
    base = values[6][reform_value("charitable_deduction")].array[: len(change)]
    assert base == pytest.approx(change, abs=0.5)
    assert (base > 100).any()


def test_an_unknown_variable_is_a_sentence(policyengine, dataset, counties, columns):
    residents = Placement.by_state(columns, 20, counties).residents
    with pytest.raises(CalibrationError, match="variable no_such_thing is unknown to policyengine-us"):
        list(states.simulate_states(dataset, residents, ["no_such_thing"]))
