"""Segments and boxes: truncated normal laws near, across and far beyond their ends."""

import numpy as np

from .laws import SCHEDULE, SHORT, box, segment, sweep

SEGMENT = "segment"
BOX = "box"


def _segment_places(start, end, rng):
    """Along and across the segment, at its ends, and beyond them."""
    start, end = np.asarray(start, dtype=float), np.asarray(end, dtype=float)
    direction = (end - start) / np.linalg.norm(end - start)
    across = rng.standard_normal(len(start))
    across -= (across @ direction) * direction
    length = np.linalg.norm(across)
    across = across / length if length > 1e-8 else np.zeros(len(start))
    return {
        "end": end,
        "inside": start + 0.3 * (end - start),
        "beside": start + 0.3 * (end - start) + 1e-9 * across,
        "middle": (start + end) / 2,
        "over the end": end + 0.7 * across,
        "beyond": end + 0.3 * direction,
        "just beyond": lambda s: end + min(np.sqrt(s), 1e3) * direction,
        "just inside": lambda s: end - min(np.sqrt(s), 0.4) * direction,
        "far along": start - 1e4 * direction,
        "far across": start + 1e4 * across,
    }


def cases():
    found = []
    rng = np.random.default_rng(4)
    for label, start, end, schedule in (
        ("d1", [0.0], [1.0], SCHEDULE),
        ("d2", [-1.0, 0.5], [2.0, -0.25], SCHEDULE),
        ("d3", [0.0, 0.0, 0.0], [0.0, 0.0, 2.0], SHORT),
        ("d3 short", [1.0, 1.0, 1.0], [1.0, 1.0, 1.0 + 2.0**-20], SHORT),
        ("d2 offset1e6", [1e6, 1e6], [1e6 + 1, 1e6 + 2], SHORT),
        ("d2 long", [-1e4, 0.0], [1e4, 1.0], SHORT),
    ):
        found += sweep(SEGMENT, label, segment(start, end), _segment_places(start, end, rng), schedule)
    start, end = rng.standard_normal((2, 1000))
    found += sweep(SEGMENT, "d1000", segment(start, end), _segment_places(start, end, rng), SHORT[::2])

    lower, upper = np.array([0.0, -1.0, 0.5]), np.array([1.0, 1.0, 0.625])
    places = {
        "corner": upper,
        "by the corner": upper + 1e-9 * np.array([1.0, -1.0, 1.0]),
        "face": np.array([1.0, 0.2, 0.55]),
        "interior": np.array([0.4, 0.1, 0.6]),
        "centre": (lower + upper) / 2,
        "outside one": np.array([0.3, 1.5, 0.6]),
        "outside all": np.array([-0.3, 1.5, 2.0]),
        "far": np.array([1e4, 0.0, -1e4]),
        "within": lambda s: upper + min(np.sqrt(s), 1e3) * np.array([1.0, -0.5, 2.0]),
    }
    found += sweep(BOX, "d3", box(lower, upper), places)
    cube = np.ones(2)
    found += sweep(
        BOX, "d2 offset1e6", box(1e6 - cube, 1e6 + cube), {"in": 1e6 + 0.3 * cube, "out": 1e6 + 1.3 * cube}, SHORT
    )
    found += sweep(BOX, "d1", box([-1.0], [1.0]), {"in": [0.3], "centre": [0.0], "out": [1.25], "far": [1e4]})
    found += sweep(BOX, "d2 thin", box([0.0, 0.0], [1.0, 2.0**-40]), {"in": [0.3, 2.0**-41], "out": [0.5, 1.0]}, SHORT)
    for d in (10, 100):
        edges = np.sort(rng.standard_normal((2, d)), axis=0)
        places = {
            "in": edges.mean(0),
            "drawn": rng.standard_normal(d),
            "far": 1e4 * rng.standard_normal(d) / np.sqrt(d),
        }
        found += sweep(BOX, f"d{d}", box(*edges), places, SHORT[::2])
    # Few distinct coordinates keep the reference short.
    many = np.tile([0.25, -0.5, 1.75, 1.0 + 1e-9], 2500)
    found += sweep(BOX, "d1000", box(np.zeros(1000), np.ones(1000)), {"mixed": many[:1000]}, SHORT)
    found += sweep(BOX, "d10000", box(np.zeros(10_000), np.ones(10_000)), {"mixed": many}, SCHEDULE[4:5])
    return found
