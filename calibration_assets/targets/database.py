"""Builds the target database from compiled figures: beside the old one, checked, then put in its place."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from sqlalchemy import Connection, insert

from calibration_assets.errors import CalibrationError
from calibration_assets.schemas import FIGURES, LEVELS, OPERATIONS
from calibration_assets.settings import MODEL_YEAR, TargetSettings
from calibration_assets.storage.reference import REFERENCE, read_reference
from calibration_assets.targets import schema
from calibration_assets.targets.connection import open_database
from calibration_assets.targets.consistency import check_consistency, consistency_report
from calibration_assets.targets.constraints import Constraint, check_constraints, parse_constraints
from calibration_assets.targets.figures import NATION
from calibration_assets.targets.select import read_targets
from calibration_assets.targets.uprating import uprating_class

VERSION = 2
PLACE_VARIABLES = {"state": "state_fips", "district": "congressional_district_geoid"}
ZERO_NOTE = "zero: suppressed or rounded away by the publisher, or outside what the rules can give"
SPREAD_NOTE = "the rules spread each state's spending over the dataset's enrolled: no household has a value of its own"
SPREAD = ("medicaid",)
"""Amounts that depend on who else is in the dataset, so that no matrix can say them; kept, but not active."""


@dataclass(frozen=True)
class Reference:
    """What a database is built from: figures, their sources, uprating factors, the variable catalogue."""

    figures: pd.DataFrame
    sources: pd.DataFrame
    uprating: pd.DataFrame
    variables: pd.DataFrame


def read_database_reference(folder: Path = REFERENCE) -> Reference:
    """The compiled tables that the project ships."""
    return Reference(*(read_reference(name, folder) for name in ("figures", "sources", "uprating", "variables")))


def build_database(path: Path, reference: Reference) -> dict[str, int]:
    """Build the database at `path`; rows by table. Until the new one is complete and consistent the old one stays."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.unlink(missing_ok=True)
        rows = _write_database(partial, reference)
        check_consistency(consistency_report(read_targets(partial, TargetSettings(), MODEL_YEAR).targets))
        partial.replace(path)
    except OSError as error:
        raise CalibrationError(
            f"target database {path} cannot be written ({error.strerror}), expected a writable folder; "
            "choose another path"
        ) from error
    finally:
        if path.parent.is_dir():
            partial.unlink(missing_ok=True)
    return rows


def _write_database(path: Path, reference: Reference) -> dict[str, int]:
    figures = FIGURES.validate(reference.figures)
    if figures.empty:
        raise CalibrationError(
            "there are no figures to build a target database from, expected some; compile the sources"
        )
    _check_names(figures, reference)
    strata = _strata(figures)
    tables: Mapping[str, pd.DataFrame] = {
        "field_valid_values": _valid_values(reference),
        "sources": reference.sources[[column.name for column in schema.sources.columns]],
        "uprating_factors": reference.uprating,
        "strata": strata.drop(columns=["geography", "constraints"]),
        "stratum_constraints": _constraints(strata),
        "targets": _targets(figures, strata),
    }
    with open_database(path, create=True) as connection:
        for name, frame in tables.items():
            _insert(connection, name, frame)
    return {name: len(frame) for name, frame in tables.items()}


def _insert(connection: Connection, name: str, frame: pd.DataFrame) -> None:
    # SQLite knows no NumPy scalars and no NaN.
    plain = frame.astype(object).where(frame.notna(), None)
    columns = [plain[column].tolist() for column in plain]
    records = [dict(zip(frame.columns, row, strict=True)) for row in zip(*columns, strict=True)]
    connection.execute(insert(schema.metadata.tables[name]), records)


def _check_names(figures: pd.DataFrame, reference: Reference) -> None:
    known = set(reference.variables["variable"])
    named = set(figures["variable"]) | {
        constraint.variable for text in figures["constraints"].unique() for constraint in parse_constraints(text)
    }
    unknown = sorted(named - known)
    if unknown:
        version = reference.variables["version"].iloc[0]
        raise CalibrationError(f"variable {unknown[0]} is not in policyengine-us {version}; rename it in its source")
    unlisted = sorted(set(figures["source"]) - set(reference.sources["source"]))
    if unlisted:
        raise CalibrationError(
            f"source {unlisted[0]!r} of some figures is in no list of sources; compile the sources again"
        )


def _strata(figures: pd.DataFrame) -> pd.DataFrame:
    """One row a population, places first; a domain's parent is its place, a district's its state."""
    domains = figures.loc[figures["constraints"] != "", ["geography", "constraints"]].drop_duplicates()
    places = pd.DataFrame({"geography": sorted(_with_parents(figures["geography"])), "constraints": ""})
    strata = pd.concat([places, domains], ignore_index=True)
    strata["stratum_id"] = range(1, len(strata) + 1)
    number = dict(zip(places["geography"], strata["stratum_id"], strict=False))
    is_place = strata["constraints"] == ""
    above = strata["geography"].map(_parent_place).map(number)
    strata["parent_stratum_id"] = above.where(is_place, strata["geography"].map(number)).astype("Int64")
    strata["kind"] = is_place.map({True: "geographic", False: "domain"})
    strata["geo_level"] = strata["geography"].map(_level)
    strata["geographic_id"] = strata["geography"].astype(str).where(strata["geography"] != NATION, "US")
    own = {text: _checked(text) for text in strata["constraints"].unique()}
    strata["definition_hash"] = [
        _definition_hash((*_place(geography), *own[text]))
        for geography, text in zip(strata["geography"].tolist(), strata["constraints"].tolist(), strict=True)
    ]
    return strata


def _level(geography: int) -> str:
    return LEVELS[(geography != NATION) + (geography >= 100)]


def _with_parents(geography: pd.Series) -> set[int]:
    codes = set(geography.astype(int))
    return {NATION} | codes | {code // 100 for code in codes if code >= 100}


def _parent_place(geography: int) -> int | None:
    return None if geography == NATION else NATION if geography < 100 else geography // 100


def _checked(text: str) -> tuple[Constraint, ...]:
    constraints = parse_constraints(text)
    check_constraints(constraints)
    return constraints


def _place(geography: int) -> tuple[Constraint, ...]:
    variable = PLACE_VARIABLES.get(_level(geography))
    return (Constraint(variable, "==", str(geography)),) if variable else ()


def _definition_hash(constraints: tuple[Constraint, ...]) -> str:
    lines = sorted(f"{item.variable}|{item.operation}|{item.value}" for item in constraints)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _constraints(strata: pd.DataFrame) -> pd.DataFrame:
    """One row a constraint: those of the places, and those of the domains."""
    columns = ["stratum_id", "constraint_variable", "operation", "value"]
    inside = strata[strata["geography"] != NATION]
    places = pd.DataFrame(
        {
            "stratum_id": inside["stratum_id"],
            "constraint_variable": inside["geo_level"].map(PLACE_VARIABLES),
            "operation": "==",
            "value": inside["geographic_id"],
        }
    )
    parsed = [
        (text, item.variable, item.operation, item.value)
        for text in strata["constraints"].unique()
        for item in parse_constraints(text)
    ]
    domains = strata[["stratum_id", "constraints"]].merge(
        pd.DataFrame(parsed, columns=["constraints", *columns[1:]]), on="constraints", validate="m:m"
    )
    return pd.concat([places, domains[columns]]).sort_values(columns[:3], ignore_index=True)


def _targets(figures: pd.DataFrame, strata: pd.DataFrame) -> pd.DataFrame:
    keys = ["geography", "constraints"]
    placed = figures.merge(strata[[*keys, "stratum_id"]], on=keys, how="left", validate="m:1")
    inactive = pd.Series(None, index=placed.index, dtype=object).mask(placed["value"] == 0, ZERO_NOTE)
    inactive = inactive.mask(placed["variable"].isin(SPREAD), SPREAD_NOTE)
    return pd.DataFrame(
        {
            "target_id": range(1, len(placed) + 1),
            "variable": placed["variable"],
            "period": placed["period"],
            "stratum_id": placed["stratum_id"].astype("int64"),
            "reform_id": placed["reform_id"],
            "value": placed["value"],
            "active": inactive.isna(),
            "source": placed["source"],
            "uprating_class": placed["variable"].map(uprating_class),
            "notes": _notes(placed, inactive),
        }
    )


def _notes(placed: pd.DataFrame, inactive: pd.Series) -> pd.Series:
    """Why a target is not active, else how its figure was come by."""
    return inactive.mask(inactive.isna() & placed["approximate"], "carried across an estimated overlap of districts")


def _valid_values(reference: Reference) -> pd.DataFrame:
    names = reference.variables["variable"]
    periods = range(int(reference.figures["period"].min()), int(reference.uprating["to_year"].max()) + 1)
    listed = {
        "operation": OPERATIONS,
        "active": ("0", "1"),
        "period": tuple(map(str, periods)),
        "source": tuple(reference.sources["source"]),
        "variable": tuple(names),
        "constraint_variable": (*names, "ucgid_str"),
    }
    rows = [(field, value) for field, values in listed.items() for value in values]
    return pd.DataFrame(rows, columns=["field_name", "valid_value"])
