"""L-BFGS on functions with known minima, with and without bounds."""

import math

import pytest
import torch

from calibration_assets.fit.lbfgs import minimise

UNBOUNDED = (-math.inf, math.inf)


def quadratic(scales, centre):
    def evaluate(x):
        return float(0.5 * (scales * (x - centre) ** 2).sum()), scales * (x - centre)

    return evaluate


def rosenbrock(x):
    x = x.clone().requires_grad_()
    value = (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()
    value.backward()
    return value.item(), x.grad


def run(evaluate, x, bounds=UNBOUNDED, **settings):
    limits = {"gradient_norm": 1e-8, "max_iterations": 500} | settings
    return minimise(evaluate, x, bounds, add=lambda values: values, **limits)


def test_an_ill_conditioned_quadratic_ends_at_its_centre():
    scales, centre = torch.logspace(0, 3, 40, dtype=torch.float64), torch.linspace(-1, 1, 40, dtype=torch.float64)
    minimum = run(quadratic(scales, centre), torch.zeros(40, dtype=torch.float64))
    assert minimum.converged
    torch.testing.assert_close(minimum.x, centre, rtol=0, atol=1e-8)


def test_rosenbrock_ends_at_one():
    minimum = run(rosenbrock, torch.zeros(6, dtype=torch.float64))
    assert minimum.converged
    torch.testing.assert_close(minimum.x, torch.ones(6, dtype=torch.float64), rtol=0, atol=1e-6)


def test_a_separable_quadratic_in_a_box_ends_at_the_projected_centre():
    scales, centre = torch.logspace(0, 3, 30, dtype=torch.float64), torch.linspace(-2, 2, 30, dtype=torch.float64)
    minimum = run(quadratic(scales, centre), torch.zeros(30, dtype=torch.float64), (-0.5, 1.0))
    assert minimum.converged
    torch.testing.assert_close(minimum.x, centre.clamp(-0.5, 1.0), rtol=0, atol=1e-8)


def test_bounds_hold_where_variables_are_coupled():
    generator = torch.Generator().manual_seed(0)
    root = torch.randn(20, 20, generator=generator, dtype=torch.float64)
    matrix, centre = root @ root.T + torch.eye(20), torch.randn(20, generator=generator, dtype=torch.float64)

    def evaluate(x):
        gradient = matrix @ (x - centre)
        return float(0.5 * (x - centre) @ gradient), gradient

    minimum = run(evaluate, torch.zeros(20, dtype=torch.float64), (-0.3, 0.3))
    gradient = matrix @ (minimum.x - centre)
    inside = minimum.x.abs() < 0.3
    assert minimum.converged
    assert gradient[inside].abs().max() < 1e-7
    assert (gradient[minimum.x == 0.3] <= 1e-7).all()
    assert (gradient[minimum.x == -0.3] >= -1e-7).all()
    assert 0 < inside.sum() < 20


def test_values_never_rise():
    values = run(rosenbrock, torch.full((10,), -1.5, dtype=torch.float64)).values
    assert all(later < earlier for earlier, later in zip(values, values[1:], strict=False))


def test_iterations_used_up_are_said():
    minimum = run(rosenbrock, torch.zeros(6, dtype=torch.float64), max_iterations=3)
    assert not minimum.converged
    assert minimum.reason == "The 3 iterations allowed were used up."
    assert len(minimum.values) == 4


@pytest.mark.parametrize("start", [0.0, 5.0])
def test_a_start_outside_the_bounds_is_projected(start):
    minimum = run(quadratic(torch.ones(3), torch.zeros(3)), torch.full((3,), start), (1.0, 2.0), gradient_norm=1e-6)
    assert minimum.x.tolist() == [1.0, 1.0, 1.0]
