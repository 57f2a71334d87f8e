"""Copies of households: which rows of every entity a list of households stands for, and the arrays to simulate.

Pure array work over the dataset contract; policyengine-us stays out.
"""

from collections.abc import Mapping
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
class Links:
    """How the rows of a dataset's entities belong together.

    `household[entity]` is the row of each entity row's household, `group[entity]` each person's row in the group;
    `order[entity]` lists the entity's rows by household, those of household h from `start[entity][h]` to
    `start[entity][h + 1]`, in table order.
    """

    household: Mapping[str, np.ndarray]
    group: Mapping[str, np.ndarray]
    order: Mapping[str, np.ndarray]
    start: Mapping[str, np.ndarray]

    @property
    def n_households(self) -> int:
        """Households of the dataset."""
        return len(self.start["household"]) - 1


def link_entities(dataset: Dataset) -> Links:
    """The links of a dataset, once for all copies."""
    tables = dataset.tables
    household = {entity: household_rows(tables, entity) for entity in ENTITIES if entity != "household"}
    household["household"] = np.arange(len(tables["household"]))
    n_households = len(tables["household"])
    return Links(
        household=household,
        group={entity: group_rows(tables, entity) for entity in GROUPS},
        order={entity: np.argsort(rows, kind="stable") for entity, rows in household.items()},
        start={
            entity: np.r_[0, np.cumsum(np.bincount(rows, minlength=n_households))] for entity, rows in household.items()
        },
    )


@dataclass(frozen=True)
class Copies:
    """Households copied: `record[i]` is the household row that copy i stands for.

    `rows[entity]` holds, for every row of the copied entity, its row in the dataset; `copy[entity]` the copy it
    belongs to; `group[entity]` each copied person's row in the copied group.
    """

    record: np.ndarray
    rows: Mapping[str, np.ndarray]
    copy: Mapping[str, np.ndarray]
    group: Mapping[str, np.ndarray]


def copy_households(links: Links, record: np.ndarray) -> Copies:
    """One copy of every household row in `record` (copies,), in that order; all its persons and units with it."""
    if len(record) and not 0 <= record.min() <= record.max() < links.n_households:
        raise CalibrationError(
            f"records {record.min()} to {record.max()} were asked for, the dataset has households 0 to "
            f"{links.n_households - 1}; use the columns that were made from this dataset."
        )
    rows, copy, starts = {}, {}, {}
    for entity in ENTITIES:
        first, last = links.start[entity][record], links.start[entity][record + 1]
        starts[entity] = np.r_[0, np.cumsum(last - first)]
        copy[entity] = np.repeat(np.arange(len(record)), last - first)
        position = np.arange(starts[entity][-1]) + (first - starts[entity][:-1])[copy[entity]]
        rows[entity] = links.order[entity][position]
    group = {entity: _copied_group(links, entity, rows[PERSON], copy[PERSON], starts[entity]) for entity in GROUPS}
    return Copies(record, rows, copy, group)


def copied_inputs(
    dataset: Dataset, copies: Copies, state: np.ndarray, county: np.ndarray, inputs: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """The arrays of a simulation of the copies, by variable, with fresh ids.

    `state` and `county` (copies,) are FIPS numbers; `inputs` replaces the dataset's variables, by copied row.
    """
    arrays = {}
    for entity, frame in dataset.tables.items():
        arrays[f"{entity}_id"] = np.arange(len(copies.rows[entity]))
        for variable in frame.columns:
            if variable in PLACE_INPUTS or variable.endswith("_id"):
                continue
            values = frame[variable].to_numpy()
            arrays[str(variable)] = (values if values.dtype.kind in "biuf" else values.astype(str))[copies.rows[entity]]
    for entity in GROUPS:
        arrays[f"person_{entity}_id"] = copies.group[entity]
    arrays["state_fips"] = np.asarray(state, dtype=np.int32)
    arrays["county_fips"] = np.char.zfill(np.asarray(county).astype(str), 5).astype(object)
    arrays["zip_code"] = np.where(np.asarray(county) == LOS_ANGELES, LOS_ANGELES_ZIP, "UNKNOWN").astype(object)
    return arrays | dict(inputs)


def _copied_group(
    links: Links, entity: str, person_rows: np.ndarray, person_copy: np.ndarray, starts: np.ndarray
) -> np.ndarray:
    place = np.empty(len(links.order[entity]), dtype=np.int64)
    place[links.order[entity]] = np.arange(len(place))
    group = links.group[entity][person_rows]
    return starts[person_copy] + place[group] - links.start[entity][links.household[entity][group]]
