"""A curve of images: 64 x 64 pixels are 4096 dimensions."""

import functools

import numpy as np
import pytest

import manifold_scores as ms
from tests import shapes
from tests.strategies import close

ROUNDING = 64 * np.finfo(np.float64).eps
"""A few dozen roundings of numbers of size one."""

FROM_PIECES = {1: 4e-13}
"""Four times the "about 1e-13" that `derivative` states for Python functions, relative to the scale."""

QUADRATURE = 1e-13
"""The trapezoidal rule on a periodic analytic speed is exact to rounding."""

PIXELS = np.stack(np.meshgrid(*[np.linspace(-1, 1, 64)] * 2), -1).reshape(-1, 2)
WIDTH = 0.2


def bumps(u):
    """Images of 64 x 64 pixels of a Gaussian bump that goes round a circle of radius 1/2."""
    center = 0.5 * np.stack([np.cos(u), np.sin(u)], -1)
    return np.exp(-((PIXELS - center[:, None]) ** 2).sum(-1) / (2 * WIDTH**2))


@functools.cache
def images():
    return ms.Curve(bumps, (0.0, shapes.TURN))


def test_a_curve_of_images_has_its_geometry():
    curve, u = images(), np.array([0.3, 2.0, 4.0])
    assert (curve.ambient_dimension, curve.closed) == (4096, (True,))
    y = curve.embed(u)
    close(y, bumps(u), ROUNDING)
    close(curve.parameter(y), u, 1e-13)
    # dy/du = y <p - c, c'> / width^2 pixel by pixel.
    center = 0.5 * np.stack([np.cos(u), np.sin(u)], -1)
    across = np.stack([-center[:, 1], center[:, 0]], -1)
    slope = bumps(u) * np.einsum("npk,nk->np", PIXELS - center[:, None], across) / WIDTH**2
    speed = np.linalg.norm(slope, axis=1)
    close(curve.derivative(u, 1), slope, FROM_PIECES[1] * speed.max())
    close(curve.tangent_basis(y)[:, :, 0], slope / speed[:, None], FROM_PIECES[1])
    grid = np.arange(512) * shapes.TURN / 512  # the trapezoidal rule is exact to rounding for a periodic speed
    assert curve.volume == pytest.approx(curve.volume_element(grid).mean() * shapes.TURN, rel=QUADRATURE)
    # The pixels are fine enough for the curve to be homogeneous, as it would be without them.
    np.testing.assert_allclose(curve.curvature(y), curve.curvature(y).mean(), rtol=1e-2)


def test_projections_of_images_against_dense_search():
    curve, rng = images(), np.random.default_rng(3)
    x = bumps(np.array([0.5, 3.0])) + 0.05 * rng.standard_normal((2, 4096))
    grid = np.linspace(0, shapes.TURN, 4001)
    for each in x:
        least = min(np.linalg.norm(bumps(part) - each, axis=1).min() for part in np.array_split(grid, 8))
        assert least - 1e-4 < curve.distance(each) <= least + ROUNDING * least
        residual = each - curve.project(each)
        close(residual @ curve.tangent_basis(each)[:, 0], 0.0, 1e-11)
