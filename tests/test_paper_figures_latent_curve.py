"""The closed curve of latents: its circle in closed form, its kernels by brute force, and the figures about it."""

from __future__ import annotations

import math

import numpy as np
import pytest

import manifold_scores as ms
from commands.files import load_arrays
from paper_figures import fphdp_9, latent_panels, registry
from paper_figures.images import latent_curve
from paper_figures.images.data import Source
from paper_figures.smoothing_samples import spiral
from tests.test_paper_figures_lwb_digits import write_digits

ROUNDING = 1e-12
"""A few eps times the condition number of the triangles, at most 100."""

EXPONENTS = 1e-9
"""Softmax weights at the smallest time tried, 0.01: eps times exponents of 1e3, times 1e3 for the score."""


def corners(seed, dimension=32):
    return np.random.default_rng(seed).standard_normal((3, dimension)) + 0.5


@pytest.mark.parametrize("seed", range(5))
def test_circle_goes_through_the_three_points(seed):
    a = corners(seed)
    circle = latent_curve.circle_through(a)
    np.testing.assert_allclose(np.linalg.norm(a - circle.centre, axis=1), circle.radius, rtol=ROUNDING)
    np.testing.assert_allclose(circle.axes @ circle.axes.T, np.eye(2), atol=ROUNDING)
    # The centre lies in the plane of the points: then no other circle does.
    sides = (a[1:] - a[0]).T
    rest = circle.centre - a[0] - sides @ np.linalg.lstsq(sides, circle.centre - a[0], rcond=None)[0]
    assert np.abs(rest).max() < ROUNDING
    # R = abc/(4 area), Heron's formula.
    lengths = np.linalg.norm(a - np.roll(a, 1, axis=0), axis=1)
    half = lengths.sum() / 2.0
    assert circle.radius == pytest.approx(lengths.prod() / 4.0 / np.sqrt(half * np.prod(half - lengths)), rel=ROUNDING)
    plane = circle.plane(a)
    np.testing.assert_allclose(circle.lift(plane), a, atol=ROUNDING)
    angles = latent_curve.angles(plane)
    assert min(angles[0], 2.0 * math.pi - angles[0]) < ROUNDING
    assert 0.0 < angles[1] < math.pi


def test_circle_of_a_right_triangle():
    circle = latent_curve.circle_through(np.array([[0.0, 0.0, 5.0], [6.0, 0.0, 5.0], [0.0, 8.0, 5.0]]))
    np.testing.assert_allclose(circle.centre, [3.0, 4.0, 5.0], rtol=ROUNDING)
    assert circle.radius == pytest.approx(5.0, rel=ROUNDING)
    # The first two points opposite each other: the third one says where the second axis points.
    opposite = latent_curve.circle_through(np.array([[-1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]))
    np.testing.assert_allclose(np.abs(opposite.axes), np.eye(2), atol=1e-6)
    np.testing.assert_allclose(opposite.axes @ opposite.axes.T, np.eye(2), atol=ROUNDING)
    with pytest.raises(ValueError, match="corners must not lie on a line"):
        latent_curve.circle_through(np.array([[0.0, 0.0], [1.0, 1.0], [3.0, 3.0]]))


def test_distances_are_those_to_the_curve_in_latent_space():
    circle = latent_curve.circle_through(corners(1))
    curve = ms.Curve(lambda u: circle.lift(latent_curve.on_circle(u)), (0.0, 2.0 * math.pi))
    x = 0.8 * np.random.default_rng(2).standard_normal((40, 2))
    found = latent_curve.distances(x)
    latents = circle.lift(x)
    np.testing.assert_allclose(circle.radius * found["to_manifold"], curve.distance(latents), atol=1e-12)
    data = circle.lift(latent_curve.training_points())
    wanted = np.linalg.norm(latents[:, None] - data, axis=2).min(axis=1)
    np.testing.assert_allclose(circle.radius * found["to_data"], wanted, rtol=ROUNDING)
    assert curve.volume == pytest.approx(2.0 * math.pi * circle.radius, rel=ROUNDING)


def test_covered_share_of_known_sets():
    even = latent_curve.on_circle(2.0 * np.pi * (np.arange(400) + 0.5) / 400)
    near_one = latent_curve.on_circle(np.full(50, 1e-3))
    found = latent_curve.distances(np.stack([even[:50], np.tile(near_one, (1, 1))]))["covered"]
    assert found[1] == pytest.approx(0.25, rel=ROUNDING)  # ten of forty arcs
    assert latent_curve.distances(even)["covered"] == pytest.approx(1.0, rel=ROUNDING)


def test_orbits_are_rotations():
    x = np.random.default_rng(3).standard_normal((4, 2))
    found = latent_curve.orbit(x).reshape(4, 10, 2) @ [1.0, 1.0j]
    wanted = (x @ [1.0, 1.0j])[:, None] * np.exp(2.0j * np.pi * np.arange(10) / 10)
    np.testing.assert_allclose(found, wanted, atol=ROUNDING)
    data = np.sort_complex(latent_curve.training_points() @ [1.0, 1.0j])
    turned = np.sort_complex((latent_curve.orbit(latent_curve.training_points()[3:4]) @ [1.0, 1.0j]).round(12))
    np.testing.assert_allclose(turned, data.round(12), atol=1e-11)


def brute_force(kernel, x, t, displacements):
    """The smoothed score at x (d,), from one softmax after the other, and the nearest points of the unit circle."""
    data, total = latent_curve.training_points(), np.zeros(2)
    for displacement in displacements:
        y = x + displacement
        if kernel == "adapted":
            p = x / np.hypot(*x)
            moved = (p + displacement) / np.hypot(*(p + displacement))
            y = x + moved - p
        logits = -((y - data) ** 2).sum(axis=1) / (2.0 * t)
        weights = np.exp(logits - logits.max())
        total += (weights @ data / weights.sum() - y) / t
    return total / len(displacements)


@pytest.mark.parametrize("kernel", latent_curve.KERNELS)
@pytest.mark.parametrize("t", [9.0, 0.3, 0.01])
def test_smoothed_scores_by_brute_force(kernel, t):
    x = np.random.default_rng(4).standard_normal((6, 2))
    found = latent_curve.model(kernel, 0.7, 32).score(x, t)
    wanted = np.array([brute_force(kernel, each, t, 0.7 * spiral(32)) for each in x])
    np.testing.assert_allclose(found, wanted, atol=EXPONENTS)


@pytest.mark.parametrize("kernel", latent_curve.KERNELS)
def test_what_is_orthogonal_to_the_plane_changes_nothing(kernel):
    # In R^5, with displacements that leave the plane: its part of the score is that of the plane, over R.
    circle = latent_curve.circle_through(corners(5, 5))
    R = circle.radius
    rest = np.linalg.qr(np.concatenate([circle.axes, np.eye(5)[:3]]).T)[0][:, 2:].T
    rng = np.random.default_rng(6)
    across = 0.5 * rng.standard_normal((32, 3))
    displacements = R * (0.7 * spiral(32) @ circle.axes + (across - across.mean(axis=0)) @ rest)
    noised = ms.NoisedMeasure(ms.PointCloud(circle.lift(latent_curve.training_points())), ms.BrownianMotion())
    smoothing = ms.SampledKernel(displacements)
    if kernel == "adapted":
        curve = ms.Curve(lambda u: circle.lift(latent_curve.on_circle(u)), (0.0, 2.0 * math.pi))
        smoothing = ms.TranslatedManifoldKernel(smoothing, curve)
    x, away, t = rng.standard_normal((6, 2)), rng.standard_normal((6, 3)), 0.3
    found = ms.SmoothedScore(noised, smoothing).score(circle.lift(x) + away @ rest, t * R**2)
    plane = latent_curve.model(kernel, 0.7, 32).score(x, t)
    np.testing.assert_allclose(found @ circle.axes.T, plane / R, atol=EXPONENTS)
    # And the rest is that of a point in the plane: -x/t, which the last step of the sampler removes.
    np.testing.assert_allclose(found @ rest.T, -away / (t * R**2), atol=EXPONENTS)


def test_corners_are_far_apart_and_in_the_middle_of_their_class():
    rng = np.random.default_rng(7)
    labels = rng.integers(5, size=200)
    means = np.array([[0.0, 0.0], [9.0, 0.0], [0.0, 9.0], [1.0, 1.0], [2.0, 2.0]])
    latents = means[labels] + 0.3 * rng.standard_normal((200, 2))
    found = latent_curve.corners(latents, labels)
    assert list(labels[found]) == [0, 1, 2]
    for index in found:
        own = latents[labels == labels[index]]
        apart = np.linalg.norm(own - own.mean(axis=0), axis=1)
        np.testing.assert_array_equal(own[apart.argmin()], latents[index])
    with pytest.raises(ValueError, match="needs three classes; got 2"):
        latent_curve.corners(latents, labels % 2)


def test_chosen_rows_are_different_and_hold_the_best_and_the_last():
    for n in (3, 4, 12):
        for best in range(n):
            distances = np.ones(n)
            distances[best] = 0.5
            rows = fphdp_9.chosen(distances)
            assert len(set(rows)) == 3
            assert rows == sorted(rows)
            assert {best, n - 1} <= set(rows)


def test_conclusion_says_which_is_lower_beyond_its_error():
    data = {"scales": np.array([[0.0, 0.2], [0.0, 0.4]]), "floor": np.ones(3), "pixel_floor": np.ones(3)}
    data |= {"frechet": np.array([[9.0, 5.0], [9.0, 2.0]]), "frechet_error": np.array([[1.0, 0.3], [1.0, 0.4]])}
    data |= {"pixel_frechet": np.array([[2.0, 5.0], [9.0, 2.5]]), "pixel_frechet_error": np.full((2, 2), 0.3)}
    text = latent_panels.conclusion(data)
    assert "isotropic 5 (0.3) at 0.2 R, adapted 2 (0.4) at 0.4 R" in text
    assert "difference 3 (0.5): the adapted kernel is lower" in text
    assert "difference -0.5 (0.42): no difference beyond two standard errors" in text
    data["pixel_frechet_error"] = np.full((2, 2), 0.1)
    assert "difference -0.5 (0.14): the isotropic kernel is lower" in latent_panels.conclusion(data)


@pytest.fixture(scope="module", params=["digits", "idx"])
def made(request, tmp_path_factory):
    """Both figures in their quick size, of the bundled digits and of files written here."""
    pytest.importorskip("torch", reason="torch is not installed")
    out = tmp_path_factory.mktemp(request.param)
    if request.param == "digits":
        pytest.importorskip("sklearn", reason="scikit-learn is not installed")
        source = Source()
    else:
        source = write_digits(out)
    for name in ("fphdp-9", "fphdp-16"):
        assert all(path.stat().st_size > 0 for path in registry.make(name, out, True, source))
    return [(load_arrays(out / f"{name}.npz"), (out / f"{name}.txt").read_text()) for name in ("fphdp-9", "fphdp-16")]


def test_tables_repeat_the_arrays(made):
    data, text = made[1]
    rows = [line.split() for line in text.splitlines() if line.startswith("    ")]
    rows = [row for row in rows if row[0] in latent_curve.KERNELS]
    assert len(rows) == data["scales"].size
    for (k, i), scale in np.ndenumerate(data["scales"]):
        row = rows[k * data["scales"].shape[1] + i]
        assert float(row[1]) == scale
        assert float(row[2]) == pytest.approx(data["frechet"][k, i], rel=6e-4)
        assert float(row[4]) == pytest.approx(data["pixel_frechet"][k, i], rel=6e-4)
        assert float(row[6]) == pytest.approx(data["to_manifold"][k, i].mean(), abs=6e-5)
        assert float(row[8]) == pytest.approx(data["to_data"][k, i].mean(), abs=6e-5)
        assert float(row[10]) == pytest.approx(data["covered"][k, i], abs=6e-4)
    least, text = data["frechet"].min(axis=1), " ".join(text.split())
    assert f"isotropic {least[0]:.4g} (" in text
    assert f"adapted {least[1]:.4g} (" in text


def test_without_smoothing_samples_are_the_data(made):
    data, _ = made[1]
    assert data["to_data"][:, 0].max() < 1e-6
    np.testing.assert_allclose(data["covered"][:, 0], latent_curve.POINTS / latent_curve.ARCS, rtol=ROUNDING)
    np.testing.assert_allclose(data["frechet"][0, 0], data["frechet"][1, 0], rtol=1e-6)


def test_pictures_are_ordered_samples(made):
    data, text = made[0]
    assert data["pictures"].shape[:3] == (2, fphdp_9.ROWS, fphdp_9.SHOWN)
    assert data["training_images"].shape[0] == latent_curve.POINTS
    assert data["pictures"].min() >= 0.0
    assert data["pictures"].max() <= 1.0
    # Without smoothing every picture is one of the data.
    row = list(data["rows"][0]).index(0) if 0 in data["rows"][0] else None
    if row is not None:
        apart = np.abs(data["pictures"][0, row][:, None] - data["training_images"]).max(axis=(2, 3)).min(axis=1)
        assert apart.max() < 1e-4
    for label, angle in zip(data["corner_labels"], data["corner_angles"], strict=True):
        assert f"{label} at {round(math.degrees(angle)) % 360} degrees" in " ".join(text.split())
