"""The claims on log-domain smoothing fail on planted faults, of the oracle, of the kernels and of their averages."""

import numpy as np
import pytest

import manifold_scores as ms
from manifold_scores.smoothing.manifold_kernels import _ManifoldKernel
from manifold_scores.smoothing.reduction import ReducedCloud
from verification import commutation, decomposition, decomposition_circle, fphdp_proposition_3_1, lse_stability
from verification.record import run


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    """Fewer cases than at quick size: these faults show in all of them."""
    monkeypatch.setitem(fphdp_proposition_3_1.SIZES, "quick", (30, 2))
    monkeypatch.setitem(lse_stability.SIZES, "quick", (40, 4, 100, 6))
    monkeypatch.setitem(decomposition.SIZES, "quick", 1)
    monkeypatch.setitem(decomposition_circle.SIZES, "quick", 1)
    monkeypatch.setitem(commutation.SIZES, "quick", (6, 1))


def failures(module, noised=ms.NoisedMeasure):
    """Names of the checks that fail."""
    outcome = run(module.CLAIM, "quick", noised=noised)
    assert outcome.error is None
    return {check.name for check in outcome.evidence.checks if not check.passed}


@pytest.mark.parametrize("module", [fphdp_proposition_3_1, lse_stability, decomposition, commutation])
def test_nothing_fails_without_a_fault(module):
    assert failures(module) == set()


# Faults of the oracle.


class WrongSign(ms.NoisedMeasure):
    def score(self, x, t):
        return -super().score(x, t)


class PerturbedDensity(ms.NoisedMeasure):
    """A log-density that is right to ten digits."""

    def log_density(self, x, t):
        return super().log_density(x, t) * (1.0 + 1e-10)


class PerturbedScore(ms.NoisedMeasure):
    def score(self, x, t):
        return super().score(x, t) * (1.0 + 1e-9)


class SinglePrecision(ms.NoisedMeasure):
    """Points rounded to float32, as networks have them."""

    def log_density(self, x, t):
        return super().log_density(np.asarray(x, dtype=np.float32).astype(float), t)

    def score(self, x, t):
        return super().score(np.asarray(x, dtype=np.float32).astype(float), t)


class HalfDimension(ms.NoisedMeasure):
    """m/2 + log N more than there is."""

    def local_dimension(self, x, t):
        return super().local_dimension(x, t) + 2.0 * np.log(len(self.measure.points))


class WeightsIgnored(ms.NoisedMeasure):
    """All points with the same weight."""

    def log_density(self, x, t):
        return ms.NoisedMeasure(ms.PointCloud(self.measure.points), self.process).log_density(x, t)


@pytest.mark.parametrize(
    ("module", "fault", "caught"),
    [
        (fphdp_proposition_3_1, PerturbedDensity, {"log-density", "log-density, hull", "Rényi divergence"}),
        (fphdp_proposition_3_1, SinglePrecision, {"log-density", "score", "score, hull"}),
        (fphdp_proposition_3_1, WrongSign, {"score, hull"}),
        (fphdp_proposition_3_1, WeightsIgnored, {"log-density, hull"}),
        (lse_stability, PerturbedScore, {"oracle, identity"}),
        (lse_stability, WeightsIgnored, {"oracle, identity"}),
        (lse_stability, HalfDimension, {"oracle, Gibbs inequality"}),
        (decomposition, PerturbedDensity, {"oracle, circle, Brownian", "other side, sphere S², OU a=0.5"}),
        (decomposition, WrongSign, {"scores, circle, Brownian", "scores, saddle curve in R³, OU a=0.5"}),
        (commutation, WrongSign, {"slope, tangent", "leading order, adapted", "limit on M, adapted"}),
        (commutation, PerturbedScore, {"slope, tangent", "slope, bandwidth b(x)"}),
    ],
)
def test_a_faulty_oracle_is_caught(module, fault, caught):
    assert caught <= failures(module, fault)


def test_an_integrand_too_noisy_to_be_integrated_ends_the_claim():
    outcome = run(lse_stability.CLAIM, "quick", noised=SinglePrecision)
    assert not outcome.passed
    assert outcome.error.startswith("ArithmeticError: the integral did not converge")


# Faults of kernels and averages.


def test_a_hull_that_misses_a_dimension_is_caught(monkeypatch):
    exact = ReducedCloud.project

    def flattened(self, vectors):
        found = np.array(exact(self, vectors))
        found[:, -1] = 0.0
        return found

    monkeypatch.setattr(ReducedCloud, "project", flattened)
    missed = failures(fphdp_proposition_3_1)
    assert {"log-density, hull", "score, hull"} <= missed
    assert "log-density" not in missed


def test_a_normal_kernel_with_another_covariance_is_caught(monkeypatch):
    exact = ms.GaussianKernel.__init__
    monkeypatch.setattr(ms.GaussianKernel, "__init__", lambda self, h: exact(self, np.multiply(1.001, h)))
    assert "normal law, package and Gauss-Hermite" in failures(fphdp_proposition_3_1)


@pytest.mark.parametrize("name", ["difference", "integral"])
def test_a_wrong_side_of_the_lemma_is_caught(monkeypatch, name):
    """The largest e_i where r + e is largest, as LSE = max would have it."""

    def hard(r, e):
        change = float(np.max(r + e) - np.max(r))
        return change if name == "difference" else (change, 0.0)

    monkeypatch.setattr(lse_stability, name, hard)
    assert "identity" in failures(lse_stability)


def wrong_level(self, x, nodes, scale):
    """The distance of x itself in the place of the root mean square of dist(Y, M)."""
    y = self.kernel.points_at(x, nodes, 1.0)
    nearest = self._project(y, scale)
    apart = y - nearest
    level = np.linalg.norm(x - self._project(x, scale), axis=1)[:, None, None]
    return nearest + level * apart / np.linalg.norm(apart, axis=2, keepdims=True)


def test_the_distance_of_x_in_the_place_of_the_level_is_caught(monkeypatch):
    monkeypatch.setattr(ms.AdaptedKernel, "points_at", wrong_level)
    missed = failures(decomposition)
    assert {"smoothed scores, circle, Brownian", "oracle, saddle curve in R³, OU a=0.5"} <= missed
    assert "other side, circle, Brownian" not in missed  # made by hand
    assert "normal law on a circle, adapted log-density" in missed


def test_a_manifold_that_is_not_scaled_is_caught(monkeypatch):
    monkeypatch.setattr(_ManifoldKernel, "_project", lambda self, x, scale: np.asarray(self.manifold.project(x)))
    missed = failures(decomposition)
    assert "smoothed scores, sphere S², OU a=0.5" in missed
    assert "smoothed scores, sphere S², Brownian" not in missed


def test_a_bound_with_a_longer_reach_is_caught(monkeypatch):
    exact = decomposition._federer
    monkeypatch.setattr(decomposition, "_federer", lambda cloud, draws, y, reach: exact(cloud, draws, y, 1.2 * reach))
    assert {"Federer, circle, Brownian", "Federer, sphere S², OU a=0.5"} <= failures(decomposition)


def test_a_tangent_that_does_not_turn_is_caught(monkeypatch):
    """All draws in one direction: the kernel then shifts x by independent noise, and smoothing commutes."""

    def straight(self, x, nodes, scale):
        along = self.kernel.points_at(np.zeros_like(x), nodes, 1.0)
        return x[:, None] + along * np.array([1.0, 0.0])

    monkeypatch.setattr(ms.TangentKernel, "points_at", straight)
    missed = failures(commutation)
    assert {"leading order, tangent", "curl, leading order, tangent", "exact law, tangent"} <= missed
    assert "leading order, translated" not in missed


def test_a_score_that_is_not_the_gradient_is_caught(monkeypatch):
    exact = ms.SmoothedScore.score

    def off(self, x, t, *, return_error=False):
        found = exact(self, x, t, return_error=return_error)
        return (1.0001 * found[0], found[1]) if return_error else 1.0001 * found

    monkeypatch.setattr(ms.SmoothedScore, "score", off)
    assert {f"commutes, {name}" for name in ("normal, quadrature", "normal, Sobol nodes", "displacements")} <= failures(
        commutation
    )


def test_an_adapted_kernel_on_one_side_is_caught(monkeypatch):
    """Draws outside the circle only."""
    exact = ms.AdaptedKernel.points_at

    def outside(self, x, nodes, scale):
        y = exact(self, x, nodes, scale)
        radius = np.linalg.norm(y, axis=2, keepdims=True)
        return y * (1.0 + np.abs(radius - 1.0)) / radius

    monkeypatch.setattr(ms.AdaptedKernel, "points_at", outside)
    monkeypatch.setitem(commutation.SIZES, "quick", (6, 2))  # the second x lies inside
    assert "SmoothedScore, adapted" in failures(commutation)
