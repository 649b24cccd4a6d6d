"""Parametrisations: expressions in extended precision, functions as they are, densities on both."""

import numpy as np
import pytest
import sympy as sp
from mpmath import mp

import manifold_scores as ms
from manifold_scores.manifolds import maps
from tests.strategies import close

EXTENDED = float(np.finfo(np.longdouble).eps)

U, V = sp.symbols("u v")

CONSTANTS = {
    "rational": (sp.Rational(1, 3), lambda: mp.mpf(1) / 3),
    "pi": (sp.pi / 4, lambda: mp.pi / 4),
    "root": (sp.sqrt(2), lambda: mp.sqrt(2)),
    "e": (sp.E - 2, lambda: mp.e - 2),
    "float64": (sp.Float(0.1), lambda: mp.mpf(0.1)),
    "large integer": (sp.Integer(2**60 + 1) / 2**60, lambda: mp.mpf(2**60 + 1) / 2**60),
}


def _as_mpf(value):
    high = float(value)
    return mp.mpf(high) + mp.mpf(float(value - np.longdouble(high)))


@pytest.mark.skipif(np.finfo(np.longdouble).eps > 1e-18, reason="long doubles are doubles on this platform")
@pytest.mark.parametrize("name", CONSTANTS)
@pytest.mark.parametrize("dimension", [1, 2])
def test_constants_are_not_rounded_to_double_precision(name, dimension):
    constant, exact = CONSTANTS[name]
    domains = [(U, 0, constant), (V, -1, 1)][:dimension]
    expression = constant * sp.cos(U) + (V if dimension == 2 else 0)
    map_ = maps.parametrisation([expression, U], domains)
    v = np.array([[0.3, 0.7], [0.9, 0.1]])[:, :dimension]
    values = map_.values(v.astype(np.longdouble))
    with mp.workdps(40):
        for row, found in zip(v, values, strict=True):
            u = mp.mpf(row[0]) * exact()
            wanted = exact() * mp.cos(u) + (2 * mp.mpf(row[1]) - 1 if dimension == 2 else 0)
            assert abs(_as_mpf(found[0]) - wanted) <= 8 * EXTENDED
            assert abs(_as_mpf(found[1]) - u) <= 8 * EXTENDED


def test_derivatives_are_exact_and_in_the_parameter():
    map_ = maps.parametrisation([sp.exp(2 * U), U**3], [(U, 0, 4)])
    v = np.array([[0.1], [0.5]])
    u = 4 * v[:, 0]
    close(map_.derivative(v, (2,)), np.stack([4 * np.exp(2 * u), 6 * u], -1), 1e-12)
    np.testing.assert_array_equal(map_.derivative(v, (4,))[:, 1], [0.0, 0.0])
    assert (map_.dimension, map_.ambient_dimension) == (1, 2)
    np.testing.assert_array_equal([map_.lower, map_.upper], [[0.0], [4.0]])


def test_records_of_expressions():
    curve = ms.Curve([U, sp.sqrt(2) * U], (U, 0, sp.pi))
    assert curve.symbolic.symbols == (U,)
    assert curve.symbolic.expressions == (U, sp.sqrt(2) * U)
    assert (curve.symbolic.lower, curve.symbolic.upper) == ((0,), (sp.pi,))
    np.testing.assert_array_equal(curve.upper, [np.pi])
    saddle = ms.Surface([U, V, U * V], (U, 0, 1), (V, 0, 2))
    assert saddle.symbolic.symbols == (U, V)
    assert (saddle.symbolic.lower, saddle.symbolic.upper) == ((0, 0), (1, 2))


def test_numbers_and_constant_components_are_expressions():
    line = ms.Curve([U, 2, sp.Integer(0)], (U, 0, 1))
    np.testing.assert_array_equal(line.embed([0.0, 0.5]), [[0, 2, 0], [0.5, 2, 0]])
    assert line.volume == pytest.approx(1, rel=1e-15)
    plane = ms.Surface([U, V, 0.5], (U, 0, 1), (V, 0, 2))
    np.testing.assert_array_equal(plane.embed([0.25, 1.0]), [0.25, 1.0, 0.5])
    assert plane.volume == pytest.approx(2, rel=1e-15)


def test_functions_are_called_with_arrays_of_float64_and_evaluated_as_they_are():
    seen = []

    def embedding(u):
        seen.append((u.dtype, u.ndim, u.flags.c_contiguous, u.min(), u.max()))
        return np.stack([u, np.sin(u)], -1)

    curve = ms.Curve(embedding, (-1.0, 2.0))
    u = np.array([[-1.0, 0.3], [0.7, 2.0]])
    close(curve.embed(u), np.stack([u, np.sin(u)], -1), 4 * np.finfo(np.float64).eps)  # u passes through [0, 1]
    for dtype, ndim, contiguous, low, high in seen:
        assert (dtype, ndim, contiguous) == (np.float64, 1, True)
        assert -1.0 <= low <= high <= 2.0
    lists = ms.Curve(lambda u: [[each, each * each] for each in u.tolist()], (0, 1))
    np.testing.assert_array_equal(lists.embed(0.5), [0.5, 0.25])
    whole = ms.Curve(lambda u: np.stack([np.ones(len(u), dtype=int), u], -1), (0, 1))
    assert whole.volume == pytest.approx(1, rel=1e-13)


def test_empty_batches():
    for manifold in (ms.Curve(lambda u: np.stack([u, u * u], -1), (0, 1)), ms.Ellipse(2.0, 1.0)):
        none = np.empty((0, 2))
        assert manifold.embed(np.empty(0)).shape == (0, 2)
        assert manifold.project(none).shape == (0, 2)
        assert manifold.distance(none).shape == manifold.parameter(none).shape == (0,)
        assert manifold.nearest(none).runner_up.shape == (0, 2)
        assert manifold.uniform().density(np.empty(0)).shape == (0,)
        assert manifold.derivative(np.empty((3, 0)), 1).shape == (3, 0, 2)
        assert manifold.sample(0, 0).shape == (0, 2)
    surface = ms.Surface([U, V, U * V], (U, 0, 1), (V, 0, 2))
    assert surface.embed(np.empty((0, 2))).shape == (0, 3)
    assert surface.metric(np.empty((4, 0, 2))).shape == (4, 0, 2, 2)


def test_densities_of_both_kinds():
    map_ = maps.parametrisation([U, U**2], [(U, 0, 2)])
    curve = ms.Curve([U, U**2], (U, 0, 2))
    assert map_.symbolic.symbols == curve.symbolic.symbols
    u = np.array([0.0, 0.5, 2.0])
    exact, function = curve.measure(1 + U**2), curve.measure(lambda u: 1 + u**2)
    assert exact.symbolic_density == 1 + U**2
    assert function.symbolic_density is None
    np.testing.assert_allclose(exact.density(u), function.density(u), rtol=1e-13)
    np.testing.assert_allclose(exact.density(u) * exact.total, 1 + u**2, rtol=1e-14)
    # int (1 + u^2) sqrt(1 + 4 u^2) du over [0, 2] with x = 2u: (1/2) int (1 + x^2/4) sqrt(1 + x^2) dx over [0, 4].
    x = 4.0
    one = 0.5 * (x * np.sqrt(1 + x * x) + np.arcsinh(x))
    two = (x * (1 + 2 * x * x) * np.sqrt(1 + x * x) - np.arcsinh(x)) / 8
    assert exact.total == pytest.approx(0.5 * (one + two / 4), rel=1e-14)
