"""What is asked of expansions."""

import functools

import numpy as np

import manifold_scores as ms
from manifold_scores.asymptotics import expansion

from .curves import U, V

CIRCLE = ms.Circle().uniform()
OU = ms.OrnsteinUhlenbeck()
FAST = ms.LinearInterpolant()
NOT_COVERED = (
    "x is a focal point of a kind that is not covered: only a vertex of a curve, where its curvature is largest, away "
    "from its ends, is"
)


@functools.cache
def segment():
    return ms.Curve([U, 0 * U], (U, 0, 1))


@functools.cache
def ring():
    return ms.Curve(lambda u: np.stack([np.cos(u), np.sin(u)], -1), (0.0, 2 * np.pi))


@functools.cache
def arc():
    return ms.Curve(lambda u: np.stack([np.cos(u), np.sin(u)], -1), (0.0, 2.0))


@functools.cache
def cylinder():
    return ms.Surface([U, U**2 / 2, V], (U, -1, 1), (V, -1, 1))


def _over_the_end():
    return expansion(ms.Segment([0.0, 0.0], [1.0, 0.0]).uniform(), [0.0, 1.0])


CASES = [
    (
        "expansion of a manifold",
        lambda: expansion(ms.Circle(), [1.0, 0.0]),
        TypeError,
        r"measure must be a measure; got Circle; a manifold becomes a measure with \.uniform\(\)",
    ),
    (
        "expansion of a mixture",
        lambda: expansion(ms.Mixture([CIRCLE, CIRCLE]), [1.0, 0.0]),
        TypeError,
        "measure must be a law on a curve, surface, sphere, segment or box, a Gaussian, a point cloud, or one of these "
        "embedded; got Mixture",
    ),
    (
        "expansion at many points",
        lambda: expansion(CIRCLE, [[1.0, 0.0]]),
        ValueError,
        r"x must be a non-empty vector; got shape \(1, 2\)",
    ),
    ("expansion elsewhere", lambda: expansion(CIRCLE, [1.0, 0.0, 0.0]), ValueError, "x must have 2 entries; got 3"),
    (
        "expansion without density",
        lambda: expansion(segment().measure((U - 0.5) ** 2), [0.5, 1.0]),
        ValueError,
        r"density must be positive at the nearest point of x; it is 0 at u = \[0\.5\]",
    ),
    ("expansion at a centre", lambda: expansion(ring().uniform(), [0.0, 0.0]), ValueError, NOT_COVERED),
    ("expansion at the centre of an arc", lambda: expansion(arc().uniform(), [0.0, 0.0]), ValueError, NOT_COVERED),
    ("expansion at a focal line", lambda: expansion(cylinder().uniform(), [0.0, 1.0, 0.0]), ValueError, NOT_COVERED),
    (
        "expansion at an embedded centre",
        lambda: expansion(ms.Embedded(CIRCLE, np.eye(3)[:, :2]), [0.0, 0.0, 1.0]),
        ValueError,
        "x is the centre of an embedded sphere, where every point is nearest; that is not covered",
    ),
    (
        "c over an edge",
        lambda: _over_the_end().c(0.5),
        ValueError,
        "c needs an x where f - y_x is of order s; here the situation is 'edge'",
    ),
    (
        "c of the interpolant",
        lambda: expansion(CIRCLE, [2.0, 0.0]).c(FAST),
        ValueError,
        r"process must move x/alpha by O\(s\) here; LinearInterpolant\(\) moves it by s\^0\.5: "
        "expand at x/alpha instead",
    ),
    (
        "c of a negative rate",
        lambda: expansion(CIRCLE, [2.0, 0.0]).c(-1.0),
        ValueError,
        r"process must not be negative; got -1\.0",
    ),
    (
        "remainder on M",
        lambda: expansion(CIRCLE, [1.0, 0.0]).remainder_rate(OU),
        ValueError,
        r"x must lie off M: the remainder is relative to \|x - y_x\|",
    ),
    (
        "predicted score of a rate",
        lambda: expansion(CIRCLE, [2.0, 0.0]).predict_score(0.5, 1e-3),
        TypeError,
        r"process must be a process, such as OrnsteinUhlenbeck\(\); got float",
    ),
    (
        "predicted mean",
        lambda: expansion(CIRCLE, [2.0, 0.0]).predict_mean(0.0),
        ValueError,
        r"variance must be positive and finite; got 0\.0",
    ),
    (
        "formula of a sphere",
        lambda: expansion(CIRCLE, [2.0, 0.0]).formula(),
        ValueError,
        "formula needs a curve or a surface, and a density, given by SymPy expressions",
    ),
    (
        "formula of a function",
        lambda: expansion(ring().uniform(), [2.0, 0.0]).formula(),
        ValueError,
        "formula needs a curve or a surface, and a density, given by SymPy expressions",
    ),
]
