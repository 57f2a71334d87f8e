"""Calibration problems with the shape of the real thing, made from a seed.

Every record holds a value for some of a list of variables; a clone puts it in a congressional district; a row adds a
variable over the nation, a state or a district. So national rows are near-dense, and a column has entries in the rows
of its own places alone. Targets are `X @ w` for drawn weights, hence attainable. Reading real packages stays out.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import sparse

from calibration_assets.fit.problem import DEFAULT_INITIAL_WEIGHT

DISTRICTS_BY_STATE = np.array(
    [7, 1, 9, 4, 52, 8, 5, 1, 1, 28, 14, 2, 2, 17, 9, 4, 4, 6, 6, 2, 8, 9, 13, 8, 4, 8]
    + [2, 3, 4, 2, 12, 3, 26, 14, 1, 15, 5, 6, 17, 2, 7, 1, 9, 38, 4, 1, 11, 10, 2, 8, 1]
)
STATE_OF_DISTRICT = np.repeat(np.arange(51), DISTRICTS_BY_STATE)
HOUSEHOLDS = 130e6
MAX_DENSITY = 0.95


@dataclass(frozen=True)
class Shape:
    """Size of a problem: rows by level, records times clones as columns, mean entries of a column."""

    name: str
    n_records: int
    n_clones: int
    national: int
    by_state: int
    by_district: int
    entries: float = 24.0

    @property
    def n_columns(self) -> int:
        """Columns of the matrix."""
        return self.n_records * self.n_clones

    @property
    def n_rows(self) -> int:
        """Rows of the matrix."""
        return self.national + 51 * self.by_state + len(STATE_OF_DISTRICT) * self.by_district


SHAPES = {
    shape.name: shape
    for shape in (
        Shape("100K", 5_000, 20, national=29, by_state=8, by_district=4),
        Shape("400K", 10_000, 40, national=29, by_state=8, by_district=4),
        Shape("1M", 10_000, 100, national=260, by_state=20, by_district=20),
        Shape("5.2M", 12_000, 434, national=80, by_state=20, by_district=40),
    )
}


@dataclass(frozen=True)
class Problem:
    """Matrix (rows, columns) float32 with int32 indices, its targets, and the weight that every column starts with."""

    X: sparse.csr_matrix
    targets: np.ndarray
    start: float


def make_problem(shape: Shape, seed: int = 0) -> Problem:
    """A problem of the given shape, equal for equal seeds."""
    generator = np.random.default_rng(seed)
    levels = np.repeat([0, 1, 2], [shape.national, shape.by_state, shape.by_district])
    variables = np.concatenate([np.arange(n) for n in (shape.national, shape.by_state, shape.by_district)])
    values = _record_values(generator, shape, variables)
    record, slot = np.nonzero(values[:, variables])
    district = generator.integers(len(STATE_OF_DISTRICT), size=(shape.n_clones, shape.n_records))
    firsts = np.array([0, shape.national, shape.national + 51 * shape.by_state])[levels[slot]] + variables[slot]
    indices = np.empty((shape.n_clones, len(slot)), dtype=np.int32)
    for clone, place in enumerate(district):
        at = place[record]
        offsets = [0, STATE_OF_DISTRICT[at] * shape.by_state, at * shape.by_district]
        indices[clone] = firsts + np.choose(levels[slot], offsets)
    entries_of_record = np.bincount(record, minlength=shape.n_records)
    indptr = np.concatenate([[0], np.cumsum(np.tile(entries_of_record, shape.n_clones))]).astype(np.int32)
    data = np.tile(values[record, variables[slot]].astype(np.float32), shape.n_clones)
    by_column = sparse.csc_matrix((data, indices.ravel(), indptr), shape=(shape.n_rows, shape.n_columns))
    weights = generator.lognormal(np.log(HOUSEHOLDS / shape.n_columns) - 0.5, 1.0, shape.n_columns)
    return Problem(by_column.tocsr(), _sum_in_float64(by_column, weights), DEFAULT_INITIAL_WEIGHT)


def write_problem(problem: Problem, folder: Path) -> None:
    """Write a problem as plain arrays."""
    parts = {"data": problem.X.data, "indices": problem.X.indices, "indptr": problem.X.indptr}
    for name, part in (parts | {"targets": problem.targets, "shape": np.array(problem.X.shape)}).items():
        np.save(folder / f"{name}.npy", part)


def read_problem(folder: Path) -> Problem:
    """A problem from its folder, the matrix mapped into memory."""
    data, indices, indptr = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("data", "indices", "indptr"))
    X = sparse.csr_matrix((data, indices, indptr), shape=tuple(np.load(folder / "shape.npy")))
    return Problem(X, np.load(folder / "targets.npy"), DEFAULT_INITIAL_WEIGHT)


def _record_values(generator: np.random.Generator, shape: Shape, variables: np.ndarray) -> np.ndarray:
    """Values of each record (records, variables): counts, or dollars for every second variable, mostly zero."""
    n_variables = variables.max() + 1
    falling = (1.0 + np.arange(n_variables)) ** -0.5
    low, high = 0.0, float(n_variables)
    for _ in range(60):
        factor = (low + high) / 2
        density = np.minimum(MAX_DENSITY, factor * falling)
        low, high = (factor, high) if density[variables].sum() < shape.entries else (low, factor)
    size = (shape.n_records, n_variables)
    counts = generator.integers(1, 4, size)
    dollars = generator.lognormal(9.0, 1.0, size)
    values = np.where(np.arange(n_variables) % 2 == 0, counts, dollars)
    return values * (generator.random(size) < density)


def _sum_in_float64(by_column: sparse.csc_matrix, weights: np.ndarray) -> np.ndarray:
    """`X @ w` in float64 without a float64 copy of the matrix."""
    per_entry = np.repeat(weights, np.diff(by_column.indptr))
    return np.bincount(by_column.indices, by_column.data * per_entry, minlength=by_column.shape[0])
