"""The bounds that the certificate of the reach is made of, against points of the cells they are bounds for."""

import math

import numpy as np
import pytest

import manifold_scores as ms
from manifold_scores.manifolds.bending import curvature, forms
from manifold_scores.manifolds.bottlenecks import _distance, _normal_somewhere, _stationary_distance, federer_quotient
from manifold_scores.manifolds.cells import Cells
from manifold_scores.manifolds.flatness import exceeds
from manifold_scores.manifolds.neighbours import partition
from tests.test_crossings import TREFOIL, TURN, U, V

PAIRS = 1e-12
"""Rounding of distances and quotients of pairs that are not near each other."""


@pytest.mark.parametrize("name", ["trefoil", "torus"])
def test_bounds_of_cells_hold_at_points(name):
    """The two bounds on distances of cells against points in them, the second where the distance is stationary."""
    manifold = ms.Torus(2.0, 0.7) if name == "torus" else ms.Curve(TREFOIL, (U, 0, TURN))
    cells, _ = partition(manifold._panels, manifold.closed, manifold._parameters)
    rng = np.random.default_rng(0)
    m, n = manifold.dimension, 400

    def points(cells, local):
        return manifold._panels.at(cells.panel, cells.xi + cells.half * local)

    x, y = (cells.take(rng.integers(0, len(cells), n)) for _ in range(2))
    least = np.full(n, np.inf)
    for _ in range(50):
        ends = [points(cell, rng.uniform(-1, 1, (n, m))) for cell in (x, y)]
        least = np.minimum(least, np.linalg.norm(ends[0] - ends[1], axis=1))
    assert (_distance(x, y) <= least * (1 + PAIRS) + 1e-14).all()
    if name == "torus":
        # Opposite points of the tube are double normals, of length 1.4; cells of all sizes around them.
        v, scale = rng.uniform(0, 1, (n, 2)), rng.choice([1.0, 0.3, 0.1, 0.03], (n, 1))
        pair = []
        for end in (v, (v + np.array([0.0, 0.5])) % 1.0):
            panel, xi = manifold._panels.locate(end)
            half = 0.3 * scale * rng.uniform(0.2, 1, (n, 2))
            center = np.clip(xi + half * rng.uniform(-1, 1, (n, 2)), -1 + half, 1 - half)
            pair.append(Cells.of(cells.panels, cells.thirds, panel, panel, center, half, np.zeros((n, 2), dtype=int)))
        assert _normal_somewhere(*pair).all()
        assert _normal_somewhere(*pair[::-1]).all()
        bound = _stationary_distance(*pair)
        assert (bound <= 1.4 * (1 + PAIRS)).all()
        # It is not empty, either.
        assert (bound[scale[:, 0] == 0.03] >= 1.39).all()


@pytest.mark.parametrize(
    ("kind", "arguments", "largest"),
    [(ms.Ellipse, (2.0, 1.0), 2.0), (ms.Helix, (1.0, 2.0, 1.0), 1 / (1 + math.pi**-2)), (ms.Torus, (2.0, 0.5), 2.0)],
)
def test_curvature_is_bounded_by_no_less_than_its_maximum(kind, arguments, largest):
    manifold = kind(*arguments)
    series, margin = forms(manifold._panels), {1: 1e-6, 2: 1e-3}[manifold.dimension]
    assert exceeds(series, largest * (1 + margin), 1 << 12) is None
    panel, xi = exceeds(series, largest * (1 - margin), 1 << 12)
    assert (curvature(manifold._panels, panel, xi[:, : manifold.dimension]) > largest * (1 - margin)).all()


def test_quotient_at_a_corner():
    """The tangent cone of a square at a corner is a quadrant, at a side a half plane."""
    square = ms.Surface([U, V], (U, 0, 1), (V, 0, 1))
    panels = square._panels

    def quotient(x, y, side):
        ends = [panels.locate(np.array([end], dtype=float)) for end in (x, y)]
        return federer_quotient(panels, *ends, np.array([side]))[0]

    assert quotient([1, 1], [0, 0], [-1, -1]) == pytest.approx(math.sqrt(0.5), rel=PAIRS)
    assert quotient([1, 1], [0, 0], [1, 1]) == math.inf
    assert quotient([1, 1], [0, 0.5], [-1, 1]) == pytest.approx(1.25 / 2, rel=PAIRS)
