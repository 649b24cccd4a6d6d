"""The figures of images of bumps: their runs, processes, statistics and the pictures themselves."""

from __future__ import annotations

import itertools
import math
import os

import numpy as np
import pytest
from scipy.stats import poisson

import manifold_scores as ms
from commands.files import load_arrays
from paper_figures import (
    bump_charts,
    bump_kernels,
    bump_panels,
    bump_runs,
    bumps,
    fphdp_8,
    fphdp_12,
    fphdp_13,
    fphdp_14,
    fphdp_15,
    registry,
    workers,
)  # fmt: skip
from paper_figures.bump_kernels import OrbitScore
from tests.bump_images import HULL, by_hand, data_centres, ring


class Normal:
    """The exact score of N(0, v) under Brownian motion."""

    process, ambient_dimension = ms.BrownianMotion(), 1

    def score(self, x, t):
        return -x / (0.25 + t)


class Noisy:
    """A score of 0 with a normal error of deviation 3/t in each of ten components."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def score(self, x, t):
        return 3.0 / t * self.rng.standard_normal(x.shape)


class TestRuns:
    def test_times(self):
        grid, halved = bump_runs.times(100), bump_runs.times(100, halved=True)
        assert (len(grid), len(halved)) == (101, 200)
        np.testing.assert_allclose(halved[:-1:2], grid[:-1])
        np.testing.assert_allclose(np.diff(np.log(halved[:-1])), np.log(1e-6 / 9.0) / 198)
        assert (grid[0], grid[-2], grid[-1]) == (9.0, 1e-6, 0.0)

    def test_coupled_paths_have_the_variance_of_the_scheme(self):
        n = 40_000
        rough, smooth = bump_runs.coupled(Normal(), 30, n, 1)
        for x, grid in ((rough, bump_runs.times(30)), (smooth, bump_runs.times(30, halved=True))):
            variance = 9.0
            for t, after in itertools.pairwise(grid):
                noise = t - after if after > 0.0 else 0.0
                variance = (1.0 - (t - after) / (0.25 + t)) ** 2 * variance + noise
            assert x.var() == pytest.approx(variance, rel=4.0 * math.sqrt(2.0 / n))
        assert np.corrcoef(rough[:, 0], smooth[:, 0])[0, 1] > 0.9  # the same Brownian paths

    def test_kernel_error_is_the_standard_error(self):
        x = np.zeros((4000, 10))
        found = bump_runs.kernel_error(Noisy, {4.0: x, 0.1: x})
        np.testing.assert_allclose(found, 3.0 * math.sqrt(10), rtol=0.03)

    def test_memorising_samples_are_data(self):
        m, centres = bumps.circle(), data_centres("circle")
        size = bump_runs.Size(12, 30, (0, 0), (0, 0), 0, 3)
        x, pictures = bump_runs.sample(bump_kernels.memorising(m, centres), size, 2)
        assert (len(pictures), max(pictures) < 9.0) == (3, True)
        found = bump_runs.measured(m, centres, x)
        assert found["to_data"].max() < 1e-9
        assert found["to_manifold"].max() < 1e-6
        np.testing.assert_allclose(fphdp_14.comb(found["parameters"]), 1.0, atol=1e-6)

    def test_nearest_data(self):
        rng = np.random.default_rng(3)
        x, data = rng.standard_normal((50, 7)), rng.standard_normal((20, 7))
        want = np.linalg.norm(x[:, None] - data, axis=2).min(axis=1)
        np.testing.assert_allclose(bump_runs.nearest_data(x, data), want, rtol=1e-12)

    def test_reference(self):
        v = np.array([[0.0], [math.pi / 16.0]])
        found = bump_runs.reference(bumps.circle(), data_centres("circle"), v)
        pixels = by_hand(ring(v[:, 0]))
        want = np.linalg.norm(pixels[:, None] - by_hand(data_centres("circle")), axis=2).min(axis=1)
        np.testing.assert_allclose(found["true_to_data"], want, atol=HULL)
        np.testing.assert_allclose(found["norm"], np.linalg.norm(pixels, axis=1).mean())
        assert found["true_anisotropy"].max() < 1.02


def where(number):
    return number, os.getpid(), {name: os.environ.get(name) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}


def fail(number):
    raise ValueError(f"task {number}")


@pytest.fixture
def flipped(monkeypatch):
    """Another basis of the same lines in this process, as another BLAS or another number of threads may find."""
    basis = -bumps.line_basis()[:, ::-1]
    caches = (bumps.line_table, bumps.circle, bumps.square)
    monkeypatch.setattr(bumps, "line_basis", lambda: basis)
    for cache in caches:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()


@pytest.mark.usefixtures("flipped")
def test_samples_keep_their_meaning_between_processes():
    centres = data_centres("circle")
    size = bump_runs.Size(6, 10, (64, 16), (64, 16), 4, 2)
    found = bump_runs.runs(bumps.circle, centres, ((1.8,), (3.2,)), (0, 0), size, "test", OrbitScore)
    pixels = by_hand(centres)
    for key in ("", "memorising_"):
        samples = found[f"{key}samples"].reshape(-1, bumps.circle().rank)
        images = bumps.circle().lift(samples).reshape(len(samples), -1)
        apart = np.linalg.norm(images[:, None] - pixels, axis=2).min(axis=1)
        np.testing.assert_allclose(apart, found[f"{key}to_data"].ravel(), atol=10.0 * HULL)  # in norm, not by pixels
        again = bump_runs.measured(bumps.circle(), centres, samples)
        np.testing.assert_allclose(again["to_manifold"], found[f"{key}to_manifold"].ravel(), atol=1e-6)
        np.testing.assert_allclose(again["anisotropy"], found[f"{key}anisotropy"].ravel(), rtol=1e-6)


class TestWorkers:
    def test_tasks_run_elsewhere_on_one_thread(self, monkeypatch):
        monkeypatch.setenv("OMP_NUM_THREADS", "3")
        monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
        found = workers.in_processes([(where, k) for k in range(5)], "test")
        assert [number for number, _, _ in found] == list(range(5))
        assert os.getpid() not in {process for _, process, _ in found}
        assert all(limits == {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"} for _, _, limits in found)
        assert os.environ["OMP_NUM_THREADS"] == "3"
        assert "OPENBLAS_NUM_THREADS" not in os.environ

    def test_errors_come_back(self):
        with pytest.raises(ValueError, match="task 0"):
            workers.in_processes([(fail, k) for k in range(3)], "test")


class TestStatistics:
    def test_every(self):
        values = np.random.default_rng(4).permutation(100).astype(float)
        np.testing.assert_array_equal(values[bump_panels.every(values, 4)], [12.0, 37.0, 62.0, 87.0])

    def test_counts_and_comb(self):
        width = 2.0 * math.pi / 32
        angles = np.array([0.0, 0.4 * width, -0.4 * width + 2.0 * math.pi, 0.6 * width, 31.0 * width])
        found = fphdp_14.counts(angles)
        assert (found.sum(), found[0], found[1], found[31]) == (5, 3, 1, 1)
        assert fphdp_14.comb(2.0 * math.pi * np.arange(16) / 16) == pytest.approx(1.0)
        assert fphdp_14.comb(2.0 * math.pi * np.arange(32) / 32) == pytest.approx(0.0, abs=1e-12)
        # Rayleigh: the level is exceeded in 5 of 100 cases.
        rng = np.random.default_rng(5)
        over = np.mean([fphdp_14.comb(rng.uniform(0.0, 7.0 * math.pi, 100)) > fphdp_14.level(100) for _ in range(4000)])
        assert over == pytest.approx(0.05, abs=0.015)


NAMES = ("fphdp-8", "fphdp-12", "fphdp-13", "fphdp-14", "fphdp-15")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The five figures in their quick size, by name: arrays and caption."""
    out = tmp_path_factory.mktemp("bumps")
    found = {}
    for name in NAMES:
        data, picture, text = registry.make(name, out, quick=True)
        assert picture.stat().st_size > 10_000
        found[name] = load_arrays(data), text.read_text()
    return found


class TestFigures:
    def test_distances_are_those_of_the_pictures(self, made):
        """Distances to M against a dense search in pixels, of what Figure 12 shows; rows have the order of angles."""
        data, _ = made["fphdp-12"]
        dense = by_hand(ring(np.linspace(0.0, 2.0 * math.pi, 2000, endpoint=False)))
        for k in range(2):
            for pictures, distances in zip(data["pictures"][k], data["to_manifold"][k], strict=True):
                flat = pictures.reshape(len(pictures), -1).astype(np.float64)
                apart = np.linalg.norm(flat[:, None] - dense[::4], axis=2).min(axis=1)
                # The search misses up to 20 * 0.0063, in quadrature; single precision 1e-5.
                assert (apart >= distances - 1e-4).all()
                assert (apart <= np.hypot(distances, 0.13) + 1e-4).all()
        np.testing.assert_allclose(data["pictures"][1, 0].reshape(8, -1).max(axis=1), 1.0, atol=0.05)

    def test_adapted_samples_are_nearer_to_m(self, made):
        data, text = made["fphdp-8"]
        assert data["to_manifold"].shape == data["to_data"].shape == (2, 3, 16)
        assert (data["to_data"] >= data["to_manifold"] - 1e-9).all()
        assert data["to_manifold"][1, -1].mean() < 0.5 * data["to_manifold"][0, -1].mean()
        assert data["memorising_to_data"].max() < 1e-9
        for k in range(2):
            for i in range(3):
                cell = f"{data['to_manifold'][k, i].mean():.4f} ({data['to_manifold'][k, i].std(ddof=1) / 4.0:.4f})"
                assert cell in text
        for key in ("step_change", "kernel_change"):
            assert f"{data[key][0, 0, 0]:+.4f} (s.e. {data[key][0, 0, 1]:.4f})" in " ".join(text.split())

    def test_kernel_errors_are_stated(self, made):
        for name in NAMES:
            data, text = made[name]
            assert (data["kernel_error"] > 0.0).all()
            for k in range(2):
                assert f"at most {data['kernel_error'][k].max():.3f}" in " ".join(text.split())
        assert f"{made['fphdp-8'][0]['orbit_error']:.1e} of |c|^2" in " ".join(made["fphdp-8"][1].split())

    def test_anisotropies(self, made):
        data, text = made["fphdp-13"]
        pictures = data["pictures"].reshape(-1, 64, 64).astype(np.float64)
        middle = np.sort(data["anisotropy"], axis=2)[:, :, 8].ravel()
        np.testing.assert_allclose(bumps.anisotropy(pictures), middle, rtol=1e-4)
        assert f"{data['true_anisotropy'].max():.5f}" in text
        assert f"{data['anisotropy'][0, 1].mean():.4f}" in text

    def test_angles(self, made):
        data, text = made["fphdp-14"]
        assert data["angles"].shape == (2, 3, 16)
        low, high = data["band"]
        assert poisson.cdf(high, 0.5) - poisson.cdf(low - 1, 0.5) >= 0.95
        np.testing.assert_allclose(fphdp_14.comb(data["memorising_angles"]), 1.0, atol=1e-6)
        assert f"{fphdp_14.comb(data['angles'][1, 2]):.3f}" in text

    def test_the_square(self, made):
        data, text = made["fphdp-15"]
        assert "116 images" in text
        assert "2879 images" in text
        assert len(data["centres"]) == 116
        assert (data["to_lattice"] >= data["to_manifold"] - 1e-9).all()
        fine = np.linalg.norm(bump_charts.triangular_lattice(0.02)[:, None] - data["parameters"][1, 1], axis=2)
        assert fine.min(axis=0).max() < 0.02
        assert np.abs(data["parameters"]).max() <= 0.5

    def test_titles_and_modules(self):
        for name, module in zip(NAMES, (fphdp_8, fphdp_12, fphdp_13, fphdp_14, fphdp_15), strict=True):
            assert registry.FIGURES[name].title == module.TITLE
            assert f"Figure {name.split('-')[1]}" in module.TITLE
