"""Small-time expansions against closed forms, and against the oracle as s goes to zero."""

import functools
import itertools

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import manifold_scores as ms
from manifold_scores.asymptotics import expansion
from tests import shapes

U, V = sp.symbols("u v", real=True)
TURN = 2 * np.pi

EXACT = 1e-11
"""Closed forms at x within ten of M: a few hundred roundings times third derivatives of size ten."""

MEASURED = 1e-6
"""Three levels of extrapolation from s = 1e-3 L^2 leave (s/L^2)^3 = 1e-9 times sixth derivatives of the phase, up to
1e3 where H is small; rounding of f over s adds 1e-12."""

ROOTS = 1e-8
"""The same in powers of sqrt(s) from s = 1e-8: (1e-4)^4 times the coefficients, and ten times the rounding 1e-16 of f
and of x over the edge, over sqrt(s) = 1e-5."""


def extrapolated(values, ratio, powers):
    """The limit of values at h, ratio h, ratio^2 h, ... whose expansion in h has these powers."""
    values = list(values)
    for power in powers:
        values = [(b - ratio**power * a) / (1 - ratio**power) for a, b in itertools.pairwise(values)]
    return values[-1]


def measured_b(law, e, length=1.0):
    """b from the oracle: (f - y_x)/s, extrapolated."""
    s = 1e-3 * length**2 * 0.5 ** np.arange(4)
    displacement = law.tilt(np.tile(e.x, (4, 1)), s).displacement
    return extrapolated((displacement + e.v) / s[:, None], 0.5, (1, 2, 3))


def measured_root(law, e, length=1.0):
    """The coefficient of sqrt(s) from the oracle."""
    s = 1e-8 * length**2 * 0.25 ** np.arange(4)
    displacement = law.tilt(np.tile(e.x, (4, 1)), s).displacement
    return extrapolated((displacement + e.v) / np.sqrt(s)[:, None], 0.5, (1, 2, 3))


@functools.cache
def laws():
    """Name -> (law, parameters of feet, length of offsets over the scale of M), interior points."""
    u_e = ms.Ellipse(2.0, 1.0).symbolic.symbols[0]
    helix, torus, roll = ms.Helix(1.0, 2.0, 2.0), ms.Torus(2.0, 0.7), ms.SwissRoll()
    u_t, v_t = torus.symbolic.symbols
    rng = np.random.default_rng(5)
    loop = shapes.loop(rng, 5, 2)
    polynomial = ms.Curve([U + U**3 / 5, U**2 / 2 - U**4 / 9, U**3 / 3 + U**2 / 7], (U, -1, 1))
    twisted = ms.Surface([U, V, U * V / 2, U**2 / 3 - V**3 / 5], (U, -1, 1), (V, -1, 1))
    saddle = ms.Surface([U, V + U**2 / 4, U * V], (U, -1, 1), (V, -1, 1))
    patch = ms.Surface(shapes.sphere_patch, *shapes.PATCH)
    return {
        "ellipse": ms.Ellipse(2.0, 1.0).measure(2 + sp.cos(u_e)),
        "lima bean": ms.LimaBean().uniform(),
        "wavy circle": ms.WavyCircle(3, 0.13).measure(lambda u: np.exp(np.sin(u))),
        "helix": helix.measure(1 + helix.symbolic.symbols[0] ** 2),
        "polynomial": polynomial.measure(sp.exp(U)),
        "loop in R^5": ms.Curve(loop, (0.0, TURN)).measure(lambda u: 1.5 + np.sin(u)),
        "torus": torus.measure(3 + sp.cos(v_t) + sp.sin(u_t - v_t)),
        "Swiss roll": roll.measure(lambda u, v: 1.0 + 0.1 * v + 0.01 * u * v),
        "saddle": saddle.measure(sp.exp(U - V / 2)),
        "surface in R^4": twisted.measure(2 + U * V + U),
        "sphere patch": patch.uniform(),
    }


def near(law, rng, share=0.4):
    """A point x within a share of the least radius of curvature at a random foot, and the foot's parameter."""
    manifold = law.manifold
    inset = 0.15 * (manifold.upper - manifold.lower) * ~np.array(manifold.closed)
    u = rng.uniform(manifold.lower + inset, manifold.upper - inset)
    u = float(u[0]) if manifold.dimension == 1 else u
    y = manifold.embed(u)
    normal = manifold.normal_basis(y) @ rng.standard_normal(manifold.ambient_dimension - manifold.dimension)
    normal /= np.linalg.norm(normal)
    bend = np.abs(np.einsum("ijd,d->ij", manifold.second_fundamental_form(y), normal)).max()
    length = min(1.0 / (bend + 1e-3), 1.0)
    return y + share * length * rng.uniform(-1.0, 1.0) * normal, u, length


@pytest.mark.parametrize("name", [
    "ellipse", "lima bean", "wavy circle", "helix", "polynomial", "loop in R^5", "torus", "Swiss roll", "saddle",
    "surface in R^4", "sphere patch",
])  # fmt: skip
def test_b_and_the_covariance_are_those_of_the_oracle(name):
    law, rng = laws()[name], np.random.default_rng(7)
    for _ in range(4):
        x, _, length = near(law, rng)
        e = expansion(law, x)
        if e.gap < 0.05 * length**2:  # another point of M weighs in at the s that are used here
            continue
        assert e.situation == "interior"
        size = np.linalg.norm(e.b) + 1.0 / length
        np.testing.assert_allclose(e.b, measured_b(law, e, length), atol=MEASURED * size)
        np.testing.assert_allclose(e.b_normal @ e.tangent_basis, 0.0, atol=EXACT * size)
        s = 1e-4 * length**2 * 0.5 ** np.arange(4)
        covariance = law.tilt_covariance(np.tile(x, (4, 1)), s) / s[:, None, None]
        np.testing.assert_allclose(e.covariance, extrapolated(covariance, 0.5, (1, 2, 3)), atol=MEASURED)
        moved = [law.manifold.project(x + step * np.eye(len(x))) for step in (1e-5, -1e-5)]
        # Central differences: truncation 1e-10 times third derivatives, rounding 1e-16/1e-5.
        np.testing.assert_allclose(e.projection_derivative, (moved[0] - moved[1]).T / 2e-5, atol=1e-7 / length**2)


@settings(max_examples=40)
@given(st.sampled_from(["ellipse", "torus", "polynomial"]), st.integers(0, 2**32 - 1))
def test_b_is_that_of_the_oracle_within_the_reach(name, seed):
    law = laws()[name]
    x, _, length = near(law, np.random.default_rng(seed), 0.6)
    e = expansion(law, x)
    if e.gap > 0.05 * length**2:
        size = np.linalg.norm(e.b) + 1.0 / length
        np.testing.assert_allclose(e.b, measured_b(law, e, 0.5 * length), atol=10 * MEASURED * size)


def frenet(expressions, u):
    """T, N, B, curvature, its derivative by arc length, torsion: from the cross products of any parametrisation."""
    y = sp.Matrix([*expressions, *[0] * (3 - len(expressions))])
    d1, d2, d3 = y.diff(U), y.diff(U, 2), y.diff(U, 3)
    cross, speed = d1.cross(d2), sp.sqrt(d1.dot(d1))
    curvature = sp.sqrt(cross.dot(cross)) / speed**3
    values = [d1 / speed, cross / sp.sqrt(cross.dot(cross)), curvature, curvature.diff(U) / speed]
    values.append(cross.dot(d3) / cross.dot(cross))
    tangent, binormal, *rest = [np.array(value.evalf(40, subs={U: u}), dtype=float) for value in values]
    tangent, binormal = tangent.ravel(), binormal.ravel()
    return tangent, np.cross(binormal, tangent), binormal, *(float(value) for value in rest), float(speed.subs(U, u))


@pytest.mark.parametrize(("expressions", "density"), [
    ([2 * sp.cos(U), sp.sin(U)], 1 + U**2),
    ([sp.cos(U), sp.sin(U), U / 4], sp.exp(sp.sin(U))),
    ([U + U**3 / 5, U**2 / 2 - U**4 / 9, U**3 / 3 + U**2 / 7], 2 + U),
])  # fmt: skip
def test_curves_have_the_coefficients_of_frenet(expressions, density):
    law = ms.Curve(expressions, (U, -1, 1)).measure(density)
    rng = np.random.default_rng(3)
    for u in rng.uniform(-0.7, 0.7, 5):
        tangent, normal, binormal, k, slope, torsion, speed = frenet(expressions, u)
        p, q = rng.uniform(-0.2, 0.2, 2) * (1.0, len(expressions) == 3)
        y = np.array([expression.subs(U, u) for expression in expressions], dtype=float)
        h = 1 - k * p
        log_slope = float((sp.diff(density, U) / density).subs(U, u)) / speed
        b = k / (2 * h) * normal + (log_slope / h + (slope * p + k * torsion * q) / (2 * h**2)) * tangent
        e = expansion(law, y + (p * normal + q * binormal)[: len(y)])
        np.testing.assert_allclose(e.b, b[: len(y)], atol=EXACT)
        np.testing.assert_allclose(e.H, [[h]], atol=EXACT)
        assert e.parameter == pytest.approx(u, abs=EXACT)


def test_round_shapes_have_their_closed_forms():
    rng = np.random.default_rng(4)
    for k, radius in ((2, 2.0), (3, 0.5), (9, 1.5)):
        x, m, a = rng.standard_normal(k), np.eye(k)[0], 0.7
        r = np.linalg.norm(x)
        n = x / r
        e = expansion(ms.Sphere(k, radius).von_mises_fisher(m, 3.0), x)
        np.testing.assert_allclose(e.b, -(k - 1) * n / (2 * r) + 3.0 * (m - m @ n * n) / r, atol=EXACT)
        np.testing.assert_allclose(e.H, r / radius * np.eye(k - 1), atol=EXACT)
        np.testing.assert_allclose(
            expansion(ms.Sphere(k, radius).uniform(), x).c(a), a * x + (k - 1) * n / (2 * r), atol=EXACT
        )
    major, minor = 2.0, 0.5
    law = ms.Torus(major, minor).uniform()
    for u, v, d in rng.uniform((0, 0, -0.3), (TURN, TURN, 0.6), (5, 3)):
        outer = np.array([np.cos(v) * np.cos(u), np.cos(v) * np.sin(u), np.sin(v)])
        along = np.array([-np.sin(v) * np.cos(u), -np.sin(v) * np.sin(u), np.cos(v)])
        ring = major + minor * np.cos(v)
        e = expansion(law, law.manifold.embed(np.array([u, v])) + d * outer)
        h = 1 + d / minor, 1 + d * np.cos(v) / ring
        cubic = d * major * np.sin(v) / (minor * ring**2)
        np.testing.assert_allclose(e.eigenvalues, sorted(h), atol=EXACT)
        np.testing.assert_allclose(e.b_normal, -0.5 * (1 / minor / h[0] + np.cos(v) / ring / h[1]) * outer, atol=EXACT)
        np.testing.assert_allclose(e.b_tangential, cubic / (2 * h[0] * h[1]) * along, atol=EXACT)


def boundary_cases():
    """Name -> (law, x, situation)."""
    helix, roll = ms.Helix(1.0, 1.0, 2.0), ms.SwissRoll()
    tangent = np.array([0.0, TURN, 1.0]) / np.hypot(TURN, 1.0)
    binormal = np.cross(tangent, [-1.0, 0.0, 0.0])
    patch, (lower, upper) = ms.Surface(shapes.sphere_patch, *shapes.PATCH), np.transpose(shapes.PATCH)
    middle = np.array([0.5 * (lower[0] + upper[0]), lower[1]])
    saddle = ms.Surface([U, V + U / 2, U * V / 2], (U, 0, 1), (V, 0, 1))
    skew = saddle.measure(sp.exp(U - V))
    corner = saddle.embed(np.array([1.0, 1.0]))
    first, second = saddle.derivative(np.array([1.0, 1.0]), (1, 0)), saddle.derivative(np.array([1.0, 1.0]), (0, 1))
    normal = np.cross(first, second)
    out = first - first @ second / (second @ second) * second  # normal to the side u = 1, out of M
    edge = np.array([lower[0], 1.0])
    beside = np.add(1.2 * patch.embed(middle), [0.1, -0.3, 0.0])
    roll_end = roll.embed(np.array([roll.lower[0], 7.0]))
    return {
        "helix, edge": (helix.measure(1 + U_HELIX), np.array([1.3, 0.0, 0.0]), "edge"),
        "helix, edge, binormal": (helix.uniform(), np.array([0.8, 0.0, 0.0]) + 0.2 * binormal, "edge"),
        "helix, end": (helix.measure(1 + U_HELIX), np.array([1.3, 0.0, 0.0]) - 0.4 * tangent, "end"),
        "segment, edge": (ms.Segment([1.0, 0.0], [1.0, 2.0]).uniform(), np.array([0.5, 2.0]), "edge"),
        "segment, end": (ms.Segment([1.0, 0.0], [1.0, 2.0]).uniform(), np.array([0.5, 2.5]), "end"),
        "box, face": (ms.Box([0.0, 0.0, 0.0], [1.0, 2.0, 3.0]).uniform(), np.array([0.3, 2.5, 1.0]), "side"),
        "box, corner": (ms.Box([0.0, 0.0], [1.0, 2.0]).uniform(), np.array([-0.3, 2.5]), "corner"),
        "box, edge and beyond": (ms.Box([0.0, 0.0], [1.0, 2.0]).uniform(), np.array([0.0, 2.5]), "edge"),
        "Swiss roll, edge": (roll.uniform(), roll_end + 0.5 * normal_of(roll, [roll.lower[0], 7.0]), "edge"),
        "sphere patch, edge": (patch.uniform(), 1.2 * patch.embed(edge), "edge"),
        "sphere patch, side": (patch.measure(lambda u, v: u), beside, "side"),
        "sphere patch, corner edge": (patch.uniform(), 0.8 * patch.embed(lower), "edge"),
        "saddle, side": (skew, np.add(saddle.embed(np.array([1.0, 0.4])), [0.3, 0.0, 0.05]), "side"),
        "saddle, corner": (skew, corner + 0.2 * first + 0.3 * second + 0.1 * normal, "corner"),
        "saddle, corner edge": (skew, corner + 0.2 * normal, "edge"),
        "saddle, half a corner": (skew, corner + 0.2 * normal + 0.3 * out, "edge"),
    }  # fmt: skip


U_HELIX = ms.Helix(1.0, 1.0, 2.0).symbolic.symbols[0]


def normal_of(surface, u):
    normal = np.cross(surface.derivative(np.array(u), (1, 0)), surface.derivative(np.array(u), (0, 1)))
    return normal / np.linalg.norm(normal)


@pytest.mark.parametrize("name", [
    "helix, edge", "helix, edge, binormal", "helix, end", "segment, edge", "segment, end", "box, face", "box, corner",
    "box, edge and beyond", "Swiss roll, edge", "sphere patch, edge", "sphere patch, side", "sphere patch, corner edge",
    "saddle, side", "saddle, corner", "saddle, corner edge", "saddle, half a corner",
])  # fmt: skip
def test_boundary_points_have_the_terms_of_the_oracle(name):
    law, x, situation = boundary_cases()[name]
    e = expansion(law, x)
    assert e.situation == situation
    if situation == "edge":
        assert np.isnan(e.b).all()
        np.testing.assert_allclose(e.root, measured_root(law, e), atol=ROOTS)
        s = 1e-8 * 0.25 ** np.arange(4)
        covariance = law.tilt_covariance(np.tile(x, (4, 1)), s) / s[:, None, None]
        np.testing.assert_allclose(e.covariance, extrapolated(covariance, 0.5, (1, 2, 3)), atol=ROOTS)
    else:
        np.testing.assert_allclose(e.b, measured_b(law, e, 0.1), atol=10 * MEASURED * np.linalg.norm(e.b))
