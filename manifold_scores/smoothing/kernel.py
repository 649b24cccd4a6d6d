"""Smoothing kernels k_x: laws centred at x, drawn through nodes that all x share."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import arrays, callbacks
from ..arrays import FloatArray
from ..manifolds import Manifold
from . import nodes as node_rules
from .reduction import ReducedCloud

__all__ = ["GaussianKernel", "SampledKernel", "SmoothingKernel"]

#: A covariance may have eigenvalues this far below zero, relative to the largest, from rounding.
_NEGATIVE = 1e-12
_SCALE_NODES = 4096  # for the normal scale of a kernel that is not given by samples


class SmoothingKernel(ABC):
    """A family of probability laws k_x on R^d, one for every x.

    A kernel turns *nodes*, displacements that do not depend on x, into points of k_x.  Nodes shared by all x are common
    random numbers: averages over them are smooth in x, and differences between x have little variance.

    A new kernel is a subclass with `draw_nodes`, `points_at` and `largest_normal_shift`.  In their arguments x (M, d)
    is a validated array, dimension is d, n a number of nodes, rng a numpy Generator, nodes what `draw_nodes` returned,
    sobol whether they are to be one scrambled Sobol sequence (n is a power of two then), and scale what multiplies the
    manifold of kernels that have one.

    Attributes
    ----------
    ambient_dimension : d, or None where the kernel works in every dimension.
    """

    ambient_dimension: int | None = None

    def sample(self, x: Any, n: int, rng: Any = None) -> Any:
        """Return n draws of k_x for every x, shape (..., n, d), for x of shape (..., d); rng a seed or a Generator."""
        rows = arrays.Rows("x", x, "t", 1.0, self.ambient_dimension, owner="kernel")
        nodes = self.draw_nodes(rows.points.shape[1], arrays.count("n", n, 1), arrays.generator(rng))
        return rows.restore(self.points_at(rows.points, nodes, 1.0))

    def normal_scale(self, manifold: Manifold, x: Any) -> Any:
        """Return K(x) = E[(dist(Y, M) - dist(x, M))^2]^{1/2}, Y ~ k_x, shape (...); the K of [FPHDP] is its supremum.

        By 4096 scrambled Sobol nodes (exactly for the law of given samples): relative error about 1e-3 in a few
        dimensions.  For N(x, S) it is at most (tr S)^{1/2}, since the distance is 1-Lipschitz.

        Raises ValueError if manifold and x, or the kernel, live in different dimensions.
        """
        rows = self._rows_with(manifold, x)
        shifts = self._normal_shifts(manifold, rows.points)
        return rows.restore(np.sqrt((shifts * shifts).mean(axis=1)))

    @abstractmethod
    def largest_normal_shift(self, manifold: Manifold, x: Any) -> Any:
        """Return K_max(x) = ess sup |dist(Y, M) - dist(x, M)|, Y ~ k_x, shape (...); inf for unbounded kernels.

        Arguments as in `normal_scale`.
        """

    def fisher_information(self, manifold: Manifold, x: Any) -> Any:
        """Return the largest of E_{k_x}[(v . grad_x log k_x)^2] over unit tangent vectors v of M at x, shape (...).

        Arguments as in `normal_scale`.  Raises ValueError where it is not defined: for kernels without a density that
        is differentiable in x.
        """
        raise ValueError(f"fisher_information is not defined for {type(self).__name__}: it needs a density smooth in x")

    @property
    def shifts_only(self) -> bool:
        """Whether k_x is the law of x + xi with xi independent of x, so that smoothing commutes with gradients."""
        return False

    @property
    def support(self) -> FloatArray | None:
        """All displacements (n, d) of a kernel that is the uniform law of x plus one of them; None for others."""
        return None

    @property
    def takes_sobol(self) -> bool:
        """Whether draws are a function of normal variables, so that a Sobol sequence can take their place."""
        return True

    @abstractmethod
    def draw_nodes(self, dimension: int, n: int, rng: np.random.Generator, sobol: bool = False) -> Any:
        """Return what `points_at` makes n points from: displacements (n, d), independent or of one Sobol sequence."""

    @abstractmethod
    def points_at(self, x: FloatArray, nodes: Any, scale: float) -> FloatArray:
        """Return points of k_x, shape (M, n, d), for x (M, d)."""

    def _rows_with(self, manifold: Manifold, x: Any) -> arrays.Rows:
        check_manifold(manifold)
        if self.ambient_dimension not in (None, manifold.ambient_dimension):
            raise ValueError(
                f"manifold lives in R^{manifold.ambient_dimension} but the kernel lives in R^{self.ambient_dimension}"
            )
        return arrays.Rows("x", x, "t", 1.0, manifold.ambient_dimension, owner="manifold")

    def _normal_shifts(self, manifold: Manifold, x: FloatArray) -> FloatArray:
        """Return dist(Y, M) - dist(x, M) at nodes, (M, n)."""
        nodes = self.support
        if nodes is None:
            nodes = self.draw_nodes(x.shape[1], _SCALE_NODES, np.random.default_rng(0), sobol=True)
        points = self.points_at(x, nodes, 1.0)
        return np.asarray(manifold.distance(points) - np.asarray(manifold.distance(x))[:, None])


def check_manifold(manifold: Any) -> None:
    """Raise TypeError for what is not a manifold."""
    if not isinstance(manifold, Manifold):
        raise TypeError(f"manifold must be a manifold, such as Circle(); got {type(manifold).__name__}")


class GaussianKernel(SmoothingKernel):
    """The law N(x, h^2 I), or N(x, S): the kernel of a Gaussian convolution, in the space and the units of x.

    Parameters
    ----------
    bandwidth : the scale h > 0 (a standard deviation), or the covariance S, symmetric positive semi-definite, (d, d).

    Raises
    ------
    ValueError : h <= 0, S not symmetric or with a negative eigenvalue, NaN or infinity.
    """

    def __init__(self, bandwidth: Any) -> None:
        given = arrays.real_array("bandwidth", bandwidth)
        if given.ndim == 0:
            self._scale = arrays.positive("bandwidth", given)
            self._covariance: FloatArray | None = None
            self._root: FloatArray | None = None
            return
        if given.ndim != 2 or given.shape[0] != given.shape[1] or given.size == 0:
            raise ValueError(f"bandwidth must be a number or a (d, d) covariance; got shape {given.shape}")
        self.ambient_dimension = len(given)
        self._covariance = arrays.symmetric("bandwidth", given, len(given))
        values, vectors = np.linalg.eigh(self._covariance)
        if values[0] < -_NEGATIVE * np.abs(values).max():
            raise ValueError(f"bandwidth must be positive semi-definite; its smallest eigenvalue is {values[0]:g}")
        self._root = np.ascontiguousarray(vectors * np.sqrt(np.maximum(values, 0.0)))

    def __repr__(self) -> str:
        if self._covariance is None:
            return f"GaussianKernel({self._scale!r})"
        return f"GaussianKernel(<covariance in R^{self.ambient_dimension}>)"

    def trace(self, dimension: int) -> float:
        """Return E|xi|^2 in R^d, d = dimension: the trace of the covariance."""
        if self._covariance is None:
            return dimension * self._scale**2
        return float(np.trace(self._covariance))

    def loadings(self, cloud: ReducedCloud) -> FloatArray:
        """Return P (N, k) with <y_i - y_bar, xi> = P_i g for the points of a cloud, xi ~ N(0, S), g ~ N(0, I_k)."""
        if self._root is None:
            return cloud.loadings(self._scale)
        return cloud.loadings(np.ascontiguousarray(cloud.project(np.ascontiguousarray(self._root.T)).T))

    @property
    def shifts_only(self) -> bool:
        """True."""
        return True

    def largest_normal_shift(self, manifold: Manifold, x: Any) -> Any:
        """Return inf: a Gaussian law is unbounded (also where its covariance is tangent to M, unless M is flat).

        Arguments as in `normal_scale`.
        """
        rows = self._rows_with(manifold, x)
        return rows.restore(np.full(len(rows.points), math.inf))

    def fisher_information(self, manifold: Manifold, x: Any) -> Any:
        """Return the largest eigenvalue of T' S^{-1} T, T a basis of the tangent space at x: 1/h^2 if isotropic.

        x is projected to M.  Where S is singular along M it is inf.  Arguments as in `normal_scale`.
        """
        rows = self._rows_with(manifold, x)
        if self._covariance is None:
            return rows.restore(np.full(len(rows.points), self._scale**-2))
        tangents = manifold.tangent_basis(rows.points)
        values, vectors = np.linalg.eigh(self._covariance)
        regular = values > _NEGATIVE * values[-1]
        along = np.einsum("nda,db->nba", tangents, vectors)
        inside = along[:, regular] / np.sqrt(values[regular])[:, None]
        singular = np.linalg.norm(along[:, ~regular], axis=(1, 2)) > 1e-10
        return rows.restore(np.where(singular, math.inf, np.linalg.norm(inside, ord=2, axis=(1, 2)) ** 2))

    def draw_nodes(self, dimension: int, n: int, rng: np.random.Generator, sobol: bool = False) -> FloatArray:
        """Return n displacements N(0, S), shape (n, d); arguments as in `SmoothingKernel`."""
        normals = node_rules.normals(dimension, n, rng, sobol)
        return self._scale * normals if self._root is None else arrays.multiply(normals, self._root.T)

    def points_at(self, x: FloatArray, nodes: Any, scale: float) -> FloatArray:
        """Return x + xi, shape (M, n, d); arguments as in `SmoothingKernel`."""
        return np.asarray(x[:, None] + nodes)


Draw = Callable[[FloatArray, int, np.random.Generator], Any]


class SampledKernel(SmoothingKernel):
    """A kernel known by samples: displacements common to all x, or a function that draws from k_x.

    Parameters
    ----------
    samples : an array (n, d) of displacements xi, so that k_x is the law of x + xi, each with probability 1/n; they
        need not have mean zero.  Or a function (x, n, rng) -> (M, n, d) that draws n points of k_x for every row of x
        (M, d), the Generator rng being its only source of randomness.
    ambient_dimension : d; needed for a function unless it works in every dimension.

    Raises
    ------
    ValueError : samples of the wrong shape, from an array or from the function; NaN or infinity.
    """

    def __init__(self, samples: Any, ambient_dimension: int | None = None) -> None:
        self._draw: Draw | None = None
        self._samples: FloatArray | None = None
        if ambient_dimension is not None:
            self.ambient_dimension = arrays.count("ambient_dimension", ambient_dimension, 1)
        if callable(samples):
            self._draw = samples
            return
        self._samples = arrays.matrix("samples", samples)
        size = self._samples.shape[1]
        if self.ambient_dimension not in (None, size):
            raise ValueError(f"samples have {size} columns but ambient_dimension is {ambient_dimension}")
        self.ambient_dimension = size

    def __repr__(self) -> str:
        return f"SampledKernel({'<function>' if self._samples is None else f'<{len(self._samples)} displacements>'})"

    @property
    def shifts_only(self) -> bool:
        """True for displacements, False for a function."""
        return self._samples is not None

    @property
    def support(self) -> FloatArray | None:
        """The displacements, None for a function."""
        return self._samples

    @property
    def takes_sobol(self) -> bool:
        """False."""
        return False

    def largest_normal_shift(self, manifold: Manifold, x: Any) -> Any:
        """Return the largest |dist(x + xi, M) - dist(x, M)| over the displacements.

        Arguments as in `normal_scale`.  Raises ValueError for a function, whose support is not known.
        """
        if self._samples is None:
            raise ValueError("largest_normal_shift is not known for a kernel given by a function")
        rows = self._rows_with(manifold, x)
        return rows.restore(np.abs(self._normal_shifts(manifold, rows.points)).max(axis=1))

    def draw_nodes(self, dimension: int, n: int, rng: np.random.Generator, sobol: bool = False) -> Any:
        """Return n of the displacements, drawn with replacement.

        For a function return (seed, n): `points_at` calls it with a Generator of that seed.

        Arguments as in `SmoothingKernel`.
        """
        if self._samples is None:
            return int(rng.integers(2**63)), n
        return np.asarray(self._samples[rng.integers(len(self._samples), size=n)])

    def points_at(self, x: FloatArray, nodes: Any, scale: float) -> FloatArray:
        """Return x + xi, or what the function draws; arguments as in `SmoothingKernel`."""
        if self._draw is None:
            return np.asarray(x[:, None] + nodes)
        seed, n = nodes
        given = callbacks.call("samples", self._draw, x.copy(), n, np.random.default_rng(seed))
        drawn = arrays.real_array("samples", given)
        if drawn.shape != (len(x), n, x.shape[1]):
            raise ValueError(f"samples must have shape {(len(x), n, x.shape[1])}; the function returned {drawn.shape}")
        return drawn
