"""Products with a matrix and with its transpose, held once each in the order that each product reads.

Rows by column and rows by cell are each held by blocks for the product with weights: the row segments of a block follow
each other, so that the weights they read fit in cache, near-dense rows become many short ones, and segments are added
in float64. For the product with slopes they are held by column, or cell. int32 indices; objectives stay out.
"""

import mmap
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from scipy import sparse

from calibration_assets.errors import CalibrationError
from calibration_assets.matrix.cell_matrix import CellMatrix

BLOCK_COLUMNS = 1 << 16
MAX_ENTRIES = 2**31 - 1


class MatrixProducts:
    """Columns `first` to `last` of X (rows, columns), for estimates and gradients in `dtype`."""

    def __init__(
        self,
        X: CellMatrix,
        first: int = 0,
        last: int | None = None,
        *,
        dtype: torch.dtype = torch.float32,
        device: str = "cpu",
    ) -> None:
        last = X.shape[1] if last is None else last
        self.n_columns = last - first
        self._rows = [torch.tensor(np.asarray(rows), device=device).long() for rows in (X.column_rows, X.cell_rows)]
        self._n_rows, self._device = X.shape[0], device
        self._by_column = self._by_cell = None
        if len(X.column_rows):
            self._by_column = ColumnProducts(X.by_column, first, last, dtype=dtype, device=device)
        if len(X.cell_rows):
            filled = np.bincount(X.by_cell.indices, minlength=X.by_cell.shape[1]) > 0
            self._by_cell = ColumnProducts(X.by_cell[:, filled], dtype=dtype, device=device)
            A = X.incidence[filled][:, first:last].astype(str(dtype).removeprefix("torch."))
            self._incidence, self._back = (
                _torch_csr(one.indptr, one.indices, one.data, one.shape, device) for one in (A, A.T.tocsr())
            )
            self._of_cells = torch.empty(A.shape[0], dtype=dtype, device=device)

    def estimates(self, weights: torch.Tensor) -> torch.Tensor:
        """`X @ weights` (rows,) in float64, for weights (columns,)."""
        sums = torch.zeros(self._n_rows, dtype=torch.float64, device=self._device)
        column_rows, cell_rows = self._rows
        if self._by_column is not None:
            sums[column_rows] = self._by_column.estimates(weights)
        if self._by_cell is not None:
            torch.mv(self._incidence, weights, out=self._of_cells)
            sums[cell_rows] = self._by_cell.estimates(self._of_cells)
        return sums

    def gradient(self, slopes: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
        """`X.T @ slopes` into `out` (columns,), for slopes (rows,)."""
        column_rows, cell_rows = self._rows
        if self._by_column is None:
            out.zero_()
        else:
            self._by_column.gradient(slopes[column_rows], out)
        if self._by_cell is not None:
            self._by_cell.gradient(slopes[cell_rows], self._of_cells)
            out += torch.mv(self._back, self._of_cells)
        return out


class ColumnProducts:
    """Columns `first` to `last` of a CSR matrix (rows, columns), likewise."""

    def __init__(
        self,
        X: sparse.csr_matrix,
        first: int = 0,
        last: int | None = None,
        *,
        dtype: torch.dtype = torch.float32,
        device: str = "cpu",
    ) -> None:
        last = X.shape[1] if last is None else last
        self.n_rows, self.n_columns = X.shape[0], last - first
        edges = np.append(np.arange(first, last, BLOCK_COLUMNS), last)
        positions = _segment_positions(X, edges)
        pointers, indices, data = _by_blocks(X, positions, first, np.dtype(str(dtype).removeprefix("torch.")))
        _release_pages(X)
        self._by_column = _transposed(pointers, indices, data, edges - first, device)
        shape = (len(pointers) - 1, self.n_columns)
        self._segments = _torch_csr(pointers, indices, data, shape, device)
        self._partial = torch.empty(shape[0], dtype=dtype, device=device)

    def estimates(self, weights: torch.Tensor) -> torch.Tensor:
        """`X @ weights` (rows,) in float64, for weights (columns,)."""
        torch.mv(self._segments, weights, out=self._partial)
        return self._partial.view(-1, self.n_rows).sum(0, dtype=torch.float64)

    def gradient(self, slopes: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
        """`X.T @ slopes` into `out` (columns,), for slopes (rows,)."""
        return torch.mv(self._by_column, slopes.to(out.dtype), out=out)


def _segment_positions(X: sparse.csr_matrix, edges: np.ndarray) -> np.ndarray:
    """Where each row's entries of each block begin, (blocks + 1, rows)."""
    if not X.has_sorted_indices:
        raise CalibrationError("The matrix has unsorted column indices, expected sorted ones: call X.sort_indices().")
    edges = edges.astype(X.indices.dtype)
    rows = zip(X.indptr[:-1], X.indptr[1:], strict=True)
    return np.stack([start + np.searchsorted(X.indices[start:end], edges) for start, end in rows], axis=1)


def _by_blocks(
    X: sparse.csr_matrix, positions: np.ndarray, first: int, dtype: np.dtype
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pointers (blocks * rows + 1,), indices and data with the entries ordered by (block, row, column)."""
    lengths = np.diff(positions, axis=0)
    pointers = np.concatenate([[0], np.cumsum(lengths)])
    if pointers[-1] > MAX_ENTRIES:
        raise CalibrationError(
            f"The matrix has {pointers[-1]:,} entries on one process, expected at most {MAX_ENTRIES:,}: "
            "start the fit on several ranks with torchrun."
        )
    indices = np.empty(pointers[-1], dtype=np.int32)
    data = np.empty(pointers[-1], dtype=dtype)
    for block, length in enumerate(lengths):
        begin, *_ = starts = pointers[block * len(length) : (block + 1) * len(length)]
        take = np.arange(begin, begin + length.sum()) + np.repeat(positions[block] - starts, length)
        np.subtract(X.indices[take], first, out=indices[begin : begin + len(take)], casting="same_kind")
        data[begin : begin + len(take)] = X.data[take]
    return pointers.astype(np.int32), indices, data


def _transposed(
    pointers: np.ndarray, indices: np.ndarray, data: np.ndarray, edges: np.ndarray, device: str
) -> torch.Tensor:
    """The transpose (columns, rows) of a matrix held by blocks of columns, block by block on all threads."""
    n_blocks = len(edges) - 1
    n_rows = (len(pointers) - 1) // n_blocks
    row_indices, values = np.empty_like(indices), np.empty_like(data)
    column_pointers = np.zeros(edges[-1] + 1, dtype=np.int32)

    def transpose(block: int) -> None:
        low, high = edges[block : block + 2]
        own = pointers[block * n_rows : (block + 1) * n_rows + 1]
        span = slice(own[0], own[-1])
        parts = (data[span], indices[span] - np.int32(low), own - own[0])
        by_column = sparse.csr_matrix(parts, shape=(n_rows, high - low)).tocsc()
        row_indices[span], values[span] = by_column.indices, by_column.data
        column_pointers[low + 1 : high + 1] = by_column.indptr[1:] + own[0]

    with ThreadPoolExecutor(torch.get_num_threads()) as threads:
        list(threads.map(transpose, range(n_blocks)))
    return _torch_csr(column_pointers, row_indices, values, (int(edges[-1]), n_rows), device)


def _torch_csr(
    pointers: np.ndarray, indices: np.ndarray, data: np.ndarray, shape: tuple[int, int], device: str
) -> torch.Tensor:
    """A torch CSR tensor over the same memory where the device is the CPU."""
    crow, col, values = (torch.from_numpy(part).to(device) for part in (pointers, indices, data))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta")
        return torch.sparse_csr_tensor(crow, col, values, size=shape, check_invariants=False)


def mapped_file(array: np.ndarray) -> np.memmap | None:
    """The file mapped read-only that an array is a view of, if it is one."""
    base: Any = array
    while base is not None and not isinstance(base, np.memmap):
        base = getattr(base, "base", None)
    return base if base is not None and base.mode == "r" else None


def _release_pages(X: sparse.csr_matrix) -> None:
    """Give back the memory of a matrix that is mapped from files; it is read again when touched."""
    for mapped in map(mapped_file, (X.indices, X.data)):
        if mapped is not None:
            pages: mmap.mmap = mapped._mmap  # type: ignore[attr-defined]
            pages.madvise(mmap.MADV_DONTNEED)
