"""Prints what a target database holds: `python -m calibration_assets.targets.browse`. Reads alone.

With `--compare OTHER` it prints what moved from the other database to this one.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from sqlalchemy import text

from calibration_assets.errors import CalibrationError
from calibration_assets.targets.connection import open_database

DATABASE = Path("storage/calibration/policy_data.db")
_OVERVIEW = """
SELECT o.geo_level, o.variable, o.domain_variable, o.source, s.vintage, s.url, COUNT(*) AS targets,
  SUM(o.value) AS total
FROM target_overview AS o LEFT JOIN sources AS s ON s.source = o.source
WHERE o.active = 1
GROUP BY o.geo_level, o.variable, o.domain_variable, o.source
ORDER BY o.geo_level, o.variable, o.domain_variable, o.source
"""
_ROWS = """
SELECT s.definition_hash, t.variable, t.reform_id, t.period, o.geo_level, o.geographic_id, o.domain_variable, t.value
FROM targets AS t
JOIN strata AS s ON s.stratum_id = t.stratum_id
JOIN target_overview AS o ON o.target_id = t.target_id
WHERE t.active = 1
"""
_KEYS = ["definition_hash", "variable", "reform_id", "period"]


def summarise_database(path: Path) -> pd.DataFrame:
    """Active targets by level, variable, domain and source: their number, sum, vintage and URL."""
    with open_database(path) as connection:
        return pd.read_sql(text(_OVERVIEW), connection)


def compare_databases(old: Path, new: Path) -> pd.DataFrame:
    """Active targets that differ: change (`added`, `removed`, `changed`), what they are, values, their ratio - 1."""
    left, right = (_read_rows(path) for path in (old, new))
    both = left.merge(right, on=_KEYS, how="outer", suffixes=("_old", "_new"), validate="1:1", indicator=True)
    change = both["_merge"].map({"left_only": "removed", "right_only": "added", "both": "changed"}).astype(str)
    places = {
        name: both[f"{name}_new"].where(both["_merge"] != "left_only", both[f"{name}_old"])
        for name in ("geo_level", "geographic_id", "domain_variable")
    }
    relative = both["value_new"] / both["value_old"] - 1
    table = both[["variable", "reform_id", "period", "value_old", "value_new"]].assign(
        change=change, relative_change=relative, **places
    )
    moved = table[(change != "changed") | (table["value_old"] != table["value_new"])]
    order = ["change", "geo_level", "geographic_id", "variable", "domain_variable", "value_new", "value_old"]
    columns = [*order[:5], "reform_id", "period", "value_old", "value_new", "relative_change"]
    return moved.sort_values(order, ignore_index=True)[columns]


def _read_rows(path: Path) -> pd.DataFrame:
    with open_database(path) as connection:
        return pd.read_sql(text(_ROWS), connection)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a database's contents or its difference from another; exit code 1 with one sentence where that fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--db-path", type=Path, default=DATABASE, help="target database")
    parser.add_argument("--compare", type=Path, metavar="OTHER", help="an earlier database to compare with")
    options = parser.parse_args(arguments)
    try:
        table = (
            compare_databases(options.compare, options.db_path)
            if options.compare
            else summarise_database(options.db_path)
        )
    except CalibrationError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    with pd.option_context("display.max_colwidth", 60):
        sys.stdout.write(table.to_string(index=False, na_rep="", float_format="{:,.4g}".format) + "\n")
    counted = "differences" if options.compare else "active targets"
    number = len(table) if options.compare else table["targets"].sum()
    sys.stdout.write(f"{number:,} {counted}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
