"""Who takes up a programme: one draw for each programme, household, clone and member, against a rate with a source.

The draw is a fixed hash, so it depends on nothing but its four keys: not on the seed of the clones, on the state, on
what else is drawn at the same time, or on the machine. Which benefit follows is the rules' matter.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from calibration_assets.errors import CalibrationError
from calibration_assets.microdata.dataset import Dataset
from calibration_assets.microdata.links import PERSON, group_rows

VERSION = 1
RATES = Path(__file__).parents[1] / "reference" / "take_up_rates.csv"
STATES = 57
"""Length of a table by state FIPS number."""


@dataclass(frozen=True)
class Programme:
    """An input of the rules that says who takes up: its entity, and its value where nothing is said.

    `shared` programmes change what other members and units get, so that the rules are run for every combination in a
    household; the others change values of the unit itself alone. `reported` is the person variable that anchors it.
    """

    variable: str
    entity: str
    shared: bool = False
    default: bool = True
    reported: str | None = None


PROGRAMMES = (
    Programme("takes_up_ssi_if_eligible", PERSON, shared=True),
    Programme("takes_up_tanf_if_eligible", "spm_unit", shared=True),
    Programme("would_file_taxes_voluntarily", "tax_unit", shared=True, default=False),
    Programme("takes_up_snap_if_eligible", "spm_unit"),
    Programme(
        "takes_up_aca_if_eligible",
        "tax_unit",
        reported="reported_has_subsidized_marketplace_health_coverage_at_interview",
    ),
    Programme("takes_up_dc_ptc", "tax_unit"),
    Programme("takes_up_head_start_if_eligible", PERSON),
    Programme("takes_up_early_head_start_if_eligible", PERSON),
    Programme("takes_up_medicaid_if_eligible", PERSON, reported="has_medicaid_health_coverage_at_interview"),
)
SHARED = tuple(programme for programme in PROGRAMMES if programme.shared)
OWN = tuple(programme for programme in PROGRAMMES if not programme.shared)


@dataclass(frozen=True)
class TakeUp:
    """Rates by programme and state FIPS number, and, for anchored programmes, who reports to take up, by row."""

    rates: Mapping[str, np.ndarray]
    reporters: Mapping[str, np.ndarray] = field(default_factory=dict)

    def takes_up(
        self, programme: Programme, row: np.ndarray, household_id: np.ndarray, clone: np.ndarray,
        position: np.ndarray, state: np.ndarray,
    ) -> np.ndarray:  # fmt: skip
        """Whether units take up: bool, for units given by row in the dataset, household, clone, place in the household
        (0 for its first unit of the kind in table order) and state.
        """
        below = uniforms(programme.variable, household_id, clone, position) < self.rates[programme.variable][state]
        reporters = self.reporters.get(programme.variable)
        return below if reporters is None else below | reporters[row]


def take_up_of(dataset: Dataset) -> TakeUp:
    """Rates, with the thresholds of anchored programmes fixed once for the whole dataset.

    Who reports to be covered takes up; the others' rate is what then remains of the rate of all: (rate * n - reporters)
    / (n - reporters), not below 0, over the units of the dataset.
    """
    rates, reporters = read_rates(), {}
    for programme in PROGRAMMES:
        reported = _reporters(dataset, programme)
        if reported is not None:
            reporters[programme.variable] = reported
            others = max(1 - reported.mean(), 1 / len(reported))
            rates[programme.variable] = np.maximum((rates[programme.variable] - reported.mean()) / others, 0.0)
    return TakeUp(rates, reporters)


def read_rates(path: Path = RATES) -> dict[str, np.ndarray]:
    """Rate by programme variable, float64 (57,) by state FIPS number; a national rate holds in every state."""
    table = pd.read_csv(path)
    rates = {}
    for programme in PROGRAMMES:
        rows = table[table["variable"] == programme.variable]
        if rows.empty or not rows["rate"].between(0, 1).all():
            raise CalibrationError(
                f"{path}: {programme.variable} has {len(rows)} rates, expected one or more between 0 and 1; add them."
            )
        by_state = np.full(STATES, np.nan)
        by_state[rows["state"]] = rows["rate"]
        rates[programme.variable] = np.where(np.isnan(by_state), by_state[0], by_state)
    return rates


def uniforms(variable: str, household_id: np.ndarray, clone: np.ndarray, position: np.ndarray) -> np.ndarray:
    """Uniform draws in [0, 1), float64, keyed by programme variable, household id, clone and place in the household.

    The key is the 64-bit FNV-1a hash of the variable's name; household id, clone and place are then added in turn,
    each followed by SplitMix64's step (Steele, Lea and Flood 2014); the upper 53 bits are the draw.
    """
    state = np.full(np.broadcast_shapes(household_id.shape, clone.shape, position.shape), _fnv1a(variable))
    for part in (household_id, clone, position):
        state = _splitmix(state + part.astype(np.uint64))
    return (state >> np.uint64(11)) * 2.0**-53


def _fnv1a(text: str) -> np.uint64:
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return np.uint64(value)


def _splitmix(state: np.ndarray) -> np.ndarray:
    state = state + np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(state ^ (state >> np.uint64(31)))


def _reporters(dataset: Dataset, programme: Programme) -> np.ndarray | None:
    """Which rows of the programme's entity have a member that reports to be covered; None without the question."""
    person = dataset.tables[PERSON]
    if programme.reported is None or programme.reported not in person:
        return None
    answers = person[programme.reported].to_numpy(bool)
    if programme.entity == PERSON:
        return answers
    rows = group_rows(dataset.tables, programme.entity)
    return np.bincount(rows, answers, minlength=len(dataset.tables[programme.entity])) > 0
