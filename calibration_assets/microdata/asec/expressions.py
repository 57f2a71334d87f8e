"""The small language of the mapping's column `census`: Census columns and their codes become arrays.

    WSAL_VAL                                       an amount; blank means none
    DST_VAL1 where DST_SC1 is 4 + DST_VAL2 where DST_SC2 is 4     the sum of amounts, each where its conditions hold
    SS_VAL where RESNSS1 is not 1 2 and A_AGE is over 61          conditions joined by `and`
    PEDISEYE is 1 or PEDISEAR is 1                 a flag
    H_TENURE as 0=NONE 1=OWNED_WITH_MORTGAGE       an enumeration's member by code
    CITIZEN where PRCITSHP is 1 2; OTHER where MCARE is 1 or CAID is 1; NONE     the first member whose flag holds
"""

import re

import numpy as np
import pandas as pd

from calibration_assets.errors import CalibrationError

_COLUMN = re.compile(r"\b[A-Z][A-Z0-9_]+\b")
_CONDITION = re.compile(r"(?P<column>\w+) is (?P<other>not )?(?P<over>over )?(?P<codes>-?\d+(?: -?\d+)*)")


def columns_of(expression: str) -> list[str]:
    """The Census columns that an expression reads."""
    if "; " in expression:
        return [column for member in expression.split("; ") for column in columns_of(member.partition(" where ")[2])]
    return _COLUMN.findall(expression.partition(" as ")[0])


def evaluate(expression: str, table: pd.DataFrame) -> np.ndarray:
    """An expression's values, (rows of the table,): float64 for amounts, bool for flags, text for enumerations."""
    if "; " in expression:
        *members, last = (member.partition(" where ") for member in expression.split("; "))
        return np.select([_flag(where, table) for _, _, where in members], [name for name, *_ in members], last[0])
    column, named, codes = expression.partition(" as ")
    if named:
        return _members(column, codes, table)
    if " where " not in expression and " is " in expression:
        return _flag(expression, table)
    return np.add.reduce([_amount(term, table) for term in expression.split(" + ")])


def _flag(expression: str, table: pd.DataFrame) -> np.ndarray:
    return np.logical_or.reduce([_all_hold(part, table) for part in expression.split(" or ")])


def _amount(term: str, table: pd.DataFrame) -> np.ndarray:
    """One column, zero where it is blank or its conditions do not hold."""
    column, limited, conditions = term.partition(" where ")
    amount = table[column].fillna(0).to_numpy(np.float64)
    return np.where(_all_hold(conditions, table), amount, 0.0) if limited else amount


def _all_hold(conditions: str, table: pd.DataFrame) -> np.ndarray:
    return np.logical_and.reduce([_holds(condition, table) for condition in conditions.split(" and ")])


def _holds(condition: str, table: pd.DataFrame) -> np.ndarray:
    """Where `COLUMN is 1 2`, or with `not`, `over` or `not over` before the number, is true; a blank is 0."""
    parts = _CONDITION.fullmatch(condition)
    if parts is None:
        raise CalibrationError(
            f"mapping: {condition!r} is no condition, expected `COLUMN is 1 2`, `COLUMN is not 1` or `COLUMN is over "
            "61`; correct the table."
        )
    values = table[parts["column"]].fillna(0).to_numpy(np.float64)
    codes = [float(code) for code in parts["codes"].split()]
    holds = values > codes[0] if parts["over"] else np.isin(values, codes)
    return holds != bool(parts["other"])


def _members(column: str, codes: str, table: pd.DataFrame) -> np.ndarray:
    """The enumeration's member of every row; a code without one is an error."""
    names = {int(code): name for code, name in (pair.split("=") for pair in codes.split())}
    found = table[column].fillna(0).astype(int).map(names)
    if found.isna().any():
        code = table.loc[found.isna(), column].iloc[0]
        raise CalibrationError(
            f"ASEC column {column} holds {code:g}, expected one of {sorted(names)}; correct the mapping or the file."
        )
    return found.to_numpy(dtype=str)
