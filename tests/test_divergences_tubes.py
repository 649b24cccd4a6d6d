"""Renyi divergences on tubes: volumes, normality, closed forms, honest errors, few evaluations."""

import math

import numpy as np
import pytest
import sympy as sp

import manifold_scores as ms
from tests.reference.divergences import between_gaussians, between_von_mises, coverage, gaussian, on_the_tube

ORDERS = np.array([0.5, 1.0, 1.1, 2.0, 4.0])


def tubes():
    u = sp.Symbol("u", real=True)
    knot = ms.Curve([sp.cos(u) * 2, sp.sin(u) * 2, sp.sin(2 * u) / 2], (u, 0, 2 * sp.pi))
    return {
        "circle": (ms.Circle(1.3), 0.8, 0.7),
        "ellipse": (ms.Ellipse(2.0, 1.4), 0.6, 4.0),
        "segment in the plane": (ms.Segment([0.0, 0.0], [3.0, 1.0]), 0.8, 0.6),
        "segment in space": (ms.Segment([0.0, 0.0, 1.0], [3.0, 1.0, 0.0]), 0.8, 0.4),
        "arc": (ms.Curve([u, u**2 / 4], (u, -2, 2)), 0.9, 0.3),
        "closed curve in space": (knot, 0.7, 5.0),
        "sphere": (ms.Sphere(3, 1.5), 0.7, [0.1, 0.3]),
        "torus": (ms.Torus(2.5, 1.0), 0.8, [2.0, 6.0]),
    }


TUBES = tubes()

CLOSED_SURFACES = {"sphere": 2, "torus": 0}
"""Their Euler characteristics."""


@pytest.mark.parametrize("name", TUBES)
def test_volume_of_a_tube(name):
    # Weyl's formula; a boundary changes nothing, as the ends are flat.
    manifold, radius, _ = TUBES[name]
    rule = ms.TubularQuadrature(manifold, radius, width=0.3, panels=12)
    region = rule.region(None)
    parameters = region.lower[:, None] + (0.5 + 0.5 * region.rule.nodes) * (region.upper - region.lower)[:, None]
    _, log_volumes = region.points(parameters.reshape(-1, region.rule.dimension))
    cells = np.prod(region.upper - region.lower, axis=1)
    total = (np.exp(log_volumes).reshape(len(cells), -1) @ region.rule.weights) @ cells
    if name in CLOSED_SURFACES:
        wanted = 2 * radius * manifold.volume + 4 * math.pi / 3 * radius**3 * CLOSED_SURFACES[name]
    else:
        section = 2 * radius if manifold.ambient_dimension == 2 else math.pi * radius**2
        wanted = section * manifold.volume
    assert total == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("name", TUBES)
def test_tubular_coordinates_are_normal(name):
    manifold, radius, _ = TUBES[name]
    region = ms.TubularQuadrature(manifold, radius, width=0.3).region(None)
    rng = np.random.default_rng(0)
    parameters = rng.uniform(region.lower.min(axis=0), region.upper.max(axis=0), (40, region.lower.shape[1]))
    points, log_volumes = region.points(parameters)
    t = parameters[:, manifold.dimension]
    np.testing.assert_allclose(manifold.distance(points), np.abs(0.3 * np.sinh(t)), atol=1e-9)
    # The volume element by differences of the map.
    step = 1e-5
    slopes = [
        (region.points(parameters + step * e)[0] - region.points(parameters - step * e)[0]) / (2 * step)
        for e in np.eye(parameters.shape[1])
    ]
    determinants = np.abs(np.linalg.det(np.stack(slopes, axis=1)))
    np.testing.assert_allclose(np.exp(log_volumes), determinants, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", TUBES)
def test_gaussians_inside_a_tube(name):
    # Two Gaussians of width 0.07 on M; 8 standard deviations are inside the tube.
    manifold, radius, u = TUBES[name]
    d = manifold.ambient_dimension
    rng = np.random.default_rng(1)
    mean = np.asarray(manifold.embed(u))
    other = mean + 0.02 * rng.standard_normal(d)
    c0 = 0.07**2 * np.eye(d)
    change = np.eye(d) + 0.1 * np.diag(rng.uniform(-1, 1, d))
    c1 = change @ c0 @ change
    p, q = gaussian(mean, c0), gaussian(other, c1)
    rule = ms.TubularQuadrature(manifold, radius, tolerance=1e-2)
    value, error = ms.renyi_divergence(p, q, ORDERS, rule, return_error=True)
    truth = np.array([between_gaussians(mean, c0, other, c1, order) for order in ORDERS])
    assert (error <= 1e-2 * value).all()
    assert (np.abs(value - truth) <= error).all()


@pytest.mark.parametrize("width", [0.08, 1e-3, 1e-6])
def test_von_mises_on_a_circle(width):
    # Divergences of products add; the radial laws are N(0, w^2) and N(w/10, w^2).
    k0, k1, angle, shift = 2.0, 2.3, 0.2, 0.1
    p = on_the_tube(lambda a: k0 * np.cos(a), lambda s: -0.5 * (s / width) ** 2)
    q = on_the_tube(lambda a: k1 * np.cos(a - angle), lambda s: -0.5 * (s / width - shift) ** 2)
    rule = ms.TubularQuadrature(ms.Circle(), 0.9, tolerance=1e-2)
    value, error = ms.renyi_divergence(p, q, ORDERS, rule, return_error=True)
    wanted = [between_von_mises(k0, k1, angle, order) + order * shift**2 / 2 for order in ORDERS]
    assert (np.abs(value - wanted) <= error).all()
    assert (error <= 1e-2 * value).all()
    # The costs grow with log(radius/width) only, and every order uses the same values.
    assert p.points == q.points <= 800 + 400 * math.asinh(0.9 / width)
    assert p.calls == q.calls <= 5


def test_supremum_on_a_tube():
    k0, k1, angle = 2.0, 2.3, 0.2
    p = on_the_tube(lambda a: k0 * np.cos(a), lambda s: -0.5 * (s / 0.05) ** 2)
    q = on_the_tube(lambda a: k1 * np.cos(a - angle), lambda s: -0.5 * (s / 0.05) ** 2)
    rule = ms.TubularQuadrature(ms.Circle(), 0.5, width=0.05, tolerance=1e-3)
    value, error = ms.renyi_divergence(p, q, [1.0, math.inf], rule, return_error=True)
    wanted = np.array([between_von_mises(k0, k1, angle, order) for order in (1.0, math.inf)])
    assert (np.abs(value - wanted) <= error).all()
    assert (error <= 1e-3 * value).all()


def test_von_mises_coverage():
    rng, cases = np.random.default_rng(8), []
    for _ in range(40):
        size = 10 ** rng.uniform(-3, 0)
        k0, width = rng.uniform(0, 30), 10 ** rng.uniform(-3, -1.2)
        k1, angle, shift = k0 * (1 + 0.3 * size), size * rng.uniform(0, 1), size * rng.uniform(0, 1)
        p = on_the_tube(lambda a, k=k0: k * np.cos(a), lambda s, w=width: -0.5 * (s / w) ** 2)
        q = on_the_tube(lambda a, k=k1, m=angle: k * np.cos(a - m), lambda s, w=width, h=shift: -0.5 * (s / w - h) ** 2)
        rule = ms.TubularQuadrature(ms.Circle(), 0.6, tolerance=1e-2)
        value, error = ms.renyi_divergence(p, q, ORDERS, rule, return_error=True)
        truth = [between_von_mises(k0, k1, angle, order) + order * shift**2 / 2 for order in ORDERS]
        cases.append((value, error, truth))
    assert coverage(cases) >= 0.98
