"""Reads targets from the database for one model year: which of them, aged to the year, in the matrix's row order."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sqlalchemy import Connection, text

from calibration_assets.errors import CalibrationError
from calibration_assets.schemas import CONSTRAINTS, LEVELS, TARGETS
from calibration_assets.settings import TargetSettings
from calibration_assets.targets.connection import open_database
from calibration_assets.targets.names import domain_texts
from calibration_assets.targets.reconcile import reconcile_domains

VERSION = 1
_QUERY = """
SELECT o.target_id, o.stratum_id, o.variable, o.reform_id, o.value AS original_value, o.period, o.geo_level,
  o.geographic_id, o.domain_variable, o.source, o.uprating_class, f.factor
FROM target_overview AS o
LEFT JOIN uprating_factors AS f
  ON f.uprating_class = o.uprating_class AND f.from_year = o.period AND f.to_year = :model_year
WHERE o.active = 1 AND o.value IS NOT NULL
"""


@dataclass(frozen=True)
class TargetSelection:
    """Targets in row order (schemas.TARGETS) and the constraints of their strata (schemas.CONSTRAINTS)."""

    targets: pd.DataFrame
    constraints: pd.DataFrame


def read_targets(
    path: Path, settings: TargetSettings, model_year: int, geographic_ids: Sequence[str] = ()
) -> TargetSelection:
    """The active targets of a database aged to the model year, of all places or of the ones named.

    Of a stratum's years the latest up to the model year counts, else the earliest. `domain_variables` keeps the targets
    whose domain names one of them; `hierarchical_domains` are reconciled (see `reconcile`). A missing factor and an
    empty selection are errors.
    """
    with open_database(path) as connection:
        rows = _read_rows(connection, model_year, geographic_ids)
        chosen = _best_periods(_filter_domains(rows, settings.domain_variables), model_year)
        if chosen.empty:
            raise CalibrationError(
                f"target database {path} has no targets ({', '.join(settings.domain_variables) or 'any domain'}), "
                "expected some; change --domain-variables or rebuild the database"
            )
        constraints = _read_constraints(connection, geographic_ids)
    aged = _age(chosen.assign(domain_constraints=domain_texts(chosen["stratum_id"], constraints)), model_year)
    targets = _row_order(reconcile_domains(aged, settings.hierarchical_domains, model_year))
    constraints = constraints[constraints["stratum_id"].isin(targets["stratum_id"])].reset_index(drop=True)
    return TargetSelection(TARGETS.validate(targets), CONSTRAINTS.validate(constraints))


def district_agi(path: Path, model_year: int) -> pd.Series:
    """Adjusted gross income by district in the model year, dollars: the sum of its bands; indexed by district (int)."""
    with open_database(path) as connection:
        rows = _best_periods(_read_rows(connection, model_year, ()), model_year)
    is_agi = (
        (rows["variable"] == "adjusted_gross_income") & (rows["reform_id"] == 0) & (rows["geo_level"] == "district")
    )
    agi = _age(rows[is_agi], model_year)
    if agi.empty:
        raise CalibrationError(f"target database {path} has no district AGI, expected every district; rebuild it")
    return agi.groupby(agi["geographic_id"].astype(int).rename("district"))["value"].sum()


def _read_rows(connection: Connection, model_year: int, geographic_ids: Sequence[str]) -> pd.DataFrame:
    where, places = _place_condition("o", geographic_ids)
    query = text(f"{_QUERY} AND {where} ORDER BY o.target_id")
    return pd.read_sql(query, connection, params={"model_year": model_year, **places})


def _place_condition(table: str, geographic_ids: Sequence[str]) -> tuple[str, dict[str, str]]:
    if not geographic_ids:
        return "1 = 1", {}
    places = {f"place_{index}": place for index, place in enumerate(geographic_ids)}
    return f"{table}.geographic_id IN ({', '.join(f':{name}' for name in places)})", places


def _filter_domains(rows: pd.DataFrame, domain_variables: Sequence[str]) -> pd.DataFrame:
    if not domain_variables:
        return rows
    wanted = set(domain_variables)
    return rows[[bool(wanted & set(domain.split(","))) for domain in rows["domain_variable"].fillna("")]]


def _best_periods(rows: pd.DataFrame, model_year: int) -> pd.DataFrame:
    period = rows["period"].to_numpy()
    # Any year up to the model year ranks before all later ones.
    rank = np.where(period <= model_year, model_year - period, 10_000 + period)
    order = np.argsort(rank, kind="stable")
    return rows.iloc[order].drop_duplicates(["stratum_id", "variable", "reform_id"]).sort_index()


def _age(rows: pd.DataFrame, model_year: int) -> pd.DataFrame:
    factor = rows["factor"].astype("float64").where(rows["period"] != model_year, 1.0)
    missing = rows[factor.isna()]
    if len(missing):
        row = missing.iloc[0]
        raise CalibrationError(
            f"target {row['variable']} of {row['period']} (target_id {row['target_id']}, {len(missing)} in all) has no "
            f"uprating factor to {model_year}; add its class to targets/uprating.py and rebuild the database"
        )
    return rows.assign(uprating_factor=factor, value=rows["original_value"] * factor).drop(columns="factor")


def _row_order(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows by level, variable, reform, place, then target_id: row i is row i of the matrix."""
    number = pd.to_numeric(rows["geographic_id"].where(rows["geographic_id"] != "US", "0"))
    level = rows["geo_level"].map({name: rank for rank, name in enumerate(LEVELS)})
    variable = pd.factorize(rows["variable"], sort=True)[0]
    keys = (rows["target_id"], number, rows["reform_id"], variable, level)
    order = np.lexsort([np.asarray(key, dtype="int64") for key in keys])
    return rows.iloc[order].reset_index(drop=True).astype({"period": "int64"})


def _read_constraints(connection: Connection, geographic_ids: Sequence[str]) -> pd.DataFrame:
    where, places = _place_condition("s", geographic_ids)
    query = f"""
SELECT c.stratum_id, c.constraint_variable, c.operation, c.value
FROM strata AS s JOIN stratum_constraints AS c ON c.stratum_id = s.stratum_id
WHERE {where} ORDER BY c.stratum_id, c.constraint_variable, c.operation DESC"""  # noqa: S608
    return pd.read_sql(text(query), connection, params=places)
