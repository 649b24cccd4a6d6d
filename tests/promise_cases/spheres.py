"""Uniform and von Mises-Fisher laws on spheres in ambient dimension 2 to 10 000."""

import numpy as np

from .laws import SCHEDULE, SHORT, Case, brownian, circle, fisher, ou, sphere, sweep

UNIFORM = "sphere uniform"
FISHER = "sphere von Mises-Fisher"


def _places(k, radius, rng):
    direction = rng.standard_normal(k)
    direction /= np.linalg.norm(direction)
    return {
        "on": radius * direction,
        "beside": (radius + 1e-9) * direction,
        "within": lambda s: (radius + min(np.sqrt(s), 1e3)) * direction,
        "inside": 0.4 * radius * direction,
        "outside": 1.5 * radius * direction,
        "centre": np.zeros(k),
        "by the centre": 1e-9 * direction,
        "at s of the centre": lambda s: min(s, 1e3) * direction,
        "far": 1e4 * direction,
    }


def cases():
    rng = np.random.default_rng(3)
    return _uniform(rng) + _fisher(rng)


def _uniform(rng):
    found = []
    found += sweep(UNIFORM, "circle", circle(), _places(2, 1.0, rng))
    found += sweep(UNIFORM, "circle R=1e3", circle(1e3), _places(2, 1e3, rng), SHORT)
    for k, radius in ((3, 2.0), (4, 1.0), (10, 0.5)):
        found += sweep(UNIFORM, f"k{k}", sphere(k, radius), _places(k, radius, rng), SCHEDULE if k == 3 else SHORT)
    for k, schedule in (
        (100, SHORT),
        (1001, SHORT[::2]),
        (10_000, ((brownian(), 1e-4), (ou(), 1e-10), (brownian(), 50.0))),
    ):
        places = _places(k, 1.0, rng)
        if k == 10_000:
            places = {key: places[key] for key in ("on", "inside", "at s of the centre", "far")}
        found += sweep(UNIFORM, f"k{k}", sphere(k), places, schedule)
    # Arguments of the Bessel ratio through every regime, x = r e_1: kappa = r / s.
    for k in (2, 3, 5, 50, 1000):
        for power in (-300, -20, -3, -1, 0, 1, 2, 3, 4, 6, 9, 13):
            r, t = (0.75, 0.75 * 10.0**-power) if power > -2 else (10.0**power, 1.0)
            x = np.zeros(k)
            x[0] = r
            found.append(Case(f"{UNIFORM}/k{k}/kappa=1e{power}", UNIFORM, sphere(k), brownian(), x, t))

    for k, radius, r, t in (
        (2, 1e40, 0.5e40, 1e-60),
        (3, 1e45, 1e50, 1e-100),
        (100, 1e45, 1.0, 1e-30),
        (10, 1e-50, 1e-50, 1e-4),
    ):
        x = np.zeros(k)
        x[-1] = r
        name = f"{UNIFORM}/k{k}/kappa=1e{np.log10(radius) + np.log10(r) - np.log10(t):.0f}"
        found.append(Case(name, UNIFORM, sphere(k, radius), brownian(), x, t))
    return found


def _fisher(rng):
    found = []
    for k in (2, 3, 10):
        m = np.zeros(k)
        m[0] = 1.0
        across, opposite = np.roll(m, 1), -m
        for c in (1e-300, 1e-5, 1.0, 50.0, 1e4, 1e10):
            places = {
                "along": 0.8 * m,
                "on at m": m,
                "opposite": -0.8 * m,
                "across": across,
                "oblique": 0.6 * m + 0.3 * across,
                "far opposite": 1e4 * opposite,
            }
            schedule = SHORT if k == 2 else SHORT[int(np.log10(c)) % 2 :: 2]
            found += sweep(FISHER, f"k{k}c{c:g}", fisher(k, 1.0, m, c), places, schedule)
            # R z / s = -c m: the natural parameter vanishes, or nearly so, and the law is uniform there.
            if c >= 1.0:
                balance = {
                    "balance": lambda s, c=c, m=m: -c * s * m,
                    "near balance": lambda s, c=c, m=m: -c * s * (1 + 1e-6) * m,
                }
                found += sweep(FISHER, f"k{k}c{c:g}", fisher(k, 1.0, m, c), balance, ((brownian(), 1e-4), (ou(), 0.3)))
    m = np.array([1.0, 2.0, -2.0]) / 3
    found += sweep(FISHER, "generic", fisher(3, 2.5, m, 7.0), _places(3, 2.5, rng))
    m = rng.standard_normal(1000)
    m /= np.linalg.norm(m)
    for c in (1e-300, 30.0, 1e5):
        places = {key: place for key, place in _places(1000, 1.0, rng).items() if key in ("on", "centre", "inside")}
        found += sweep(FISHER, f"k1000c{c:g}", fisher(1000, 1.0, m, c), places, SHORT[::2])
    return found
