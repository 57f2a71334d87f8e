"""Small problems with attainable targets, for the tests of the fit."""

import numpy as np
from scipy import sparse


def small_problem(n_rows=12, n_columns=300, seed=0, density=0.3):
    """X (rows, columns) float32 CSR, its first row dense, and targets met by drawn weights."""
    generator = np.random.default_rng(seed)
    dense = generator.integers(1, 5, (n_rows, n_columns)) * (generator.random((n_rows, n_columns)) < density)
    dense[0] = 1
    X = sparse.csr_matrix(dense.astype(np.float32))
    return X, X.astype(np.float64) @ generator.lognormal(5, 0.5, n_columns)
