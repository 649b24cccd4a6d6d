"""Point clouds: weighted over 300 orders of magnitude, on Voronoi edges, shifted, of 1 to 10 000 dimensions."""

import numpy as np

from .laws import SCHEDULE, SHORT, Case, brownian, cloud, ou, sweep

FAMILY = "point cloud"


def _around(points, rng):
    """On the first point, beside it, between two, within sqrt(s), and 1e4 away."""
    d = points.shape[1]
    direction = rng.standard_normal(d)
    direction /= np.linalg.norm(direction)
    return {
        "on": points[0],
        "beside": points[0] + 1e-9 * direction,
        "within": lambda s: points[0] + min(np.sqrt(s), 1e3) * direction,
        "edge": (points[0] + points[1]) / 2,
        "far": points[0] + 1e4 * direction,
    }


def _near_circle(n, s, d, rng):
    """n points with radii 1 + O(s) in R^d, and a centre off by O(s): all exponents 1/2s agree to O(1)."""
    points = rng.standard_normal((n, d))
    points *= ((1 + s * rng.uniform(0, 2, n)) / np.linalg.norm(points, axis=1))[:, None]
    return points, s * rng.uniform(-1, 1, d)


def cases():
    found = []
    rng = np.random.default_rng(1)
    for n, d in ((1, 1), (5, 1), (12, 2), (30, 3), (20, 10)):
        points = rng.standard_normal((max(n, 2), d))[:n]
        places = _around(np.vstack([points, points])[: max(n, 2)], rng)
        if n == 1:
            del places["edge"]
        found += sweep(FAMILY, f"n{n}d{d}", cloud(points), places, SCHEDULE if d <= 3 else SHORT)

    points = rng.standard_normal((10, 2))
    weights = 10.0 ** np.linspace(-300, 0, 10)
    found += sweep(FAMILY, "weights300", cloud(points, weights), _around(points, rng))
    found += sweep(FAMILY, "weights0", cloud(points, np.r_[0.0, weights[1:]]), {"on-empty": points[0]}, SHORT)
    extreme = np.array([5e-324, 1e-200, 1.0, 1e200, 1.7e308])
    found += sweep(FAMILY, "weights631", cloud(points[:5], extreme), _around(points, rng), SHORT)
    # A heavy point far out and a light one beside x compete where 300 ln 10 = gap/s.
    pair = np.array([[0.0, 0.0], [1.0, 0.0]])
    for exponent in (-300, -150, -20):
        s = 1 / (2 * abs(exponent) * np.log(10))
        found.append(
            Case(
                f"{FAMILY}/balance1e{exponent}",
                FAMILY,
                cloud(pair, np.array([10.0**exponent, 1.0])),
                brownian(),
                np.array([1e-3, 0.2]),
                s,
            )
        )
    twice = np.repeat(points[:4], [3, 1, 2, 5], axis=0)
    found += sweep(FAMILY, "duplicates", cloud(twice), _around(points, rng), SHORT)
    found += sweep(FAMILY, "offset1e6", cloud(points + 1e6), _around(points + 1e6, rng), SCHEDULE)
    found += sweep(FAMILY, "scale1e-8", cloud(points * 1e-8), _around(points * 1e-8, rng), SHORT)
    lattice = np.stack(np.meshgrid(np.arange(5.0), np.arange(5.0)), -1).reshape(-1, 2)
    found += sweep(FAMILY, "lattice", cloud(lattice), {"vertex": [0.5, 1.5], "edge": [0.5, 2.0], "on": [2.0, 2.0]})
    found += sweep(FAMILY, "lattice", cloud(lattice), {"centre-of-all": [2.0, 2.0 + 1e-9]}, SHORT)
    ring = np.arange(12) * (2 * np.pi / 12)
    ring = np.stack([np.cos(ring), np.sin(ring)], -1)
    found += sweep(FAMILY, "ring", cloud(ring), {"centre": [0.0, 0.0], "axis": [0.3, 0.0], "off": [1e-9, 1e-7]})

    for d, n in ((100, 6), (1000, 4), (10_000, 3)):
        points = rng.standard_normal((n, d))
        places = _around(points, rng)
        if d == 10_000:
            places = {key: places[key] for key in ("beside", "edge", "far")}
        found += sweep(FAMILY, f"n{n}d{d}", cloud(points), places, SHORT if d < 1000 else SHORT[::2])

    for s in (1e-4, 1e-6, 1e-8, 1e-10):
        for n, d in ((8, 2), (40, 2), (10, 3), (6, 10), (5, 100), (4, 1000)):
            points, x = _near_circle(n, s, d, rng)
            for clock in (brownian(), ou()):
                name = f"{FAMILY}/near-circle n{n}d{d}/{clock.name}/s={s:g}"
                found.append(Case(name, "near-circle", cloud(points), clock, x, s, strict=True))
    return found
