"""Claim: `nearest` and `project` of curves and surfaces return the global nearest point, for any x.

Hypothesis: none; x may lie on the medial axis, at focal points, far away.
Source: dense search with a proven bound, closed forms for torus and sphere; see `search`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from . import search, shapes
from .rates import Array
from .record import Claim, Evidence, Oracle, Tolerance
from .shapes import ROLL_WIDTH, Shape, bump_curve, ellipse, helix, lima_bean, spiral, wavy_circle
from .situations_surfaces import patch, swiss_roll, torus

#: size -> (points x per manifold, the same for planar curves, for the bump curve, points of the grid)
SIZES = {
    "quick": (1_000, 2_000, 20, 1 << 17),
    "default": (20_000, 20_000, 100, 1 << 20),
    "full": (100_000, 1_000_000, 1_000, 1 << 20),
}
#: Points of the grids on which all local minima are looked at, and points x there.
MINIMA = {"quick": (50, 1 << 13), "default": (300, 1 << 14), "full": (2_000, 1 << 14)}
MAP = 141

MISS_TOLERANCE = Tolerance(0.0, "none may be missed: a single one is a wrong nearest point")
EXCESS_TOLERANCE = Tolerance(
    1e-10,
    "the dense search is refined to 1e-10; distances from a minimum differ by the square of its parameter's error",
)
ON_TOLERANCE = Tolerance(
    1e-13, "rounding of points of size up to 15 (64 images: 11), a few eps each; the points are computed twice"
)
MINIMUM_TOLERANCE = Tolerance(
    1e-8, "Newton's method from the grid where the second derivative is small converges slowly: its steps are bounded"
)

#: A distance longer than the refined search by more than this, relative to 1 + |x|, is a miss.
MISS = 1e-10


def measure(size: str, noised: Oracle, evidence: Evidence) -> None:
    del noised  # geometry alone
    n, planar, images, grid = SIZES[size]
    evidence.parameters |= {"points": n, "points, planar": planar, "points, bump curve": images, "grid": grid}
    rng = np.random.default_rng([3507, 500])
    rows = []
    for shape in (ellipse(2.0, 1.0), ellipse(1.0, 0.2), lima_bean(), wavy_circle(), spiral(), helix()):
        x = _scattered(shape, planar if shape.build().ambient_dimension == 2 else n, rng)
        rows.append(_compare(shape.name, shape.build(), x, lambda x, s=shape: search.on_curve(s, x, grid), evidence))
    rows.append(_bumps(images, rng, evidence))
    for name, manifold, found in (
        ("torus", torus(), lambda x: _exact(search.on_torus(x))),
        ("Swiss roll", swiss_roll(), lambda x: _on_roll(x, grid)),
        ("patch of S²", patch(), lambda x: _exact(search.on_patch(x))),
    ):
        rows.append(_compare(name, manifold, _around(manifold, n, rng), found, evidence))
    _local_minima(*MINIMA[size], rng, evidence)
    _medial_axis(evidence)
    evidence.data |= {
        "names": np.array([row[0] for row in rows]), "excess": np.array([row[1] for row in rows]),
        "slack": np.array([row[2] for row in rows]), "per_second": np.array([row[3] for row in rows]),
    }  # fmt: skip
    _store_map(evidence)


def _exact(distance: Array) -> search.Found:
    return search.Found(distance, distance**2)


def _on_roll(x: Array, grid: int) -> search.Found:
    """Spiral x segment: squared distances add up."""
    profile = search.on_curve(spiral(), x[:, [0, 2]], grid)
    beside = (x[:, 1] - np.clip(x[:, 1], 0.0, ROLL_WIDTH)) ** 2
    return search.Found(np.sqrt(profile.distance**2 + beside), profile.floor + beside)


def _scattered(shape: Shape, n: int, rng: np.random.Generator) -> Array:
    """A quarter each: anywhere around, close to the curve, beside centres of curvature, far away."""
    u = rng.uniform(shape.lower, shape.upper, n)
    frame = shape.frame(u)
    extent = np.abs(frame.point).max()
    noise = rng.standard_normal(frame.point.shape)
    bend = (frame.curvature**2).sum(axis=1, keepdims=True)
    kind = (np.arange(n) % 4)[:, None]
    choices = [
        rng.uniform(-1.5, 1.5, frame.point.shape) * extent,
        frame.point + 10.0 ** rng.uniform(-9.0, -0.5, (n, 1)) * extent * noise,
        frame.point + frame.curvature / bend + 10.0 ** rng.uniform(-9.0, -1.0, (n, 1)) * noise,
        10.0 ** rng.uniform(0.0, 3.0, (n, 1)) * extent * noise,
    ]
    return np.choose(kind, choices)


def _around(manifold: Any, n: int, rng: np.random.Generator) -> Array:
    y = manifold.embed(rng.uniform(manifold.lower, manifold.upper, (n, manifold.dimension)))
    extent = np.abs(y).max()
    noise = rng.standard_normal(y.shape)
    kind = (np.arange(n) % 3)[:, None]
    choices = [
        rng.uniform(-1.5, 1.5, y.shape) * extent,
        y + 10.0 ** rng.uniform(-9.0, -0.3, (n, 1)) * extent * noise,
        10.0 ** rng.uniform(0.0, 3.0, (n, 1)) * extent * noise,
    ]
    return np.choose(kind, choices)


def _compare(
    name: str, manifold: Any, x: Array, look: Callable[[Array], search.Found], evidence: Evidence
) -> tuple[str, float, float, float]:
    manifold.project(x[:8])  # compiled and planned before the clock starts
    start = time.perf_counter()
    projected = manifold.project(x)
    seconds = time.perf_counter() - start
    nearest = manifold.nearest(x)
    return _judge(name, manifold, x, projected, nearest, look(x), len(x) / seconds, evidence)


def _judge(
    name: str, manifold: Any, x: Array, projected: Array, nearest: Any, found: search.Found, per_second: float,
    evidence: Evidence,
) -> tuple[str, float, float, float]:  # fmt: skip
    scale = 1.0 + np.linalg.norm(x, axis=1)
    distance = np.linalg.norm(x - projected, axis=1)
    excess = np.maximum(distance, nearest.distance) - found.distance
    missed = ~(excess <= MISS * scale)
    below = found.floor - np.minimum(distance, nearest.distance) ** 2
    impossible = ~(below <= ON_TOLERANCE.value * scale**2)
    evidence.check(
        f"misses, {name}", f"points x of {len(x)} with a point of M nearer than the one returned, by 1e-10 (1 + |x|)",
        missed.sum(), 0.0, MISS_TOLERANCE, one_sided=True, first=x[missed][:1].tolist() if x.shape[1] < 9 else [],
    )  # fmt: skip
    evidence.check(
        f"below the certified bound, {name}", "points x at a smaller distance than M can be: returned points off M",
        impossible.sum(), 0.0, MISS_TOLERANCE, one_sided=True,
    )  # fmt: skip
    off = np.abs(manifold.embed(nearest.parameter) - nearest.point).max()
    off = max(off, np.abs(np.linalg.norm(x - nearest.point, axis=1) - nearest.distance).max() / scale.max())
    evidence.check(
        f"point, parameter, distance, {name}", "|embed(parameter) - point| and ||x - point| - distance|/(1 + |x|)",
        off, 0.0, ON_TOLERANCE, one_sided=True,
    )  # fmt: skip
    evidence.observe(
        f"projections per second, {name}", "`project` of one batch, compiled before", per_second, np.nan,
        "Speed of this machine with the threads that it gives; not judged here.", points=len(x),
    )  # fmt: skip
    worst = float(np.max(excess / scale))
    gap = float(np.max(np.maximum(found.distance**2 - found.floor, 0.0) / scale**2))
    return name, worst, gap, per_second


def _bumps(n: int, rng: np.random.Generator, evidence: Evidence) -> tuple[str, float, float, float]:
    """The curve of images, where <x, y(u)> = a(u)^T X b(u) for the image X and bumps a, b in one dimension."""
    shape = bump_curve()
    u = rng.uniform(0.0, shapes.TURN, n)
    noise = rng.standard_normal((n, shapes.PIXELS**2)) * 10.0 ** rng.uniform(-4.0, 0.0, (n, 1))
    x = shape.derivative(u, 0) + noise
    x[::4] *= rng.uniform(0.0, 0.4, (len(x[::4]), 1))  # towards the centre, where the whole curve is near
    grid = shape.grid(1 << 13)
    line = np.linspace(-1.0, 1.0, shapes.PIXELS)
    width = 2.0 * shapes.BUMP_WIDTH**2
    a = np.exp(-((line - shapes.BUMP_ORBIT * np.cos(grid)[:, None]) ** 2) / width)
    b = np.exp(-((line - shapes.BUMP_ORBIT * np.sin(grid)[:, None]) ** 2) / width)
    images = x.reshape(n, shapes.PIXELS, shapes.PIXELS)
    own = (a * a).sum(axis=1) * (b * b).sum(axis=1)
    squares = np.array([(image * image).sum() - 2.0 * ((a @ image) * b).sum(axis=1) + own for image in images])
    best = squares.argmin(axis=1)
    distance = search.refined(shape, x, grid[best], grid[1], rounds=6)
    found = search.Found(distance, squares.min(axis=1) - search.slack(shape, x, len(grid)))
    return _compare(shape.name, shape.build(), x, lambda _: found, evidence)


def _local_minima(n: int, size: int, rng: np.random.Generator, evidence: Evidence) -> None:
    """The runner-up is the second lowest local minimum."""
    for shape in (ellipse(2.0, 1.0), lima_bean(), wavy_circle(), helix()):
        extent = np.abs(shape.derivative(shape.grid(64), 0)).max()
        x = rng.uniform(-1.2, 1.2, (n, shape.build().ambient_dimension)) * extent
        nearest, minima = shape.build().nearest(x), search.local_minima(shape, x, size)
        both = np.stack([nearest.distance, nearest.runner_up_distance], axis=1)
        same = np.isinf(both) & np.isinf(minima)
        with np.errstate(invalid="ignore"):
            miss = np.where(same, 0.0, np.abs(both - minima))
        evidence.check(
            f"runner-up, {shape.name}", f"two lowest local minima of |x - y|, against those on a grid ({n} points x)",
            miss.max(), 0.0, MINIMUM_TOLERANCE, one_sided=True,
        )  # fmt: skip


def _medial_axis(evidence: Evidence) -> None:
    """Between the centres of curvature on its long axis an ellipse has two nearest points, mirror images."""
    x = np.stack([np.linspace(-1.2, 1.2, 97), np.zeros(97)], axis=1)
    nearest = ellipse(2.0, 1.0).build().nearest(x)
    mirrored = nearest.point * np.array([1.0, -1.0])
    evidence.check(
        "medial axis of an ellipse", "|runner-up - mirror image of the nearest point|, the worst of 97 points x",
        np.abs(nearest.runner_up - mirrored).max(), 0.0,
        Tolerance(1e-12, "h ≥ 0.36 there: the parameter's rounding is at most 3 eps, times the speed 2; 97 points"),
        one_sided=True,
    )  # fmt: skip
    evidence.check(
        "uniqueness on the medial axis", "points x on it that are said to have one nearest point", nearest.unique.sum(),
        0.0, MISS_TOLERANCE, one_sided=True,
    )  # fmt: skip


def _store_map(evidence: Evidence) -> None:
    """What the figure shows: by how much the runner-up is farther, around the wavy circle."""
    line = np.linspace(-1.5, 1.5, MAP)
    x = np.stack(np.meshgrid(line, line), axis=2)
    nearest = wavy_circle().build().nearest(x)
    evidence.data |= {
        "map_line": line, "map_gap": nearest.runner_up_distance - nearest.distance,
        "map_curve": wavy_circle().derivative(np.linspace(0.0, shapes.TURN, 801), 0),
    }  # fmt: skip


def draw(data: dict[str, Array]) -> object:
    from .figures_geometry import projections

    return projections(data, MISS)


CLAIM = Claim(
    name="projection",
    title="The nearest point is the global one",
    statement="For every x, `nearest` and `project` return a point of M at distance dist(x, M), the runner-up is the "
    "second lowest local minimum of the distance, and points of the medial axis are known as such.",
    hypothesis="None: x is drawn around M, close to it, beside centres of curvature and up to 1000 of its sizes away.",
    source="Dense search: a k-d tree over a grid, whose least distance is proven to be within h² F/8 of the global "
    "minimum, refined by Newton's method; closed forms for torus and sphere.",
    measure=measure,
    draw=draw,
)
