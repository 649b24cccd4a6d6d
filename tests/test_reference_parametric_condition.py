"""The condition numbers of laws on parametric manifolds against closed forms and difference quotients."""

import numpy as np
import pytest
from flint import arb
from mpmath import mp, mpf

from tests import reference
from tests.reference.parametric_curves import Curve

STEP = mpf(10) ** -8
KAPPA = 1e-6
"""Condition numbers from float64 moments; central differences with this step are good to 1e-7 here."""


@pytest.fixture(autouse=True)
def sixty_digits():
    with mp.workdps(60):
        yield


def balls(*values):
    return tuple(arb(value) for value in values)


CLOCKS = [
    (reference.OrnsteinUhlenbeck(), 0.1),
    (reference.BrownianMotion(), 1e-10),
    (reference.OrnsteinUhlenbeck(), 5.0),
]


@pytest.mark.parametrize(("process", "t"), CLOCKS)
def test_condition_numbers_of_the_circle(process, t):
    """Over x, t and the process, against those of the closed form by difference quotients."""
    circle, closed = Curve("ellipse", balls(1.5, 1.5)), reference.Sphere(2, 1.5)
    x, t = reference.exact([0.9, 1.1]), mpf(t)
    with mp.workdps(reference.digits(process, x, t)):
        unit = reference.log_density_unit(closed, process, x, t)
        found = circle.condition(process, x, t, unit)
        for name, (_, near) in reference.condition(closed, process, x, t, unit).items():
            assert found[name][1] == pytest.approx(near, rel=KAPPA)
        plain = type("Circle", (reference.Sphere,), {"inputs": lambda *_: []})(2, 1.5)
        for name, kappa in reference.matrix_condition(plain, process, x, t).items():
            assert found[name][1] == pytest.approx(kappa, rel=KAPPA)


@pytest.mark.parametrize("t", [1e-3, 2.0])
def test_condition_numbers_in_the_parameters(t):
    """What the parameters of a helix and its points add, against difference quotients of the targets themselves."""
    parameters, process = [1.0, 0.5, 3.0], reference.BrownianMotion()
    x, t, h = reference.exact([0.9, 0.3, 1.6]), mpf(t), STEP
    law = Curve("helix", balls(*parameters))
    unit = reference.log_density_unit(law, process, x, t)
    base, found = reference.targets(law, process, x, t), law.condition(process, x, t, unit)
    sums = dict.fromkeys(("log_density", "score", "posterior_mean"), mpf(0))
    for i, parameter in enumerate(parameters):
        ends = [
            Curve("helix", balls(*[p + k * float(h) * (i == j) for j, p in enumerate(parameters)])) for k in (1, -1)
        ]
        steps = [mpf(float(end.parameters[i])) for end in ends]
        up, down = [reference.targets(end, process, x, t) for end in ends]
        for name in sums:
            pair = [getattr(each, name) if name != "log_density" else [each.log_density] for each in (up, down)]
            slope = mp.norm([(a - b) / (steps[0] - steps[1]) for a, b in zip(*pair, strict=True)])
            scale = unit if name == "log_density" else mp.norm(getattr(base, name))
            sums[name] += parameter * slope / scale
    covariance = np.array(reference.floats(law.covariance(x, t)))
    pull = np.linalg.norm(covariance / float(t) - np.eye(3), 2)
    length = np.sqrt(np.trace(covariance) + float(mp.norm(base.posterior_mean)) ** 2)
    together = {
        "log_density": mp.norm(base.displacement) / t / unit,
        "score": pull / t / mp.norm(base.score),
        "posterior_mean": pull / mp.norm(base.posterior_mean),
    }
    for name, expected in sums.items():
        full, near = found[name]
        assert full - near == pytest.approx(float(expected + length * together[name]), rel=KAPPA)


def test_points_apart_bound_points_together():
    """Each point moving on its own is worse than all of them together, by at most what their pull amounts to."""
    process, x, t = reference.BrownianMotion(), reference.exact([0.9, 0.3, 1.6]), mpf(0.01)
    found = []
    for rounded in (False, True):
        law = Curve("helix", balls(1.0, 0.5, 3.0), rounded=rounded)
        found.append(law.condition(process, x, t, reference.log_density_unit(law, process, x, t)))
    together, apart = found
    assert all(together[name][0] <= 2 * apart[name][0] for name in together)
    assert apart["posterior_mean"][0] > together["posterior_mean"][0]
