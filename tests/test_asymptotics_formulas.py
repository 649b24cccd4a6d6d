"""Expansions as formulas: their values are those of the numeric expansion, and what is printed."""

import numpy as np
import pytest
import sympy as sp

import manifold_scores as ms
from manifold_scores.asymptotics import expansion
from tests.test_asymptotics import U, V

EXACT = 1e-9
"""Formulas in float64, of a hundred operations that cancel, against numbers whose densities are differentiated as
piecewise polynomials, to 1e-11."""

LAWS = {
    "ellipse": ms.Ellipse(2.0, 1.0).measure(2 + sp.cos(ms.Ellipse(2.0, 1.0).symbolic.symbols[0])),
    "cassini": ms.Curve(
        [sp.sqrt(sp.cos(2 * U) + sp.sqrt(2 + sp.cos(2 * U) ** 2)) * w for w in (sp.cos(U), sp.sin(U))],
        (U, 0, 2 * sp.pi),
    ).uniform(),
    "helix": ms.Helix(1.0, 1.0, 2.0).uniform(),
    "Viviani": ms.Curve([1 + sp.cos(U), sp.sin(U), 2 * sp.sin(U / 2)], (U, 1, 5)).measure(1 + U**2),
    "line in space": ms.Curve([U, 2 * U, 1 - U], (U, 0, 1)).measure(1 + U),
    "curve in R^4": ms.Curve([U, U**2, U**3 / 3, U**4 / 4], (U, -1, 1)).measure(sp.exp(U)),
    "torus": ms.Torus(2.0, 0.5).measure(3 + sp.cos(ms.Torus(2.0, 0.5).symbolic.symbols[1])),
    "Swiss roll": ms.SwissRoll().uniform(),
    "skew saddle": ms.Surface([U, V + U / 2, U * V / 2], (U, -1, 1), (V, -1, 1)).measure(sp.exp(U - V)),
    "surface in R^4": ms.Surface([U, V, U * V, U**2 / 2], (U, -1, 1), (V, -1, 1)).uniform(),
    "complex symbol": ms.Curve([3 * sp.cos(sp.Symbol("n")), sp.sin(sp.Symbol("n"))], (sp.Symbol("n"), 0, 6)).uniform(),
}


@pytest.mark.parametrize("name", LAWS)
def test_formulas_have_the_values_of_the_expansion(name):
    law, rng = LAWS[name], np.random.default_rng(2)
    manifold = law.manifold
    for _ in range(2):
        u = manifold.lower + rng.uniform(0.2, 0.8, manifold.dimension) * (manifold.upper - manifold.lower)
        y = manifold.embed(u if len(u) > 1 else u[0])
        normal = manifold.normal_basis(y)
        x = y + normal @ rng.uniform(-0.05, 0.05, normal.shape[1])
        e = expansion(law, x)
        f = e.formula()
        coordinates = [
            float(sp.Matrix(e.v).dot(axis.subs(list(zip(f.parameters, u, strict=True))))) for axis in f.normals
        ]
        values = dict(zip([*f.parameters, *f.coordinates, f.rate], [*u, *coordinates, 0.7], strict=True))

        def number(matrix, values=values):
            return np.array(matrix.evalf(30, subs=values), dtype=float)

        np.testing.assert_allclose(number(f.y).ravel(), e.point, atol=EXACT)
        np.testing.assert_allclose(np.linalg.eigvalsh(number(f.H)), e.eigenvalues, atol=EXACT)
        np.testing.assert_allclose(number(f.b).ravel(), e.b, atol=EXACT * (1 + np.linalg.norm(e.b)))
        np.testing.assert_allclose(number(f.c).ravel(), e.c(0.7), atol=EXACT * (1 + np.linalg.norm(e.c(0.7))))
        tangents = np.hstack([number(axis) for axis in f.tangents])
        np.testing.assert_allclose(
            tangents @ number(f.b_tangential).ravel(), e.b_tangential, atol=EXACT * (1 + np.linalg.norm(e.b))
        )
        np.testing.assert_allclose(tangents.T @ tangents, np.eye(len(u)), atol=EXACT)


def test_a_circle_is_printed():
    assert str(expansion(ms.Circle(2.0).uniform(), [3.0, 4.0])) == (
        "interior: x = (3, 4), y_x = (1.2, 1.6) at u = 0.927295, |x - y_x| = 3\n"
        "  f = y_x + s b + O(s^2)\n"
        "  H = I - <x - y_x, II>: eigenvalues (2.5)\n"
        "  b = b_N + b_T = (-0.06, -0.08) + (0, 0)\n"
        "  -score = (x - y_x)/t + c + O(t), c = a (3, 4) - b\n"
        "  with x = r N: H = r/2, b_N = -0.5/r N"
    )
    u = sp.Symbol("u")
    circle = ms.Curve([2 * sp.cos(u), 2 * sp.sin(u)], (u, 0, 2 * sp.pi))
    assert str(expansion(circle.uniform(), [3.0, 4.0])).splitlines()[5:] == [
        "  with x = y(u) + n N:",
        "    H = n/2 + 1",
        "    <b_N, N> = -1/(4*H)",
        "    <b_T, e> = 0",
    ]


def test_an_ellipse_is_printed():
    law = ms.Ellipse(2.0, 1.0).uniform()
    assert str(expansion(law, [3.0, 0.0])).splitlines() == [
        "interior: x = (3, 0), y_x = (2, 0) at u = 0, |x - y_x| = 1",
        "  f = y_x + s b + O(s^2)",
        "  H = I - <x - y_x, II>: eigenvalues (3)",
        "  b = b_N + b_T = (-0.333333, 0) + (0, 0)",
        "  -score = (x - y_x)/t + c + O(t), c = a (3, 0) - b",
        "  with x = y(u) + n N:",
        "    H = 2*n/(3*sin(u)**2 + 1)**(3/2) + 1",
        "    <b_N, N> = -1/(H*(3*sin(u)**2 + 1)**(3/2))",
        "    <b_T, e> = 36*n*sin(2*u)/(H**2*(5 - 3*cos(2*u))**3)",
    ]
    assert str(expansion(law, [1.5, 0.0])).splitlines()[1:] == [
        "  f = y_x + sqrt(s) r + O(s), |x - y|^2 is of fourth order along the curve",
        "  H = I - <x - y_x, II>: eigenvalues (0)",
        "  r = (-0.551934, 0)",
    ]
    lines = str(expansion(law, [0.0, 0.0])).splitlines()
    assert lines[1] == "  f -> sum_i w_i y_i, w_i ~ rho(y_i) det(H_i)^(-1/2) e^(a <x, y_i>)"
    assert sorted(lines[2:]) == ["  w = 0.5 (a = 0) at y = (0, -1)", "  w = 0.5 (a = 0) at y = (0, 1)"]


def test_a_torus_is_printed():
    assert str(expansion(ms.Torus(2.0, 0.5).uniform(), [2.0, 0.0, 0.75])).splitlines()[2:] == [
        "  H = I - <x - y_x, II>: eigenvalues (1, 1.5)",
        "  b = b_N + b_T = (0, 0, -0.666667) + (-0.0833333, 0, 0)",
        "  -score = (x - y_x)/t + c + O(t), c = a (0.666667, 0, 0.75) - b",
        "  with x = y(u, v) + n N:",
        "    H_11 = 2*n*cos(v)/(cos(v) + 4) + 1",
        "    H_22 = 2*n + 1",
        "    <b_N, N> = -1/H_22 - cos(v)/(H_11*(cos(v) + 4))",
        "    <b_T, e_1> = 0",
        "    <b_T, e_2> = 8*n*sin(v)/(H_11*H_22*(cos(v) + 4)**2)",
    ]


def test_other_situations_are_printed():
    helix = ms.Helix(1.0, 1.0, 2.0).uniform()
    assert str(expansion(helix, [1.5, 0.0, -0.5])).splitlines()[1] == (
        "  f = y_x + s b + O(s^2), b = tau/D, D = -<x - y_x, tau>, tau the inner tangent"
    )
    assert "edge: " in str(expansion(helix, [1.5, 0.0, 0.0]))
    cloud = str(expansion(ms.PointCloud([[0.0, 0.0], [1.0, 0.0]]), [0.2, 0.0])).splitlines()
    assert cloud[1:] == ["  f = y_x + p e^(-gap/s)", "  gap = 0.3, p = (1, 0)"]
    sphere = ms.Sphere(3, 2.0).von_mises_fisher([0, 0, 1], 1.5)
    assert str(expansion(sphere, [0.0, 1.0, 0.0])).splitlines()[-1] == (
        "  with x = r N: H = r/2, b_N = -1/r N, b_T = 1.5/r (m - <m, N> N)"
    )
    bean = str(expansion(ms.LimaBean().uniform(), [0.2, 0.3]))
    assert bean.endswith("(its formulas are long: see `.formula()`)")
    high = ms.Curve(lambda u: np.cos(np.multiply.outer(u, np.arange(1, 30))), (0.5, 2.0)).uniform()
    assert "(vector of 29, norm " in str(expansion(high, np.ones(29)))
    assert repr(expansion(helix, [1.5, 0.0, 0.0])).startswith("Expansion(edge, of ParametricLaw(")
