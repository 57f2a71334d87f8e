"""Assembly: concept values by household and state, and the columns' places, become the rows of the matrix.

Two passes over blocks of columns: the first counts the entries of every row, the second writes them into arrays of
known size, which may be files. No row is ever dense, and only one block is held besides the result.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from calibration_assets.matrix.concepts import RowIndex
from calibration_assets.schemas import LEVELS

Allocate = Callable[[str, str, tuple[int, ...]], np.ndarray]
"""Makes an array of a name, dtype and shape, in memory or as a file."""

ConceptBlocks = Callable[[], Iterator[tuple[int, sparse.csr_matrix]]]
"""Yields (first column, concept values of a block of columns (columns, concepts)), in column order."""


def in_memory(name: str, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    """An array in memory."""
    return np.zeros(shape, dtype)


@dataclass(frozen=True)
class Places:
    """Where each column lives, by level: 0 for the nation, else the FIPS number."""

    national: np.ndarray
    state: np.ndarray
    district: np.ndarray

    @classmethod
    def of(cls, columns: pd.DataFrame) -> "Places":
        """The places of columns (schemas.COLUMNS)."""
        return cls(np.zeros(len(columns), np.int32), columns["state"].to_numpy(), columns["district"].to_numpy())


def assemble(
    blocks: ConceptBlocks, rows: RowIndex, places: Places, n_rows: int, allocate: Allocate = in_memory
) -> sparse.csr_matrix:
    """The matrix (n_rows, columns), float32 with int32 indices, in arrays named indptr, indices and data."""
    counts = np.zeros(n_rows, dtype=np.int64)
    for first, block in blocks():
        for target_rows, _, _ in _row_entries(block, first, rows, places):
            counts += np.bincount(target_rows, minlength=n_rows)
    total = int(counts.sum())
    index_dtype = "int32" if total < 2**31 else "int64"
    indptr = allocate("indptr", index_dtype, (n_rows + 1,))
    indptr[:] = np.r_[0, np.cumsum(counts)]
    indices, data = allocate("indices", "int32", (total,)), allocate("data", "float32", (total,))
    cursor = np.asarray(indptr[:-1], dtype=np.int64).copy()
    for first, block in blocks():
        for target_rows, column, values in _row_entries(block, first, rows, places):
            _write_entries(target_rows, column, values, cursor, indices, data)
    matrix = sparse.csr_matrix((n_rows, len(places.national)), dtype=np.float32)
    matrix.data, matrix.indices, matrix.indptr = data, indices, indptr
    matrix.has_sorted_indices = True
    return matrix


def _row_entries(
    block: sparse.csr_matrix, first: int, rows: RowIndex, places: Places
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """For each level the block's entries as (target row, column, value), by column."""
    column = first + np.repeat(np.arange(block.shape[0]), np.diff(block.indptr))
    for level in LEVELS:
        target_rows = rows.rows[level][block.indices, getattr(places, level)[column]]
        kept = target_rows >= 0
        yield target_rows[kept], column[kept], block.data[kept]


def _write_entries(
    target_rows: np.ndarray,
    column: np.ndarray,
    values: np.ndarray,
    cursor: np.ndarray,
    indices: np.ndarray,
    data: np.ndarray,
) -> None:
    """Append entries to their rows, each row's in column order, and move the rows' cursors."""
    order = np.argsort(target_rows, kind="stable")
    present, starts, lengths = np.unique(target_rows[order], return_index=True, return_counts=True)
    destination = np.arange(len(order)) + np.repeat(cursor[present] - starts, lengths)
    indices[destination] = column[order]
    data[destination] = values[order]
    cursor[present] += lengths
