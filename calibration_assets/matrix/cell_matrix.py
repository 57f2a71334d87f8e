"""The calibration matrix as it is kept: some rows by cell, the others by column.

A cell is a household in a state with a certain take-up. All its columns count alike for the state and for the nation,
so such a row has one entry a cell; a district tells a cell's columns apart, so its row has one a column. With B the
rows by cell and A[c, j] = 1 where column j lies in cell c, the rows by cell are B A, and X @ w is B (A w). Needs numpy
and scipy alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

BLOCK_ENTRIES = 1 << 22
"""Entries of a block of rows: what is cast to float64 or written out at a time."""


@dataclass(frozen=True)
class CellMatrix:
    """X (rows, columns): rows `column_rows` are `by_column` (rows, columns), rows `cell_rows` are `by_cell` @ A.

    Both parts are CSR float32. `cell` is int32 (cells a column, columns): a column lies in one cell of each kind (as
    placed, by programme), and no more than one of them has an entry in a row. Every cell has a column.
    """

    by_column: sparse.csr_matrix
    column_rows: np.ndarray
    by_cell: sparse.csr_matrix
    cell_rows: np.ndarray
    cell: np.ndarray

    @classmethod
    def of_csr(cls, X: sparse.csr_matrix) -> "CellMatrix":
        """A matrix with all rows by column."""
        nothing = sparse.csr_matrix((0, 0), dtype=np.float32)
        cell = np.zeros((0, X.shape[1]), np.int32)
        return cls(X, np.arange(X.shape[0]), nothing, np.arange(0), cell)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self.column_rows) + len(self.cell_rows), self.by_column.shape[1]

    @cached_property
    def incidence(self) -> sparse.csr_matrix:
        """A (cells, columns), int8."""
        kinds, n_columns = self.cell.shape
        column = np.tile(np.arange(n_columns, dtype=np.int32), kinds)
        ones = np.ones(len(column), dtype=np.int8)
        return sparse.csr_matrix((ones, (self.cell.ravel(), column)), shape=(self.by_cell.shape[1], n_columns))

    @cached_property
    def entries(self) -> np.ndarray:
        """Entries of every row of X, int64 (rows,)."""
        columns = np.bincount(self.cell.ravel(), minlength=self.by_cell.shape[1])
        before = np.r_[0, np.cumsum(columns[self.by_cell.indices])]
        found = np.empty(self.shape[0], dtype=np.int64)
        found[self.column_rows] = np.diff(self.by_column.indptr)
        found[self.cell_rows] = np.diff(before[self.by_cell.indptr])
        return found

    @property
    def nnz(self) -> int:
        """Entries of X, whether kept once a column or once a cell."""
        return int(self.entries.sum())

    @property
    def stored_entries(self) -> int:
        """Entries that are kept."""
        return int(self.by_column.nnz + self.by_cell.nnz)

    def __getitem__(self, rows: np.ndarray | slice) -> "CellMatrix":
        """Some rows, each named once, in the order given."""
        chosen = np.arange(self.shape[0])[rows]
        new = np.full(self.shape[0], -1)
        new[chosen] = np.arange(len(chosen))
        by_column, column_rows = _choose(self.by_column, new[self.column_rows])
        by_cell, cell_rows = _choose(self.by_cell, new[self.cell_rows])
        return CellMatrix(by_column, column_rows, by_cell, cell_rows, self.cell)

    def take_columns(self, columns: np.ndarray) -> "CellMatrix":
        """Some columns, by number, with the cells that they lie in."""
        used, cell = np.unique(self.cell[:, columns], return_inverse=True)
        cell = cell.reshape(len(self.cell), len(columns)).astype(np.int32)
        by_cell = self.by_cell[:, used] if len(used) < self.by_cell.shape[1] else self.by_cell
        return CellMatrix(self.by_column[:, columns], self.column_rows, by_cell, self.cell_rows, cell)

    def __matmul__(self, weights: np.ndarray) -> np.ndarray:
        """X @ weights in float64, for weights (columns,) or (columns, vectors)."""
        weights = np.asarray(weights, dtype=np.float64)
        sums = np.empty((self.shape[0], *weights.shape[1:]))
        sums[self.column_rows] = _product(self.by_column, weights)
        sums[self.cell_rows] = _product(self.by_cell, self.incidence @ weights)
        return sums

    def extremes(self) -> tuple[np.ndarray, np.ndarray]:
        """Smallest and largest entry of every row of X, 0 for a row without any."""
        smallest, largest = np.zeros((2, self.shape[0]))
        for part, rows in ((self.by_column, self.column_rows), (self.by_cell, self.cell_rows)):
            filled = np.flatnonzero(np.diff(part.indptr))
            if len(filled):
                smallest[rows[filled]] = np.minimum.reduceat(part.data, part.indptr[filled])
                largest[rows[filled]] = np.maximum.reduceat(part.data, part.indptr[filled])
        return smallest, largest

    def row_blocks(
        self, entries: int = BLOCK_ENTRIES, rows: int | None = None
    ) -> Iterator[tuple[slice, sparse.csr_matrix]]:
        """All rows of X in order as CSR, in blocks of at most so many entries and rows, but of one row at least."""
        before = np.r_[0, np.cumsum(self.entries)]
        for block in _runs(before, entries, self.shape[0] if rows is None else max(rows, 1)):
            yield block, self[block]._expand(self.incidence)

    def tocsr(self) -> sparse.csr_matrix:
        """X as CSR with sorted int32 indices; no copy where all rows are by column already."""
        if not len(self.cell_rows) and (np.diff(self.column_rows) > 0).all():
            return self.by_column
        indptr = np.r_[0, np.cumsum(self.entries)]
        indices, data = np.empty(indptr[-1], np.int32), np.empty(indptr[-1], np.float32)
        for rows, block in self.row_blocks():
            span = slice(indptr[rows.start], indptr[rows.stop])
            indices[span], data[span] = block.indices, block.data
        matrix = sparse.csr_matrix(self.shape, dtype=np.float32)
        matrix.data, matrix.indices = data, indices
        matrix.indptr = indptr.astype(np.int32 if indptr[-1] < 2**31 else np.int64)
        matrix.has_sorted_indices = True
        return matrix

    def _expand(self, incidence: sparse.csr_matrix) -> sparse.csr_matrix:
        if not len(self.cell_rows):
            return self.by_column[np.argsort(self.column_rows)]
        spread = (self.by_cell @ incidence).sorted_indices()
        order = np.argsort(np.r_[self.column_rows, self.cell_rows])
        return sparse.vstack([self.by_column, spread], format="csr")[order]


def as_cell_matrix(X: CellMatrix | sparse.spmatrix | np.ndarray) -> CellMatrix:
    """X itself, or any other matrix with all its rows by column; entries keep their type."""
    if isinstance(X, CellMatrix):
        return X
    matrix = sparse.csr_matrix(X)
    return CellMatrix.of_csr(matrix if matrix.has_sorted_indices else matrix.sorted_indices())


def _choose(part: sparse.csr_matrix, new: np.ndarray) -> tuple[sparse.csr_matrix, np.ndarray]:
    """The rows of a part with a new number, in the order of the new numbers; the part itself where that is all."""
    kept = np.flatnonzero(new >= 0)
    order = kept[np.argsort(new[kept], kind="stable")]
    if np.array_equal(order, np.arange(len(new))):
        return part, new
    if len(order) and np.array_equal(order, np.arange(order[0], order[-1] + 1)):
        return _rows(part, order[0], order[-1] + 1), new[order]
    return part[order], new[order]


def _rows(part: sparse.csr_matrix, first: int, last: int) -> sparse.csr_matrix:
    """A range of rows over views of the part's arrays."""
    low, high = int(part.indptr[first]), int(part.indptr[last])
    indices = part.indices[low:high]
    indptr = (np.asarray(part.indptr[first : last + 1]) - low).astype(indices.dtype)
    rows = sparse.csr_matrix((part.data[low:high], indices, indptr), shape=(last - first, part.shape[1]))
    rows.has_sorted_indices = True
    return rows


def _runs(before: np.ndarray, entries: int, most: int) -> Iterator[slice]:
    """Consecutive ranges of rows; `before` (rows + 1,) counts the entries before each row."""
    first, n_rows = 0, len(before) - 1
    while first < n_rows:
        last = int(np.searchsorted(before, before[first] + entries, side="right")) - 1
        last = min(max(last, first + 1), first + most, n_rows)
        yield slice(first, last)
        first = last


def _product(part: sparse.csr_matrix, weights: np.ndarray) -> np.ndarray:
    """part @ weights in float64 block by block, so that a mapped float32 part is read once and never copied whole."""
    sums = np.empty((part.shape[0], *weights.shape[1:]))
    for rows in _runs(np.asarray(part.indptr, dtype=np.int64), BLOCK_ENTRIES, part.shape[0]):
        sums[rows] = _rows(part, rows.start, rows.stop) @ weights
    return sums
