"""Entity links: which row of one entity's table belongs to which row of another's.

Everything is joined by id; a row's place in a table is never taken for its identity.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from calibration_assets.errors import CalibrationError

PERSON = "person"
GROUPS = ("household", "tax_unit", "spm_unit", "family", "marital_unit")
ENTITIES = (PERSON, *GROUPS)


def id_column(entity: str) -> str:
    """Name of the column that holds an entity's id in its own table."""
    return f"{entity}_id"


def link_column(group: str) -> str:
    """Name of the person column that holds the id of the person's group."""
    return f"person_{group}_id"


def find_rows(ids: pd.Series, wanted: pd.Series | np.ndarray, what: str) -> np.ndarray:
    """Row in `ids` (unique) of each wanted id, int64; an id that is not there is an error that names `what`."""
    rows = pd.Index(ids).get_indexer(pd.Index(wanted))
    if (rows < 0).any():
        missing = np.asarray(wanted)[rows < 0]
        raise CalibrationError(
            f"{what}: {len(missing):,} ids were not found, the first is {missing[0]}; "
            f"expected ids among the {len(ids):,} of the table; check the links of the dataset."
        )
    return rows.astype(np.int64)


def group_rows(tables: Mapping[str, pd.DataFrame], group: str) -> np.ndarray:
    """For each person the row of its group in the group's table, int64 (persons,)."""
    return find_rows(tables[group][id_column(group)], tables[PERSON][link_column(group)], link_column(group))


def household_rows(tables: Mapping[str, pd.DataFrame], entity: str) -> np.ndarray:
    """For each row of an entity's table the row of its household, int64 (rows,).

    A unit without persons, or with persons in two households, is an error.
    """
    of_person = group_rows(tables, "household")
    if entity == PERSON:
        return of_person
    unit_of_person = group_rows(tables, entity)
    households = np.full(len(tables[entity]), -1, dtype=np.int64)
    households[unit_of_person] = of_person
    split = households[unit_of_person] != of_person
    if split.any():
        unit = tables[PERSON][link_column(entity)].to_numpy()[split][0]
        raise CalibrationError(
            f"{entity} {unit}: its persons live in more than one household, expected one; repair the dataset's links."
        )
    if (households < 0).any():
        unit = tables[entity][id_column(entity)].to_numpy()[households < 0][0]
        raise CalibrationError(f"{entity} {unit}: no person belongs to it, expected at least one; drop it.")
    return households
