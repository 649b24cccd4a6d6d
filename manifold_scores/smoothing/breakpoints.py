"""Where the outer of two integrals bends: vertices of the power diagram that a point cloud draws in the window."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..arrays import FloatArray

__all__ = ["outer_edges"]

#: First edges between the ends of the window, before vertices are added.
_EDGES = (-5.0, -2.5, 0.0, 2.5, 5.0)
#: A diagram whose log2 weights change by less over the unit of length has no sharp vertices.
_SHARP = 4.0
_CLOSEST = 1e-10
#: A vertex is a layer of some width w, which a rule with its first node 2e-3 of a panel from the end may not see.
#: Panels end at these multiples of w, the bulk of the layer and where it has died away.
_LAYERS = np.array([4.0, 30.0])
#: What a layer of width w adds, to lowest order in w, relative to mean, log sum and trace.
_ORDERS = (2, 3, 1)


def outer_edges(
    levels: FloatArray, references: NDArray[np.int64], rates: FloatArray, slopes: FloatArray, part: int,
    tolerance: float,
) -> tuple[FloatArray, NDArray[np.int64]]:  # fmt: skip
    """Return edges in the second coordinate of g for every query, one after the other, and where each starts (M + 1).

    Log2 weights are levels[m, i] + rates[m] <slopes_i, g>: their maximum is a convex polyhedron whose vertices, seen
    from above, are those of the diagram.
    """
    from ..compute.cpu_lines import WINDOW

    first = np.array([-WINDOW, *_EDGES, WINDOW])
    starts = np.zeros(len(levels) + 1, dtype=np.int64)
    if slopes.shape[1] == 1:
        return first, starts
    found = []
    for m, level in enumerate(levels):
        tilted = rates[m] * (slopes - slopes[references[m]])
        edges = first
        # Points that cannot lead within the window have no vertex there.
        near = level + WINDOW * np.sqrt(2.0) * np.linalg.norm(tilted, axis=1) > -1.0
        largest = np.abs(tilted[near]).max(initial=0.0)
        if largest > _SHARP and near.sum() > 2:
            vertices, widths = _vertices(tilted[near] / largest, level[near] / largest)
            inside = (np.abs(vertices) < WINDOW).all(axis=1)
            at, widths = vertices[inside, 1], widths[inside] / (largest * np.log(2.0))
            visible = widths ** _ORDERS[part] > 0.1 * tolerance
            layers = (at[:, None, None] + np.multiply.outer(widths, np.append(-_LAYERS, _LAYERS)))[visible]
            layers = layers[np.abs(layers) < WINDOW]
            edges = np.sort(np.concatenate([edges, at, layers]))
            edges = edges[np.concatenate([[True], np.diff(edges) > _CLOSEST])]
            edges[-1] = WINDOW
        found.append(edges)
        starts[m + 1] = starts[m] + len(edges)
    return np.concatenate([*found, first]), starts


def _vertices(slopes: FloatArray, levels: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the points g (V, 2) where three or more of the planes levels + <slopes, g> are the highest.

    Also one over the largest and the smallest difference between the slopes of the three, (V, 2).
    """
    from scipy.spatial import ConvexHull, QhullError

    # Dual points (slope, level): facets of their upper hull are the vertices.  An apex far below makes a solid body of
    # what may be flat, as points on a circle are.
    apex = np.append(slopes.mean(axis=0), levels.min() - 10.0 * (1.0 + np.ptp(levels)))
    try:
        hull = ConvexHull(np.vstack([np.column_stack([slopes, levels]), apex]))
    except QhullError:
        return np.empty((0, 2)), np.empty((0, 2))
    normals = hull.equations[:, :3]
    upper = (normals[:, 2] > 1e-12) & (hull.simplices < len(slopes)).all(axis=1)
    corners = slopes[hull.simplices[upper]]
    apart = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2)
    apart = np.where(apart > 0.0, apart, apart.max(axis=1, keepdims=True))
    widths = 1.0 / np.stack([apart.max(axis=1), apart.min(axis=1)], axis=1)
    return normals[upper, :2] / normals[upper, 2:], widths
