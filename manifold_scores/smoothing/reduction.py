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
        size = np.abs(points).max() * (math.sqrt(len(points)) + math.sqrt(points.shape[1]))
        # numpy's SVD of the short side: rows are points.
        _, values, vectors = np.linalg.svd(centred, full_matrices=False)
        rank = int((values > _RANK_TOLERANCE * size).sum())
        self._basis: FloatArray | None = None
        if rank < points.shape[1]:
            self._basis = np.ascontiguousarray(vectors[:rank].T)
            centred = multiply(centred, self._basis)
        self.coordinates: FloatArray = np.ascontiguousarray(centred)
        self.dimension = rank

    def split(self, z: FloatArray) -> tuple[FloatArray, FloatArray | None]:
        """Return the hull coordinates (M, r) of z (M, d) and the rest, orthogonal to the hull (None if it is zero)."""
        apart = z - self.origin
        if self._basis is None:
            return np.ascontiguousarray(apart), None
        inside = multiply(apart, self._basis)
        rest = apart - multiply(inside, np.ascontiguousarray(self._basis.T))
        return inside, rest - multiply(multiply(rest, self._basis), np.ascontiguousarray(self._basis.T))

    def project(self, vectors: FloatArray) -> FloatArray:
        """Return the components (n, r) of vectors (n, d) along the hull."""
        return vectors if self._basis is None else multiply(vectors, self._basis)

    def lift(self, vectors: FloatArray) -> FloatArray:
        """Return vectors (..., d) of the hull from their components (..., r)."""
        if self._basis is None:
            return vectors
        flat = multiply(vectors.reshape(-1, self.dimension), np.ascontiguousarray(self._basis.T))
        return flat.reshape(*vectors.shape[:-1], -1)

    def loadings(self, root: FloatArray) -> FloatArray:
        """Return P (N, k) with <y_i - y_bar, xi> = P_i g, xi ~ N(0, root root'), g ~ N(0, I_k); root (r, n).

        Columns are ordered by their share of the variance, the order in which a Sobol sequence is best.
        """
        loadings = multiply(self.coordinates, root)
        if loadings.size == 0:
            return np.zeros((len(self.coordinates), 0))
        left, values, _ = np.linalg.svd(loadings, full_matrices=False)
        size = np.abs(loadings).max() * (math.sqrt(loadings.shape[0]) + math.sqrt(loadings.shape[1]))
        rank = int((values > _RANK_TOLERANCE * size).sum())
        return np.ascontiguousarray(left[:, :rank] * values[:rank])
