"""Piecewise polynomial maps on the unit interval or square: what compiled code knows of a curve or a surface.

Panels are the leaves of a tree of balls that contain them, which is what searches and quadratures prune.  `fitting`
makes them from maps.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arrays import FloatArray

__all__ = ["LongArray", "Panels"]

LongArray = NDArray[Any]

#: Neighbouring polynomials that agree to this, relative to their size, continue each other.
CONTINUED = 1e-13


@dataclass(frozen=True)
class Panels:
    """A piecewise polynomial map from [0, 1]^m to R^c, and the tree over its pieces.

    Attributes
    ----------
    lower, width : (P, m), the panels in the unit domain: v = lower + width (1 + xi)/2.
    coefficients, low : (P, c, K, K or 1), of the monomials xi_1^k xi_2^l, and what float64 rounded away of them.
    degrees : (P, 2), the largest powers that occur.
    center, radius : (T, r), (T,), balls in the first r components; the root is node 0.
    child : (T, 2), nodes below, -1 for a leaf.
    panel : (T,), the panel of a leaf, -1 otherwise.
    largest : (P, c - r), bounds on the other components over each panel.
    """

    dimension: int
    lower: FloatArray
    width: FloatArray
    coefficients: FloatArray
    low: FloatArray
    degrees: NDArray[np.int64]
    center: FloatArray
    radius: FloatArray
    child: NDArray[np.int64]
    panel: NDArray[np.int64]
    largest: FloatArray

    def locate(self, v: FloatArray) -> tuple[NDArray[np.int64], FloatArray]:
        """Return the panel of every row of v (N, m) in the unit domain (-1 where none is) and its local coordinates."""
        v = np.clip(v, 0.0, 1.0)
        index = np.full(len(v), -1)
        for width in np.unique(self.width, axis=0):  # panels of one shape are cells of a grid
            counts = 1.0 / width
            members = np.flatnonzero((self.width == width).all(axis=1))
            keys = (self.lower[members] * counts) @ np.append(counts[1:], 1.0)
            order = np.argsort(keys)
            wanted = np.minimum(np.floor(v * counts), counts - 1.0) @ np.append(counts[1:], 1.0)
            place = np.minimum(np.searchsorted(keys[order], wanted), len(keys) - 1)
            there = keys[order][place] == wanted
            index[there] = members[order][place][there]
        xi = 2.0 * (v - self.lower[index]) / self.width[index] - 1.0
        return index, np.clip(xi, -1.0, 1.0)

    def open_ends(self, closed: tuple[bool, ...]) -> NDArray[np.int64]:
        """Return (P, 2, 2): 1 where a side of a panel is boundary, for directions that are not closed."""
        ends = np.zeros((len(self.lower), 2, 2), dtype=np.int64)
        for axis in range(self.dimension):
            if not closed[axis]:
                ends[:, axis, 0] = self.lower[:, axis] == 0.0
                ends[:, axis, 1] = self.lower[:, axis] + self.width[:, axis] == 1.0
        return ends

    def smooth_sides(self, closed: tuple[bool, ...], beyond: float) -> NDArray[np.int64]:
        """Return (P, 2, 2): 1 where the polynomials of a panel stay right up to |xi| = 1 + beyond on that side."""
        smooth = np.zeros((len(self.lower), 2, 2), dtype=np.int64)
        panel = np.arange(len(self.lower))
        size = np.abs(self.coefficients).sum(axis=(2, 3))
        for axis in range(self.dimension):
            for side in (0, 1):
                agree = np.ones(len(panel), dtype=bool)
                for along in (0.0,) if self.dimension == 1 else np.linspace(-1.0, 1.0, 9):
                    for share in (0.5, 1.0):
                        xi = np.full((len(panel), self.dimension), along)
                        xi[:, axis] = (2 * side - 1) * (1.0 + share * beyond)
                        v = self.unit(panel, xi)
                        if closed[axis]:
                            v[:, axis] -= np.floor(v[:, axis])
                        inside = (v[:, axis] >= 0.0) & (v[:, axis] <= 1.0)
                        other, there = self.locate(v)
                        apart = np.abs(self.at(panel, xi) - self.at(other, there))
                        agree &= inside & (other >= 0) & (other != panel) & (apart <= CONTINUED * size).all(axis=1)
                smooth[:, axis, side] = agree
        return smooth

    def patches(self, closed: tuple[bool, ...], mean: FloatArray, scale: FloatArray | None = None) -> Any:
        """Return the arrays of the kernels; for a measure with its mean (r,) and factors (P,) of its density."""
        from .compute.cpu_panels import BEYOND, patches

        coefficients, ends = self.coefficients, self.open_ends(closed)
        smooth = np.zeros_like(ends)
        if scale is not None:
            coefficients = coefficients.copy()
            coefficients[:, -1] *= scale[:, None, None]
            smooth = self.smooth_sides(closed, BEYOND)
        tree = self.center, self.radius, self.child, self.panel
        place = self.lower, self.width, closed
        return patches(coefficients, self.low, len(mean), self.degrees, ends, tree, mean, smooth, place)

    def supported(self) -> Panels:
        """Return the panels on which the last component does not vanish identically; ValueError if there are none."""
        kept = np.abs(self.coefficients[:, -1]).max(axis=(1, 2)) > 0.0
        if kept.all():
            return self
        if not kept.any():
            raise ValueError("density must not vanish everywhere")
        number = np.full(len(kept) + 1, -1)
        number[:-1][kept] = np.arange(int(kept.sum()))
        # A node with one branch left is replaced by it.
        child, panel = self.child.copy(), number[self.panel]
        alive = panel >= 0
        for node in range(len(child) - 1, -1, -1):
            if child[node, 0] >= 0:
                left, right = child[node]
                alive[node] = alive[left] or alive[right]
                if alive[left] != alive[right]:
                    only = int(left if alive[left] else right)
                    child[node], panel[node] = child[only], panel[only]
        rows = np.arange(len(child))
        leaf = panel[rows] >= 0
        center, radius = self.center.copy(), self.radius.copy()
        for node in np.flatnonzero(leaf & (self.panel != panel)).tolist():
            old = int(np.flatnonzero(kept)[panel[node]])
            owner = int(np.flatnonzero(self.panel == old)[0])
            center[node], radius[node] = self.center[owner], self.radius[owner]
        return replace(
            self, lower=self.lower[kept], width=self.width[kept], coefficients=self.coefficients[kept],
            low=self.low[kept], degrees=self.degrees[kept], center=center, radius=radius, child=child, panel=panel,
            largest=self.largest[kept],
        )  # fmt: skip

    def unit(self, panel: NDArray[np.int64], xi: FloatArray) -> FloatArray:
        """Return v in the unit domain, (N, m), of local coordinates xi (N, m)."""
        return np.asarray(self.lower[panel] + self.width[panel] * (0.5 + 0.5 * xi))

    def evaluate(self, v: FloatArray, orders: tuple[int, ...] = ()) -> FloatArray:
        """Return the map, or the partial derivative of these orders with respect to v, at v (N, m): (N, c)."""
        return self.at(*self.locate(v), orders)

    def at(self, panel: NDArray[np.int64], xi: FloatArray, orders: tuple[int, ...] = ()) -> FloatArray:
        """Return the same at local coordinates xi (N, m) of panels (N,)."""
        values = self.coefficients[panel]
        scale = np.ones(len(panel))
        for axis in range(self.dimension):
            order = orders[axis] if orders else 0
            scale *= (2.0 / self.width[panel, axis]) ** order
            for _ in range(order):
                values = values[:, :, 1:] * np.arange(1, values.shape[2]).reshape(-1, *[1] * (values.ndim - 3))
            total = np.zeros((*values.shape[:2], *values.shape[3:]))
            for k in range(values.shape[2] - 1, -1, -1):
                total = total * xi[:, axis].reshape(-1, *[1] * (total.ndim - 1)) + values[:, :, k]
            values = total
        return np.asarray(values.reshape(len(panel), self.coefficients.shape[1]) * scale[:, None])
