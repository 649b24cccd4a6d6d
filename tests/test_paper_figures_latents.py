"""Fours of latents: local planes in closed form, and the figures about them against a second computation."""

import numpy as np
import pytest
from scipy.spatial import KDTree

from commands.files import load_arrays
from manifold_scores.evaluation.samples import nearest
from paper_figures import fphdp_6, fphdp_7
from paper_figures.images import latent_runs
from paper_figures.images.data import Source
from paper_figures.images.latents import local_spectra, participation, plane_distances
from paper_figures.images.mosaics import tiled
from tests.test_images import IMAGES, LABELS, idx
from tests.test_paper_figures_command import run

NAMES = ("fphdp-6", "fphdp-7", "fphdp-10", "fphdp-11")

ROUNDING = 1e-12
"""Singular value decompositions of twenty points of size 1 to 10: a few hundred eps."""


def test_distance_to_a_plane_is_the_distance_to_it():
    rng = np.random.default_rng(1)
    basis, normals = np.split(np.linalg.qr(rng.standard_normal((6, 6)))[0], [2], axis=1)
    cloud = rng.standard_normal((60, 2)) @ basis.T + 3.0
    x = cloud[:9] + rng.standard_normal((9, 4)) @ normals.T
    wanted = np.linalg.norm((x - 3.0) @ normals, axis=1)
    np.testing.assert_allclose(plane_distances(x, cloud, 12, 2), wanted, rtol=1e-9, atol=ROUNDING)
    # Two dimensions more than the cloud has do not change that it lies in its own plane.
    np.testing.assert_allclose(plane_distances(cloud, cloud, 12, 4), 0.0, atol=ROUNDING)


@pytest.mark.parametrize("off", [-0.3, 0.0, 0.2])
def test_distance_to_lines_of_a_circle(off):
    step = 2.0 * np.pi / 40
    angles = step * np.arange(40)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    x = (1.0 + off) * circle
    # Five neighbours at angles -2 to 2 steps: their mean lies at the mean cosine, their axis along the tangent.
    centre = np.cos(step * np.arange(-2, 3)).mean()
    np.testing.assert_allclose(plane_distances(x, circle, 5, 1), abs(1.0 + off - centre), atol=ROUNDING)
    # Without itself, two neighbours: the distance is the height of the arc over its chord.
    if off == 0.0:
        found = plane_distances(x, circle, 2, 1, own=np.arange(40))
        np.testing.assert_allclose(found, 1.0 - np.cos(step), atol=ROUNDING)


def test_nearest_is_that_of_a_tree():
    rng = np.random.default_rng(2)
    x, cloud = rng.standard_normal((50, 7)), rng.standard_normal((80, 7))
    distance, index = nearest(cloud, x)
    wanted = KDTree(cloud).query(x)
    np.testing.assert_allclose(distance, wanted[0], rtol=ROUNDING)
    np.testing.assert_array_equal(index, wanted[1])


def test_spectra_are_those_of_covariances():
    rng = np.random.default_rng(3)
    samples = rng.standard_normal((30, 5)) * [3.0, 2.0, 1.0, 0.5, 0.1]
    found = local_spectra(samples, 8)
    assert found.shape == (30, 5)
    for i, row in enumerate(found):
        around = KDTree(samples).query(samples[i], 9)[1][1:]
        values = np.linalg.eigvalsh(np.cov(samples[around].T))[::-1]
        np.testing.assert_allclose(row, values, rtol=1e-9, atol=ROUNDING)
    assert local_spectra(samples, 4).shape == (30, 3)


def test_participation_counts_equal_variances():
    assert participation(np.array([2.0, 2.0, 2.0, 0.0])) == pytest.approx(3.0, rel=ROUNDING)
    assert participation(np.array([[3.0, 1.0]]))[0] == pytest.approx(1.6, rel=ROUNDING)


def test_comparison_at_equal_novelty():
    # Distances to M of 1 - far/2 and 1 + far: the difference at equal novelty is 1.5 far; no curve reaches 5.
    score, density = np.linspace(0.1, 2.0, 6), np.array([0.3, 0.5, 0.8, 1.0, 1.9, 5.0])
    far = np.stack([score, density])[:, :, None] * np.array([1.0, 1.02, 0.98])
    data = {"to_data": far, "to_all": np.stack([1.0 - far[0] / 2.0, 1.0 + far[1]])}
    gaps, errors = fphdp_7.at_equal_novelty(data, "to_all")
    np.testing.assert_allclose(gaps[:5], 1.5 * far[1, :5].mean(axis=1), rtol=1e-9)
    np.testing.assert_allclose(errors[:5], 1.5 * density[:5] * 0.02 / np.sqrt(3.0), rtol=1e-9)
    assert np.isnan(gaps[5])


def test_tiles_put_images_in_their_places():
    images = np.arange(2 * 3 * 4 * 5, dtype=float).reshape(2, 3, 4, 5)
    found = tiled(images.reshape(6, 4, 5), 3)
    assert found.shape == (9, 17)
    np.testing.assert_array_equal(found[5:, 12:], images[1, 2])
    assert np.isnan(found[4]).all()
    assert np.isnan(found[:, 5]).all()


@pytest.fixture(scope="module")
def found():
    pytest.importorskip("torch", reason="torch is not installed")
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    return latent_runs.runs(Source(), True)


def test_distances_of_samples_against_a_second_computation(found):
    from paper_figures.images.trained import trained_vae

    images = Source().load().of(latent_runs.DIGIT)
    latents = trained_vae(Source(), True).encode(images)
    order = np.random.default_rng([latent_runs.SEED, 0]).permutation(len(latents))
    chosen, unseen = order[:100], order[100:]
    neighbours, dimension = found["plane"]
    assert (neighbours, dimension) == (20, 8)
    points, others = KDTree(latents[chosen]), KDTree(latents[unseen])
    for method in range(2):
        samples = found["samples"][method, 3, 0]
        distance, index = points.query(samples)
        np.testing.assert_allclose(found["to_data"][method, 3, 0], distance, rtol=1e-9)
        shown = found["neighbour"].shape[2]
        np.testing.assert_array_equal(found["neighbour"][method, 3], images[chosen][index[:shown]])
        for x, off in zip(samples, found["to_unseen"][method, 3, 0], strict=True):
            around = latents[unseen][others.query(x, neighbours)[1]]
            axes = np.linalg.eigh(np.cov(around.T))[1][:, :-dimension]  # what the plane does not span
            assert off == pytest.approx(np.linalg.norm((x - around.mean(axis=0)) @ axes), rel=1e-6)
        spread = np.trace(np.cov(samples.T)) / np.trace(np.cov(latents.T))
        assert found["spread"][method, 3, 0] == pytest.approx(spread, rel=1e-9)


def test_density_estimates_are_training_points_plus_noise(found):
    # The distance to the nearest point is at most that to the own one, whose square is h^2 chi^2 with 32 degrees.
    scales = found["scales"][1]
    distance = found["to_data"][1].reshape(len(scales), -1)
    mean, error = 32.0 * scales**2, scales**2 * np.sqrt(64.0 / distance.shape[1])
    assert (np.square(distance).mean(axis=1) < mean + 4.0 * error).all()
    # At the smallest scale no other point is nearer.
    assert np.square(distance[0]).mean() == pytest.approx(mean[0], abs=4.0 * error[0])


def test_smoothed_scores_stay_in_the_hull_of_the_training_points(found):
    # The last step ends on an average of training points, up to its noise of standard deviation 0.001.
    from scipy.optimize import nnls

    from paper_figures.images.trained import trained_vae

    latents = trained_vae(Source(), True).encode(Source().load().of(latent_runs.DIGIT))
    order = np.random.default_rng([latent_runs.SEED, 0]).permutation(len(latents))
    points = latents[order[:100]]
    for k in (0, 5):
        for x in found["samples"][0, k, 0][:4]:
            system = np.vstack([points.T, 1e3 * np.ones(100)])  # weights that add up to 1
            assert nnls(system, np.append(x, 1e3))[1] < 0.001 * (np.sqrt(32.0) + 4.0)


def test_matched_scales_are_the_closest(found):
    data = fphdp_6.compute(True, Source())
    means = found["to_data"].mean(axis=(2, 3))
    for row, k in enumerate(fphdp_6.CHOSEN):
        gaps = np.abs(means[1] - means[0, k])
        assert data["shown"][1, row] == found["scales"][1][np.argmin(gaps)]
        assert data["shown"][0, row] == found["scales"][0, k]


def write_fours(folder, n, shape=(7, 6)):
    """Idx files with n images, a third of them fours: bars that lean, with noise."""
    rng = np.random.default_rng(5)
    labels = np.where(np.arange(n) % 3 == 0, 4, np.arange(n) % 3)
    images = rng.integers(60, size=(n, *shape))
    for image, label in zip(images, labels, strict=True):
        image[label + rng.integers(2)] += 150
        image[:, label] += 40
    (folder / IMAGES).write_bytes(idx(images))
    (folder / LABELS).write_bytes(idx(labels))


def check(folder, shape, fours):
    for name in NAMES:
        data = load_arrays(folder / f"{name}.npz")
        assert all(np.isfinite(value).all() for value in data.values()), name
        assert (folder / f"{name}.png").read_bytes()[:4] == b"\x89PNG"
        text = (folder / f"{name}.txt").read_text()
        assert text.startswith(f"{name}. ")
        assert f"of {fours} are training points" in " ".join(text.split())
        assert max(map(len, text.splitlines())) <= 120
        if name in ("fphdp-6", "fphdp-10"):
            assert data["decoded"].shape[-2:] == shape


def test_figures_of_the_bundled_digits(tmp_path, found):
    result = run(*NAMES, "--quick", "--out", tmp_path)
    assert result.exit_code == 0, result.output
    check(tmp_path, (8, 8), 181)
    # The table of figure 7 says what the arrays say.
    lines = (tmp_path / "fphdp-7.txt").read_text().splitlines()
    (line,) = [line.split() for line in lines if line.split()[:2] == ["density", "0.25"]]
    means = [found[key][1, 5].mean() for key in ("to_data", "to_all", "to_unseen", "spread")]
    assert [float(line[k]) for k in (2, 5, 8, 11)] == [round(float(mean), 3) for mean in means]


def test_figures_of_small_idx_files(tmp_path):
    pytest.importorskip("torch", reason="torch is not installed")
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    (tmp_path / "idx").mkdir()
    write_fours(tmp_path / "idx", 120)
    result = run(*NAMES, "--quick", "--data", "mnist", "--data-folder", tmp_path / "idx", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    check(tmp_path / "out", (7, 6), 40)


def test_too_few_fours_are_refused(tmp_path):
    write_fours(tmp_path, 30)
    with pytest.raises(ValueError, match="the data must hold at least 12 images of a 4; they hold 10"):
        latent_runs.runs(Source("mnist", str(tmp_path)), True)
