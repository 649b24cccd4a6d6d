"""Where the outer of two integrals bends: vertices of the power diagram that a point cloud draws in the window."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..arrays import FloatArray

__all__ = ["outer_edges"]

#: The window in standard deviations, as in compute/cpu_lines.py; first edges, before vertices are added.
_WINDOW = 8.3
_EDGES = np.array([-_WINDOW, -5.0, -2.5, 0.0, 2.5, 5.0, _WINDOW])
#: A diagram whose log2 weights change by less over the unit of length has no sharp vertices.
_SHARP = 4.0
_CLOSEST = 1e-10


def outer_edges(
    levels: FloatArray, references: NDArray[np.int64], rates: FloatArray, slopes: FloatArray
) -> tuple[FloatArray, NDArray[np.int64]]:
    """Return edges in the second coordinate of g for every query, one after the other, and where each starts (M + 1).

    Log2 weights are levels[m, i] + rates[m] <slopes_i, g>: their maximum is a convex polyhedron whose vertices, seen
    from above, are those of the diagram.  Missing ones cost time, not accuracy.
    """
    starts = np.zeros(len(levels) + 1, dtype=np.int64)
    if slopes.shape[1] == 1:
        return _EDGES, starts
    found = []
    for m, level in enumerate(levels):
        tilted = rates[m] * (slopes - slopes[references[m]])
        edges = _EDGES
        # Points that cannot lead within the window have no vertex there.
        near = level + _WINDOW * np.sqrt(2.0) * np.linalg.norm(tilted, axis=1) > -1.0
        largest = np.abs(tilted[near]).max(initial=0.0)
        if largest > _SHARP and near.sum() > 2:
            vertices = _vertices(tilted[near] / largest, level[near] / largest)
            inside = vertices[(np.abs(vertices) < _WINDOW).all(axis=1), 1]
            edges = np.sort(np.concatenate([edges, inside]))
            edges = edges[np.concatenate([[True], np.diff(edges) > _CLOSEST])]
            edges[-1] = _WINDOW
        found.append(edges)
        starts[m + 1] = starts[m] + len(edges)
    return np.concatenate(found), starts


def _vertices(slopes: FloatArray, levels: FloatArray) -> FloatArray:
    """Return the points g (V, 2) where three or more of the planes levels + <slopes, g> are the highest."""
    from scipy.spatial import ConvexHull, QhullError

    # Dual points (slope, level): facets of their upper hull are the vertices.  An apex far below makes a solid body of
    # what may be flat, as points on a circle are.
    apex = np.append(slopes.mean(axis=0), levels.min() - 10.0 * (1.0 + np.ptp(levels)))
    try:
        hull = ConvexHull(np.vstack([np.column_stack([slopes, levels]), apex]))
    except QhullError:
        return np.empty((0, 2))
    normals = hull.equations[:, :3]
    upper = normals[:, 2] > 1e-12
    return np.asarray(normals[upper, :2] / normals[upper, 2:])
