"""Gaussian measures, singular ones included."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import arrays
from ..arrays import FloatArray
from ..tilt import Measure, Tilt

__all__ = ["Gaussian"]


class Gaussian(Measure):
    """N(mu, C) with C positive semi-definite.

    With G = C + s I,

        log Z = -log det(I + C/s)/2 - (z-mu)^T G^{-1} (z-mu)/2,    delta = -s G^{-1} (z-mu),    Cov = s C G^{-1}.

    Computed in the eigenbasis of C, which is found once through a pivoted Cholesky factor and a one-sided Jacobi SVD
    (Demmel and Veselic 1992): eigenvalues come out accurate relative to the diagonal, not to the largest one, so that
    diag(1e-8 .. 1e8) keeps full rank.  Accuracy: a few eps (1 + kappa), kappa with respect to the norm of C; for
    correlated coordinates of very different scales iterative refinement keeps more digits than that, unless
    C is singular beyond coordinates that do not vary at all.
    Cost O(d^3) once, O(d^2) per query.

    A pivot below 4 d eps of its own diagonal entry counts as zero: C is then singular, with `dimension` = rank.

    Parameters
    ----------
    mean : mu, shape (d,).
    covariance : C, shape (d, d), symmetric positive semi-definite.

    Raises
    ------
    ValueError : wrong shapes, NaN or infinity, not symmetric, not positive semi-definite.
    """

    def __init__(self, mean: Any, covariance: Any) -> None:
        self._mean = arrays.vector("mean", mean)
        self.ambient_dimension = self._mean.size
        self._covariance = arrays.symmetric("covariance", covariance, self._mean.size)
        self._axes, self._eigenvalues = _eigenbasis(self._covariance)
        self.dimension = self._eigenvalues.size

    def __repr__(self) -> str:
        return f"Gaussian(rank {self.dimension} in R^{self.ambient_dimension})"

    def tilt_rows(self, centers: FloatArray, variances: FloatArray) -> Tilt:
        from ..compute.cpu_gaussian import gaussian_first_moments  # numba is imported on first use
        from ..compute.threads import spread

        out = self._empty(centers)
        spread(
            gaussian_first_moments, len(centers), self._covariance, self._axes, self._eigenvalues, self._mean, centers,
            variances, out.log_mass, out.mean, out.displacement, out.log_rest,
        )  # fmt: skip
        return Tilt(out.log_mass, out.mean, out.displacement, out.mean, out.log_rest)

    def covariance_rows(self, centers: FloatArray, variances: FloatArray) -> FloatArray:
        weighted = self._shrunk(variances)[:, :, None] * self._axes
        return np.asarray(np.einsum("nrk,rl->nkl", weighted, self._axes))

    def covariance_trace_rows(self, centers: FloatArray, variances: FloatArray) -> FloatArray:
        return np.asarray(self._shrunk(variances).sum(axis=1))

    def _shrunk(self, variances: FloatArray) -> FloatArray:
        """Eigenvalues of s C G^{-1}, shape (n, rank)."""
        s = variances[:, None]
        return np.asarray(self._eigenvalues * (s / (self._eigenvalues + s)))

    def sample_rows(self, n: int, rng: np.random.Generator) -> FloatArray:
        normal = rng.standard_normal((n, self.dimension))
        return self._mean + arrays.multiply(normal * np.sqrt(self._eigenvalues), self._axes)


def _eigenbasis(covariance: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return (axes (r, d), eigenvalues (r,)) of a positive semi-definite matrix, r its numerical rank."""
    from scipy.linalg import lapack

    size = len(covariance)
    diagonal = covariance.diagonal()
    if (diagonal < 0.0).any():
        raise ValueError(f"covariance must be positive semi-definite; its least diagonal entry is {diagonal.min():g}")
    used = np.flatnonzero(diagonal > 0.0)
    outside = np.abs(covariance[diagonal == 0.0]).max(initial=0.0)
    if outside > 0.0:
        raise ValueError(
            "covariance must be positive semi-definite; "
            f"it has a zero on the diagonal beside an entry of size {outside:g}"
        )
    axes = np.zeros((0, size))
    if used.size == 0:
        return axes, np.zeros(0)
    # Scaling by powers of two is exact and makes every diagonal entry about one, so pivots are relative to each.
    scale = np.ldexp(1.0, np.frexp(np.sqrt(diagonal[used]))[1])
    scaled = covariance[np.ix_(used, used)] / scale[:, None] / scale
    tolerance = 4.0 * used.size * np.finfo(np.float64).eps
    factor, pivots, rank, _ = lapack.dpstrf(scaled, tol=tolerance, lower=1)
    lower = np.tril(factor)[:, :rank]
    root = np.empty_like(lower)
    root[pivots - 1] = lower
    residual = np.abs(scaled - root @ root.T).max()
    if residual > 16.0 * tolerance:
        raise ValueError(
            "covariance must be positive semi-definite; "
            f"no factor fits it better than {residual:g} relative to its diagonal"
        )
    root *= scale[:, None]
    singular, left, _, work, *_ = lapack.dgejsv(root, joba=2, jobu=0, jobv=3, jobr=0, jobp=0)
    axes = np.zeros((rank, size))
    axes[:, used] = left[:, :rank].T
    eigenvalues = (singular[:rank] * (work[0] / work[1])) ** 2
    return axes, np.ascontiguousarray(eigenvalues)
