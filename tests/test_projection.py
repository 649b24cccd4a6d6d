"""Global nearest points: against dense search, with runners-up, on the medial axis, and under motions."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import manifold_scores as ms
from tests import shapes, strategies
from tests.strategies import close

EPSILON = np.finfo(np.float64).eps

ROUNDING = 64 * EPSILON
"""Of distances, relative to the size of what they are taken between."""

SAME_MINIMUM = 1e-9
"""Two computations of one local minimum agree to rounding, but where it is flat (near a focal point) to its fourth root
squared; different minima of a random query differ by more."""

GRIDS = {1: 2000, 2: 120}
"""Points of the dense search in each direction; the shapes have up to 30 bends."""

CURVES = [
    "ellipse", "lima bean", "wavy circle", "helix", "star", "rough star", "loop in R^3", "loop in R^6", "arc",
]  # fmt: skip
SURFACES = ["torus", "Swiss roll", "sphere patch", "bumpy torus", "cylinder", "flat torus"]
each_curve = pytest.mark.parametrize("name", CURVES)
each_shape = pytest.mark.parametrize("name", CURVES + SURFACES)
seeds = st.integers(0, 2**32 - 1)


def some_queries(shape, n, seed):
    """Points in the box around M and half its width beyond, and a few far away; the size of M; and (n,) of all that."""
    rng = np.random.default_rng(seed)
    points = shapes.grid(shape, 40)[1].reshape(-1, shape.manifold.ambient_dimension)
    lower, upper = points.min(0), points.max(0)
    x = rng.uniform(1.5 * lower - 0.5 * upper, 1.5 * upper - 0.5 * lower, (n, len(lower)))
    x[: n // 10] *= 10.0 ** rng.uniform(1, 4, (n // 10, 1))
    return x, np.linalg.norm(x, axis=1) + np.abs(points).max()


@each_shape
def test_nearest_points_and_runners_up_against_dense_search(name):
    shape = shapes.shapes()[name]
    x, size = some_queries(shape, 60 if name in CURVES else 30, 0)
    near = shape.manifold.nearest(x)
    for i, each in enumerate(x):
        minima = shapes.local_minima(shape, each, GRIDS[len(shape.ends)])
        assert abs(near.distance[i] - minima[0]) <= ROUNDING * size[i]
        others = [value for value in minima if value > minima[0] + SAME_MINIMUM * size[i]]
        wanted = min(others, default=math.inf)
        found = near.runner_up_distance[i]
        assert found == wanted or abs(found - wanted) <= SAME_MINIMUM * size[i]
    assert near.unique.all()  # almost surely
    there = np.isfinite(near.runner_up_distance)
    np.testing.assert_array_equal(np.isnan(near.runner_up).all(1), ~there)
    apart = np.linalg.norm(x - near.runner_up, axis=1)[there]
    close(apart, near.runner_up_distance[there], ROUNDING * size[there])


@each_shape
@settings(max_examples=8)
@given(seed=seeds)
def test_the_record_is_consistent(name, seed):
    manifold = shapes.shapes()[name].manifold
    x, size = some_queries(shapes.shapes()[name], 20, seed)
    near, slack = manifold.nearest(x), ROUNDING * size
    close(np.linalg.norm(x - near.point, axis=1), near.distance, slack)
    close(manifold.embed(near.parameter), near.point, slack[:, None])
    close(manifold.distance(x), near.distance, slack)
    nearest, unique = manifold.project(x, return_unique=True)
    np.testing.assert_array_equal(unique, near.unique)
    close(np.linalg.norm(x - nearest, axis=1), near.distance, slack)
    close(np.linalg.norm(x - manifold.project(x), axis=1), near.distance, slack)
    assert (near.runner_up_distance >= near.distance - slack).all()
    # What lies on M is its own projection.
    close(manifold.project(near.point), near.point, slack[:, None])
    assert (manifold.distance(near.point) <= slack).all()
    # The distance is 1-Lipschitz, also across the medial axis.
    step = np.linalg.norm(x[1:] - x[:-1], axis=1)
    assert (np.abs(np.diff(near.distance)) <= step + slack[1:] + slack[:-1]).all()


@each_shape
@settings(max_examples=8)
@given(seed=seeds)
def test_residuals_are_normal_or_in_the_normal_cone(name, seed):
    manifold = shapes.shapes()[name].manifold
    x, size = some_queries(shapes.shapes()[name], 20, seed)
    near = manifold.nearest(x)
    u = near.parameter.reshape(20, -1)
    m = manifold.dimension
    orders = [1] if m == 1 else [(1, 0), (0, 1)]
    width = manifold.upper - manifold.lower
    for axis, order in enumerate(orders):
        slope = manifold.derivative(near.parameter, order)
        along = ((x - near.point) * slope).sum(1) / np.linalg.norm(slope, axis=1)
        at_lower = ~np.array(manifold.closed[axis]) & (u[:, axis] <= manifold.lower[axis] + 1e-12 * width[axis])
        at_upper = ~np.array(manifold.closed[axis]) & (u[:, axis] >= manifold.upper[axis] - 1e-12 * width[axis])
        # Rounding of u moves y by eps, and the residual turns by that times the curvature: 100 is above |II| here.
        slack = 100 * ROUNDING * size
        assert (along[~at_upper] <= slack[~at_upper]).all()
        assert (along[~at_lower] >= -slack[~at_lower]).all()


@settings(max_examples=25)
@given(seeds)
def test_random_curves_against_dense_search(seed):
    rng = np.random.default_rng(seed)
    d = int(rng.integers(2, 6))
    function = shapes.star(rng, int(rng.integers(2, 7)), 0.12) if d == 2 else shapes.loop(rng, d, 4)
    curve = shapes.closed_curve(function)
    points = function(np.linspace(0, shapes.TURN, 4000))
    x = rng.uniform(-3, 3, (200, d))
    least = np.sqrt(((x[:, None] - points) ** 2).sum(-1).min(1))
    assert (curve.distance(x) <= least + ROUNDING * (4 + least)).all()
    np.testing.assert_allclose(curve.nearest(x).distance, curve.distance(x), rtol=0, atol=8 * ROUNDING)


@each_shape
def test_projections_move_with_the_manifold(name):
    shape, rng = shapes.shapes()[name], np.random.default_rng(6)
    d = shape.manifold.ambient_dimension
    turn, shift, scale = strategies.rotation(rng, d), rng.uniform(-2, 2, d), 7.5
    kind = ms.Curve if len(shape.ends) == 1 else ms.Surface
    moved = kind(shapes.moved(shape.function, turn, scale, shift), *shape.ends)
    x, size = some_queries(shape, 40, 1)
    still, image = shape.manifold.nearest(x), moved.nearest(scale * x @ turn.T + shift)
    close(image.distance, scale * still.distance, ROUNDING * (scale * size + 4))
    # A nearest point is known to the rounding of the distance over how much better it is than its neighbourhood.
    clear = still.runner_up_distance - still.distance > 1e-6
    foot = scale * still.point @ turn.T + shift
    close(image.point[clear], foot[clear], 1e-6 * size[clear, None])
    on = scale * still.point @ turn.T + shift
    close(moved.project(on), on, ROUNDING * (scale * size + 4)[:, None])


@each_curve
def test_the_parameter_does_not_matter(name):
    shape = shapes.curves()[name]
    low, high = shape.ends[0]
    turn = 2 * np.pi / (high - low)

    def other(w):  # increasing, with the same ends and slopes there
        return shape.function(low + (w + 0.5 * np.sin(w)) / turn)

    again = ms.Curve(other, (0.0, 2 * np.pi))
    x, size = some_queries(shape, 100, 2)
    close(again.distance(x), shape.manifold.distance(x), ROUNDING * size)
    assert again.volume == pytest.approx(shape.manifold.volume, rel=1e-13)  # areas of functions
    np.testing.assert_array_equal(again.closed, shape.closed)
    w = np.random.default_rng(3).uniform(0, 2 * np.pi, 30)
    close(shape.manifold.distance(again.embed(w)), 0.0, ROUNDING * 4)


# The medial axis.


@pytest.mark.parametrize("radius", [1e-3, 1.0, 40.0])
def test_the_center_of_a_circle(radius):
    circle = ms.Ellipse(radius, radius)
    for center in ([0.0, 0.0], [1e-17 * radius, 0.0]):
        near = circle.nearest(center)
        assert not near.unique
        assert near.distance == pytest.approx(radius, rel=ROUNDING)
        assert np.linalg.norm(near.point) == pytest.approx(radius, rel=ROUNDING)
    near = circle.nearest([0.01 * radius, 0.0])
    assert near.unique
    close(near.point, [radius, 0.0], ROUNDING * radius)


def test_the_axis_of_an_ellipse():
    a, b = 2.0, 1.0
    ellipse = ms.Ellipse(a, b)
    focal = (a * a - b * b) / a
    x = np.linspace(-0.99 * focal, 0.99 * focal, 41)
    queries = np.stack([x, 0 * x], -1)
    near = ellipse.nearest(queries)
    assert not near.unique.any()
    foot = x * a * a / (a * a - b * b)
    height = b * np.sqrt(1 - (foot / a) ** 2)
    wanted = np.sqrt((foot - x) ** 2 + height**2)
    close(near.distance, wanted, ROUNDING)
    close(near.runner_up_distance, wanted, ROUNDING)
    # The foot is conditioned like 1/(1 - curvature distance), below 60 here.
    close(near.point[:, 0], foot, 60 * ROUNDING)
    close(np.abs(near.point[:, 1]), height, 60 * ROUNDING)
    close(near.runner_up, near.point * [1, -1], 60 * ROUNDING)
    # A little off the axis one side is nearer, and the other is the runner-up.
    for side in (1e-12, -1e-12):
        near = ellipse.nearest(queries + np.array([0.0, side]))
        assert near.unique.all()
        assert (np.sign(near.point[:, 1]) == np.sign(side)).all()
        assert (np.sign(near.runner_up[:, 1]) == -np.sign(side)).all()
    # On the other axis, inside, the nearest point is unique but at the center.
    y = np.array([-0.7, -1e-3, 1e-3, 0.5])
    near = ellipse.nearest(np.stack([0 * y, y], -1))
    assert near.unique.all()
    close(near.point, np.stack([0 * y, np.sign(y)], -1), ROUNDING)
    close(near.runner_up_distance, 1 + np.abs(y), ROUNDING)


def test_beyond_the_focal_points_of_an_ellipse_there_is_one_nearest_point():
    ellipse = ms.Ellipse(2.0, 1.0)
    near = ellipse.nearest([[1.6, 0.0], [1.9, 0.0], [5.0, 0.0]])  # focal at 1.5
    assert near.unique.all()
    close(near.point, [[2.0, 0.0]] * 3, 60 * ROUNDING)
    # At the focal point itself the distance is flat to fourth order: the foot is known to eps^(1/3).
    near = ellipse.nearest([1.5, 0.0])
    assert near.distance == pytest.approx(0.5, rel=ROUNDING)
    close(near.point, [2.0, 0.0], 1e-4)


@given(st.floats(0.05, 1.95), st.floats(2, 8))
def test_between_the_turns_of_a_helix(radius, angle):
    # Half a turn about the line through the axis and the helix point opposite maps the helix to itself and fixes x.
    helix = ms.Helix(1.0, 0.5, 3.0)
    center = np.array([0.0, 0.0, 0.5 * (angle + np.pi) / (2 * np.pi)])
    ray = np.array([np.cos(angle), np.sin(angle), 0.0])
    x = center + max(radius, 0.2) * ray
    near = helix.nearest(x)

    def turned(y):
        return center + 2 * ((y - center) @ ray) * ray - (y - center)

    close(near.distance, near.runner_up_distance, ROUNDING * 4)
    assert not near.unique
    close(near.runner_up, turned(near.point), 1e-10)  # conditioned like 1/h, h > 1e-4 for these radii
    beside = helix.nearest(x + np.array([0.0, 0.0, 1e-6]))
    assert beside.unique
    assert beside.distance < beside.runner_up_distance


def test_medial_axes_of_surfaces():
    torus = shapes.surfaces()["torus"].manifold  # 1.5, 0.5
    angle = np.linspace(0, 6, 9)
    core = 1.5 * np.stack([np.cos(angle), np.sin(angle), 0 * angle], -1)
    near = torus.nearest(core)
    assert not near.unique.any()
    close(near.distance, 0.5, ROUNDING)
    axis = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 2.0]])
    near = torus.nearest(axis)
    assert not near.unique.any()
    close(near.distance, [1.0, math.hypot(1.5, 2.0) - 0.5], ROUNDING)
    cylinder = shapes.surfaces()["cylinder"].manifold
    assert not cylinder.nearest([0.0, 0.0, 0.3]).unique
    near = cylinder.nearest([0.3, 0.0, 2.5])  # over the edge
    assert near.unique
    close(near.point, [1.0, 0.0, 1.5], ROUNDING)


def test_ends_and_corners_are_nearest_where_they_should_be():
    arc, roll = shapes.curves()["arc"], shapes.surfaces()["Swiss roll"].manifold
    for end, sign in zip(arc.ends[0], (-1, 1), strict=True):
        y = arc.function(np.array([end]))[0]
        tangent = arc.manifold.derivative(end, 1)
        near = arc.manifold.nearest(y + 0.05 * sign * tangent / np.linalg.norm(tangent))
        close(near.point, y, ROUNDING)
        assert near.parameter == pytest.approx(end, abs=ROUNDING)
        assert near.distance == pytest.approx(0.05, rel=16 * ROUNDING)
    corner = roll.embed([4.5 * np.pi, 21.0])
    outward = np.array([1.0, 0.0, 4.5 * np.pi]) / math.hypot(1, 4.5 * np.pi) + [0.0, 1.0, 0.0]
    near = roll.nearest(corner + outward)
    close(near.point, corner, 16 * ROUNDING)
    np.testing.assert_allclose(near.parameter, [4.5 * np.pi, 21.0], rtol=ROUNDING)


def test_points_far_away_and_on_the_manifold():
    ellipse = ms.Ellipse(2.0, 1.0)
    angle = np.linspace(0, 6, 7)
    direction = np.stack([np.cos(angle), np.sin(angle)], -1)
    # From far away the nearest point is the one that is furthest in that direction.
    wanted = direction * [4.0, 1.0] / np.sqrt(4 * np.cos(angle) ** 2 + np.sin(angle) ** 2)[:, None]
    for distance, error in ((1e4, 1e-3), (1e8, 1e-7), (1e12, 1e-3)):
        near = ellipse.nearest(distance * direction)
        close(near.point, wanted, error)  # |M|/|x|, or beyond 1e8 the square root of the rounding of the distance
        np.testing.assert_allclose(near.distance, distance - (wanted * direction).sum(1), rtol=ROUNDING, atol=1e-3)
    y = ellipse.embed(angle)
    near = ellipse.nearest(y)
    close(near.distance, 0.0, ROUNDING)
    close(np.sin(near.parameter - angle), 0.0, ROUNDING)
    for offset in (1e-14, 1e-10, 1e-6):
        normal = ellipse.normal_basis(y)[:, :, 0]
        close(ellipse.distance(y + offset * normal), offset, ROUNDING)
