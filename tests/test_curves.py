"""Geometry of curves against closed forms, and against derivatives and integrals taken another way."""

import functools
import math

import numpy as np
import pytest
import scipy.integrate
import scipy.special
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp

import manifold_scores as ms
from tests import shapes, strategies
from tests.strategies import close

EPSILON = np.finfo(np.float64).eps

ROUNDING = 64 * EPSILON
"""A few dozen roundings of numbers of size one to three."""

FROM_PIECES = {0: ROUNDING, 1: 4e-13, 2: 4e-11, 3: 4e-9}
"""Four times the "about 1e-13, 1e-11, 1e-9" that `derivative` states for Python functions, relative to the scale."""

QUADRATURE = 1e-13
"""Lengths: scipy's adaptive quadrature at its tightest is good to a few 1e-14 here."""

CURVED = 1e-12
"""Curvatures, relative to the largest: two derivatives and a quotient at a parameter known to 1e-15 over the speed."""

U = sp.Symbol("u", real=True)


def by_mpmath(expressions, u, order):
    """Derivative of this order at u by mpmath's differences in 60 digits."""
    with mp.workdps(60):
        functions = [sp.lambdify(U, e, "mpmath") for e in expressions]
        return np.array([float(mp.diff(f, mp.mpf(u), order)) for f in functions])


@functools.cache
def examples():
    """(curve from SymPy, expressions) by name."""
    angle = sp.Rational(1, 2) * (U - sp.pi) + sp.pi
    r = sp.sin(angle) ** 3 + sp.cos(angle) ** 3
    wavy = 1 + sp.Rational(13, 100) * sp.sin(8 * U)
    named = {
        "ellipse": (ms.Ellipse(2.0, 0.75), [2 * sp.cos(U), sp.Rational(3, 4) * sp.sin(U)]),
        "lima bean": (ms.LimaBean(), [-r * sp.sin(angle), r * sp.cos(angle)]),
        "wavy circle": (ms.WavyCircle(), [wavy * sp.cos(U), wavy * sp.sin(U)]),
        "helix": (ms.Helix(1.5, 0.5, 2.5), [1.5 * sp.cos(U), 1.5 * sp.sin(U), U / (4 * sp.pi)]),
    }
    mine = {
        "parabola": ([U, U**2], (U, -1, 2)),
        "twisted cubic": ([U, U**2, U**3], (U, -1, sp.sqrt(2))),
        "trefoil": (
            [(2 + sp.cos(3 * U)) * sp.cos(2 * U), (2 + sp.cos(3 * U)) * sp.sin(2 * U), sp.sin(3 * U)],
            (U, 0, 2 * sp.pi),
        ),
    }
    return named | {name: (ms.Curve(*given), given[0]) for name, given in mine.items()}


EXAMPLES = ["ellipse", "lima bean", "wavy circle", "helix", "parabola", "twisted cubic", "trefoil"]
each_example = pytest.mark.parametrize("name", EXAMPLES)


def some_parameters(curve, n=7):
    return np.random.default_rng(2).uniform(curve.lower[0], curve.upper[0], n)


@each_example
def test_embedding_and_derivatives_are_those_of_the_expressions(name):
    curve, expressions = examples()[name]
    u = some_parameters(curve)
    for order in range(4):
        wanted = np.array([by_mpmath(expressions, value, order) for value in u])
        value = curve.embed(u) if order == 0 else curve.derivative(u, order)
        close(value, wanted, 4 * ROUNDING * np.abs(wanted).max())
    np.testing.assert_array_equal(curve.derivative(u, 0), curve.embed(u))


@each_example
def test_curves_from_functions_are_those_from_expressions(name):
    curve, expressions = examples()[name]
    columns = sp.lambdify(U, expressions, "numpy")
    same = ms.Curve(lambda u: np.stack(columns(u), -1), (curve.lower[0], curve.upper[0]))
    assert same.symbolic is None
    assert (same.closed, same.boundary, same.dimension) == (curve.closed, curve.boundary, 1)
    u = some_parameters(curve, 50)
    scale = 0.0
    for order, error in FROM_PIECES.items():
        wanted = curve.derivative(u, order)
        scale = max(scale, np.abs(wanted).max())
        close(same.derivative(u, order), wanted, error * scale)
    assert same.volume == pytest.approx(curve.volume, rel=QUADRATURE)
    y = curve.embed(u)
    bend = curve.curvature(y)
    close(same.curvature(y), bend, FROM_PIECES[2] * bend.max())
    close(same.arc_length(u), curve.arc_length(u), QUADRATURE * curve.volume)


@each_example
def test_curvature_length_and_frames_against_mpmath_and_scipy(name):
    curve, expressions = examples()[name]
    u = some_parameters(curve)
    first, second = (np.array([by_mpmath(expressions, value, k) for value in u]) for k in (1, 2))
    y, speed = curve.embed(u), np.linalg.norm(first, axis=1)
    np.testing.assert_allclose(curve.volume_element(u), speed, rtol=ROUNDING)
    np.testing.assert_allclose(curve.metric(u)[:, 0, 0], speed**2, rtol=ROUNDING)
    tangent, normal = curve.tangent_basis(y), curve.normal_basis(y)
    close(tangent[:, :, 0], first / speed[:, None], 64 * ROUNDING)  # u of y: to 1e-15/speed
    both = np.concatenate([tangent, normal], -1)
    eye = np.broadcast_to(np.eye(curve.ambient_dimension), both.shape)
    close(np.swapaxes(both, 1, 2) @ both, eye, ROUNDING)
    form = curve.second_fundamental_form(y)
    assert form.shape == (7, 1, 1, curve.ambient_dimension)
    along = (second * first).sum(1) / speed**2
    wanted = (second - along[:, None] * first) / speed[:, None] ** 2
    bend = np.linalg.norm(wanted, axis=1)
    close(form[:, 0, 0], wanted, CURVED * bend.max())
    close(curve.curvature(y), bend, CURVED * bend.max())
    close(curve.principal_curvatures(y, wanted)[:, 0], bend, CURVED * bend.max())
    length = scipy.integrate.quad(curve.volume_element, curve.lower[0], u[0], epsabs=0, epsrel=1e-13, limit=500)[0]
    assert curve.arc_length(u[0]) == pytest.approx(length, rel=QUADRATURE)


def test_lengths_in_closed_form():
    a, b = 2.0, 0.75
    wanted = 4 * a * scipy.special.ellipe(1 - (b / a) ** 2)
    assert examples()["ellipse"][0].volume == pytest.approx(wanted, rel=ROUNDING)
    wanted = 2 * math.pi * 2.5 * math.hypot(1.5, 0.5 / (2 * math.pi))
    assert examples()["helix"][0].volume == pytest.approx(wanted, rel=ROUNDING)
    parabola = examples()["parabola"][0]

    def primitive(u):
        return 0.5 * u * np.sqrt(1 + 4 * u * u) + 0.25 * np.arcsinh(2 * u)

    u = np.array([-1.0, -0.9, 0.0, 1e-9, 1.3, 2.0])
    close(parabola.arc_length(u), primitive(u) - primitive(-1.0), ROUNDING)
    assert parabola.volume == parabola.arc_length(2.0) == pytest.approx(primitive(2.0) - primitive(-1.0), rel=ROUNDING)


def test_curvature_and_torsion_in_closed_form():
    helix, rise = examples()["helix"][0], 0.5 / (2 * math.pi)
    u = some_parameters(helix)
    square = 1.5**2 + rise**2
    np.testing.assert_allclose(helix.curvature(helix.embed(u)), 1.5 / square, rtol=1e-14)
    first, second, third = (helix.derivative(u, k) for k in (1, 2, 3))
    binormal = np.cross(first, second)
    torsion = (binormal * third).sum(1) / (binormal**2).sum(1)
    np.testing.assert_allclose(torsion, rise / square, rtol=1e-13)
    ellipse, a, b = examples()["ellipse"][0], 2.0, 0.75
    wanted = a * b / (a**2 * np.sin(u) ** 2 + b**2 * np.cos(u) ** 2) ** 1.5
    np.testing.assert_allclose(ellipse.curvature(ellipse.embed(u)), wanted, rtol=1e-13)
    outward = ellipse.embed(u)  # not normal, but its normal part points outwards
    np.testing.assert_allclose(ellipse.principal_curvatures(outward, outward)[:, 0], -wanted, rtol=1e-13)
    assert ellipse.reach == pytest.approx(b * b / a, rel=ROUNDING)
    assert ms.Ellipse(0.75, 2.0).reach == ellipse.reach


def test_named_curves_are_the_documented_ones():
    u = np.array([0.3, 2.0, 6.0])
    for shape in (shapes.curves()[name] for name in ("ellipse", "lima bean", "wavy circle", "helix")):
        close(shape.manifold.embed(u), shape.function(u), ROUNDING)
    turned = np.array([[0.0, -1.0], [1.0, 0.0]])
    quarter = ms.LimaBean(rotation=0.5).embed(u)
    close(ms.LimaBean(rotation=0.5 + math.pi / 2).embed(u), quarter @ turned.T, ROUNDING)
    assert repr(ms.Helix(1.0, 2.0, 3.0)) == "Helix(1.0, 2.0, 3.0)"
    assert repr(ms.Curve([U, U**2], (U, 0, 1))) == "Curve(curve in R^2)"
    assert repr(shapes.closed_curve(shapes.loop(np.random.default_rng(0), 5))) == "Curve(closed curve in R^5)"


# The way the README writes curves down.


def test_a_cassini_oval():
    u, a, c = sp.Symbol("u"), sp.Rational(11, 10), 1
    r = sp.sqrt(c**2 * sp.cos(2 * u) + sp.sqrt(a**4 - c**4 * sp.sin(2 * u) ** 2))
    oval = ms.Curve([r * sp.cos(u), r * sp.sin(u)], (u, 0, 2 * sp.pi))
    assert oval.closed == (True,)
    x, y = oval.uniform().sample(200, 0).T
    foci = np.hypot(x - 1, y) * np.hypot(x + 1, y)  # constant product of the distances to the foci
    np.testing.assert_allclose(foci, 1.1**2, rtol=ROUNDING)
    noised = ms.NoisedMeasure(oval.uniform(), ms.OrnsteinUhlenbeck())
    close(noised.posterior_mean([0.0, 0.0], 0.1), 0.0, ROUNDING)  # by symmetry
    waist = math.sqrt(1.1**2 - 1)
    close(oval.project([0.0, 1.0]), [0.0, waist], ROUNDING)


def test_half_of_vivianis_curve():
    u = sp.Symbol("u")
    curve = ms.Curve([1 + sp.cos(u), sp.sin(u), 2 * sp.sin(u / 2)], (u, -sp.pi, sp.pi))
    assert curve.boundary
    y = curve.sample(100, 1)
    np.testing.assert_allclose((y**2).sum(1), 4, rtol=ROUNDING)  # on the sphere
    close((y[:, 0] - 1) ** 2 + y[:, 1] ** 2, 1, ROUNDING)  # and on the cylinder
    assert curve.volume == pytest.approx(4 * math.sqrt(2) * scipy.special.ellipe(0.5), rel=ROUNDING)
    u = np.array([-2.0, 0.0, 0.7])
    wanted = np.sqrt(13 + 3 * np.cos(u)) / (3 + np.cos(u)) ** 1.5
    np.testing.assert_allclose(curve.curvature(curve.embed(u)), wanted, rtol=1e-13)


# Distances along curves.


@pytest.mark.parametrize("name", ["ellipse", "helix", "trefoil", "parabola"])
@given(st.integers(0, 2**32 - 1))
def test_geodesic_distance_is_a_metric_between_arcs(name, seed):
    curve = examples()[name][0]
    u = np.sort(np.random.default_rng(seed).uniform(curve.lower[0], curve.upper[0], 3))
    a, b, c = curve.embed(u)
    lengths = curve.arc_length(u)
    slack = 1e-13 * curve.volume  # u of y is known to about 1e-15
    apart = curve.geodesic_distance(a, b)
    around = curve.volume - (lengths[1] - lengths[0]) if not curve.boundary else math.inf
    assert apart == pytest.approx(min(lengths[1] - lengths[0], around), abs=slack)
    assert apart == curve.geodesic_distance(b, a)
    assert apart <= curve.geodesic_distance(a, c) + curve.geodesic_distance(c, b) + slack
    assert np.linalg.norm(a - b) <= apart + slack
    assert curve.geodesic_distance(a, a) == 0


@given(st.floats(0, 7), st.floats(0, 7))
def test_geodesics_are_hardly_longer_than_chords_within_the_reach(u, w):
    ellipse = examples()["ellipse"][0]
    x, y = ellipse.embed(u), ellipse.embed(w)
    chord = np.linalg.norm(x - y)
    if chord <= 2 * ellipse.reach:
        assert ellipse.geodesic_distance(x, y) <= 2 * ellipse.reach * math.asin(chord / 2 / ellipse.reach) + 1e-12


def test_geodesics_wrap_around_closed_curves_and_broadcast():
    circle = ms.Ellipse(1.0, 1.0)
    angles = np.array([0.1, 1.0, 3.0, 4.0, 6.2])
    wanted = np.abs(angles[:, None] - angles)
    wanted = np.minimum(wanted, 2 * np.pi - wanted)
    y = circle.embed(angles)
    both = np.broadcast_arrays(y[:, None], y[None, :])
    close(circle.geodesic_distance(*both), wanted, ROUNDING)
    np.testing.assert_array_equal(circle.geodesic_distance(y[:, None], y[None, :]), circle.geodesic_distance(*both))


def test_parameters_of_closed_curves_wrap_and_those_of_others_end():
    ellipse, u = examples()["ellipse"][0], np.array([0.0, 1.0, 6.0])
    close(ellipse.embed(u + 2 * np.pi), ellipse.embed(u), 8 * ROUNDING)
    close(ellipse.embed(u - 40 * np.pi), ellipse.embed(u), 80 * ROUNDING)
    close(ellipse.parameter(ellipse.embed(u)) % (2 * np.pi), u, ROUNDING)
    with pytest.raises(ValueError, match=r"^u must lie in \[-1\.0, 2\.0\]"):
        examples()["parabola"][0].embed(2.1)


@given(st.integers(0, 2**32 - 1))
def test_geometry_moves_with_the_curve(seed):
    rng = np.random.default_rng(seed)
    function, scale = shapes.loop(rng), 10.0 ** rng.uniform(-3, 3)
    turn, shift = strategies.rotation(rng, 3), scale * rng.uniform(-3, 3, 3)
    curve = shapes.closed_curve(function)
    moved = shapes.closed_curve(shapes.moved(function, turn, scale, shift))
    u = rng.uniform(0, shapes.TURN, 5)
    y, image = curve.embed(u), moved.embed(u)
    assert moved.volume == pytest.approx(scale * curve.volume, rel=QUADRATURE)
    close(moved.tangent_basis(image), turn @ curve.tangent_basis(y), 10 * FROM_PIECES[2])
    bend = curve.curvature(y).max()
    close(moved.curvature(image) * scale, curve.curvature(y), FROM_PIECES[3] * bend)
