"""What the matrix says of itself before any fit: what no weights can meet and why, how many columns carry the rest."""

from typing import Any

import pandas as pd

from calibration_assets.matrix.calibration_matrix import CalibrationMatrix
from calibration_assets.matrix.reach import unreachable_reasons

KIND = ["geo_level", "variable", "domain_variable"]


def describe_support(matrix: CalibrationMatrix) -> dict[str, Any]:
    """The figures of a package's page.

    Entries of the matrix and those kept for them, targets a column, targets that no weights can meet by reason, and the
    tables `support_by_level` and `support_by_kind`: over the targets of a level, or of a level, variable and domain
    (persons by age, returns by AGI), how many columns carry one.
    """
    entries = matrix.matrix.entries
    reasons = pd.Series(unreachable_reasons(matrix.matrix, matrix.targets["value"].to_numpy(float)))
    by_level, by_kind = (_support(matrix.targets, entries, reasons != "", by) for by in (KIND[:1], KIND))
    return {
        "non_zeros": int(entries.sum()),
        "stored_non_zeros": matrix.matrix.stored_entries,
        "targets_a_column": round(float(entries.sum()) / len(matrix.columns), 2),
        "unreachable_targets": {str(reason): int(n) for reason, n in reasons[reasons != ""].value_counts().items()},
        "support_by_level": by_level,
        "support_by_kind": by_kind,
    }


def _support(targets: pd.DataFrame, entries: Any, unreachable: pd.Series, by: list[str]) -> list[dict[str, Any]]:
    """Rows with the number of targets, of those nothing can meet, and the fewest, median and most columns of one."""
    given = targets[by].fillna("").assign(entries=entries, unreachable=unreachable.to_numpy())
    table = given.groupby(by, observed=True).agg(
        targets=("entries", "size"),
        unreachable=("unreachable", "sum"),
        fewest_columns=("entries", "min"),
        median_columns=("entries", "median"),
        most_columns=("entries", "max"),
    )
    return [{str(name): value for name, value in row.items()} for row in table.reset_index().to_dict("records")]
