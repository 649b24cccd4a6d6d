"""Geometry: parametrisation, projection, bases, curvature, volume, reach."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import manifold_scores as ms
from tests import strategies

EPSILON = np.finfo(np.float64).eps

ROUNDING = 32 * EPSILON
"""A few dozen roundings of numbers of size one to three."""

TURN = strategies.rotation(np.random.default_rng(0), 4)

MANIFOLDS = {
    "circle": ms.Circle(1.5),
    "sphere": ms.Sphere(3, 0.7),
    "sphere in R^5": ms.Sphere(5),
    "segment": ms.Segment([0.0, 1.0, -1.0], [2.0, 0.0, 1.0]),
    "segment of the line": ms.Segment([-1.0], [2.0]),
    "box": ms.Box([-1.0, 0.0], [1.0, 0.5]),
    "subspace": ms.AffineSubspace(TURN[:, :2], [1.0, 0.0, -1.0, 0.5]),
    "line": ms.AffineSubspace(TURN[:, :1]),
}
BOUNDED = [name for name in MANIFOLDS if name not in {"subspace", "line"}]
each_manifold = pytest.mark.parametrize("name", MANIFOLDS)


def some_parameters(name, n=40):
    """Parameters well inside the domain of the chart, shape (n,) for curves."""
    manifold, rng = MANIFOLDS[name], np.random.default_rng(1)
    if name == "box":
        return manifold.sample(n, rng)
    low, high = {"circle": (-3, 3), "sphere": (0.2, 2.9), "sphere in R^5": (0.2, 2.9)}.get(name, (0.05, 0.95))
    shape = (n,) if manifold.dimension == 1 else (n, manifold.dimension)
    return rng.uniform(low, high, shape)


@each_manifold
def test_embedded_points_lie_on_the_manifold(name):
    manifold, u = MANIFOLDS[name], some_parameters(name)
    y = manifold.embed(u)
    assert y.shape == (40, manifold.ambient_dimension)
    np.testing.assert_allclose(manifold.project(y), y, atol=ROUNDING)
    np.testing.assert_allclose(manifold.distance(y), 0.0, atol=ROUNDING)
    np.testing.assert_array_equal(manifold.embed(u[3]), y[3])
    np.testing.assert_array_equal(manifold.embed(u.reshape(8, 5, *u.shape[1:])).reshape(y.shape), y)


@each_manifold
def test_tangents_span_the_derivatives_of_the_chart(name):
    manifold, u = MANIFOLDS[name], some_parameters(name)
    step = 1e-5  # central differences: truncation 1e-10, rounding 1e-11
    if manifold.dimension == 1:
        derivatives = [(manifold.embed(u + step * 0.5) - manifold.embed(u - step * 0.5)) / step]
    else:
        shifts = 0.5 * step * np.eye(manifold.dimension)
        derivatives = [(manifold.embed(u + shift) - manifold.embed(u - shift)) / step for shift in shifts]
    derivatives = np.stack(derivatives, -1)
    tangent = manifold.tangent_basis(manifold.embed(u))
    assert tangent.shape == (40, manifold.ambient_dimension, manifold.dimension)
    inside = tangent @ np.swapaxes(tangent, 1, 2) @ derivatives
    np.testing.assert_allclose(inside, derivatives, atol=1e-9)
    assert (np.linalg.matrix_rank(derivatives, tol=1e-3) == manifold.dimension).all()


@each_manifold
def test_bases_are_orthonormal_and_complete(name):
    manifold = MANIFOLDS[name]
    y = manifold.embed(some_parameters(name))
    both = np.concatenate([manifold.tangent_basis(y), manifold.normal_basis(y)], axis=-1)
    d = manifold.ambient_dimension
    assert both.shape == (40, d, d)
    np.testing.assert_allclose(np.swapaxes(both, 1, 2) @ both, np.broadcast_to(np.eye(d), both.shape), atol=ROUNDING)


@each_manifold
@given(st.data())
def test_no_other_point_is_nearer_than_the_projection(name, data):
    manifold = MANIFOLDS[name]
    x = data.draw(strategies.vectors(manifold.ambient_dimension))
    nearest, unique = manifold.project(x, return_unique=True)
    distance = manifold.distance(x)
    assert np.linalg.norm(x - nearest) == pytest.approx(distance, abs=ROUNDING)
    others = manifold.embed(some_parameters(name))
    assert (np.linalg.norm(others - x, axis=1) >= distance - ROUNDING).all()
    np.testing.assert_allclose(manifold.project(nearest), nearest, atol=ROUNDING)
    if not name.startswith(("segment", "box")):  # elsewhere x - y_x is normal
        along = np.asarray(x - nearest) @ manifold.tangent_basis(nearest)
        np.testing.assert_allclose(along, 0.0, atol=4 * ROUNDING)
    assert unique == (not name.startswith(("circle", "sphere")) or bool(np.any(x != 0)))


@pytest.mark.parametrize("name", ["circle", "sphere", "sphere in R^5"])
def test_the_center_of_a_sphere_has_no_unique_projection(name):
    sphere = MANIFOLDS[name]
    center = np.zeros(sphere.ambient_dimension)
    nearest, unique = sphere.project(center, return_unique=True)
    assert unique.dtype == bool
    assert not unique
    assert np.linalg.norm(nearest) == pytest.approx(sphere.radius, rel=ROUNDING)
    assert sphere.distance(center) == sphere.radius
    _, unique = sphere.project(np.stack([center, center + 1e-300]), return_unique=True)
    np.testing.assert_array_equal(unique, [False, True])
    np.testing.assert_array_equal(sphere.project(center), nearest)


def test_nearest_points_beyond_ends_and_faces():
    segment, box = ms.Segment([0.0, 0.0], [2.0, 0.0]), ms.Box([0.0, 0.0], [1.0, 1.0])
    np.testing.assert_array_equal(segment.project([[-3.0, 4.0], [5.0, 0.0], [1.0, 7.0]]), [[0, 0], [2, 0], [1, 0]])
    np.testing.assert_array_equal(segment.distance([[-3.0, 4.0], [5.0, 0.0], [1.0, 7.0]]), [5, 3, 7])
    np.testing.assert_array_equal(box.project([[2.0, 0.5], [-1.0, 3.0], [0.2, 0.3]]), [[1, 0.5], [0, 1], [0.2, 0.3]])
    np.testing.assert_array_equal(box.distance([[2.0, 0.5], [-3.0, 5.0], [0.2, 0.3]]), [1, 5, 0])


@pytest.mark.parametrize("name", ["circle", "sphere", "sphere in R^5"])
def test_second_fundamental_form_bends_geodesics(name):
    # A great circle y cos r + R e sin r through y with direction e = sum v_i e_i has acceleration II(v, v)/... at y.
    sphere, rng = MANIFOLDS[name], np.random.default_rng(2)
    y = sphere.embed(some_parameters(name)[0])
    tangent, form = sphere.tangent_basis(y), sphere.second_fundamental_form(y)
    assert form.shape == (sphere.dimension, sphere.dimension, sphere.ambient_dimension)
    v = rng.standard_normal(sphere.dimension)
    v /= np.linalg.norm(v)
    length = 1e-4

    def geodesic(r):
        return y * math.cos(r / sphere.radius) + sphere.radius * (tangent @ v) * math.sin(r / sphere.radius)

    acceleration = (geodesic(length) - 2 * y + geodesic(-length)) / length**2
    np.testing.assert_allclose(np.einsum("ijk,i,j->k", form, v, v), acceleration, atol=1e-6)  # rounding/1e-8
    np.testing.assert_array_equal(form, np.swapaxes(form, 0, 1))


@pytest.mark.parametrize("name", ["segment", "box", "subspace"])
def test_flat_manifolds_do_not_bend(name):
    manifold = MANIFOLDS[name]
    m, d = manifold.dimension, manifold.ambient_dimension
    y = manifold.embed(some_parameters(name))
    np.testing.assert_array_equal(manifold.second_fundamental_form(y), np.zeros((40, m, m, d)))
    assert manifold.reach == math.inf


def test_volumes_and_reaches():
    assert ms.Circle(3.0).volume == pytest.approx(6 * math.pi, rel=ROUNDING)
    assert ms.Sphere(3, 2.0).volume == pytest.approx(16 * math.pi, rel=ROUNDING)
    assert ms.Sphere(4, 2.0).volume == pytest.approx(2 * math.pi**2 * 8, rel=ROUNDING)
    assert ms.Segment([0.0, 0.0], [3.0, 4.0]).volume == 5.0
    assert ms.Box([0.0, -1.0, 2.0], [1.0, 1.0, 5.0]).volume == 6.0
    assert ms.AffineSubspace([[1.0], [0.0]]).volume == math.inf
    assert ms.Sphere(10, 0.25).reach == 0.25
    assert ms.Sphere(1000, 1e50).volume == math.inf


@each_manifold
def test_dimensions(name):
    dimensions = {
        "circle": (1, 2), "sphere": (2, 3), "sphere in R^5": (4, 5), "segment": (1, 3), "segment of the line": (1, 1),
        "box": (2, 2), "subspace": (2, 4), "line": (1, 4),
    }  # fmt: skip
    assert (MANIFOLDS[name].dimension, MANIFOLDS[name].ambient_dimension) == dimensions[name]


@pytest.mark.parametrize("name", BOUNDED)
def test_uniform_measures_live_on_their_manifolds(name):
    manifold = MANIFOLDS[name]
    measure = manifold.uniform()
    assert (measure.dimension, measure.ambient_dimension) == (manifold.dimension, manifold.ambient_dimension)
    sample = measure.sample(100, 4)
    np.testing.assert_allclose(manifold.distance(sample), 0.0, atol=ROUNDING)
    np.testing.assert_array_equal(manifold.sample(100, 4), sample)


def test_charts_are_the_documented_ones():
    u = np.array([0.3, -1.2])
    np.testing.assert_allclose(ms.Circle(2.0).embed(u), 2 * np.stack([np.cos(u), np.sin(u)], -1), rtol=ROUNDING)
    a, b = 0.4, 5.0
    wanted = 3 * np.array([math.cos(a), math.sin(a) * math.cos(b), math.sin(a) * math.sin(b)])
    np.testing.assert_allclose(ms.Sphere(3, 3.0).embed([a, b]), wanted, rtol=ROUNDING)
    np.testing.assert_array_equal(
        ms.Segment([0.0, 2.0], [4.0, 0.0]).embed([0.0, 0.25, 1.0]), [[0, 2], [1, 1.5], [4, 0]]
    )
    np.testing.assert_array_equal(ms.Box([0.0, 2.0], [4.0, 3.0]).embed([1.0, 2.5]), [1.0, 2.5])
    subspace = ms.AffineSubspace([[0.0, 1.0], [0.0, 0.0], [1.0, 0.0]], [1.0, 2.0, 3.0])
    np.testing.assert_array_equal(subspace.embed([10.0, 20.0]), [21.0, 2.0, 13.0])


def test_bases_and_curvature_are_taken_at_the_projection():
    circle = ms.Circle(2.0)
    for answer in (circle.tangent_basis, circle.normal_basis, circle.second_fundamental_form):
        np.testing.assert_allclose(answer([3.0, 4.0]), answer([1.2, 1.6]), atol=ROUNDING)


def test_geometry_of_many_points_at_once_is_that_of_each():
    x = np.random.default_rng(5).standard_normal((6, 5, 3))
    for manifold in (ms.Sphere(3, 2.0), ms.Segment([0.0, 0.0, 0.0], [1.0, 2.0, 3.0]), ms.Box([0.0] * 3, [1.0] * 3)):
        for name in ("project", "distance", "tangent_basis", "normal_basis", "second_fundamental_form"):
            answer = getattr(manifold, name)
            np.testing.assert_array_equal(answer(x)[4, 2], answer(x[4, 2]))
            assert answer(x).shape[:2] == (6, 5)


@each_manifold
def test_representations_can_be_read(name):
    text = repr(MANIFOLDS[name])
    assert text.startswith(type(MANIFOLDS[name]).__name__ + "(")
    assert len(text) < 100
