"""A matrix kept by cell says what its CSR says: products, rows, columns, extremes, entries, blocks."""

import numpy as np
import pytest
from scipy import sparse

from calibration_assets.matrix.cell_matrix import CellMatrix, as_cell_matrix

# Four columns: the first and the third in cell 0, the second in cell 1, the fourth in cell 2; cells of a second kind
# are 3 (first and second column) and 4.
LITERAL = CellMatrix(
    by_column=sparse.csr_matrix(np.array([[1, 0, 0, 2], [0, 0, 3, 0]], dtype=np.float32)),
    column_rows=np.array([0, 3]),
    by_cell=sparse.csr_matrix(np.array([[5, 0, -6, 0, 0], [0, 0, 0, 7, 0]], dtype=np.float32)),
    cell_rows=np.array([2, 1]),
    cell=np.array([[0, 1, 0, 2], [3, 3, 4, 4]], dtype=np.int32),
)
EXPECTED = [[1, 0, 0, 2], [7, 7, 0, 0], [5, 0, 5, -6], [0, 0, 3, 0]]


def made(n_rows=12, n_columns=300, n_cells=40, seed=1):
    """Rows by column and by cell in mixed order, columns in one cell each, every cell with a column."""
    draw = np.random.default_rng(seed)
    order = draw.permutation(n_rows)
    half = n_rows // 2
    cell = draw.permutation(np.r_[np.arange(n_cells), draw.integers(n_cells, size=n_columns - n_cells)])
    parts = [
        sparse.random(rows, columns, 0.3, "csr", np.float32, draw, data_rvs=lambda n: draw.normal(size=n))
        for rows, columns in ((half, n_columns), (n_rows - half, n_cells))
    ]
    return CellMatrix(parts[0], order[:half], parts[1], order[half:], cell[None].astype(np.int32))


def test_the_literal_matrix_is_the_expected_one():
    assert LITERAL.tocsr().toarray().tolist() == EXPECTED
    assert LITERAL.shape == (4, 4)
    assert LITERAL.entries.tolist() == [2, 2, 3, 1]
    assert (LITERAL.nnz, LITERAL.stored_entries) == (8, 6)
    smallest, largest = LITERAL.extremes()
    assert smallest.tolist() == [1, 7, -6, 3]
    assert largest.tolist() == [2, 7, 5, 3]
    assert (LITERAL @ np.array([1.0, 2.0, 3.0, 4.0])).tolist() == [9, 21, -4, 9]


@pytest.mark.parametrize("matrix", [LITERAL, made(), as_cell_matrix(made().tocsr())], ids=["literal", "made", "csr"])
def test_rows_columns_and_products_are_those_of_the_csr(matrix):
    X, draw = matrix.tocsr(), np.random.default_rng(3)
    dense = X.toarray().astype(float)
    assert X.has_sorted_indices
    assert X.nnz == matrix.nnz
    assert X.indices.dtype == X.indptr.dtype == np.int32
    for weights in (draw.random(X.shape[1]), draw.random((X.shape[1], 3))):
        np.testing.assert_allclose(matrix @ weights, dense @ weights, rtol=1e-12)
    for rows in (np.array([3, 0, 2]), dense[:, 0] > 0, slice(1, 3), np.arange(4)):
        chosen = matrix[rows]
        np.testing.assert_array_equal(chosen.tocsr().toarray(), dense[rows])
        np.testing.assert_array_equal(chosen.entries, np.count_nonzero(dense[rows], axis=1))
    for columns in (np.array([2, 0, 3]), np.array([1])):
        fewer = matrix.take_columns(columns)
        np.testing.assert_array_equal(fewer.tocsr().toarray(), dense[:, columns])
        entries = [row.data for row in fewer.tocsr()]
        assert fewer.extremes()[0].tolist() == [min(row, default=0) for row in entries]
        assert fewer.extremes()[1].tolist() == [max(row, default=0) for row in entries]


@pytest.mark.parametrize(("entries", "rows"), [(1, None), (9, None), (1 << 22, None), (1 << 22, 5)])
def test_blocks_of_rows_put_together_are_the_matrix(entries, rows):
    matrix = made()
    blocks = list(matrix.row_blocks(entries, rows))
    assert [block.start for block, _ in blocks] == [0, *(block.stop for block, _ in blocks[:-1])]
    assert max(block.stop - block.start for block, _ in blocks) <= (rows or 12)
    assert (sparse.vstack([part for _, part in blocks]) != matrix.tocsr()).nnz == 0


def test_a_csr_matrix_is_not_copied():
    X = made().tocsr()
    assert np.shares_memory(as_cell_matrix(X).tocsr().data, X.data)
    assert np.shares_memory(CellMatrix.of_csr(X)[np.arange(2, 9)].by_column.data, X.data)


def test_sums_of_large_float32_entries_are_exact_in_float64():
    X = as_cell_matrix(sparse.csr_matrix(np.array([[16_777_216.0, 1.0, 1.0]], dtype=np.float32)))
    assert (X @ np.ones(3)).tolist() == [16_777_218.0]


def test_a_mapped_matrix_is_neither_copied_nor_changed(tmp_path):
    X = LITERAL.tocsr()
    for name in ("data", "indices", "indptr"):
        np.save(tmp_path / name, getattr(X, name))
    parts = tuple(np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in ("data", "indices", "indptr"))
    mapped = CellMatrix.of_csr(sparse.csr_matrix(parts, shape=X.shape, copy=False))
    assert np.shares_memory(mapped[:3].by_column.data, parts[0])
    assert (mapped @ np.array([1.0, 2.0, 3.0, 4.0])).tolist() == [9, 21, -4, 9]
