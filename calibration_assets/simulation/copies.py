"""Copies of households: which rows of every entity a list of households stands for, and the arrays to simulate.

Pure array work over the dataset contract; policyengine-us stays out.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from calibration_assets.errors import CalibrationError
from calibration_assets.microdata.dataset import Dataset
from calibration_assets.microdata.links import ENTITIES, GROUPS, PERSON, group_rows, household_rows

PLACE_INPUTS = (
    "state_fips", "county_fips", "zip_code", "county", "county_str", "first_county_in_state", "state_code",
    "state_code_str", "state_name", "three_digit_zip_code",
)  # fmt: skip
"""What says where a household lives: replaced as a whole by the place that it is put in."""

LOS_ANGELES = 6037
LOS_ANGELES_ZIP = "90001"
"""Los Angeles County has two rating areas, told apart by ZIP code; every household there is put in the first."""


@dataclass(frozen=True)
class Copies:
    """Households, each as often as wanted, with all their persons and units.

    Copy i stands for household row `record[i]` of the dataset; its rows of an entity are `start[entity][i]` to
    `start[entity][i + 1]`. Each row has its row in the dataset, `rows[entity]`, and in the copies that it was taken
    from, `source[entity]`; `group[entity]` is each copied person's row in the copied group.
    """

    record: np.ndarray
    start: Mapping[str, np.ndarray]
    rows: Mapping[str, np.ndarray]
    source: Mapping[str, np.ndarray]
    group: Mapping[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.record)

    def copy_of(self, entity: str) -> np.ndarray:
        """The copy that each row of an entity belongs to."""
        return np.repeat(np.arange(len(self)), np.diff(self.start[entity]))

    def position_of(self, entity: str) -> np.ndarray:
        """Each row's place among the rows of its entity in its household, from 0."""
        return np.arange(len(self.rows[entity])) - self.start[entity][self.copy_of(entity)]

    def units_of(self, entity: str, unit: str) -> np.ndarray:
        """Each row of an entity's row among the units of another kind that it lies in; one in two units is an error."""
        persons = self.group[unit] if unit != PERSON else np.arange(len(self.rows[PERSON]))
        if entity in (PERSON, unit):
            return persons if entity == PERSON else np.arange(len(self.rows[unit]))
        rows = np.zeros(len(self.rows[entity]), dtype=np.int64)
        rows[self.group[entity]] = persons
        if (rows[self.group[entity]] != persons).any():
            raise CalibrationError(
                f"a {entity} lies in more than one {unit}, expected one, since its values depend on whether the {unit} "
                "takes up a programme; run with --skip-takeup-rerandomize."
            )
        return rows

    def take(self, which: np.ndarray) -> "Copies":
        """Some of these copies, each as often as it is named, in the order given."""
        if len(which) and not 0 <= which.min() <= which.max() < len(self):
            raise CalibrationError(
                f"households {which.min()} to {which.max()} were asked for, expected 0 to {len(self) - 1}; use the "
                "columns that were made from this dataset."
            )
        start, source = {}, {}
        for entity in ENTITIES:
            first, size = self.start[entity][which], np.diff(self.start[entity])[which]
            start[entity] = np.r_[0, np.cumsum(size)]
            source[entity] = np.arange(start[entity][-1]) + np.repeat(first - start[entity][:-1], size)
        shift = {entity: start[entity][:-1] - self.start[entity][which] for entity in GROUPS}
        copy = np.repeat(np.arange(len(which)), np.diff(start[PERSON]))
        return Copies(
            record=self.record[which],
            start=start,
            rows={entity: self.rows[entity][source[entity]] for entity in ENTITIES},
            source=source,
            group={entity: self.group[entity][source[PERSON]] + shift[entity][copy] for entity in GROUPS},
        )


def every_household(dataset: Dataset) -> Copies:
    """Every household of a dataset once, in table order; its rows of an entity in table order too."""
    tables = dataset.tables
    household = {entity: household_rows(tables, entity) for entity in ENTITIES if entity != "household"}
    household["household"] = np.arange(len(tables["household"]))
    rows = {entity: np.argsort(of_row, kind="stable") for entity, of_row in household.items()}
    place = {entity: np.argsort(rows[entity]) for entity in GROUPS}
    n_households = len(household["household"])
    counts = {entity: np.bincount(of_row, minlength=n_households) for entity, of_row in household.items()}
    return Copies(
        record=household["household"],
        start={entity: np.r_[0, np.cumsum(count)] for entity, count in counts.items()},
        rows=rows,
        source=rows,
        group={entity: place[entity][group_rows(tables, entity)[rows[PERSON]]] for entity in GROUPS},
    )


def copied_inputs(
    dataset: Dataset,
    copies: Copies,
    state: np.ndarray,
    county: np.ndarray,
    inputs: Mapping[str, np.ndarray],
    left_out: Collection[str] = (),
) -> dict[str, np.ndarray]:
    """The arrays of a simulation of the copies, by variable, with fresh ids.

    `state` and `county` (copies,) are FIPS numbers; `inputs` replaces the dataset's variables, by copied row; those of
    `left_out` are left to the rules' defaults.
    """
    arrays = {}
    for entity, frame in dataset.tables.items():
        arrays[f"{entity}_id"] = np.arange(len(copies.rows[entity]))
        for variable in frame.columns:
            if variable in PLACE_INPUTS or variable in left_out or variable.endswith("_id"):
                continue
            values = frame[variable].to_numpy()
            arrays[str(variable)] = (values if values.dtype.kind in "biuf" else values.astype(str))[copies.rows[entity]]
    for entity in GROUPS:
        arrays[f"person_{entity}_id"] = copies.group[entity]
    arrays["state_fips"] = np.asarray(state, dtype=np.int32)
    arrays["county_fips"] = np.char.zfill(np.asarray(county).astype(str), 5).astype(object)
    arrays["zip_code"] = np.where(np.asarray(county) == LOS_ANGELES, LOS_ANGELES_ZIP, "UNKNOWN").astype(object)
    return arrays | dict(inputs)
