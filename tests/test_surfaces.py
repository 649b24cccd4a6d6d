"""Geometry of surfaces against closed forms, and against derivatives and integrals taken another way."""

import functools
import math

import numpy as np
import pytest
import scipy.integrate
import sympy as sp
from mpmath import mp

import manifold_scores as ms
from tests import shapes, strategies
from tests.strategies import close

EPSILON = np.finfo(np.float64).eps

ROUNDING = 64 * EPSILON
"""A few dozen roundings of numbers of size one to three."""

CURVED = 1e-12
"""Curvatures, relative to the largest: two derivatives and a quotient at parameters known to 1e-15 over the speed."""

FROM_PIECES = {0: ROUNDING, 1: 4e-13, 2: 4e-11, 3: 4e-9}
"""Four times the "about 1e-13, 1e-11, 1e-9" that `derivative` states for Python functions, relative to the scale."""

AREA = 1e-13
"""Areas of functions, whose area elements are known to 1e-13; scipy's integrals are as good."""

U, V = sp.symbols("u v", real=True)
ORDERS = [(0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2), (2, 1), (0, 3)]


@functools.cache
def examples():
    """(surface from SymPy, its expressions) by name."""
    ring = sp.Rational(3, 2) + sp.cos(V) / 2
    tube = sp.Rational(3, 5) + sp.cos(U + V) / 10
    bumpy = 2 + tube * sp.cos(V)
    full = 2 * sp.pi
    given = {
        "saddle": ([U, V, U * V], (U, -1, 1), (V, 0, 2)),
        "bumpy torus": ([bumpy * sp.cos(U), bumpy * sp.sin(U), tube * sp.sin(V)], (U, 0, full), (V, 0, full)),
        "sphere patch": (
            [sp.sin(U) * sp.cos(V), sp.sin(U) * sp.sin(V), sp.cos(U)], (U, sp.Rational(2, 5), 2), (V, 0, 3)
        ),
        "annulus": ([U * sp.cos(V), U * sp.sin(V)], (U, 1, 2), (V, 0, full)),
        "surface in R^4": ([U, V, U**2 - V**2, sp.sin(U + V)], (U, 0, 1), (V, 0, 1)),
    }  # fmt: skip
    found = {name: (ms.Surface(*arguments), arguments[0]) for name, arguments in given.items()}
    torus = [ring * sp.cos(U), ring * sp.sin(U), sp.sin(V) / 2]
    return found | {
        "torus": (ms.Torus(1.5, 0.5), torus),
        "Swiss roll": (ms.SwissRoll(), [U * sp.cos(U), V, U * sp.sin(U)]),
    }


EXAMPLES = ["saddle", "bumpy torus", "sphere patch", "annulus", "surface in R^4", "torus", "Swiss roll"]
each_example = pytest.mark.parametrize("name", EXAMPLES)


def some_parameters(surface, n=6):
    return np.random.default_rng(4).uniform(surface.lower, surface.upper, (n, 2))


@functools.cache
def derivatives(name):
    """Partial derivatives at some parameters in 40 digits, by SymPy's derivatives and mpmath's arithmetic."""
    surface, expressions = examples()[name]
    found = {}
    with mp.workdps(40):
        for orders in ORDERS:
            steps = [(symbol, order) for symbol, order in zip((U, V), orders, strict=True) if order]
            function = sp.lambdify((U, V), [sp.diff(e, *steps) if steps else e for e in expressions], "mpmath")
            found[orders] = np.array(
                [[float(y) for y in function(mp.mpf(u), mp.mpf(v))] for u, v in some_parameters(surface)]
            )
    return found


@each_example
def test_embedding_and_derivatives_are_those_of_the_expressions(name):
    surface = examples()[name][0]
    u = some_parameters(surface)
    for orders, wanted in derivatives(name).items():
        close(surface.derivative(u, orders), wanted, ROUNDING * (1 + np.abs(wanted).max()))
    close(surface.embed(u), derivatives(name)[0, 0], ROUNDING * (1 + np.abs(surface.upper).max()))


@each_example
def test_surfaces_from_functions_are_those_from_expressions(name):
    surface, expressions = examples()[name]
    columns = sp.lambdify((U, V), expressions, "numpy")
    ends = np.stack([surface.lower, surface.upper], 1)
    same = ms.Surface(lambda u, v: np.stack(columns(u, v), -1), *ends)
    assert (same.symbolic, same.closed, same.boundary) == (None, surface.closed, surface.boundary)
    u, scale = some_parameters(surface), 0.0
    for orders in ORDERS:
        wanted = surface.derivative(u, orders)
        scale = max(scale, np.abs(wanted).max())
        close(same.derivative(u, orders), wanted, FROM_PIECES[sum(orders)] * scale)
    assert same.volume == pytest.approx(surface.volume, rel=AREA)
    y = surface.embed(u)
    form = surface.second_fundamental_form(y)
    close(same.second_fundamental_form(y), form, FROM_PIECES[2] * (1 + np.abs(form).max()))


@each_example
def test_metric_bases_and_curvature_from_the_derivatives(name):
    surface, d = examples()[name][0], derivatives(name)
    u = some_parameters(surface)
    first = np.stack([d[1, 0], d[0, 1]], 1)
    metric = np.einsum("nid,njd->nij", first, first)
    close(surface.metric(u), metric, ROUNDING * np.abs(metric).max())
    np.testing.assert_allclose(surface.volume_element(u), np.sqrt(np.linalg.det(metric)), rtol=8 * ROUNDING)
    y = surface.embed(u)
    tangent, normal = surface.tangent_basis(y), surface.normal_basis(y)
    size = surface.ambient_dimension
    assert (tangent.shape, normal.shape) == ((6, size, 2), (6, size, size - 2))
    both = np.concatenate([tangent, normal], -1)
    close(np.swapaxes(both, 1, 2) @ both, np.broadcast_to(np.eye(size), both.shape), ROUNDING)
    close(np.einsum("ndk,nid->nik", normal, first), 0.0, CURVED * np.abs(first).max())
    close(tangent[:, :, 0], first[:, 0] / np.linalg.norm(first[:, 0], axis=1)[:, None], CURVED)
    # II(e_i, e_j) = normal part of sum C_ik C_jl d_kl y, with e = C d by least squares.
    second = np.stack([np.stack([d[2, 0], d[1, 1]], 1), np.stack([d[1, 1], d[0, 2]], 1)], 1)
    combine = np.einsum("ndi,nkd,nkj->nij", tangent, first, np.linalg.inv(metric))
    wanted = np.einsum("nik,njl,nkld->nijd", combine, combine, second)
    wanted -= np.einsum("nde,nfe,nijf->nijd", tangent, tangent, wanted)
    form = surface.second_fundamental_form(y)
    close(form, wanted, CURVED * (1 + np.abs(wanted).max()))
    np.testing.assert_array_equal(form, np.swapaxes(form, 1, 2))


def by_brioschi(name):
    """Gaussian curvature from the metric alone (Theorema egregium)."""
    surface, expressions = examples()[name]
    first = [sp.Matrix([sp.diff(e, s) for e in expressions]) for s in (U, V)]
    e, f, g = (first[i].dot(first[j]) for i, j in ((0, 0), (0, 1), (1, 1)))

    def d(x, *symbols):
        return sp.diff(x, *symbols)

    one = sp.Matrix([
        [-d(e, V, V) / 2 + d(f, U, V) - d(g, U, U) / 2, d(e, U) / 2, d(f, U) - d(e, V) / 2],
        [d(f, V) - d(g, U) / 2, e, f],
        [d(g, V) / 2, f, g],
    ])  # fmt: skip
    two = sp.Matrix([[0, d(e, V) / 2, d(g, U) / 2], [d(e, V) / 2, e, f], [d(g, U) / 2, f, g]])
    function = sp.lambdify((U, V), [*one, *two, e * g - f * f], "mpmath")
    found = []
    with mp.workdps(40):
        for u, v in some_parameters(surface):
            *entries, square = function(mp.mpf(u), mp.mpf(v))
            difference = _determinant(entries[:9]) - _determinant(entries[9:])
            found.append(float(difference / square**2))
    return np.array(found)


def _determinant(m):
    return sum(
        m[k] * (m[3 + (k + 1) % 3] * m[6 + (k + 2) % 3] - m[3 + (k + 2) % 3] * m[6 + (k + 1) % 3]) for k in range(3)
    )


@each_example
def test_gauss_and_the_theorema_egregium(name):
    surface = examples()[name][0]
    y = surface.embed(some_parameters(surface))
    form = surface.second_fundamental_form(y)
    gauss = (form[:, 0, 0] * form[:, 1, 1]).sum(1) - (form[:, 0, 1] ** 2).sum(1)
    close(gauss, by_brioschi(name), CURVED * (1 + np.abs(form).max() ** 2))
    if surface.ambient_dimension == 3:
        principal = surface.principal_curvatures(y)
        assert (principal[:, 0] <= principal[:, 1]).all()
        close(principal.prod(1), gauss, CURVED * (1 + np.abs(form).max() ** 2))


@pytest.mark.parametrize("name", ["torus", "bumpy torus"])
def test_the_curvature_of_tori_integrates_to_zero(name):
    surface = examples()[name][0]
    n = 96  # the trapezoidal rule on periodic analytic functions
    angle = np.arange(n) * 2 * np.pi / n
    u = np.stack(np.meshgrid(angle, angle, indexing="ij"), -1)
    curvature = surface.principal_curvatures(surface.embed(u)).prod(-1)
    element = surface.volume_element(u)
    assert (curvature * element).mean() * 4 * np.pi**2 == pytest.approx(0, abs=1e-9)
    assert element.mean() * 4 * np.pi**2 == pytest.approx(surface.volume, rel=AREA)


def test_the_torus_in_closed_form():
    major, minor = 1.5, 0.5
    torus = examples()["torus"][0]
    assert torus.volume == pytest.approx(4 * math.pi**2 * major * minor, rel=ROUNDING)
    assert (torus.reach, ms.Torus(1.5, 1.0).reach) == (0.5, 0.5)
    u = some_parameters(torus)
    ring = major + minor * np.cos(u[:, 1])
    close(torus.metric(u)[:, 0, 0], ring**2, ROUNDING)
    close(torus.metric(u)[:, 0, 1], 0.0, ROUNDING)
    close(torus.metric(u)[:, 1, 1], minor**2, ROUNDING)
    close(torus.volume_element(u), minor * ring, ROUNDING)
    normal = np.stack(
        [np.cos(u[:, 0]) * np.cos(u[:, 1]), np.sin(u[:, 0]) * np.cos(u[:, 1]), np.sin(u[:, 1])], -1
    )  # outwards
    y = torus.embed(u)
    wanted = np.sort(-np.stack([np.cos(u[:, 1]) / ring, np.full(6, 1 / minor)], -1), axis=1)
    close(torus.principal_curvatures(y, normal), wanted, CURVED)
    close(torus.principal_curvatures(y, -3 * normal + torus.tangent_basis(y)[..., 0]), np.sort(-wanted, axis=1), CURVED)
    close(torus.project(y + 0.3 * normal), y, ROUNDING)
    np.testing.assert_allclose(torus.distance(y - 0.3 * normal), 0.3, rtol=ROUNDING)


def test_areas_in_closed_form_and_by_scipy():
    def primitive(u):  # of sqrt(1 + u^2)
        return 0.5 * (u * math.sqrt(1 + u * u) + math.asinh(u))

    roll = examples()["Swiss roll"][0]
    wanted = 21 * (primitive(4.5 * math.pi) - primitive(1.5 * math.pi))
    assert roll.volume == pytest.approx(wanted, rel=ROUNDING)
    found = scipy.integrate.quad(lambda u: 21 * math.hypot(1, u), 1.5 * math.pi, 4.5 * math.pi, epsrel=1e-13)[0]
    assert roll.volume == pytest.approx(found, rel=AREA)
    patch = examples()["sphere patch"][0]
    assert patch.volume == pytest.approx(3 * (math.cos(0.4) - math.cos(2.0)), rel=ROUNDING)
    assert examples()["annulus"][0].volume == pytest.approx(3 * math.pi, rel=ROUNDING)
    for name in ("saddle", "surface in R^4", "bumpy torus"):
        surface = examples()[name][0]
        nodes, weights = np.polynomial.legendre.leggauss(120)
        half = 0.5 * (surface.upper - surface.lower)
        u = np.stack(np.meshgrid(nodes, nodes, indexing="ij"), -1) * half + 0.5 * (surface.upper + surface.lower)
        area = weights @ surface.volume_element(u) @ weights * half.prod()
        assert surface.volume == pytest.approx(area, rel=AREA)


def test_the_swiss_roll_bends_in_one_direction_only():
    roll = examples()["Swiss roll"][0]
    u = some_parameters(roll)
    spiral = (2 + u[:, 0] ** 2) / (1 + u[:, 0] ** 2) ** 1.5  # curvature of the spiral of Archimedes
    principal = roll.principal_curvatures(roll.embed(u))
    close(np.sort(np.abs(principal), axis=1), np.stack([0 * spiral, spiral], -1), CURVED)


def test_flat_surfaces():
    annulus = examples()["annulus"][0]
    y = annulus.embed(some_parameters(annulus))
    assert annulus.normal_basis(y).shape == (6, 2, 0)
    close(annulus.second_fundamental_form(y), 0.0, CURVED)
    flat = shapes.surfaces()["flat torus"].manifold  # circles of radius 1 and 1/2 in R^4
    u = some_parameters(flat)
    assert flat.volume == pytest.approx(2 * np.pi**2, rel=AREA)
    form = flat.second_fundamental_form(flat.embed(u))
    close(form[:, 0, 1], 0.0, FROM_PIECES[2])
    close(np.linalg.norm(form[:, 0, 0], axis=1), 1.0, FROM_PIECES[2])
    close(np.linalg.norm(form[:, 1, 1], axis=1), 2.0, FROM_PIECES[2])
    close(flat.principal_curvatures(flat.embed(u), form[:, 0, 0]), [0.0, 1.0], FROM_PIECES[2])


def test_domains_closed_in_one_direction():
    closed = {"torus": (True, True), "Swiss roll": (False, False), "annulus": (False, True), "saddle": (False, False)}
    for name, wanted in closed.items():
        surface = examples()[name][0]
        assert surface.closed == wanted
        assert surface.boundary == (wanted != (True, True))
        assert surface.symbolic.symbols[:2] == surface.symbolic.symbols
    annulus = examples()["annulus"][0]
    close(annulus.embed([1.5, 7.0]), annulus.embed([1.5, 7.0 - 2 * np.pi]), ROUNDING)
    with pytest.raises(ValueError, match=r"^u must lie in \[1\.0, 2\.0\]"):
        annulus.embed([2.5, 1.0])
    assert repr(annulus) == "Surface(surface in R^2)"
    assert repr(shapes.surfaces()["flat torus"].manifold) == "Surface(closed surface in R^4)"


def test_geometry_moves_with_the_surface():
    rng = np.random.default_rng(5)
    turn, shift = strategies.rotation(rng, 3), rng.uniform(-2, 2, 3)
    still = shapes.surfaces()["sphere patch"].manifold
    moved = ms.Surface(shapes.moved(shapes.sphere_patch, turn, 20.0, shift), *shapes.PATCH)
    u = rng.uniform(still.lower, still.upper, (5, 2))
    y, image = still.embed(u), moved.embed(u)
    close(image, 20 * y @ turn.T + shift, 40 * ROUNDING)
    assert moved.volume == pytest.approx(400 * still.volume, rel=AREA)
    form = still.second_fundamental_form(y)
    close(20 * moved.second_fundamental_form(image), form @ turn.T, FROM_PIECES[2] * np.abs(form).max())
