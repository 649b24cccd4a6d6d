"""The verification claims fail on planted faults, of the oracle and of the geometry."""

import json

import numpy as np
import pytest

import manifold_scores as ms
from manifold_scores.manifolds.parametric import Parametric
from manifold_scores.measures import ParametricLaw
from verification import output
from verification.record import run
from verification.registry import CLAIMS

GEOMETRY = ("projection", "reach", "federer", "small-ball", "renyi-sharp")
"""Claims that ask no oracle."""


def failures(name, noised=ms.NoisedMeasure):
    """Names of the checks that fail with a planted fault."""
    outcome = run(CLAIMS[name], "quick", noised=noised)
    assert outcome.error is None
    assert not outcome.passed
    return {check.name for check in outcome.evidence.checks if not check.passed}


# Oracle factories, handed to the claim in place of NoisedMeasure.


class WrongSign(ms.NoisedMeasure):
    def score(self, x, t):
        return -super().score(x, t)


class Subtraction(ms.NoisedMeasure):
    """f - z instead of a displacement accumulated as such."""

    def score(self, x, t):
        alpha = np.asarray(self.process.signal_scale(t))[..., None]
        sigma2 = np.asarray(self.process.noise_variance(t))[..., None]
        return alpha * (self.posterior_mean(x, t) - x / alpha) / sigma2


class NoiseOfVariance(ms.NoisedMeasure):
    """sigma^2 in the place of sigma."""

    def noise(self, x, t):
        return np.sqrt(np.asarray(self.process.noise_variance(t)))[..., None] * super().noise(x, t)


class WithoutSignalScale(ms.NoisedMeasure):
    """Tweedie's formula of Brownian motion, x + sigma^2 score, for every process."""

    def posterior_mean(self, x, t):
        return np.asarray(self.process.signal_scale(t))[..., None] * super().posterior_mean(x, t)


class WithoutConstant(ms.NoisedMeasure):
    """log p_t up to a constant, as research code often has it."""

    def log_density(self, x, t):
        return super().log_density(x, t) + 0.5 * self.ambient_dimension * np.log(2.0 * np.pi)


class NaiveExponential(ms.OrnsteinUhlenbeck):
    def _noise_variance(self, t):
        return (1.0 - np.exp(-2.0 * self.rate * t)) / (2.0 * self.rate)

    def _effective_variance(self, t):
        return self._noise_variance(t) / self._signal_scale(t) ** 2


class WithoutDensity(ms.NoisedMeasure):
    """Every law on a curve or surface taken for the uniform one."""

    def __init__(self, measure, process):
        super().__init__(measure.manifold.uniform() if isinstance(measure, ParametricLaw) else measure, process)


class Perturbed(ms.NoisedMeasure):
    """A score that is right to nine digits."""

    def score(self, x, t):
        return super().score(x, t) * (1.0 + 1e-9)


class ExplodingVariance(ms.VariancePreserving):
    """The variance of the exploding process beside the signal scale of the preserving one."""

    def _noise_variance(self, t):
        return np.expm1(self._integral(t))


def naive_exponential(measure, process):
    faulty = NaiveExponential(process.rate) if isinstance(process, ms.OrnsteinUhlenbeck) else process
    return ms.NoisedMeasure(measure, faulty)


def exploding_variance(measure, process):
    return ms.NoisedMeasure(measure, ExplodingVariance() if isinstance(process, ms.VariancePreserving) else process)


@pytest.mark.parametrize(
    ("claim", "fault", "caught"),
    [
        ("lwb-theorem-3.5", WrongSign, "slope, circle, OU a=0.5"),
        ("lwb-theorem-3.5", Subtraction, "on M, circle"),
        ("lwb-theorem-3.5", naive_exponential, "constant, circle, OU a=0.5"),
        ("lwb-theorem-3.5", exploding_variance, "constant, circle, VP, x fixed"),
        ("lwb-theorem-3.5", WithoutDensity, "constant, torus, ρ ∝ exp(cos u + sin v), Brownian"),
        ("lwb-theorem-3.7", NoiseOfVariance, "slope of |noise|"),
        ("lwb-theorem-3.7", WithoutSignalScale, "f → y_x, circle, OU a=0.5"),
        ("identities", WrongSign, "Tweedie"),
        ("identities", naive_exponential, "process"),
        ("identities", exploding_variance, "Fokker-Planck"),
        ("identities", WithoutConstant, "total mass"),
        ("memorisation", WrongSign, None),
        ("certified", Perturbed, "escapes, ellipse 2 × 1"),
    ],
)
def test_planted_fault_is_caught(claim, fault, caught):
    outcome = run(CLAIMS[claim], "quick", noised=fault)
    failed = {check.name for check in outcome.evidence.checks if not check.passed}
    assert not outcome.passed
    assert failed or outcome.error
    if caught is not None:
        assert caught in failed


# Planted faults of the geometry.


def test_a_local_search_misses_nearest_points(monkeypatch):
    """The nearest of twelve points, then Newton's method: what most code does."""

    def local_search(self, x, return_unique=False):
        rows = np.atleast_2d(x)
        if self.dimension > 1 or self.ambient_dimension > 3:
            return exact(self, x)
        grid = np.linspace(self.lower[0], self.upper[0], 12)
        u = grid[np.linalg.norm(rows[:, None] - self.embed(grid), axis=2).argmin(axis=1)]
        for _ in range(30):
            away, first, second = rows - self.embed(u), self.derivative(u, 1), self.derivative(u, 2)
            bend = np.maximum((first * first).sum(1) - (away * second).sum(1), 0.1 * (first * first).sum(1))
            u = np.clip(u + (away * first).sum(1) / bend, self.lower[0], self.upper[0])
        return self.embed(u)

    exact = Parametric.project
    monkeypatch.setattr(Parametric, "project", local_search)
    missed = failures("projection")
    assert {"misses, wavy circle", "misses, spiral"} <= missed
    assert "misses, torus" not in missed


def test_points_off_the_manifold_are_found_out(monkeypatch):
    exact = Parametric.project
    monkeypatch.setattr(Parametric, "project", lambda self, x, **how: (1.0 - 1e-6) * exact(self, x, **how) + 1e-6 * x)
    assert {"below the certified bound, ellipse 2 × 1", "below the certified bound, torus"} <= failures("projection")


def stretched(attribute, factor):
    """A reach or bounds that are too long."""

    def read(self):
        return np.multiply(factor, attribute.__get__(self, type(self)))

    return property(read)


def lengthen(monkeypatch, name, factor):
    for cls in (Parametric, ms.Ellipse, ms.Torus, ms.Circle, ms.Sphere):
        if name in vars(cls):
            monkeypatch.setattr(cls, name, stretched(vars(cls)[name], factor))


def test_a_reach_that_is_too_long_is_found_out(monkeypatch):
    lengthen(monkeypatch, "reach", 1.05)
    assert {"inequality, ellipse 2 × 1", "inequality, helix", "inequality, torus"} <= failures("federer")
    assert {"reach, wavy circle", "reach, Swiss roll", "known value, ellipse 2 × 1"} <= failures("reach")


def test_bounds_of_the_reach_that_are_too_long_are_found_out(monkeypatch):
    lengthen(monkeypatch, "reach_bounds", 1.01)
    assert {"lower bound, lima bean", "lower bound, Swiss roll", "known value, torus"} <= failures("reach")


def test_samples_uniform_in_the_parameter_are_found_out(monkeypatch):
    def sample(self, n, rng=None):
        manifold = self.manifold
        u = np.random.default_rng(rng).uniform(manifold.lower, manifold.upper, (n, manifold.dimension))
        return manifold.embed(u if manifold.dimension > 1 else u[:, 0])

    monkeypatch.setattr(ParametricLaw, "sample", sample)
    assert {"samples, ellipse 2 × 1", "samples, torus"} <= failures("small-ball")


def test_densities_that_are_not_normalised_are_found_out(monkeypatch):
    exact = ParametricLaw.density
    monkeypatch.setattr(ParametricLaw, "density", lambda self, u: 1.001 * exact(self, u))
    assert {"total mass, helix", "total mass, patch of S²"} <= failures("small-ball")


def test_expansions_at_another_point_are_found_out(monkeypatch):
    exact = ms.expansion
    monkeypatch.setattr(ms, "expansion", lambda measure, x: exact(measure, np.multiply(x, 1.0 + 1e-6)))
    assert {"expansion, lima bean, OU a=2", "expansion, torus, OU a=0.5"} <= failures("lwb-theorem-3.5")


class AllNaN(ms.NoisedMeasure):
    def log_density(self, x, t):
        return super().log_density(x, t) * np.nan

    def score(self, x, t):
        return super().score(x, t) * np.nan

    def posterior_mean(self, x, t):
        return super().posterior_mean(x, t) * np.nan


class InfiniteCovariance(ms.NoisedMeasure):
    def score_divergence(self, x, t):
        return super().score_divergence(x, t) * np.inf


class NaNForMixtures(ms.NoisedMeasure):
    """NaN only where the semigroup is compared in closed form."""

    def log_density(self, x, t):
        value = super().log_density(x, t)
        return value * np.nan if isinstance(self.measure, ms.Mixture) else value


@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::UserWarning")  # of numpy and of matplotlib on NaN
@pytest.mark.parametrize(
    ("claim", "fault"),
    [(name, AllNaN) for name in CLAIMS if name not in GEOMETRY]
    + [("identities", InfiniteCovariance), ("identities", NaNForMixtures)],
)
def test_an_oracle_without_numbers_fails_and_is_written(tmp_path, claim, fault):
    outcome = run(CLAIMS[claim], "quick", noised=fault)
    assert not outcome.passed
    figure = output.write_outcome(outcome, tmp_path)
    assert json.loads((tmp_path / f"{claim}.json").read_text())["passed"] is False
    output.write_report([(outcome, figure)], tmp_path)
