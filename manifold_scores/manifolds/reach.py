"""The reach of a curve or a surface, between a certified lower bound and an attained upper bound."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import arrays
from ..arrays import FloatArray
from ..panels import Panels
from .bending import boundary, concave, curvature, forms
from .bottlenecks import federer_quotient, no_double_normal_below, polish
from .cells import Cells, IntArray, faces
from .flatness import exceeds
from .neighbours import partition

__all__ = ["reach_bounds"]

#: (upper - lower)/upper aimed at, for curves and surfaces.
TOLERANCE = {1: 1e-6, 2: 1e-3}
#: Taken off the lower bound for rounding, which no bound below is rounded outwards for; relative.
ROUNDING = 1e-10
#: A reach above this many sizes of the manifold counts as infinite.
FLAT = 1e6
#: Pairs of cells, and bisections of panels, after which less than the tolerance is aimed at.
PAIRS, BISECTIONS = {1: 1 << 17, 2: 1 << 19}, 1 << 17
#: Pairs from which Newton's method starts on every level.
POLISHED = 32
#: Points at which curvature is sampled on a panel in each direction; the largest are followed uphill.
SAMPLES, CLIMBERS, CLIMBING_STEPS = {1: 17, 2: 7}, 32, 30


def reach_bounds(manifold: Any, tolerance: float | None = None) -> tuple[float, float]:
    """Return (lower, upper) with lower <= reach <= upper.

    The reach is inf |x - y|^2 / (2 dist(y - x, Tan_x M)) over x != y in M (Federer 1959, theorem 4.18), Tan_x M the
    tangent cone: a half space or a quadrant where x is a boundary point.  It is the smaller of 1/k and l/2, k the
    largest curvature of a shortest path in M - max |II(e, e)| over unit tangent vectors, and the curvature in R^d
    of the boundary of a surface where that bends out of the surface - and l the length of the shortest double
    normal.

    Proof: let r <= 1/k with no double normal shorter than 2r.  M has some positive reach.  Were it t < r, a ball of
    radius t would touch M from outside at two points x, y, or there were such balls of radius near t with two points of
    contact arbitrarily close.  In the first case the shortest path in M between the two is at most 2 t arcsin(|x -
    y|/2t) long (Boissonnat, Lieutier, Wintraecken 2019) and does not enter the ball, hence is an arc of a great
    circle, of curvature 1/t > k, unless x and y are antipodal: a double normal of length 2t < 2r.  The second case
    is none, as along a short path of curvature <= k < 1/t from a point of contact the distance from the centre of
    the ball grows.  (Without boundary: Aamari et al. 2019, theorem 3.4.)

    Parameters
    ----------
    manifold : a `Curve` or `Surface`.
    tolerance : (upper - lower)/upper aimed at, 1e-8 to 0.1; by default 1e-6 for curves and 1e-3 for surfaces.
        Where that takes too many cells (the turns of a spiral very close to each other) `lower` is smaller, and
        still certain.

    Returns
    -------
    lower : proved for the piecewise polynomials of the manifold by bounds on all pairs of points and all curvatures, up
        to rounding, for which 1e-10 of it is taken off.
    upper : attained by a pair of points or by a curvature; inf where the reach is above 1e6 times the size of M, as
        that of a segment is.

    Raises
    ------
    ValueError, TypeError : tolerance out of range.
    """
    panels: Panels = manifold._panels
    m = panels.dimension
    share = TOLERANCE[m] if tolerance is None else arrays.positive("tolerance", tolerance)
    if not 1e-8 <= share <= 0.1:
        raise ValueError(f"tolerance must lie between 1e-8 and 0.1; got {tolerance!r}")
    pieces = [(panels, None), *(boundary(panels, manifold.closed) if m == 2 else [])]
    upper = min(1.0 / max(_largest_curvature(piece, slopes), 1e-300) for piece, slopes in pieces)
    flat = FLAT * float(panels.radius[0])
    # What is proved below is what is aimed at, which sinks with the upper bound.
    goal = 0.9999 * share

    def examine(cells: Cells, first: IntArray, second: IntArray, length: float) -> float:
        nonlocal upper
        x, y = polish(cells, first, second, crossing=False)
        quotients = (
            federer_quotient(panels, x, y, cells.side[first]),
            federer_quotient(panels, y, x, cells.side[second]),
        )
        upper = min(upper, float(np.min(quotients)))
        return min(length, 2.0 * (1.0 - goal) * upper)

    cells, touch = partition(panels, manifold.closed, manifold._parameters)
    aim = (1.0 - goal) * min(upper, flat)
    lower = 0.5 * no_double_normal_below(faces(cells, manifold.closed), touch, 2.0 * aim, PAIRS[m], examine)
    for piece, slopes in pieces:
        series = forms(piece, slopes)
        while lower > 0.0 and (found := exceeds(series, 1.0 / lower, BISECTIONS)) is not None:
            larger = _climb(piece, slopes, found[0], found[1][:, : piece.dimension])
            upper = min(upper, 1.0 / larger)
            lower = (1.0 - goal) * upper if (1.0 - goal) * upper < lower else 0.5 * lower
    return max(0.0, lower * (1.0 - ROUNDING)), upper if upper < flat else np.inf


def _quotients(
    panels: Panels, cells: Cells, first: IntArray, second: IntArray, x: tuple[IntArray, FloatArray],
    y: tuple[IntArray, FloatArray],
) -> FloatArray:  # fmt: skip
    """Return the quotient of Federer's formula for points of pairs of cells, from both ends, (2, N)."""
    ends = (x, y, cells.side[first]), (y, x, cells.side[second])
    return np.stack([federer_quotient(panels, *end) for end in ends])


def _largest_curvature(piece: Panels, slopes: FloatArray | None) -> float:
    """Return the largest curvature found from a grid on every panel."""
    m, count = piece.dimension, len(piece.coefficients)
    grid = np.stack(np.meshgrid(*[np.linspace(-1.0, 1.0, SAMPLES[m])] * m), axis=-1).reshape(-1, m)
    panel, xi = np.repeat(np.arange(count), len(grid)), np.tile(grid, (count, 1))
    best = np.argsort(_curvature(piece, slopes, panel, xi))[-CLIMBERS:]
    return _climb(piece, slopes, panel[best], xi[best])


def _climb(piece: Panels, slopes: FloatArray | None, panel: IntArray, xi: FloatArray) -> float:
    """Return the largest curvature found uphill from points of panels."""
    m = piece.dimension
    steps = np.stack(np.meshgrid(*[np.linspace(-1.0, 1.0, 5)] * m), axis=-1).reshape(-1, m)
    best, width = _curvature(piece, slopes, panel, xi), 2.0 / (SAMPLES[m] - 1)
    for _ in range(CLIMBING_STEPS):
        moves = np.clip(xi[:, None] + width * steps, -1.0, 1.0)
        found = _curvature(piece, slopes, np.repeat(panel, len(steps)), moves.reshape(-1, m)).reshape(len(panel), -1)
        xi = np.take_along_axis(moves, found.argmax(axis=1)[:, None, None], axis=1)[:, 0]
        best, width = np.maximum(best, found.max(axis=1)), 0.5 * width
    return float(best.max())


def _curvature(piece: Panels, slopes: FloatArray | None, panel: IntArray, xi: FloatArray) -> FloatArray:
    values = curvature(piece, panel, xi)
    return values if slopes is None else np.where(concave(piece, slopes, panel, xi), values, 0.0)
