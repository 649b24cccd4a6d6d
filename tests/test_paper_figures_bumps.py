"""The figures of images of bumps: their geometry, kernels and statistics against brute force and the package's own."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import ks_2samp

import manifold_scores as ms
from paper_figures import (
    bump_charts,
    bump_kernels,
    bumps,
)  # fmt: skip
from paper_figures.bump_kernels import OrbitScore, TranslatedScore
from tests.bump_images import HULL, by_hand, data_centres, ring

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


def family(name):
    return {"circle": bumps.circle, "square": bumps.square}[name]()


def parameters(name, n, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(0.0, 2.0 * math.pi, (n, 1)) if name == "circle" else rng.uniform(-0.5, 0.5, (n, 2))


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
