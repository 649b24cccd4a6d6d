"""Kernels adapted to a manifold: they move mass along it where an ordinary kernel also moves it off."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import arrays
from ..arrays import FloatArray
from ..manifolds import Manifold
from .kernel import SmoothingKernel, check_manifold

__all__ = ["AdaptedKernel", "TangentKernel", "TranslatedManifoldKernel"]


class _ManifoldKernel(SmoothingKernel):
    """A kernel made from the displacements of another one and the geometry of a manifold."""

    def __init__(self, kernel: SmoothingKernel, manifold: Manifold) -> None:
        if not isinstance(kernel, SmoothingKernel):
            raise TypeError(
                f"kernel must be a smoothing kernel, such as GaussianKernel(0.1); got {type(kernel).__name__}"
            )
        check_manifold(manifold)
        if not kernel.shifts_only:
            raise ValueError(f"kernel must shift x by independent noise, such as GaussianKernel(0.1); got {kernel!r}")
        if kernel.ambient_dimension not in (None, manifold.ambient_dimension):
            raise ValueError(
                f"kernel lives in R^{kernel.ambient_dimension} but the manifold lives in R^{manifold.ambient_dimension}"
            )
        self.kernel, self.manifold = kernel, manifold
        self.ambient_dimension = manifold.ambient_dimension

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.kernel!r}, {self.manifold!r})"

    @property
    def takes_sobol(self) -> bool:
        """Whether the kernel underneath does."""
        return self.kernel.takes_sobol

    @property
    def support(self) -> FloatArray | None:
        """All displacements of the kernel underneath, if that is a finite law; then so is this one."""
        return self.kernel.support

    def draw_nodes(self, dimension: int, n: int, rng: np.random.Generator, sobol: bool = False) -> Any:
        """Return displacements of the kernel underneath."""
        return self.kernel.draw_nodes(dimension, n, rng, sobol)

    def _rows_with_own(self, manifold: Manifold, x: Any) -> arrays.Rows:
        if manifold is not self.manifold:
            raise ValueError("largest_normal_shift is known for the manifold of the kernel only")
        return self._rows_with(manifold, x)

    def _project(self, x: FloatArray, scale: float) -> FloatArray:
        """Return the nearest point of scale M."""
        return np.asarray(scale * self.manifold.project(x / scale))


class AdaptedKernel(_ManifoldKernel):
    """The kernel k^M of [FPHDP] Theorem 3.6: Y ~ k_x is projected to the level set of M that is as far as Y is.

    With Pi the nearest-point map of M_eps = scale M, r(x)^2 = E_{Y ~ k_x}[dist(Y, M_eps)^2] and n the unit vector from
    Pi(Y) to Y, a draw is Y~ = Pi(Y) + r(x) n: on the side of M_eps on which Y lies, at r(x) from it.  It is the nearest
    point of the level set {dist = r(x)} as long as r(x) does not exceed the distance from Pi(Y) to the medial axis in
    direction n, in particular if r(x) < reach.  Beyond, Y~ is no longer on the level set (which may be empty on that
    side); the formula is kept, because the identity of the decomposition of log p^k does not need it.  Where Y is on M
    itself n is the first vector of `normal_basis`; on the medial axis one of the nearest points is taken.

    r(x)^2 is the average over the same nodes as the draws, so that identities between k and k^M hold for the nodes
    themselves, not only in the limit of many.

    Parameters
    ----------
    kernel : the kernel k underneath, which shifts x by independent noise.
    manifold : M, of the dimension of x.
    scale : M_eps = scale M; None for alpha_t of the process in a `SmoothedScore`, and 1 elsewhere.

    Raises
    ------
    ValueError, TypeError : a kernel or manifold of another dimension, or of another kind; scale <= 0.
    """

    def __init__(self, kernel: SmoothingKernel, manifold: Manifold, scale: float | None = None) -> None:
        super().__init__(kernel, manifold)
        self.scale = None if scale is None else arrays.positive("scale", scale)

    def points_at(self, x: FloatArray, nodes: Any, scale: float) -> FloatArray:
        """Return Pi(Y) + r(x) n for the nodes Y of the kernel underneath; arguments as in `SmoothingKernel`."""
        y = self.kernel.points_at(x, nodes, 1.0)
        nearest = self._project(y, scale if self.scale is None else self.scale)
        apart = y - nearest
        distance = np.linalg.norm(apart, axis=2, keepdims=True)
        on = distance[..., 0] == 0.0
        normal = apart / np.where(on[..., None], 1.0, distance)
        if on.any():
            normal[on] = self.manifold.normal_basis(nearest[on])[..., 0]
        radius = np.sqrt((distance * distance).mean(axis=1, keepdims=True))
        return np.asarray(nearest + radius * normal)

    def level(self, x: Any, *, n: int = 4096, rng: Any = 0) -> Any:
        """Return r(x), shape (...), from n nodes of a Sobol sequence (from all displacements, if they are given).

        Independent ones if n is not a power of two; rng is a seed or a numpy Generator.
        """
        rows = arrays.Rows("x", x, "t", 1.0, self.ambient_dimension, owner="manifold")
        nodes = self.kernel.support
        if nodes is None:
            count = arrays.count("n", n, 1)
            nodes = self.kernel.draw_nodes(rows.points.shape[1], count, arrays.generator(rng), count & (count - 1) == 0)
        y = self.kernel.points_at(rows.points, nodes, 1.0)
        scale = 1.0 if self.scale is None else self.scale
        distance = scale * np.asarray(self.manifold.distance(y / scale))
        return rows.restore(np.sqrt((distance * distance).mean(axis=1)))

    def largest_normal_shift(self, manifold: Manifold, x: Any) -> Any:
        """Return |r(x) - dist(x, M)| for the kernel's own manifold, right as long as r(x) is below the reach.

        Raises ValueError for another manifold, to which the draws have no fixed distance.
        """
        rows = self._rows_with_own(manifold, x)
        scale = 1.0 if self.scale is None else self.scale
        distance = scale * np.asarray(manifold.distance(rows.points / scale))
        return rows.restore(np.abs(np.asarray(self.level(rows.points)) - distance))


class TranslatedManifoldKernel(_ManifoldKernel):
    """The adapted kernel of the experiments of [FPHDP] (its appendix): x moves as its nearest point of M does.

    With p = Pi(x) a draw is x + p' - p, p' = Pi(p + xi): x is carried along a translated copy of M.

    Parameters
    ----------
    kernel : the law of xi, such as GaussianKernel(h).
    manifold : M.

    Raises
    ------
    ValueError, TypeError : a kernel or manifold of another dimension, or of another kind.
    """

    def points_at(self, x: FloatArray, nodes: Any, scale: float) -> FloatArray:
        """Return x + p' - p, shape (M, n, d); arguments as in `SmoothingKernel`."""
        foot = self._project(x, scale)
        moved = self._project(self.kernel.points_at(foot, nodes, 1.0), scale)
        return np.asarray(x[:, None] + (moved - foot[:, None]))

    def largest_normal_shift(self, manifold: Manifold, x: Any) -> Any:
        """Return 0 for x on the kernel's own manifold, which no draw leaves; inf elsewhere, where no bound is known.

        Raises ValueError for another manifold.
        """
        rows = self._rows_with_own(manifold, x)
        on = np.asarray(manifold.distance(rows.points)) <= 1e-12 * (1.0 + np.abs(rows.points).max(axis=1, initial=0.0))
        return rows.restore(np.where(on, 0.0, np.inf))


class TangentKernel(_ManifoldKernel):
    """The law of x + P xi, P the orthogonal projection to the tangent space of M at the nearest point of x.

    To first order in xi it moves along M; the normal scale is of second order, |xi|^2/2 reach.

    Parameters
    ----------
    kernel : the law of xi, such as GaussianKernel(h).
    manifold : M.

    Raises
    ------
    ValueError, TypeError : a kernel or manifold of another dimension, or of another kind.
    """

    def points_at(self, x: FloatArray, nodes: Any, scale: float) -> FloatArray:
        """Return x + P xi, shape (M, n, d); arguments as in `SmoothingKernel`."""
        basis = np.asarray(self.manifold.tangent_basis(x / scale))
        along = np.einsum("mqd,mdk->mqk", self.kernel.points_at(np.zeros_like(x), nodes, 1.0), basis)
        return np.asarray(x[:, None] + np.einsum("mqk,mdk->mqd", along, basis))

    def largest_normal_shift(self, manifold: Manifold, x: Any) -> Any:
        """Return inf, since tangents leave a curved manifold; 0 where M, the kernel's own, is flat (of infinite reach).

        Raises ValueError for another manifold.
        """
        rows = self._rows_with_own(manifold, x)
        return rows.restore(np.full(len(rows.points), 0.0 if np.isinf(manifold.reach) else np.inf))
