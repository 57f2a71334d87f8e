"""What targets say together before a fit: those no column moves, duplicates, parents unlike the sum of their children.

Rows are compared by their product with one random vector: equal rows have equal products, and a parent's is the sum of
its children's. The groups come from the targets' names. Nothing is changed or dropped here.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from calibration_assets.matrix.cell_matrix import CellMatrix, as_cell_matrix
from calibration_assets.matrix.reach import unreachable_reasons

SAME_ROW = 1e-9
TOLERANCE = 0.01
SHOWN = 5


@dataclass(frozen=True)
class Examination:
    """Three tables: unmovable (target, true_value, reason), duplicates (target, same_as, true_value, other_value),
    contradictions (parent, children, true_value, sum_of_children, rel_difference)."""

    unmovable: pd.DataFrame
    duplicates: pd.DataFrame
    contradictions: pd.DataFrame

    def sentences(self) -> list[str]:
        """The report, a line a finding, the first few of each kind."""
        lines = [f"{len(self.unmovable)} targets cannot be moved by any column."] if len(self.unmovable) else []
        lines += [f"  {row.target} = {row.true_value:g}: {row.reason}" for row in _first(self.unmovable)]
        lines += [f"{len(self.duplicates)} targets repeat the row of another one."] if len(self.duplicates) else []
        lines += [
            f"  {row.target} = {row.true_value:g} repeats {row.same_as} = {row.other_value:g}"
            for row in _first(self.duplicates)
        ]
        if len(self.contradictions):
            lines.append(f"{len(self.contradictions)} targets differ from the sum of their children.")
        return lines + [
            f"  {row.parent} = {row.true_value:g}, but its {row.children} children sum to {row.sum_of_children:g} "
            f"({row.rel_difference:+.1%})"
            for row in _first(self.contradictions)
        ]


def examine_targets(
    X: CellMatrix | sparse.spmatrix, targets: np.ndarray, names: Sequence[str]
) -> Examination:
    """The examination of targets (rows,) with their names, in the order of X's rows."""
    X = as_cell_matrix(X)
    products = X @ np.random.default_rng(0).uniform(0.5, 1.5, X.shape[1])
    return Examination(
        _unmovable(unreachable_reasons(X, targets), targets, names),
        _duplicates(products, targets, names),
        _contradictions(products, targets, names),
    )


def achievable_targets(X: CellMatrix, targets: np.ndarray) -> np.ndarray:
    """Whether some weights above zero move each row's estimate to its target's side (rows,)."""
    return unreachable_reasons(X, targets) == ""


def _first(table: pd.DataFrame) -> Iterator[Any]:
    return table.head(SHOWN).itertuples(index=False)


def _unmovable(reasons: np.ndarray, targets: np.ndarray, names: Sequence[str]) -> pd.DataFrame:
    rows = np.flatnonzero(reasons)
    return pd.DataFrame(
        {"target": np.array(names)[rows], "true_value": targets[rows], "reason": reasons[rows]}
    )


def _duplicates(products: np.ndarray, targets: np.ndarray, names: Sequence[str]) -> pd.DataFrame:
    """Rows whose product equals that of an earlier one."""
    order = np.argsort(products, kind="stable")
    gaps = np.diff(products[order])
    same = np.flatnonzero((gaps <= SAME_ROW * np.abs(products[order[1:]])) & (products[order[1:]] != 0))
    repeated, original = order[same + 1], order[same]
    return pd.DataFrame(
        {
            "target": np.array(names)[repeated],
            "same_as": np.array(names)[original],
            "true_value": targets[repeated],
            "other_value": targets[original],
        }
    )


def _contradictions(products: np.ndarray, targets: np.ndarray, names: Sequence[str]) -> pd.DataFrame:
    """Parents whose row is the sum of their children's rows, while the targets differ by more than the tolerance."""
    found = []
    for parent, children in _families(names):
        if abs(products[children].sum() - products[parent]) > SAME_ROW * abs(products[parent]):
            continue
        total = targets[children].sum()
        difference = (targets[parent] - total) / max(abs(total), 1.0)
        if abs(difference) > TOLERANCE:
            found.append((names[parent], len(children), targets[parent], total, difference))
    columns = ["parent", "children", "true_value", "sum_of_children", "rel_difference"]
    return pd.DataFrame(found, columns=columns)


def _families(names: Sequence[str]) -> Iterator[tuple[int, list[int]]]:
    """A nation's states, a nation's districts and a state's districts that share the rest of their name."""
    places: dict[str, dict[str, int]] = defaultdict(dict)
    for row, name in enumerate(names):
        place, _, rest = name.partition("/")
        places[rest][place] = row
    for rows in places.values():
        states = {place: row for place, row in rows.items() if place.startswith("state_")}
        districts = {place: row for place, row in rows.items() if place.startswith("cd_")}
        by_state: dict[str, list[int]] = defaultdict(list)
        for place, row in districts.items():
            by_state[f"state_{int(place.removeprefix('cd_')) // 100}"].append(row)
        families = [(rows.get("national"), list(states.values())), (rows.get("national"), list(districts.values()))]
        families += [(states.get(state), own) for state, own in by_state.items()]
        yield from ((parent, children) for parent, children in families if parent is not None and children)
