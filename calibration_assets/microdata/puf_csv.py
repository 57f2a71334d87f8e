"""The IRS's own layout of the Public Use File: one row a return, and a second file with the filers' demographics.

Rules, as the IRS documents its fields:

* Returns with MARS 0 stand for groups of returns and are left out, as are returns without demographics.
* `AGERANGE` and `AGEDP1` to `AGEDP3` are bands; an age is drawn inside its band, uniformly and seeded.
* A joint return has a spouse; at most three dependants, as many as have an age band.
* `EARNSPLIT` is the band of the spouse's share in earnings, the share drawn inside it. Other amounts of a joint return
  are shared evenly; amounts of the tax unit stand on each of its persons. The file knows the primary filer's sex; the
  spouse gets the other, a dependant's is drawn.
* `S006` counts hundredths of returns. Dollars stay those of the file's year.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from calibration_assets.errors import CalibrationError
from calibration_assets.storage.reference import read_reference

JOINT = 2
DEPENDANTS = ("AGEDP1", "AGEDP2", "AGEDP3")
FIELDS = ("RECID", "MARS", "S006")
DEMOGRAPHICS = ("RECID", "AGERANGE", "GENDER", "EARNSPLIT", *DEPENDANTS)
FILER_AGES = np.array([[18, 25], [18, 25], [26, 34], [35, 44], [45, 54], [55, 64], [65, 79]])
DEPENDANT_AGES = np.array([[0, 0], [0, 4], [5, 12], [13, 16], [17, 18], [19, 23], [24, 29]])
"""Youngest and oldest age of each band; band 0 of a filer is a dependant's own return."""
SPOUSE_SHARES = np.array([[0.0, 0.0], [0.0, 0.25], [0.25, 0.75], [0.75, 1.0]])
EARNINGS = ("employment_income", "self_employment_income", "farm_operations_income")
SEED = 2015


def read_returns(path: Path, fields: Mapping[str, str]) -> tuple[int, pd.DataFrame]:
    """Year and persons of `puf_<year>.csv`, with `demographics_<year>.csv` from the same folder.

    `fields` gives for each variable its fields in the file, added or subtracted (`E00600 - E00650`), or nothing.
    """
    year = re.search(r"(?:19|20)\d\d", path.stem)
    if year is None:
        raise CalibrationError(
            f"PUF {path.name}: its name has no year, expected such as puf_2015.csv; rename the file."
        )
    returns = _read_table(path, FIELDS)
    known = {name: parts for name, text in fields.items() if (parts := _terms(text)) and set(parts) <= set(returns)}
    if "employment_income" not in known:
        raise CalibrationError(
            f"PUF {path.name}: E00200 not found among {len(returns.columns)} columns, expected the fields of the IRS's "
            "layout; give the file as the IRS delivers it."
        )
    people = _read_table(path.with_name(f"demographics_{year[0]}.csv"), DEMOGRAPHICS)
    if people["RECID"].duplicated().any() or returns["RECID"].duplicated().any():
        raise CalibrationError(f"PUF {path.name}: RECID occurs more than once, expected each return once; repair it.")
    linked = returns[returns["MARS"] > 0].merge(people, on="RECID", validate="one_to_one", suffixes=("", "_"))
    if linked.empty:
        raise CalibrationError(
            f"PUF {path.name}: none of its {len(returns):,} returns is among the {len(people):,} RECID of the "
            "demographics, expected links; give the two files of one year."
        )
    amounts = {name: sum(sign * linked[field] for field, sign in parts.items()) for name, parts in known.items()}
    return int(year[0]), _make_persons(linked, pd.DataFrame(amounts).astype(np.float64))


def _read_table(path: Path, needed: tuple[str, ...]) -> pd.DataFrame:
    """A CSV file with column names in capitals and no empty cells."""
    if not path.is_file():
        raise CalibrationError(f"PUF: {path.name} is not in {path.parent}, expected it beside the other; put it there.")
    frame = pd.read_csv(path)
    frame.columns = frame.columns.str.upper()
    missing = [name for name in needed if name not in frame]
    if missing:
        raise CalibrationError(
            f"PUF {path.name}: {', '.join(missing)} not found among {len(frame.columns)} columns, expected "
            f"{', '.join(needed)}; give the file as the IRS delivers it."
        )
    return frame.fillna(0)


def _terms(text: str) -> dict[str, int]:
    """The fields of an expression with their signs."""
    signs = re.findall(r"([+-]?)\s*([A-Z]\w+)", text)
    return {field: -1 if sign == "-" else 1 for sign, field in signs}


def _make_persons(returns: pd.DataFrame, amounts: pd.DataFrame) -> pd.DataFrame:
    """Filers, spouses and dependants, in the order of their returns."""
    generator = np.random.default_rng(SEED)
    joint = (returns["MARS"] == JOINT).to_numpy()
    spouse_share = np.where(joint, _draw(SPOUSE_SHARES, returns["EARNSPLIT"], generator), 0.0)
    man = returns["GENDER"].to_numpy() == 1
    age = np.floor(_draw(FILER_AGES + [0, 1], returns["AGERANGE"], generator))
    everyone = np.arange(len(returns))
    parts = [_part(everyone, "head", age, man), _part(everyone[joint], "spouse", age[joint], ~man[joint])]
    for field in DEPENDANTS:
        rows = np.flatnonzero(returns[field] > 0)
        ages = np.floor(_draw(DEPENDANT_AGES + [0, 1], returns[field].iloc[rows], generator))
        parts.append(_part(rows, "dependent", ages, generator.random(len(rows)) < 0.5))
    persons = pd.concat(parts).sort_values("tax_unit", kind="stable", ignore_index=True)
    unit = persons["tax_unit"].to_numpy()
    dependants = np.bincount(unit, persons["is_tax_unit_dependent"], minlength=len(returns))
    shared = _share_out(amounts, persons, joint, spouse_share)
    return persons.assign(
        weight=returns["S006"].to_numpy(np.float64)[unit] / 100,
        tax_unit_is_joint=joint[unit],
        tax_unit_count_dependents=dependants[unit].astype(np.int64),
        **shared,
    )


def _part(rows: np.ndarray, role: str, age: np.ndarray, man: np.ndarray) -> pd.DataFrame:
    roles = {f"is_tax_unit_{one}": one == role for one in ("head", "spouse", "dependent")}
    return pd.DataFrame({"tax_unit": rows, "age": age, "is_male": man, **roles})


def _draw(bands: np.ndarray, band: pd.Series, generator: np.random.Generator) -> np.ndarray:
    """A uniform draw inside each row's band, float64 (rows,)."""
    low, high = bands[np.clip(band.to_numpy(np.int64), 0, len(bands) - 1)].T
    return low + (high - low) * generator.random(len(band))


def _share_out(
    amounts: pd.DataFrame, persons: pd.DataFrame, joint: np.ndarray, spouse_share: np.ndarray
) -> dict[str, np.ndarray]:
    """Each variable on persons: earnings by the split, other amounts of persons evenly, a unit's on each person."""
    catalogue = read_reference("variables")
    of_unit = set(catalogue.loc[catalogue["entity"] == "tax_unit", "variable"])
    unit = persons["tax_unit"].to_numpy()
    head, spouse = persons["is_tax_unit_head"].to_numpy(), persons["is_tax_unit_spouse"].to_numpy()
    own = np.select([head, spouse], [1 - spouse_share[unit], spouse_share[unit]])
    even = np.where(head | spouse, np.where(joint[unit], 0.5, 1.0), 0.0)
    shares = {str(name): own if name in EARNINGS else 1.0 if name in of_unit else even for name in amounts}
    return {name: amounts[name].to_numpy()[unit] * share for name, share in shares.items()}
