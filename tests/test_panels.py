"""Piecewise polynomials: they are the map they were fitted to, and their tree covers them."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import manifold_scores as ms
from manifold_scores import fitting as module
from tests.strategies import close

EPSILON = np.finfo(np.float64).eps

TOLERANCE = 1e-15
"""Asked of the fits here, relative to the size of the image."""

FITTED = 40 * TOLERANCE
"""Of values: the tolerance, what the second comparison may be off (less than 64 of them), a rounding or two."""


def spiral(v):
    """A map of [0, 1] that turns and grows, evaluated in the precision of v."""
    angle = 9 * v[:, 0]
    return np.stack([angle * np.cos(angle), angle * np.sin(angle), np.exp(-angle)], -1)


def wave(v):
    """A map of the unit square."""
    a, b = 5 * v[:, 0], 3 * v[:, 1]
    return np.stack([np.sin(a) * np.cos(b), b + 0 * a, np.cos(a + b)], -1)


MAPS = {"spiral": (spiral, 1), "wave": (wave, 2)}
each_map = pytest.mark.parametrize("name", MAPS)


def fitted(name):
    function, m = MAPS[name]
    return module.fit(function, m, 3, TOLERANCE)


def points(m, n, seed=0):
    """Random points of the unit domain, its corners and dyadic points on the sides between panels."""
    v = np.random.default_rng(seed).random((n, m))
    special = np.array(list(itertools.product([0.0, 0.25, 0.5, 0.75, 1.0], repeat=m)))
    return np.concatenate([v, special])


@each_map
def test_values_and_derivatives_are_those_of_the_map(name):
    function, m = MAPS[name]
    panels, v = fitted(name), points(m, 400)
    size = np.abs(function(v)).max()
    close(panels.evaluate(v), function(v), FITTED * size)
    v = np.clip(v, 0.01, 0.99)
    step = 1e-3
    weights = np.array([1 / 280, -4 / 105, 1 / 5, -4 / 5, 0, 4 / 5, -1 / 5, 4 / 105, -1 / 280]) / step
    for axis in range(m):
        unit = np.eye(m)[axis]
        wanted = sum(w * function(v + k * step * unit) for w, k in zip(weights, range(-4, 5), strict=True))
        # A derivative costs the degree squared over the width: 15^2 * 2 * 64; so do the differences of order eight.
        close(panels.evaluate(v, tuple(int(i) for i in unit)), wanted, 3e4 * FITTED * size)
    twice = panels.evaluate(v, (2,) + (0,) * (m - 1))
    once = [panels.evaluate(v + s * np.eye(m)[0], (1,) + (0,) * (m - 1)) for s in (-1e-4, 1e-4)]
    close(twice, (once[1] - once[0]) / 2e-4, 1e-5 * np.abs(twice).max())


@each_map
def test_panels_tile_the_domain(name):
    _, m = MAPS[name]
    panels = fitted(name)
    assert np.prod(panels.width, axis=1).sum() == 1.0  # dyadic: exact
    v = points(m, 500)
    inside = ((v[:, None] >= panels.lower) & (v[:, None] <= panels.lower + panels.width)).all(2)
    assert inside.any(1).all()
    assert (inside[:500].sum(1) == 1).all()
    index, xi = panels.locate(v)
    assert inside[np.arange(len(v)), index].all()
    assert np.abs(xi).max() <= 1
    close(panels.unit(index, xi), v, 4 * EPSILON)
    close(panels.at(index, xi), panels.evaluate(v), 1e-300)
    outside = panels.locate(np.full((1, m), 1.5))
    np.testing.assert_array_equal(panels.unit(*outside), np.ones((1, m)))


@each_map
def test_every_panel_hangs_in_the_tree_once_and_in_every_ball_above(name):
    _, m = MAPS[name]
    panels = fitted(name)
    grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, 33)] * m, indexing="ij"), -1).reshape(-1, m)
    seen, stack = [], [(0, [])]
    while stack:
        node, above = stack.pop()
        above = [*above, node]
        if panels.panel[node] < 0:
            stack += [(int(child), above) for child in panels.child[node]]
            continue
        assert (panels.child[node] == -1).all()
        seen.append(int(panels.panel[node]))
        y = panels.at(np.full(len(grid), seen[-1]), grid)[:, : panels.center.shape[1]]
        for ball in above:
            assert (np.linalg.norm(y - panels.center[ball], axis=1) <= panels.radius[ball] + 1e-14).all()
    assert sorted(seen) == list(range(len(panels.lower)))


@each_map
def test_bounds_and_degrees_hold(name):
    function, m = MAPS[name]

    def weighted(v):
        return np.concatenate([function(v), 1 + function(v)[:, :1] ** 2], 1)

    panels = module.fit(weighted, m, 3, TOLERANCE, 1e-13)
    grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, 17)] * m, indexing="ij"), -1).reshape(-1, m)
    for p in range(len(panels.lower)):
        weight = panels.at(np.full(len(grid), p), grid)[:, -1]
        assert np.abs(weight).max() <= panels.largest[p, 0] * (1 + 4 * EPSILON)
        n1, n2 = panels.degrees[p]
        assert not panels.coefficients[p, :, n1 + 1 :].any()
        assert not panels.coefficients[p, :, :, n2 + 1 :].any()
    v = points(m, 300)
    np.testing.assert_allclose(panels.evaluate(v)[:, -1], weighted(v)[:, -1], rtol=64e-13)


def test_polynomials_are_one_panel_a_first_cell_and_exact():
    panels = module.fit(lambda v: np.concatenate([v, 3 * v**2 - 1], 1), 1, 2, TOLERANCE)
    assert len(panels.lower) == 2**module.FIRST_CUTS
    np.testing.assert_array_equal(panels.degrees, [[2, 0]] * len(panels.lower))
    v = points(1, 100)
    close(panels.evaluate(v), np.concatenate([v, 3 * v**2 - 1], 1), 8 * EPSILON)
    close(panels.evaluate(v, (3,)), 0.0, 1e-300)
    close(panels.evaluate(v, (40,)), 0.0, 1e-300)


@settings(max_examples=20)
@given(st.floats(0.01, 0.99), st.floats(0.5, 3))
def test_kinks_and_jumps_of_weights_are_followed(place, height):
    def values(v):
        return np.concatenate([v, 1 - v, np.where(v < place, 1.0, 1.0 + height)], 1)

    panels = module.fit(values, 1, 2, TOLERANCE, 1e-13)
    assert len(panels.lower) < 120  # one chain of halvings
    v = points(1, 300)
    v = v[np.abs(v[:, 0] - place) > 1e-13]
    np.testing.assert_allclose(panels.evaluate(v)[:, -1], values(v)[:, -1], rtol=1e-12)


def test_weights_that_vanish_leave_their_panels_out():
    def values(v):
        return np.concatenate([v, v**2, np.where((v > 0.3) & (v < 0.6), 1.0, 0.0)], 1)

    whole = module.fit(values, 1, 2, TOLERANCE, 1e-13)
    panels = whole.supported()
    assert len(panels.lower) < len(whole.lower)
    kept = np.abs(panels.coefficients[:, -1]).max(axis=(1, 2)) > 0
    assert kept.all()
    assert panels.lower.min() == pytest.approx(0.3, abs=1e-12)
    assert (panels.lower + panels.width).max() == pytest.approx(0.6, abs=1e-12)
    leaves, stack = [], [0]
    while stack:  # each once, inside the balls above
        node = stack.pop()
        if panels.panel[node] >= 0:
            p = int(panels.panel[node])
            leaves.append(p)
            ends = panels.at(np.array([p, p]), np.array([[-1.0], [1.0]]))[:, :2]
            assert (np.linalg.norm(ends - panels.center[node], axis=1) <= panels.radius[node] + 1e-14).all()
        else:
            stack += panels.child[node].tolist()
    assert sorted(leaves) == list(range(len(panels.lower)))


def test_open_ends_are_the_sides_of_directions_that_are_not_closed():
    panels = fitted("wave")
    ends = panels.open_ends((False, True))
    assert ends.shape == (len(panels.lower), 2, 2)
    np.testing.assert_array_equal(ends[:, 0, 0], panels.lower[:, 0] == 0)
    np.testing.assert_array_equal(ends[:, 0, 1], panels.lower[:, 0] + panels.width[:, 0] == 1)
    assert not ends[:, 1].any()
    assert not panels.open_ends((True, True)).any()


def test_the_number_of_panels_grows_with_detail_only():
    counts = [len(ms.WavyCircle(frequency=k)._panels.lower) for k in (2, 4, 8, 16)]
    assert counts == sorted(counts)
    assert counts[-1] <= 16 * counts[0]
    assert len(ms.SwissRoll()._panels.lower) <= 64
