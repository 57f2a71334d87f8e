"""Products by blocks of columns equal the dense ones, whole or in shards, in memory or mapped."""

import numpy as np
import pytest
import torch
from scipy import sparse

from calibration_assets.errors import CalibrationError
from calibration_assets.fit import products
from calibration_assets.fit.products import ColumnProducts, MatrixProducts
from calibration_assets_tests.fit.problems import small_problem
from calibration_assets_tests.matrix.test_cell_matrix import LITERAL, made


@pytest.fixture(params=[7, 64, 1 << 16])
def block_columns(request, monkeypatch):
    """Blocks that do and do not divide the columns."""
    monkeypatch.setattr(products, "BLOCK_COLUMNS", request.param)


@pytest.mark.usefixtures("block_columns")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_products_equal_the_dense_ones(dtype):
    X, _ = small_problem()
    one = ColumnProducts(X, dtype=dtype)
    weights, slopes = torch.rand(300, dtype=dtype), torch.rand(12, dtype=torch.float64)
    dense = torch.from_numpy(X.toarray()).double()
    tolerance = {"rtol": 1e-6 if dtype == torch.float32 else 1e-13, "atol": 0}
    torch.testing.assert_close(one.estimates(weights), dense @ weights.double(), **tolerance)
    gradient = one.gradient(slopes, torch.empty(300, dtype=dtype))
    torch.testing.assert_close(gradient.double(), dense.T @ slopes, **tolerance)


@pytest.mark.usefixtures("block_columns")
def test_shards_add_up_to_the_whole():
    X, _ = small_problem()
    weights, slopes = torch.rand(300, dtype=torch.float64), torch.rand(12, dtype=torch.float64)
    shards = [ColumnProducts(X, first, last, dtype=torch.float64) for first, last in ((0, 101), (101, 300))]
    parts = [shards[0].estimates(weights[:101]), shards[1].estimates(weights[101:])]
    torch.testing.assert_close(sum(parts), torch.from_numpy(X.toarray()).double() @ weights)
    gradient = torch.cat([one.gradient(slopes, torch.empty(one.n_columns, dtype=torch.float64)) for one in shards])
    torch.testing.assert_close(gradient, torch.from_numpy(X.toarray()).double().T @ slopes)


def test_rows_without_entries_are_zero():
    X = sparse.csr_matrix(np.array([[0, 0], [1, 2], [0, 0]], dtype=np.float32))
    assert ColumnProducts(X).estimates(torch.ones(2)).tolist() == [0.0, 3.0, 0.0]


def test_a_mapped_matrix_is_as_it_was_after_its_pages_were_released(tmp_path):
    X, _ = small_problem()
    for name in ("data", "indices", "indptr"):
        np.save(tmp_path / f"{name}.npy", getattr(X, name))
    data, indices, indptr = (np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in ("data", "indices", "indptr"))
    mapped = sparse.csr_matrix((data, indices, indptr), shape=X.shape)
    ColumnProducts(mapped)
    assert (mapped != X).nnz == 0


def test_unsorted_indices_are_refused():
    X = sparse.csr_matrix((np.ones(2, np.float32), np.array([1, 0]), np.array([0, 2])), shape=(1, 2))
    with pytest.raises(CalibrationError, match="unsorted column indices"):
        ColumnProducts(X)


@pytest.mark.usefixtures("block_columns")
@pytest.mark.parametrize("matrix", [LITERAL, made(), made()[np.arange(6)]], ids=["literal", "made", "rows"])
def test_rows_by_cell_have_the_products_of_their_csr(matrix):
    dense = torch.from_numpy(matrix.tocsr().toarray()).double()
    n_rows, n_columns = matrix.shape
    weights, slopes = torch.rand(n_columns, dtype=torch.float64), torch.rand(n_rows, dtype=torch.float64)
    half = n_columns // 3
    shards = [MatrixProducts(matrix, *edges, dtype=torch.float64) for edges in ((0, half), (half, n_columns))]
    estimates = shards[0].estimates(weights[:half]) + shards[1].estimates(weights[half:])
    torch.testing.assert_close(estimates, dense @ weights)
    gradient = [one.gradient(slopes, torch.empty(one.n_columns, dtype=torch.float64)) for one in shards]
    torch.testing.assert_close(torch.cat(gradient), dense.T @ slopes)


def test_a_matrix_all_by_cell_has_its_gradient():
    cells_alone = LITERAL[np.array([1, 2])]
    slopes = torch.tensor([1.0, 2.0], dtype=torch.float64)
    gradient = MatrixProducts(cells_alone, dtype=torch.float64).gradient(slopes, torch.ones(4, dtype=torch.float64))
    assert gradient.tolist() == [17.0, 7.0, 10.0, -12.0]
