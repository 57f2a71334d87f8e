"""The weighted clones of an area as records of their own: what a microsimulation team loads for a state or district.

A clone with a positive weight becomes a household with new ids, its weight, the place in which the rules see it and the
take-up that was drawn for it; only input variables are kept. Simulating and writing stay out.
"""

import numpy as np
import pandas as pd

from calibration_assets.errors import CalibrationError
from calibration_assets.geography.areas import area_columns
from calibration_assets.imputation.takeup import PROGRAMMES
from calibration_assets.matrix.verify import take_up_inputs
from calibration_assets.microdata.dataset import Dataset
from calibration_assets.microdata.links import ENTITIES, GROUPS, PERSON, id_column, link_column
from calibration_assets.simulation.copies import Copies, copied_inputs, every_household

PLACE = ("state_fips", "county_fips", "zip_code", "congressional_district_geoid")


def area_dataset(
    dataset: Dataset,
    columns: pd.DataFrame,
    weights: np.ndarray,
    county: np.ndarray,
    area: str,
    rerandomize_takeup: bool,
) -> Dataset:
    """The area's columns with positive weights as households, by column.

    `columns` is schemas.COLUMNS, `weights` (columns,), `county` (columns,) the county in which the rules see each.
    """
    inside = area_columns(columns, area)
    chosen = np.flatnonzero(inside & (weights > 0))
    if not len(chosen):
        raise CalibrationError(
            f"area {area}: none of its {int(inside.sum()):,} columns has a positive weight, expected one or more; fit "
            "with a lower lambda_l0 or more target records"
        )
    of_area = columns.iloc[chosen]
    copies = every_household(dataset).take(of_area["record"].to_numpy())
    inputs = take_up_inputs(dataset, copies, of_area) if rerandomize_takeup else {}
    arrays = copied_inputs(dataset, copies, of_area["state"].to_numpy(), county[chosen], inputs)
    arrays["household_weight"] = weights[chosen].astype(np.float32)
    arrays["congressional_district_geoid"] = of_area["district"].to_numpy()
    return Dataset(dataset.period, _tables(dataset, copies, arrays))


def _tables(dataset: Dataset, copies: Copies, arrays: dict[str, np.ndarray]) -> dict[str, pd.DataFrame]:
    """The arrays sorted into a table by entity."""
    entity_of = {str(name): entity for entity, frame in dataset.tables.items() for name in frame.columns}
    entity_of |= {one.variable: one.entity for one in PROGRAMMES} | dict.fromkeys(PLACE, "household")
    entity_of |= {id_column(entity): entity for entity in ENTITIES} | {link_column(group): PERSON for group in GROUPS}
    tables: dict[str, dict[str, np.ndarray]] = {entity: {} for entity in ENTITIES}
    for name, values in arrays.items():
        tables[entity_of[name]][name] = values.astype(str) if values.dtype.kind == "O" else values
    return {entity: pd.DataFrame(table) for entity, table in tables.items()}
