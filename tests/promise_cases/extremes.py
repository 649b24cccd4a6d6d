"""Corners of the promised range: x on M but far from the origin, the tails at late times, and times near its ends."""

import numpy as np

from .laws import (
    SCHEDULE,
    Case,
    box,
    brownian,
    circle,
    cloud,
    embedded,
    fisher,
    gaussian,
    interpolant,
    mixture,
    ou,
    preserving,
    product,
    segment,
    sphere,
    sweep,
)


def cases():
    rng = np.random.default_rng(6)
    return _far_on(rng) + _tails(rng) + _times(rng)


def _far_on(rng):
    """x on M, 1e4 from the origin: the distance to M is a rounding error, yet its square over s must be right."""
    turned, _ = np.linalg.qr(rng.standard_normal((3, 2)))
    along = turned[:, 0]
    angle = 1e4 * np.array([np.cos(1.0), np.sin(1.0)])
    found = []
    for label, law, x in (
        ("segment", segment([-1e4, 0.0], [1e4, 1.0]), [7e3, 0.85]),
        ("segment3", segment([0.0, 0.0, 0.0], 1e4 * along), 6e3 * along),
        ("middle of segment", segment([-1e4, 0.0], [1e4, 1.0]), [0.0, 0.5]),
        ("circle", circle(1e4), [6e3, 8e3]),
        ("circle irrational", circle(1e4), angle),
        ("sphere100", sphere(100, 1e4), np.full(100, 1e3)),
        ("fisher", fisher(3, 1e4, along, 10.0), 1e4 * turned[:, 1]),
        ("line", gaussian([0.0, 0.0], [[9e6, 3e6], [3e6, 1e6]]), [9e3, 3e3]),
        ("plane", embedded(gaussian([0.0, 0.0], np.diag([1e8, 1e8])), turned), turned @ [6e3, 8e3]),
        ("embedded circle", embedded(circle(1e4), turned, np.full(3, 0.1)), turned @ [6e3, 8e3] + 0.1),
        ("cylinder", product(circle(1e4), segment([0.0], [1.0])), [6e3, 8e3, 0.5]),
        ("mixture", mixture([circle(1e4), segment([-1e4, 0.0], [1e4, 1.0])]), angle),
    ):
        found += sweep("far on M", label, law, {"on": x}, SCHEDULE[:4])
    return found


def _laws(rng):
    """Small laws in the plane, none of them centred but the circle."""
    strip, ring = segment([0.0, 0.0], [1.0, 2.0]), embedded(circle(0.5), np.eye(2), np.array([2.0, 1.0]))
    yield "cloud", cloud(rng.standard_normal((4, 2)), [1.0, 2.0, 3.0, 4.0])
    yield "gaussian", gaussian([1.0, 2.0], [[2.0, 1.0], [1.0, 1.0]])
    yield "line", gaussian([1.0, 2.0], [[1.0, 1.0], [1.0, 1.0]])
    yield "circle", circle()
    yield "fisher", fisher(2, 1.0, [0.6, 0.8], 2.0)
    yield "segment", strip
    yield "box", box([0.0, 0.0], [1.0, 2.0])
    yield "product", product(segment([0.0], [1.0]), cloud([[0.0], [3.0]]))
    yield "embedded", ring
    yield "mixture", mixture([circle(), strip])
    yield "mixture of products", mixture([product(segment([0.0], [1.0]), cloud([[0.0], [3.0]])), ring], [1.0, 1e-9])


def _tails(rng):
    """|x| = 1e4 while the data have become invisible: exponents of size |x|^2 / 2 sigma^2 = 5e7 compete to O(1)."""
    found = []
    for label, law in _laws(rng):
        for clock, t in (
            (ou(), 10.0),
            (ou(), 14.0),
            (ou(), 20.0),
            (preserving(), 1.2),
            (preserving(), 2.0),
            (interpolant(), 0.9999),
        ):
            for place, x in (("1e4", np.array([6e3, -8e3])), ("1e2", np.array([-60.0, 80.0]))):
                name = f"tails/{label}/x={place}/{clock.name}/t={t:.3g}"
                found.append(Case(name, "tails", law, clock, x, t))
    return found


def _times(rng):
    """alpha^2, or s, leaves the float64 range although t is in the promised one; and the first time."""
    found = []
    for label, law in _laws(rng):
        for clock, t, limit in (
            (preserving(), 4.0, False),
            (preserving(), 5.0, False),
            (preserving(), 8.0, False),
            (ou(10.0), 50.0, True),
            (preserving(), 50.0, True),
            (interpolant(), 1 - 2.0**-53, False),
            (interpolant(), 1e-14, False),
            (brownian(), 1e-14, False),
        ):
            x = np.array([0.5, -1.0])
            for place, here in (("x", x), ("x=0", 0 * x), ("x=1e4", 8e3 * x)):
                name = f"extreme times/{label}/{place}/{clock.name}/t={t:.3g}"
                found.append(Case(name, "extreme times", law, clock, here, t, limit=limit))
    return found
