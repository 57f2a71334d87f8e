"""Assembly: concept values by cell and the columns' places become the rows of the matrix.

Rows of the nation and of states are assembled by cell, rows of districts by column, both the same way: one pass over
blocks counts the entries of every row, a second writes them into arrays of known size, which may be files. No row is
ever dense, and only one block is held besides the result.
"""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pandas as pd
from scipy import sparse

from calibration_assets.matrix.cell_matrix import CellMatrix
from calibration_assets.matrix.concepts import RowIndex
from calibration_assets.matrix.tables import ConceptValues

Allocate = Callable[[str, str, tuple[int, ...]], np.ndarray]
"""Makes an array of a name, dtype and shape, in memory or as a file."""

Blocks = Callable[[], Iterator[tuple[int, sparse.csr_matrix]]]
"""Yields (first unit, concept values of a block of units (units, concepts)), in order; units are cells or columns."""

BLOCK_ENTRIES = 4_000_000
"""About how many concept values a block has: some 100 MB while they are sorted into rows."""


def in_memory(name: str, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    """An array in memory."""
    return np.zeros(shape, dtype)


def assemble(
    concepts: ConceptValues, rows: RowIndex, columns: pd.DataFrame, allocate: Allocate = in_memory
) -> CellMatrix:
    """The matrix of the targets of `rows` for columns (schemas.COLUMNS), float32 with int32 indices.

    Its arrays are named after the parts: column_rows, column_indptr, column_indices, column_data; the same of cells;
    cell.
    """
    values, cell = concepts.amounts, allocate("cell", "int32", concepts.cell.shape)
    cell[:] = concepts.cell
    state = np.zeros(values.shape[0], dtype=np.int64)
    for kind in concepts.cell:
        state[kind] = columns["state"].to_numpy()
    of_cells = {"national": np.zeros_like(state), "state": state}
    of_columns = {"district": columns["district"].to_numpy()}
    by_cell, cell_rows = _assemble_part("cell", values, None, rows, of_cells, allocate)
    by_column, column_rows = _assemble_part("column", values, concepts.cell, rows, of_columns, allocate)
    return CellMatrix(by_column, column_rows, by_cell, cell_rows, cell)


def _assemble_part(
    name: str,
    values: sparse.csr_matrix,
    cell: np.ndarray | None,
    rows: RowIndex,
    places: Mapping[str, np.ndarray],
    allocate: Allocate,
) -> tuple[sparse.csr_matrix, np.ndarray]:
    """The rows of the levels that `places` names, by the units whose places they are, and the rows' numbers.

    Without `cell` units are the cells of `values`, with it the columns that lie in them.
    """
    index = {level: rows.rows[level] for level in places}
    present = np.unique(np.concatenate([one.ravel() for one in index.values()]))
    numbers = present[present >= 0]
    new = np.full(int(numbers.max(initial=-1)) + 2, -1)
    new[numbers] = np.arange(len(numbers))
    wanted = np.flatnonzero(np.any([(one >= 0).any(axis=1) for one in index.values()], axis=0))
    local = {level: new[one[wanted]] for level, one in index.items()}

    def blocks() -> Iterator[tuple[int, sparse.csr_matrix]]:
        return _unit_blocks(values[:, wanted], cell)

    n_units = len(next(iter(places.values())))
    kept = allocate(f"{name}_rows", "int32", (len(numbers),))
    kept[:] = numbers
    return _count_and_fill(name, blocks, local, places, (len(numbers), n_units), allocate), kept


def _unit_blocks(values: sparse.csr_matrix, cell: np.ndarray | None) -> Iterator[tuple[int, sparse.csr_matrix]]:
    kinds, n_units = (1, values.shape[0]) if cell is None else cell.shape
    size = max(int(BLOCK_ENTRIES * max(values.shape[0], 1) / max(values.nnz * kinds, 1)), 1)
    for first in range(0, n_units, size):
        if cell is None:
            yield first, values[first : first + size]
            continue
        block = values[cell[0, first : first + size]]
        for kind in cell[1:]:
            block = block + values[kind[first : first + size]]
        yield first, block


def _count_and_fill(
    name: str,
    blocks: Blocks,
    index: Mapping[str, np.ndarray],
    places: Mapping[str, np.ndarray],
    shape: tuple[int, int],
    allocate: Allocate,
) -> sparse.csr_matrix:
    """CSR (rows, units) from blocks of units; `index[level]` is the row by concept and place, -1 where none is."""
    counts = np.zeros(shape[0], dtype=np.int64)
    for first, block in blocks():
        for target_rows, _, _ in _row_entries(block, first, index, places):
            counts += np.bincount(target_rows, minlength=shape[0])
    total = int(counts.sum())
    indptr = allocate(f"{name}_indptr", "int32" if total < 2**31 else "int64", (shape[0] + 1,))
    indptr[:] = np.r_[0, np.cumsum(counts)]
    indices, data = (
        allocate(f"{name}_{part}", dtype, (total,)) for part, dtype in (("indices", "int32"), ("data", "float32"))
    )
    cursor = np.asarray(indptr[:-1], dtype=np.int64).copy()
    for first, block in blocks():
        for target_rows, unit, values in _row_entries(block, first, index, places):
            _write_entries(target_rows, unit, values, cursor, indices, data)
    matrix = sparse.csr_matrix(shape, dtype=np.float32)
    matrix.data, matrix.indices, matrix.indptr = data, indices, indptr
    matrix.has_sorted_indices = True
    return matrix


def _row_entries(
    block: sparse.csr_matrix, first: int, index: Mapping[str, np.ndarray], places: Mapping[str, np.ndarray]
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """For each level the block's entries as (row, unit, value), by unit."""
    unit = first + np.repeat(np.arange(block.shape[0]), np.diff(block.indptr))
    for level, of_units in places.items():
        target_rows = index[level][block.indices, of_units[unit]]
        kept = target_rows >= 0
        yield target_rows[kept], unit[kept], block.data[kept]


def _write_entries(
    target_rows: np.ndarray,
    unit: np.ndarray,
    values: np.ndarray,
    cursor: np.ndarray,
    indices: np.ndarray,
    data: np.ndarray,
) -> None:
    """Append entries to their rows, each row's in order of units, and move the rows' cursors."""
    order = np.argsort(target_rows, kind="stable")
    present, starts, lengths = np.unique(target_rows[order], return_index=True, return_counts=True)
    destination = np.arange(len(order)) + np.repeat(cursor[present] - starts, lengths)
    indices[destination] = unit[order]
    data[destination] = values[order]
    cursor[present] += lengths
