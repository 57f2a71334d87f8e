"""What a statistician would try first on the same problem: random subset, raking, GREG, L1.

Each returns weights (columns,) for targets that `X @ w` should meet. Rows are divided by their targets, so that a unit
of error is 100 % of a target everywhere. The fit itself is in `calibration_assets.fit`.
"""

from dataclasses import replace

import numpy as np
import torch
from scipy import sparse
from scipy.sparse.linalg import splu

from benchmarks.problems import Problem
from calibration_assets.fit.fit import fit
from calibration_assets.fit.lbfgs import minimise
from calibration_assets.fit.products import ColumnProducts
from calibration_assets.settings import FitSettings

RIDGE = 1e-9
NEWTON_STEPS = 30
MET = 1e-4
SHORTEST_STEP = 1e-6
L1_ITERATIONS = 400


def fit_random_subset(problem: Problem, n_columns: int, settings: FitSettings) -> np.ndarray:
    """The refit of a random subset: no gates, the population spread evenly over the drawn columns."""
    drawn = np.sort(np.random.default_rng(0).choice(problem.X.shape[1], n_columns, replace=False))
    start = np.full(n_columns, problem.start * problem.X.shape[1] / n_columns)
    result = fit(problem.X[:, drawn], problem.targets, replace(settings, epochs=0), initial_weights=start)
    weights = np.zeros(problem.X.shape[1])
    weights[drawn] = result.weights
    return weights


def rake(problem: Problem) -> np.ndarray:
    """Exponential tilting w = w0 exp(A.T nu), by Newton on the dual with a line search."""
    A = _scaled(problem)
    start = np.full(A.shape[1], problem.start)
    nu, weights = np.zeros(A.shape[0]), start
    for _ in range(NEWTON_STEPS):
        missing = 1 - A @ weights
        if np.abs(missing).max() < MET:
            break
        step = _solve_normal(A, weights, missing)
        value, length = weights.sum() - nu.sum(), 1.0
        while length > SHORTEST_STEP:
            new = nu + length * step
            weights_there = start * np.exp(np.minimum(A.T @ new, 50.0))
            if weights_there.sum() - new.sum() <= value - 1e-4 * length * (missing @ step):
                break
            length /= 2
        nu, weights = new, weights_there
    return weights


def weight_by_greg(problem: Problem) -> np.ndarray:
    """Generalised regression: the weights nearest the start in chi-square that meet all targets; some are negative."""
    A = _scaled(problem)
    start = np.full(A.shape[1], problem.start)
    return start * (1 + A.T @ _solve_normal(A, start, 1 - A @ start))


def fit_l1(problem: Problem, penalty: float) -> np.ndarray:
    """min sum (1 - A w)^2 + penalty sum w / w0 over w >= 0, by projected L-BFGS on w / w0."""
    products = ColumnProducts(_scaled(problem).astype(np.float32), dtype=torch.float64)

    def evaluate(ratio: torch.Tensor) -> tuple[float, torch.Tensor]:
        missing = products.estimates(ratio * problem.start) - 1
        gradient = products.gradient(2 * missing, torch.empty_like(ratio)).mul_(problem.start).add_(penalty)
        return float(missing @ missing + penalty * ratio.sum()), gradient

    ones = torch.ones(products.n_columns, dtype=torch.float64)
    minimum = minimise(
        evaluate, ones, (0.0, np.inf), gradient_norm=0.0, max_iterations=L1_ITERATIONS, add=lambda values: values
    )
    return minimum.x.numpy() * problem.start


def _scaled(problem: Problem) -> sparse.csr_matrix:
    """The matrix with each row divided by its target, float64."""
    return (sparse.diags(1 / problem.targets) @ problem.X.astype(np.float64)).tocsr()


def _solve_normal(A: sparse.csr_matrix, weights: np.ndarray, right: np.ndarray) -> np.ndarray:
    """(A diag(w) A.T + ridge) x = right; the ridge serves rows that repeat each other."""
    normal = (A @ sparse.diags(weights) @ A.T).tocsc()
    ridge = RIDGE * normal.diagonal().mean() * sparse.identity(A.shape[0], format="csc")
    factors = splu(
        normal + ridge, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True}
    )
    return factors.solve(right)
