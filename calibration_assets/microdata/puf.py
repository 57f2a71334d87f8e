"""The IRS Public Use File as donors: one row a person, from the H5 file of PolicyEngine's layout or the IRS's own CSV.

The file is licensed and private: nothing here logs a value of it, and messages give counts and names of columns alone.
Which of its variables the records take, and under which name, is a table (`puf_variables.csv`). The IRS's layout is
read in `puf_csv.py`; what is imputed from the donors stays out.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from calibration_assets.errors import CalibrationError
from calibration_assets.microdata.puf_csv import read_returns
from calibration_assets.settings import MODEL_YEAR
from calibration_assets.storage.reference import read_reference

VARIABLES = Path(__file__).with_name("puf_variables.csv")
PREDICTORS = (
    "age",
    "is_male",
    "tax_unit_is_joint",
    "tax_unit_count_dependents",
    "is_tax_unit_head",
    "is_tax_unit_spouse",
    "is_tax_unit_dependent",
)
INCOMES = (
    "employment_income", "self_employment_income", "taxable_pension_income", "taxable_ira_distributions",
    "taxable_interest_income", "qualified_dividend_income", "non_qualified_dividend_income", "rental_income",
    "long_term_capital_gains", "short_term_capital_gains", "partnership_s_corp_income", "farm_operations_income",
)  # fmt: skip
"""What a return's income is summed from, to find the highest; the H5 file does not hold AGI."""
STRUCTURE = (
    "person_id", "person_tax_unit_id", "person_household_id", "tax_unit_id", "household_id", "household_weight", "age",
    "is_male", "is_tax_unit_head", "is_tax_unit_spouse", "is_tax_unit_dependent", "filing_status", "employment_income",
)  # fmt: skip
FEWEST_PERSONS = 20


@dataclass(frozen=True)
class PufDonors:
    """Persons of the PUF: PREDICTORS, the variables it knows, `tax_unit`, and weight and income of the return.

    Variables of a tax unit stand on each of its persons. Dollars are those of `period`.
    """

    period: int
    persons: pd.DataFrame
    variables: tuple[str, ...]
    weights: np.ndarray
    incomes: np.ndarray


def puf_variables() -> pd.DataFrame:
    """The table of variables, in the order of imputation, by `variable`.

    `both_halves`: the prediction replaces the records' own values as well; `input`: the input of policyengine-us that
    takes it, empty where the rules compute it; `default`: the first half's value where the records lack it; `irs`: its
    fields in the IRS's layout.
    """
    return pd.read_csv(VARIABLES, keep_default_na=False).set_index("variable")


def read_puf(path: Path) -> PufDonors:
    """Donors from `puf_<year>.h5`, or from `puf_<year>.csv` with `demographics_<year>.csv` beside it."""
    if not path.is_file():
        raise CalibrationError(f"PUF {path}: no such file, expected an H5 or CSV file; give the path of the PUF.")
    if path.suffix == ".csv":
        period, persons = read_returns(path, {str(name): str(text) for name, text in puf_variables()["irs"].items()})
    else:
        period, persons = MODEL_YEAR, _read_persons(path)
    return _make_donors(period, persons, path)


def _make_donors(period: int, persons: pd.DataFrame, path: Path) -> PufDonors:
    """Check weights and amounts, sum incomes by return, and put flags for 0 and 1."""
    weights = persons["weight"].to_numpy(np.float64)
    if not np.isfinite(weights).all() or (weights < 0).any() or not (weights > 0).any():
        raise CalibrationError(
            f"PUF {path.name}: {int((~(weights >= 0)).sum()):,} of {len(weights):,} persons have a negative or missing "
            f"weight and {int((weights > 0).sum()):,} a positive one, expected weights; complete the file."
        )
    if len(persons) < FEWEST_PERSONS:
        raise CalibrationError(
            f"PUF {path.name}: {len(persons)} persons were found, expected at least {FEWEST_PERSONS}; give the whole "
            "file."
        )
    known = [str(name) for name in puf_variables().index if name in persons]
    amounts = persons[known].to_numpy(np.float64)
    if not np.isfinite(amounts).all():
        worst = known[int((~np.isfinite(amounts)).sum(axis=0).argmax())]
        raise CalibrationError(
            f"PUF {path.name}: {worst} has missing or infinite values, expected a number on every return; fill them."
        )
    informative = tuple(name for name, varies in zip(known, np.ptp(amounts, axis=0) > 0, strict=True) if varies)
    if not set(informative) & set(INCOMES):
        raise CalibrationError(
            f"PUF {path.name}: every income is zero on all {len(persons):,} persons, expected amounts; give another "
            "file."
        )
    incomes = persons[[name for name in INCOMES if name in informative]].sum(axis=1)
    by_return = incomes.groupby(persons["tax_unit"]).transform("sum").to_numpy(np.float64)
    flags = {name: persons[name] > 0 for name in informative if name in _flags()}
    columns = persons[[*PREDICTORS, *informative, "tax_unit"]].assign(**flags)
    return PufDonors(period, columns.reset_index(drop=True), informative, weights, by_return)


def _flags() -> set[str]:
    """Variables that are true or false."""
    catalogue = read_reference("variables")
    return set(catalogue.loc[catalogue["value_type"] == "bool", "variable"])


def _read_persons(path: Path) -> pd.DataFrame:
    """One row a person of an H5 file: `/<variable>` arrays of the year in the file's name, or `/<variable>/<year>`."""
    try:
        with h5py.File(path, "r") as file:
            arrays = _read_arrays(file, path)
    except OSError as error:
        raise CalibrationError(
            f"PUF {path.name}: it cannot be read as H5 ({error}); give an H5 or CSV file."
        ) from error
    missing = [name for name in STRUCTURE if name not in arrays]
    if missing:
        raise CalibrationError(
            f"PUF {path.name}: {', '.join(missing)} not found among {len(arrays)} variables, expected {len(STRUCTURE)} "
            "of structure; make the file with all of them."
        )
    unit, household = _find_groups("tax_unit", arrays, path), _find_groups("household", arrays, path)
    counts = {"person": len(unit), "tax_unit": len(arrays["tax_unit_id"]), "household": len(arrays["household_id"])}
    dependents = np.bincount(unit, arrays["is_tax_unit_dependent"].astype(bool), minlength=counts["tax_unit"])
    persons = {
        "tax_unit": unit,
        "weight": _on_persons("household_weight", arrays["household_weight"], household, counts, path),
        "age": arrays["age"].astype(np.float64),
        "tax_unit_is_joint": (arrays["filing_status"] == "JOINT")[unit],
        "tax_unit_count_dependents": dependents[unit].astype(np.int64),
    }
    for name in PREDICTORS:
        persons.setdefault(name, arrays.get(name, np.empty(0)).astype(bool))
    for name in puf_variables().index:
        if name in arrays:
            persons[name] = _on_persons(name, arrays[name], unit, counts, path)
    return pd.DataFrame(persons)


def _find_groups(group: str, arrays: Mapping[str, np.ndarray], path: Path) -> np.ndarray:
    """Row of every person's group; a link to nowhere is an error that names no id."""
    rows = pd.Index(arrays[f"{group}_id"]).get_indexer(pd.Index(arrays[f"person_{group}_id"]))
    if (rows < 0).any():
        raise CalibrationError(
            f"PUF {path.name}: {int((rows < 0).sum()):,} of {len(rows):,} person_{group}_id are no {group}_id, "
            "expected every person in one; make the file anew."
        )
    return rows


def _read_arrays(file: h5py.File, path: Path) -> dict[str, np.ndarray]:
    """Every variable of the model year, text decoded."""
    arrays = {}
    for name, entry in file.items():
        if isinstance(entry, h5py.Group) and str(MODEL_YEAR) not in entry:
            raise CalibrationError(
                f"PUF {path.name}: {name} is stored for {', '.join(sorted(entry))}, expected {MODEL_YEAR}; uprate it."
            )
        values = entry[str(MODEL_YEAR)][()] if isinstance(entry, h5py.Group) else entry[()]
        arrays[name] = np.char.decode(values, "utf-8") if values.dtype.kind == "S" else values
    stated = re.findall(r"(?:19|20)\d\d", path.stem)
    if stated and str(MODEL_YEAR) not in stated:
        raise CalibrationError(
            f"PUF {path.name}: its name says {stated[0]}, expected dollars of {MODEL_YEAR}; uprate the file, or name "
            "it by the year of its dollars."
        )
    return arrays


def _on_persons(name: str, values: np.ndarray, group: np.ndarray, counts: Mapping[str, int], path: Path) -> np.ndarray:
    """An array on persons: as it is, or a tax unit's (or household's) on each of its persons."""
    if len(values) == counts["person"] and name != "household_weight":
        return values
    if len(values) not in (counts["tax_unit"], counts["household"]):
        expected = ", ".join(f"{entity} {count:,}" for entity, count in counts.items())
        raise CalibrationError(
            f"PUF {path.name}: {name} has {len(values):,} values, expected one a {expected}; make the file anew."
        )
    return values[group]
