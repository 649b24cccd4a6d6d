"""Measures on curves and surfaces: tilted moments against fine grids and closed forms, and what they must satisfy."""

import functools
import math

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import manifold_scores as ms
from tests import shapes, strategies
from tests.strategies import close

EPSILON = np.finfo(np.float64).eps

ROUNDING = 100 * EPSILON
"""The promise for closed forms, at inputs where the condition is taken into account by the size it is multiplied by."""

QUADRATURE = 1e-10
"""The promise for quadrature."""

BY_SUMS = 2e-12
"""Sums over 1e4 nodes whose weights are known to 1e-12 (differences of order eight)."""

NODES = {1: 2048, 2: 224}

NAMES = [
    "ellipse", "lima bean", "wavy circle", "helix", "star", "rough star", "loop in R^3", "loop in R^6", "arc", "torus",
    "Swiss roll", "sphere patch", "bumpy torus", "cylinder", "flat torus",
]  # fmt: skip
SOME = ["wavy circle", "helix", "arc", "sphere patch", "torus"]
each_shape = pytest.mark.parametrize("name", NAMES)
some_shapes = pytest.mark.parametrize("name", SOME)
seeds = st.integers(0, 2**32 - 1)


def density(u):
    """A positive density in the parameters (N, m), periodic with 2 pi."""
    return np.exp(np.sin(u).sum(-1))


@functools.cache
def laws(name):
    """The uniform law and one with the density above, each with its nodes and shares; and the size of M."""
    shape = shapes.shapes()[name]
    u, y, shares = shapes.quadrature(shape, NODES[len(shape.ends)])
    weighted = shares * density(u)
    manifold = shape.manifold
    measure = manifold.measure(lambda *u: density(np.stack(u, -1)))
    size = np.abs(y - y.mean(0)).max()
    pairs = [(manifold.uniform(), shares / shares.sum()), (measure, weighted / weighted.sum())]
    return [strategies.Law(name, law, y, share, None) for law, share in pairs], size


def some_tilts(nodes, size, n, seed, low=0.02):
    rng = np.random.default_rng(seed)
    lower, upper = nodes.min(0), nodes.max(0)
    z = rng.uniform(1.5 * lower - 0.5 * upper, 1.5 * upper - 0.5 * lower, (n, nodes.shape[1]))
    return z, size**2 * np.exp(rng.uniform(math.log(low), math.log(50), n))


@each_shape
def test_tilts_against_sums_over_a_grid(name):
    pairs, size = laws(name)
    for law in pairs:
        z, s = some_tilts(law.nodes, size, 12, 0)
        tilt, covariance = law.measure.tilt(z, s), law.measure.tilt_covariance(z, s)
        trace, estimate = law.measure.tilt_covariance_trace(z, s), law.measure.error_estimate(z, s)
        for i in range(len(z)):
            mass, displacement, spread = strategies.brute_force(law, z[i], s[i])
            exponent = 1 + (np.linalg.norm(law.nodes - z[i], axis=1).max() ** 2) / (2 * s[i])
            close(tilt.log_mass[i], mass, BY_SUMS * exponent)
            close(tilt.displacement[i], displacement, BY_SUMS * exponent * size)
            close(tilt.mean[i], z[i] + displacement, BY_SUMS * exponent * size)
            close(covariance[i], spread, BY_SUMS * exponent * size**2)
            close(trace[i], np.trace(spread), BY_SUMS * exponent * size**2)
        # The estimate is of the order of the error, which is that of rounding here.
        assert (estimate.log_mass < 1e-12 * (1 + np.abs(tilt.log_mass))).all()
        assert (estimate.mean < 1e-12 * size).all()


# Closed forms.


def _compare(measure, reference, z, s, size):
    """Two measures that are the same, at inputs whose rounding moves z and M by eps."""
    tilt, wanted = measure.tilt(z, s), reference.tilt(z, s)
    moved = ROUNDING * (np.linalg.norm(z, axis=1) + size)
    gap = np.linalg.norm(wanted.displacement, axis=1)
    close(tilt.displacement, wanted.displacement, 4 * moved[:, None])
    close(tilt.mean, wanted.mean, 4 * moved[:, None])
    close(tilt.log_mass, wanted.log_mass, ROUNDING * (1 + np.abs(wanted.log_mass)) + moved * gap / s)
    covariance = reference.tilt_covariance(z, s)
    scale = np.abs(covariance).max(axis=(1, 2))
    close(measure.tilt_covariance(z, s), covariance, QUADRATURE * scale[:, None, None] + 1e-300)


def _queries(rng, d, n=60):
    """Points up to 5 from the origin, some on the unit sphere, and variances from 1e-16 to 1e16."""
    z = rng.standard_normal((n, d))
    z *= rng.uniform(0.5, 5, (n, 1)) / np.linalg.norm(z, axis=1, keepdims=True)
    return z, 10.0 ** rng.uniform(-16, 16, n)


@pytest.mark.parametrize("radius", [0.01, 1.0, 3.0])
def test_a_circle(radius):
    z, s = _queries(np.random.default_rng(0), 2)
    curve = ms.Ellipse(radius, radius)
    _compare(curve.uniform(), ms.Circle(radius).uniform(), radius * z, radius**2 * s, radius)


@pytest.mark.parametrize("concentration", [0.5, 20.0])
def test_von_mises_on_a_circle(concentration):
    z, s = _queries(np.random.default_rng(1), 2)
    u = sp.Symbol("u")
    measure = ms.Ellipse(1.0, 1.0).measure(sp.exp(concentration * sp.cos(u - 1)))
    direction = [math.cos(1), math.sin(1)]
    # The density is evaluated in z to 100 (1 + concentration) roundings.
    reference = ms.Circle().von_mises_fisher(direction, concentration)
    _compare(measure, reference, z, s, 1.0 + concentration)


def test_a_segment():
    start, end = np.array([0.3, -1.0, 0.5]), np.array([1.0, 1.0, 1.0])
    z, s = _queries(np.random.default_rng(2), 3)
    curve = ms.Curve(lambda u: start + u[:, None] * (end - start), (0.0, 1.0))
    _compare(curve.uniform(), ms.Segment(start, end).uniform(), z, s, 2.0)


def test_a_flat_torus_and_a_cylinder():
    z, s = _queries(np.random.default_rng(3), 4, 30)
    torus = shapes.surfaces()["flat torus"].manifold
    _compare(torus.uniform(), ms.Product(ms.Circle().uniform(), ms.Circle(0.5).uniform()), z, s, 2.0)
    cylinder = shapes.surfaces()["cylinder"].manifold.uniform()
    _compare(cylinder, ms.Product(ms.Circle().uniform(), ms.Segment([-1.0], [1.5]).uniform()), z[:, :3], s, 2.0)


def test_combinations_are_what_they_are_made_of():
    z, s = _queries(np.random.default_rng(4), 2)
    half = [ms.Curve(lambda u: shapes.stack(np.cos(u), np.sin(u)), (a, a + np.pi)) for a in (0.0, np.pi)]
    _compare(ms.Mixture([part.uniform() for part in half]), ms.Circle().uniform(), z, s, 1.0)
    circle, rng = ms.Ellipse(1.0, 1.0).uniform(), np.random.default_rng(5)
    z, s = _queries(rng, 3)
    product = ms.Product(circle, ms.Segment([-1.0], [1.5]).uniform())
    _compare(product, ms.Product(ms.Circle().uniform(), ms.Segment([-1.0], [1.5]).uniform()), z, s, 2.0)
    basis, origin = strategies.rotation(rng, 3)[:, :2], np.array([0.1, 0.2, 0.3])
    ring = ms.Curve(lambda u: origin + shapes.stack(np.cos(u), np.sin(u)) @ basis.T, (0.0, shapes.TURN))
    _compare(ms.Embedded(circle, basis, origin), ms.Embedded(ms.Circle().uniform(), basis, origin), z, s, 1.0)
    _compare(ring.uniform(), ms.Embedded(ms.Circle().uniform(), basis, origin), z, s, 1.0)


# What holds for all.


@some_shapes
@settings(max_examples=10)
@given(seeds)
def test_means_lie_in_the_hull_and_move_with_the_manifold(name, seed):
    law, size = laws(name)[0][1], laws(name)[1]
    z, s = some_tilts(law.nodes, size, 5, seed, low=1e-6)
    tilt = law.measure.tilt(z, s)
    direction = np.random.default_rng(seed).standard_normal((law.dimension, 20))
    points = shapes.grid(shapes.shapes()[name], NODES[law.measure.dimension])[1].reshape(-1, law.dimension)
    # The highest node is below the highest point by curvature times the squared step.
    slack = 1e-3 * size * np.linalg.norm(direction, axis=0)
    assert (tilt.mean @ direction <= (points @ direction).max(0) + slack).all()
    assert (np.linalg.norm(tilt.mean, axis=1) <= np.linalg.norm(points, axis=1).max() + 1e-3 * size).all()
    rng = np.random.default_rng(seed)
    turn, shift = strategies.rotation(rng, law.dimension), rng.uniform(-1, 1, law.dimension)
    turned = ms.Embedded(law.measure, turn, shift).tilt(z @ turn.T + shift, s)
    # A tilt is a function of z with derivative Cov/s, of the order 1/h next to a focal point.
    spread = law.measure.tilt_covariance_trace(z, s) / s
    close(turned.mean, tilt.mean @ turn.T + shift, (ROUNDING * (10 + size) * (1 + spread))[:, None])


@some_shapes
def test_laws_move_with_their_manifold(name):
    shape, rng = shapes.shapes()[name], np.random.default_rng(7)
    d = shape.manifold.ambient_dimension
    turn, shift, scale = strategies.rotation(rng, d), rng.uniform(-2, 2, d), 12.5
    kind = ms.Curve if len(shape.ends) == 1 else ms.Surface
    moved = kind(shapes.moved(shape.function, turn, scale, shift), *shape.ends).uniform()
    law, size = laws(name)[0][0], laws(name)[1]
    z, s = some_tilts(law.nodes, size, 30, 8, low=1e-4)
    still, image = law.measure.tilt(z, s), moved.tilt(scale * z @ turn.T + shift, scale**2 * s)
    condition = 1 + law.measure.tilt_covariance_trace(z, s) / s + np.linalg.norm(still.displacement, axis=1) * size / s
    close(
        image.displacement, scale * still.displacement @ turn.T, (QUADRATURE * 1e-2 * scale * size * condition)[:, None]
    )
    close(image.log_mass, still.log_mass, QUADRATURE * 1e-2 * condition)


@each_shape
def test_local_dimension_tends_to_the_dimension_on_the_manifold(name):
    shape = shapes.shapes()[name]
    manifold = shape.manifold
    noised = ms.NoisedMeasure(manifold.uniform(), ms.BrownianMotion())
    u = np.random.default_rng(9).uniform(manifold.lower, manifold.upper, (4, manifold.dimension))
    u[-1] = manifold.lower  # an end or a corner, where there is one
    on = shape.function(*u.T)
    # E|y - x|^2 / t = m + O(t curvature^2), + O(sqrt(t) curvature) at the boundary; rounding of x adds eps^2/t.
    close(noised.local_dimension(on, 1e-14), manifold.dimension, 1e-4)
    off = on + 0.01 * manifold.normal_basis(on)[..., 0]
    gap = manifold.distance(off)
    close(noised.local_dimension(off, 1e-9) * 1e-9 / gap**2, 1.0, 1e-3)


@some_shapes
def test_fokker_planck_equation(name):
    law, size = laws(name)[0][1], laws(name)[1]
    noised, rng = ms.NoisedMeasure(law.measure, ms.OrnsteinUhlenbeck(rate=0.7)), np.random.default_rng(10)
    x = law.nodes[rng.integers(len(law.nodes), size=5)] + 0.3 * size * rng.standard_normal((5, law.dimension))
    for each in x:
        for t in (0.05 * size**2, 0.3 * size**2):
            change = strategies.slope(lambda h, x=each, t=t: noised.log_density(x, t + h), 1e-3 * t)
            score = noised.score(each, t)
            right = 0.5 * (noised.score_divergence(each, t) + score @ score) + 0.7 * (law.dimension + each @ score)
            # Truncation of the five-point rule 1e-12/t of the density, rounding 1e-13/t of it.
            close(change, right, 1e-9 * (1 + abs(noised.log_density(each, t))) / t)
            step = 1e-3 * math.sqrt(t)
            for axis in np.eye(law.dimension):
                along = strategies.slope(lambda h, x=each, t=t, e=axis: noised.log_density(x + h * e, t), step)
                close(along, score @ axis, 1e-9 * (1 + np.linalg.norm(score)) / step)


@each_shape
def test_limits_of_the_variance(name):
    law, size = laws(name)[0][0], laws(name)[1]
    manifold = shapes.shapes()[name].manifold
    z, _ = some_tilts(law.nodes, size, 8, 11)
    for s in (1e-100, 1e-60, 1e-30):
        tilt = law.measure.tilt(z, s)
        close(tilt.mean, manifold.project(z), 1e-10 * size)  # unique almost surely, conditioned like 1/h
        close(tilt.displacement, manifold.project(z) - z, 1e-10 * size)
        gap = manifold.distance(z)
        np.testing.assert_allclose(tilt.log_mass * s, -0.5 * gap**2, rtol=1e-10)
        assert np.isfinite(law.measure.tilt_covariance(z, s)).all()
    center = law.shares @ law.nodes
    spread = (law.shares[:, None] * (law.nodes - center)).T @ (law.nodes - center)
    for s in (1e20, 1e100, 1e290):
        tilt = law.measure.tilt(z, s)
        close(tilt.mean, center, 10 * BY_SUMS * size)
        close(tilt.log_mass, 0.0, 1e4 / s + ROUNDING)
        close(law.measure.tilt_covariance(z, s), spread, 10 * BY_SUMS * size**2)
    far = z[:4] * (1e50 / np.abs(z[:4]).max(1, keepdims=True))
    for s in (1e-100, 1.0, 1e60, 1e290):
        tilt = law.measure.tilt(far, s)
        for value in (tilt.log_mass, tilt.mean, tilt.displacement, law.measure.tilt_covariance(far, s)):
            assert np.isfinite(value).all()
        assert (np.abs(tilt.mean) <= np.abs(law.nodes).max() * 1.001).all()
        np.testing.assert_allclose(tilt.displacement, -far, rtol=1e-14)


@settings(max_examples=20)
@given(seeds)
def test_error_estimates_are_honest_and_tolerances_kept(seed):
    rng = np.random.default_rng(seed)
    function = shapes.loop(rng, int(rng.integers(3, 5)), 4)
    curve = shapes.closed_curve(function)
    z = function(rng.uniform(0, 7, 8)) + rng.standard_normal((8, curve.ambient_dimension)) * 10 ** rng.uniform(-3, 0.5)
    s = 10.0 ** rng.uniform(-10, 2, 8)
    exact, size = curve.uniform().tilt(z, s), np.abs(function(np.linspace(0, 6, 50))).max()
    condition = (
        1 + (curve.uniform().tilt_covariance_trace(z, s) + size * np.linalg.norm(exact.displacement, axis=1)) / s
    )
    for tolerance in (1e-3, 1e-6, 1e-10):
        rough = curve.measure(1, tolerance=tolerance)
        tilt, estimate = rough.tilt(z, s), rough.error_estimate(z, s)
        error = np.linalg.norm(tilt.mean - exact.mean, axis=1)
        rounding = ROUNDING * size * condition
        assert (error <= tolerance * size * condition).all()
        assert (error <= 10 * estimate.mean + rounding).all()
        assert (np.abs(tilt.log_mass - exact.log_mass) <= 10 * estimate.log_mass + rounding).all()
        assert (estimate.mean <= tolerance * size * condition).all()
