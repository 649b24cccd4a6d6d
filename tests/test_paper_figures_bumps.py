"""The figures of images of bumps: their geometry, kernels and statistics against brute force and the package's own."""

from __future__ import annotations

import functools
import itertools
import math
import os

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import ks_2samp, poisson

import manifold_scores as ms
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
from paper_figures.bump_kernels import OrbitScore, TranslatedScore
from paper_figures.files import load_arrays

HULL = 1e-9
"""Singular values below 1e-10 of the largest are left out; the largest is that of hundreds of images, of norm 11."""

DIFFERENCES = 2e-7
"""Central differences with step 1e-5: 1e-10/6 times a third derivative of at most 11/0.2^3, and 1e-15 11/1e-5."""

LINES = 1e-6
"""h^2/8 |g''| = 6e-7 for the table, twice the step of single precision for |g| = 3."""

NEWTON = 1e-3
"""A Newton step with the derivatives at the nearest node misses delta^2/2 times a ratio of third to second derivatives,
delta half a spacing, 0.006 or 0.013: 1e-5 to 1e-4 commonly, more where the second derivative is small."""

SHARE = 0.01
"""Pairs where that is exceeded: peaks of almost the same height, taken for one another, and flat ones; the largest
share met is 0.002."""

RIM = 0.02
"""The threshold cuts whole pixels: round bumps, which pixels see alike in all directions, have up to 1.016, not 1."""

STANDARD_ERRORS = 4.5
"""Of the largest of a few hundred components; seeds are fixed."""


def by_hand(centres):
    """Images (n, 4096) of bumps, pixel by pixel."""
    line = np.linspace(-1.0, 1.0, 64)
    x, y = np.meshgrid(line, line, indexing="ij")
    squares = (x - centres[:, 0, None, None]) ** 2 + (y - centres[:, 1, None, None]) ** 2
    return np.exp(-squares / (2.0 * 0.2**2)).reshape(len(centres), -1)


def ring(u):
    return 0.5 * np.stack([np.cos(u), np.sin(u)], axis=-1)


def family(name):
    return {"circle": bumps.circle, "square": bumps.square}[name]()


def parameters(name, n, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(0.0, 2.0 * math.pi, (n, 1)) if name == "circle" else rng.uniform(-0.5, 0.5, (n, 2))


def data_centres(name):
    return ring(2.0 * math.pi * np.arange(16) / 16) if name == "circle" else bump_charts.triangular_lattice(0.1)


both = pytest.mark.parametrize("name", ["circle", "square"])


class TestGeometry:
    @both
    def test_coordinates_are_isometric_to_pixels(self, name):
        m, v = family(name), parameters(name, 40)
        centres = m.chart.centres(v)
        pixels = by_hand(centres)
        np.testing.assert_array_equal(bumps.images(centres).shape, (40, 64, 64))
        np.testing.assert_allclose(bumps.images(centres).reshape(40, -1), pixels, rtol=1e-12)
        x = m.embed(v)
        np.testing.assert_allclose(m.lift(x).reshape(40, -1), pixels, atol=HULL)
        np.testing.assert_allclose(m.coordinates(bumps.images(centres)), x, atol=HULL)
        np.testing.assert_allclose(x @ x.T, pixels @ pixels.T, atol=12.0 * HULL)
        noise = np.random.default_rng(1).standard_normal((5, 64, 64))  # outside of the hull: projected, not copied
        inside = m.coordinates(noise)
        np.testing.assert_allclose(m.coordinates(m.lift(inside)), inside, atol=1e-12)
        assert np.linalg.norm(inside, axis=1).max() < 0.5 * 64

    @both
    def test_jets_are_derivatives(self, name):
        m, v, h = family(name), parameters(name, 30, seed=2), 1e-5
        jet, dimension = m.jet(v), m.chart.dimension
        np.testing.assert_array_equal(jet[:, 0], m.embed(v))
        k = 1 + dimension
        for i in range(dimension):
            step = h * np.eye(dimension)[i]
            above, below = m.jet(v + step), m.jet(v - step)
            np.testing.assert_allclose(jet[:, 1 + i], (above[:, 0] - below[:, 0]) / (2.0 * h), atol=DIFFERENCES)
            for j in range(i, dimension):
                found = (above[:, 1 + j] - below[:, 1 + j]) / (2.0 * h)
                np.testing.assert_allclose(jet[:, k], found, atol=10.0 * DIFFERENCES)
                k += 1
        assert k == m.columns
        y = np.random.default_rng(0).standard_normal((3, m.rank))
        at = np.array([5, 17, 100])
        want = np.einsum("nr,nkr->nk", y, m.jet(m.chart.nodes[at])) - m.halves[at]
        np.testing.assert_allclose(m.jets_at(y, at), want, rtol=1e-9, atol=1e-9)
        tables = m.tables(y)[np.arange(3), at] - m.halves[at]
        np.testing.assert_allclose(tables, want, rtol=1e-5, atol=1e-3)  # single precision, terms up to 3000

    @both
    def test_projections_are_nearest(self, name):
        """No point of a dense search, nor of a polished one, is nearer; distances agree with the polished one."""
        m = family(name)
        rng = np.random.default_rng(3)
        x = m.embed(parameters(name, 12, seed=4)) + 2.0 * rng.standard_normal((12, m.rank))
        found = np.linalg.norm(x - m.embed(m.project(x)), axis=1)
        if name == "circle":
            dense, bounds = np.linspace(0.0, 2.0 * math.pi, 3001)[:, None], [(-10.0, 10.0)]
        else:
            axis = np.linspace(-0.5, 0.5, 61)
            dense, bounds = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2), [(-0.5, 0.5)] * 2
        points = m.embed(dense)
        for each, distance in zip(x, found, strict=True):
            apart = np.linalg.norm(each - points, axis=1)
            polished = minimize(
                lambda v, each=each: 0.5 * ((each - m.embed(v[None])[0]) ** 2).sum(), dense[apart.argmin()],
                jac=lambda v, each=each: -(each - m.embed(v[None])[0]) @ m.jet(v[None])[0, 1 : 1 + len(v)].T,
                bounds=bounds, method="L-BFGS-B", options={"ftol": 1e-15, "gtol": 1e-9},
            )  # fmt: skip
            assert distance <= apart.min() + 1e-12
            assert distance == pytest.approx(math.sqrt(2.0 * polished.fun), rel=1e-8)

    def test_bumps_beyond_the_square_are_projected_to_its_rim(self):
        m = bumps.square()
        beyond = by_hand(np.array([[0.55, 0.1], [-0.6, -0.57]])).reshape(-1, 64, 64)
        np.testing.assert_allclose(m.project(m.coordinates(beyond)), [[0.5, 0.1], [-0.5, -0.5]], atol=0.02)
        assert (np.abs(m.project(m.coordinates(beyond)))[:, 0] == 0.5).all()

    def test_interpolated_lines(self):
        a = np.concatenate([np.random.default_rng(5).uniform(-0.5, 0.5, 500), [-0.5, 0.5, 0.0]])
        exact = bumps.lines(a)[:, 0] @ bumps.line_basis()
        np.testing.assert_allclose(bumps.interpolated_lines(a), exact, atol=LINES)

    def test_lattices(self):
        for spacing, count in ((0.1, 116), (0.02, 2879)):  # the counts of the paper
            points = bump_charts.triangular_lattice(spacing)
            assert len(points) == count
            assert np.abs(points).max() <= 0.5 + 1e-9
            apart = np.linalg.norm(points[:, None] - points[:400], axis=2)
            np.testing.assert_allclose(np.sort(apart, axis=0)[1], spacing, rtol=1e-9)
            np.testing.assert_allclose(points.mean(axis=0), 0.0, atol=1e-12)

    def test_anisotropy(self):
        line = np.linspace(-1.0, 1.0, 64)
        x, y = np.meshgrid(line, line, indexing="ij")
        c, s = math.cos(0.4), math.sin(0.4)
        wide, narrow = c * x + s * y, c * y - s * x
        images = np.exp(-0.5 * ((wide / 0.2) ** 2 + (narrow / 0.12) ** 2))[None]
        # A level set of a normal law is an ellipse, and cutting there leaves the ratio.
        np.testing.assert_allclose(bumps.anisotropy(images), (0.2 / 0.12) ** 2, rtol=RIM)
        image = np.random.default_rng(6).uniform(-0.3, 1.0, (1, 64, 64))
        mass = np.where(image < 0.1, 0.0, image).ravel()
        values = np.linalg.eigvalsh(np.cov(np.stack([x.ravel(), y.ravel()]), aweights=mass, ddof=0))
        np.testing.assert_allclose(bumps.anisotropy(image), values[1] / values[0], rtol=1e-10)
        assert np.isnan(bumps.anisotropy(np.full((1, 64, 64), 0.05))).all()


@functools.cache
def hull_curve():
    """The circle's curve, as a manifold of the package."""
    return ms.Curve(lambda u: bumps.circle().embed(np.asarray(u)[:, None]), (0.0, 2.0 * math.pi))


class TestKernels:
    def test_pixels_give_the_same_score(self):
        """The translated kernel on the curve in R^4096, at the same displacements, against tables in the hull."""
        m, centres = bumps.circle(), data_centres("circle")
        fast = TranslatedScore(m, centres, 2.0, 32, 7)
        curve = ms.Curve(lambda u: by_hand(ring(u)), (0.0, 2.0 * math.pi))
        kernel = ms.TranslatedManifoldKernel(ms.GaussianKernel(2.0), curve)
        x = m.embed(np.array([[0.2], [2.5]])) + 0.4 * np.random.default_rng(8).standard_normal((2, m.rank))
        pixels = m.lift(x).reshape(2, -1)
        moved = kernel.points_at(pixels, m.lift(fast.displacements).reshape(32, -1), 1.0)
        noised = ms.NoisedMeasure(ms.PointCloud(by_hand(centres)), ms.BrownianMotion())
        for t in (4.0, 0.5):
            want = t * noised.score(moved, t).mean(axis=1)
            found = m.lift(fast.pull(x, t)).reshape(2, -1)
            # Nearest bumps are off by 1e-5, which moves images by 20 times that, and weights by as much again.
            np.testing.assert_allclose(found, want, atol=1e-3 * np.abs(want).max())

    @pytest.mark.parametrize(("name", "scale"), [("circle", 1.6), ("circle", 5.0), ("square", 0.4), ("square", 3.0)])
    def test_searched_bumps_are_nearest(self, name, scale):
        m = family(name)
        model = TranslatedScore(m, data_centres(name), scale, 64, 9)
        feet = parameters(name, 20, seed=10)
        feet[0] = m.chart.settle(np.full(m.chart.dimension, 0.5))  # a corner of the square
        y = m.embed(feet)[:, None] + model.displacements
        found = m.chart.centres(model.moved(feet))
        exact = m.chart.centres(m.project(y.reshape(-1, m.rank))).reshape(found.shape)
        apart = np.linalg.norm(found - exact, axis=2)
        assert (apart > NEWTON).mean() < SHARE
        # Where another peak is taken it is as near, to the depth of a coarse cell.
        near = [m.coordinates_of(c.reshape(-1, 2)).reshape(y.shape) for c in (found, exact)]
        reached = [np.linalg.norm(y - image, axis=2) for image in near]
        assert (reached[0] - reached[1]).max() < 0.05

    def test_square_against_projections_of_every_draw(self):
        m, centres = bumps.square(), data_centres("square")
        model = TranslatedScore(m, centres, 1.6, 64, 17)
        x = m.embed(parameters("square", 3, seed=18)) + 0.5 * np.random.default_rng(19).standard_normal((3, m.rank))
        foot = m.embed(m.project(x))
        moved = m.embed(m.project((foot[:, None] + model.displacements).reshape(-1, m.rank))).reshape(3, 64, -1)
        y = x[:, None] + moved - foot[:, None]
        pixels = m.lift(y.reshape(-1, m.rank)).reshape(3, 64, -1)
        noised = ms.NoisedMeasure(ms.PointCloud(by_hand(centres)), ms.BrownianMotion())
        for t in (9.0, 1.0):
            want = t * noised.score(pixels, t).mean(axis=1)
            found = m.lift(model.pull(x, t)).reshape(3, -1)
            # Centres are off by 5e-5 in the median, which moves images by 40 times that.
            np.testing.assert_allclose(found, want, atol=3e-3 * np.abs(want).max())

    @pytest.mark.parametrize("t", [4.0, 0.3, 1e-4])
    def test_orbit_against_the_kernel_of_the_package(self, t):
        m, centres = bumps.circle(), data_centres("circle")
        orbit = OrbitScore(m, centres, 3.2, 512, 11)
        kernel = ms.TranslatedManifoldKernel(ms.GaussianKernel(3.2), hull_curve())
        smoothed = ms.SmoothedScore(bump_kernels.memorising(m, centres), kernel, rule="monte-carlo", nodes=4096, rng=12)
        x = m.embed(np.array([[0.1], [1.3]])) + 0.3 * np.random.default_rng(13).standard_normal((2, m.rank))
        want, error = smoothed.score(x, t, return_error=True)
        own = OrbitScore(m, centres, 3.2, 512, 14).score(x, t)
        found = orbit.score(x, t)
        spread = np.hypot(error, np.abs(found - own).max()) + 1e-4 / t
        assert (np.abs(found - want) < STANDARD_ERRORS * spread).all()
        assert np.abs(found - want).max() > 0.0
        assert spread.max() < 0.15 / t  # the test can tell: pulls are of size 1 to 10

    def test_offsets_have_one_symmetric_law(self):
        m = bumps.circle()
        here, there = (bump_kernels.offsets(m, 3.2, 8192, np.random.default_rng(k), 0.6 * (k - 1)) for k in (1, 2))
        assert np.abs(here).max() <= math.pi
        assert ks_2samp(here, there).pvalue > 0.01
        assert ks_2samp(here, -there).pvalue > 0.01
        # For small scales the angle is <xi, c'>/|c'|^2, so normal with deviation scale/|c'|.
        small = bump_kernels.offsets(m, 0.1, 8192, np.random.default_rng(3))
        slope = np.linalg.norm(by_hand(ring(np.array([1e-5]))) - by_hand(ring(np.array([-1e-5])))) / 2e-5
        assert small.std() * slope / 0.1 == pytest.approx(1.0, abs=0.02)

    def test_orbit_nodes_are_a_sample_of_that_law(self):
        model = OrbitScore(bumps.circle(), data_centres("circle"), 3.2, 256, 4)
        np.testing.assert_array_equal(model.offsets, -model.offsets[::-1])
        law = bump_kernels.offsets(bumps.circle(), 3.2, 8192, np.random.default_rng(5))
        np.testing.assert_allclose(model.offsets.std(), law.std(), rtol=0.05)
        shares = [0.25, 0.5, 0.75]
        found, want = (np.quantile(np.abs(values), shares) for values in (model.offsets, law))
        np.testing.assert_allclose(found, want, rtol=0.05)
        np.testing.assert_allclose(model.moved(np.array([[0.3]]))[0, :, 0], 0.3 + model.offsets)

    def test_how_far_the_circle_is_from_an_orbit(self):
        angles = 2.0 * math.pi * np.arange(0, 512, 16) / 512
        gram = by_hand(ring(angles)) @ by_hand(ring(angles)).T
        turned = np.stack([np.roll(row, -i) for i, row in enumerate(gram)])
        rough = np.ptp(turned, axis=0).max() / gram[0, 0]
        found = bump_kernels.orbit_error(bumps.circle())
        assert 0.9 * rough <= found < 2.0 * rough
        assert found < 2e-4

    def test_isotropic_is_the_package_in_pixels(self):
        m, centres = bumps.circle(), data_centres("circle")
        model = bump_kernels.isotropic(m, centres, 1.8, 1024, 15)
        noised = ms.NoisedMeasure(ms.PointCloud(by_hand(centres)), ms.BrownianMotion())
        pixels = ms.SmoothedScore(noised, ms.GaussianKernel(1.8), rule="qmc", nodes=1024, rng=16)
        x = m.embed(np.array([[0.3]]))
        found, error = model.posterior_mean(x, 0.5, return_error=True)
        want, other = pixels.posterior_mean(m.lift(x).reshape(1, -1), 0.5, return_error=True)
        bound = STANDARD_ERRORS * (np.linalg.norm(error) + np.linalg.norm(other))
        assert np.linalg.norm(m.lift(found).ravel() - want[0]) < bound
        assert bump_kernels.isotropic(m, centres, 1.8, 1000, 15, plain=True).rule == "monte-carlo"


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
