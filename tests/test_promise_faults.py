"""The promise's tests see the faults that they are made for: each is planted in a copy of the package's namespace."""

from types import SimpleNamespace

import numpy as np
import pytest

import manifold_scores as ms
from tests.promise_cases import EVERY_CASE
from tests.test_promise import outcomes


def planted(**faults):
    """The public names of the package, some of them replaced."""
    return SimpleNamespace(**{name: getattr(ms, name) for name in ms.__all__} | faults)


class ScoreBySubtraction(ms.NoisedMeasure):
    """alpha f - x instead of alpha times the displacement."""

    def score(self, x, t):
        scale = self.process.signal_scale(t)
        return (scale * self.posterior_mean(x, t) - np.asarray(x)) / self.process.noise_variance(t)


class WrongSign(ms.NoisedMeasure):
    """The score of the other convention."""

    def score(self, x, t):
        return -super().score(x, t)


class PlainExponents(ms.NoisedMeasure):
    """Point clouds by the textbook softmax of -|x - y|^2 / 2t."""

    def posterior_mean(self, x, t):
        exponents = -((np.asarray(x) - self.measure.points) ** 2).sum(axis=1) / (2 * t)
        shares = np.exp(exponents - exponents.max())
        return shares @ self.measure.points / shares.sum()


class CancellingVariance(ms.OrnsteinUhlenbeck):
    """1 - exp(-2 a t) instead of expm1."""

    def _noise_variance(self, t):
        return (1 - np.exp(-2 * self.rate * t)) / (2 * self.rate)


@pytest.mark.parametrize(
    ("case", "name", "package"),
    [
        # Off M a subtraction is as bad as x itself; along M, where the displacement does not move with x, it is worse.
        ("gaussian/full2/near/brownian/t=1e-14", "score", planted(NoisedMeasure=ScoreBySubtraction)),
        ("gaussian/full1/near/ou(0.5)/t=1e-10", "score", planted(NoisedMeasure=ScoreBySubtraction)),
        ("segment/d2/far along/brownian/t=1", "score", planted(NoisedMeasure=WrongSign)),
        ("point cloud/near-circle n8d2/brownian/s=1e-06", "posterior_mean", planted(NoisedMeasure=PlainExponents)),
        ("segment/d2/far along/ou(0.5)/t=1e-10", "score", planted(OrnsteinUhlenbeck=CancellingVariance)),
    ],
)
def test_a_planted_fault_breaks_the_promise(case, name, package):
    case = next(each for each in EVERY_CASE if each.name == case)
    sound, broken = outcomes(case)[name], outcomes(case, package)[name]
    assert sound.ratio <= sound.bound < broken.ratio
