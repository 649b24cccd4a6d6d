"""Normal laws: of full rank, exactly singular, and with condition numbers up to 1e16 and beyond."""

import numpy as np

from .laws import SCHEDULE, SHORT, gaussian, sweep

FAMILY = "gaussian"


def _places(mean, spread, rng):
    """At the mean, beside it, one draw away, and 1e4 away."""
    d = len(mean)
    direction = rng.standard_normal(d)
    direction /= np.linalg.norm(direction)
    return {
        "mean": mean,
        "beside": mean + 1e-9 * direction,
        "drawn": mean + spread @ rng.standard_normal(spread.shape[1]),
        "near": mean + 0.3 * direction,
        "far": mean + 1e4 * direction,
    }


def cases():
    found = []
    rng = np.random.default_rng(2)
    for d in (1, 2, 3, 10):
        root = rng.standard_normal((d, d))
        mean = rng.standard_normal(d)
        law = gaussian(mean, root @ root.T)
        places = _places(mean, root, rng)
        found += sweep(FAMILY, f"full{d}", law, places, SCHEDULE if d <= 2 else SHORT)

    # Integer factors: C = A A^T is exact in float64 and its rank is that of A.
    for d, rank in ((2, 1), (3, 1), (3, 2), (5, 2), (10, 4)):
        factor = rng.integers(-6, 7, (d, rank)).astype(float)
        mean = rng.integers(-3, 4, d).astype(float)
        schedule = SCHEDULE if d <= 3 else SHORT
        found += sweep(
            FAMILY, f"rank{rank}of{d}", gaussian(mean, factor @ factor.T), _places(mean, factor, rng), schedule
        )
    found += sweep(FAMILY, "zero", gaussian(np.ones(3), np.zeros((3, 3))), _places(np.ones(3), np.eye(3), rng), SHORT)

    graded = np.diag(10.0 ** np.arange(-8, 9))
    found += sweep(FAMILY, "diag1e-8..1e8", gaussian(np.zeros(17), graded), _places(np.zeros(17), np.sqrt(graded), rng))
    hole = np.diag([1e-8, 0.0, 1.0, 0.0, 1e8])
    found += sweep(
        FAMILY, "diag with zeros", gaussian(np.ones(5), hole), _places(np.ones(5), np.sqrt(hole), rng), SHORT
    )
    # Condition number 1e16, correlated: a rotation by 45 degrees of diag(1, 2^-53), exact in float64.
    nearly = np.array([[1 + 2.0**-52, 1.0], [1.0, 1 + 2.0**-52]])
    found += sweep(FAMILY, "cond1e16", gaussian(np.zeros(2), nearly), _places(np.zeros(2), np.ones((2, 1)), rng))
    # Rank 2 of 3 before rounding, full rank (or barely indefinite) after.
    rounded = rng.standard_normal((3, 2))
    law = gaussian(np.zeros(3), rounded @ rounded.T)
    found += sweep(FAMILY, "rounded rank2of3", law, _places(np.zeros(3), rounded, rng), SHORT)
    scales = np.array([1e-8, 1.0, 1e8])
    correlated = np.array([[1.0, 0.5, 0.25], [0.5, 1.0, 0.5], [0.25, 0.5, 1.0]]) * scales * scales[:, None]
    found += sweep(
        FAMILY, "correlated scales", gaussian(np.zeros(3), correlated), _places(np.zeros(3), correlated, rng)
    )
    # Singular blocks on different scales: rank 2 of 4, the small block 1e-20 of the large one.
    split = np.zeros((4, 4))
    split[:2, :2] = 2.0**-66
    split[2:, 2:] = [[1.0, 2.0], [2.0, 4.0]]
    found += sweep(FAMILY, "singular scales", gaussian(np.zeros(4), split), _places(np.zeros(4), split, rng), SHORT)
    offset = np.full(2, 1e6)
    found += sweep(FAMILY, "offset1e6", gaussian(offset, np.eye(2)), _places(offset, np.eye(2), rng), SHORT)

    wide = np.zeros(1000)
    wide[:500] = 2.0 ** rng.integers(-10, 10, 500)
    found += sweep(
        FAMILY,
        "diag1000",
        gaussian(np.zeros(1000), np.diag(wide)),
        _places(np.zeros(1000), np.eye(1000), rng),
        SHORT[::2],
    )
    factor = rng.integers(-3, 4, (60, 5)).astype(float)
    found += sweep(
        FAMILY, "rank5of60", gaussian(np.ones(60), factor @ factor.T), _places(np.ones(60), factor, rng), SHORT[::2]
    )
    return found
