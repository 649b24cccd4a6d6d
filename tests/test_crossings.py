"""Embeddings that meet themselves are refused where they do; those that only come near are not."""

import numpy as np
import pytest
import sympy as sp

import manifold_scores as ms

U, V = sp.symbols("u v", real=True)
TURN = 2 * sp.pi

TREFOIL = [sp.sin(U) + 2 * sp.sin(2 * U), sp.cos(U) - 2 * sp.cos(2 * U), -sp.sin(3 * U)]


def circle(radius, end=TURN):
    return ms.Curve([radius * sp.cos(U), radius * sp.sin(U)], (U, 0, end))


def cassini(e):
    """The oval on which the product of the distances to (1, 0) and (-1, 0) is e^2; its neck is 2 sqrt(e^2 - 1) wide."""
    e = sp.Rational(e)
    r = sp.sqrt(sp.cos(2 * U) + sp.sqrt(e**4 - sp.sin(2 * U) ** 2))
    return ms.Curve([r * sp.cos(U), r * sp.sin(U)], (U, 0, TURN))


SELF_CROSSING = {
    "figure eight": ([sp.sin(U), sp.sin(U) * sp.cos(U)], (U, 0, TURN)),
    "limacon with an inner loop": ([(1 + 2 * sp.cos(U)) * f(U) for f in (sp.cos, sp.sin)], (U, 0, TURN)),
    "circle traversed twice": ([sp.cos(U), sp.sin(U)], (U, 0, 2 * TURN)),
    "arc that overlaps itself": ([sp.cos(U), sp.sin(U), 0], (U, 0, 3 * sp.pi)),
    "end on the curve": ([U**2 - 1, U * (U**2 - 1)], (U, -1, 2)),
    "two tangent loops": ([sp.cos(U), sp.sin(U) * sp.cos(U) ** 2], (U, 0, TURN)),
    "Viviani's curve": ([1 + sp.cos(U), sp.sin(U), 2 * sp.sin(U / 2)], (U, 0, 2 * TURN)),
}


@pytest.mark.parametrize("name", SELF_CROSSING)
def test_crossing_is_refused(name):
    expressions, domain = SELF_CROSSING[name]
    with pytest.raises(ValueError, match="embedding must not intersect itself; it does near u = ") as caught:
        ms.Curve(expressions, domain)
    first, second = (float(part.strip(" []u=")) for part in str(caught.value).split("near")[1].split("and"))
    position = sp.lambdify(U, expressions)
    # Six decimals of the parameters, speeds up to 3.
    assert np.linalg.norm(np.subtract(position(first), position(second))) <= 1e-5
    assert abs(first - second) > 0.1


@pytest.mark.parametrize("tilt", [0, sp.Rational(1, 3)])
def test_crossing_surface_is_refused(tilt):
    sheet = [U**2 - 1 + V * tilt, U * (U**2 - 1), V + U * tilt]
    with pytest.raises(ValueError, match="embedding must not intersect itself; it does near u = "):
        ms.Surface(sheet, (U, -2, 2), (V, 0, 1))


NEARLY = {
    "trefoil": lambda: ms.Curve(TREFOIL, (U, 0, TURN)),
    "spiral of turns 1e-3 apart": lambda: ms.Curve(
        [(1 + U / (2000 * sp.pi)) * f(U) for f in (sp.cos, sp.sin)], (U, 0, 6 * sp.pi)
    ),
    "coil of pitch 1e-2": lambda: ms.Helix(1.0, 0.01, 20.0),
    "half of Viviani's curve": lambda: ms.Curve(
        [1 + sp.cos(U), sp.sin(U), 2 * sp.sin(U / 2)], (U, sp.Rational(1, 10), TURN)
    ),
    "Cassini oval": lambda: cassini("1.5"),
    "narrow neck": lambda: cassini("1.00005"),
    "wavy circle": lambda: ms.WavyCircle(16, 0.3),
    "nearly closed arc": lambda: circle(1, TURN - sp.Rational(1, 10**6)),
    "Swiss roll": ms.SwissRoll,
    "thick torus": lambda: ms.Torus(1.0, 0.95),
}


@pytest.mark.parametrize("name", NEARLY)
def test_embedding_is_accepted(name):
    NEARLY[name]()
