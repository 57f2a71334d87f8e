"""An ASEC in the dataset contract: its variables by the mapping table (`mapping.csv`), in dollars of the model year.

Entities are `entities.py`, the language of the table's column `census` is `expressions.py`. Files of another year of
income are aged by the class that the table's column `uprating` names.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from calibration_assets.errors import CalibrationError
from calibration_assets.microdata.asec import entities
from calibration_assets.microdata.asec.expressions import columns_of, evaluate
from calibration_assets.microdata.asec.files import AsecFiles, read_files
from calibration_assets.microdata.dataset import Dataset
from calibration_assets.microdata.links import PERSON
from calibration_assets.microdata.uprating import uprating_factor
from calibration_assets.settings import MODEL_YEAR

MAPPING = Path(__file__).with_name("mapping.csv")
AGE_SEED = 2024
TOPCODED_AGE = 80
"""Stands for 80 to 84 in the file; the next code is 85."""


def open_asec(path: Path) -> Dataset:
    """The records of an ASEC zip, its dollars and weights aged to the model year."""
    return build_dataset(read_files(path, needed_columns()))


def read_mapping() -> pd.DataFrame:
    """The mapping table, text in every cell: census, variable, entity, unit, uprating, share, note."""
    return pd.read_csv(MAPPING, dtype=str, keep_default_na=False)


def needed_columns() -> dict[str, list[str]]:
    """The Census columns that are read, by file."""
    mapping = read_mapping()
    mapped = mapping[mapping["variable"].ne("")]
    of_household = mapped["entity"].eq("household")
    person = [*entities.PERSON_COLUMNS, *entities.PARENTS, *_columns(mapped[~of_household])]
    household = [*entities.HOUSEHOLD_COLUMNS, *_columns(mapped[of_household])]
    return {
        "person": list(dict.fromkeys(person)),
        "family": list(entities.FAMILY_COLUMNS),
        "household": list(dict.fromkeys(household)),
    }


def build_dataset(files: AsecFiles) -> Dataset:
    """Six entities with every variable of the mapping."""
    files = entities.order_files(files)
    _check_weights(files.household)
    person = entities.link_persons(files.person)
    tables = {PERSON: person, **entities.group_tables(person)}
    first_of_unit = files.person.drop_duplicates("SPM_ID").sort_values("SPM_ID", ignore_index=True)
    source = {PERSON: files.person, "spm_unit": first_of_unit, "household": files.household}
    for row in read_mapping().itertuples(index=False):
        if row.variable:
            entity = str(row.entity)
            tables[entity][row.variable] = _convert(row, source[entity], files.year)
    person["age"] = _spread_topcoded_ages(person["age"].to_numpy())
    person["is_self_employed"] = person["self_employment_income_before_lsr"] != 0
    person["own_children_in_household"] = entities.count_own_children(files.person)
    return Dataset(MODEL_YEAR, tables)


def _columns(mapped: pd.DataFrame) -> list[str]:
    return [column for expression in mapped["census"] for column in columns_of(expression)]


def _convert(row: Any, table: pd.DataFrame, year: int) -> np.ndarray:
    """A mapping row's values in the type of its unit, aged to the model year."""
    values = evaluate(row.census, table)
    if row.unit in ("flag", "enum"):
        return values
    if row.unit in ("years", "code", "FIPS number"):
        return values.astype(np.int32)
    if row.unit in ("weeks", "hours a week"):
        return values.clip(0).astype(np.float32)
    aged = values * float(row.share or 1) * uprating_factor(row.uprating, year, MODEL_YEAR)
    return aged.astype(np.float64 if row.variable == "household_weight" else np.float32)


def _spread_topcoded_ages(age: np.ndarray) -> np.ndarray:
    """Ages with 80 drawn evenly from 80 to 84."""
    drawn = np.random.default_rng(AGE_SEED).integers(TOPCODED_AGE, TOPCODED_AGE + 5, len(age), dtype=np.int32)
    return np.where(age == TOPCODED_AGE, drawn, age)


def _check_weights(household: pd.DataFrame) -> None:
    """Every household has a weight, none is negative, and they are not all zero."""
    weight = household["HSUP_WGT"]
    bad = ~(weight >= 0)
    if bad.any() or not weight.any():
        found = f"{int(bad.sum()):,} negative or missing weights" if bad.any() else "weights that are all zero"
        raise CalibrationError(
            f"ASEC household file: HSUP_WGT has {found} in {len(weight):,} households, expected the supplement's "
            "weights; fetch the zip again."
        )
