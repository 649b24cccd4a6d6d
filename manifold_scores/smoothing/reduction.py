"""The affine hull of a point cloud: the only directions in which smoothing acts.

[FPHDP] Proposition 3.1, read as an algorithm.  The log2 weights of the points at x + xi are those at x plus
<y_i - y_bar, xi> alpha/sigma^2 plus a term common to all, which a softmax does not see.  So noise orthogonal to the
hull never enters, and Gaussian noise enters through as many numbers as the matrix <y_i - y_bar, S^{1/2} e_j> has rank.
"""

from __future__ import annotations

import math

import numpy as np

from ..arrays import FloatArray, multiply
from ..measures import PointCloud

__all__ = ["ReducedCloud"]

#: In units of the rounding of the points: a Gaussian random matrix of that size has a norm of sqrt(N) + sqrt(d).
_RANK_TOLERANCE = 4.0 * np.finfo(np.float64).eps
_LARGEST_ROTATION = 64


class ReducedCloud:
    """A point cloud in coordinates of its affine hull, y_i = origin + basis coordinates_i.

    Directions whose singular value is at the level of the rounding of the points are left out: the result is exact for
    points that differ from the given ones by a few eps max |y|.

    Attributes
    ----------
    coordinates : (N, r), C-contiguous; log_weights : (N,), natural logarithms of normalised weights.
    dimension : r <= min(d, N - 1).
    """

    def __init__(self, cloud: PointCloud) -> None:
        points, weights = cloud.points, cloud.weights
        keep = weights > 0.0
        points, self.log_weights = points[keep], np.log(weights[keep])
        self.origin = points.mean(axis=0)
        centred = points - self.origin
        basis = _basis(centred, np.abs(points).max())
        # Both ways round: a transposed copy in every call would take as long as the products.
        self._basis: FloatArray | None = None
        self._rows = np.ascontiguousarray(basis)
        if len(basis) < points.shape[1]:
            self._basis = np.ascontiguousarray(basis.T)
            centred = multiply(centred, self._basis)
        self.coordinates: FloatArray = np.ascontiguousarray(centred)
        self.dimension = len(basis)

    def split(self, z: FloatArray) -> tuple[FloatArray, FloatArray | None]:
        """Return the hull coordinates (M, r) of z (M, d) and the rest, orthogonal to the hull (None if it is zero)."""
        apart = z - self.origin
        if self._basis is None:
            return np.ascontiguousarray(apart), None
        inside = multiply(apart, self._basis)
        rest = apart - multiply(inside, self._rows)
        return inside, rest - multiply(multiply(rest, self._basis), self._rows)

    def project(self, vectors: FloatArray) -> FloatArray:
        """Return the components (n, r) of vectors (n, d) along the hull."""
        return vectors if self._basis is None else multiply(vectors, self._basis)

    def lift(self, vectors: FloatArray) -> FloatArray:
        """Return vectors (..., d) of the hull from their components (..., r)."""
        if self._basis is None:
            return vectors
        shape = vectors.shape[:-1]
        flat = multiply(vectors.reshape(math.prod(shape), self.dimension), self._rows)
        return flat.reshape(*shape, len(self.origin))

    def loadings(self, root: FloatArray | float) -> FloatArray:
        """Return P (N, k) with <y_i - y_bar, xi> = P_i g, xi ~ N(0, root root') along the hull, g ~ N(0, I_k).

        root is a matrix (r, n) or, for an isotropic law, a number.  Up to 64 columns are principal components, by
        decreasing share of the variance, the order in which a Sobol sequence is best; more than that are in the order
        in which points are farthest from the span of those before.
        """
        from ..compute.cpu_hull import principal_axes

        if isinstance(root, float):
            loadings = root * self.coordinates
        else:
            loadings = multiply(self.coordinates, root)
            loadings = multiply(loadings, np.ascontiguousarray(_basis(loadings, np.abs(loadings).max(initial=0.0)).T))
        if loadings.shape[1] <= _LARGEST_ROTATION:
            principal_axes(loadings)
        return loadings


def _basis(rows: FloatArray, size: float) -> FloatArray:
    """Return an orthonormal basis (r, d) of the span of rows (N, d) whose entries are rounded to eps size."""
    from ..compute.cpu_hull import span

    count, d = rows.shape
    if rows.size == 0:
        return np.zeros((0, d))
    tolerance = _RANK_TOLERANCE * size * (math.sqrt(count) + math.sqrt(d))
    if count > 8 * d:  # some of many points usually span all dimensions
        some = span(rows[:: count // (4 * d)], tolerance)
        if len(some) == d:
            return some
    return span(rows, tolerance)
