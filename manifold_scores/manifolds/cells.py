"""Pieces of the parameter domain with Taylor bounds: what searches over pairs of points of a manifold work on.

A cell is a box of the parameter domain inside one panel, or a part of the boundary of such a box: directions in which
it has no width are held at an end of the domain.  With h_k the half widths and |tau_k| <= 1,

    y = value + sum_k edge_k tau_k + 1/2 sum_kl bend_kl tau_k tau_l + r,                     |r| <= rest,
    s_k d_k y = tangent_k + sum_l turn_kl tau_l + r_k,                                       |r_k| <= slope_rest_k,

with s_k = h_k, or 1 where h_k = 0.  The remainders come from bounds on the third derivatives over the panel.
"""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..arrays import FloatArray
from ..panels import Panels

__all__ = ["Cells", "IntArray", "faces", "jets", "third_derivatives"]

IntArray = NDArray[np.int64]
#: Cells expanded at once: bounds the memory for their polynomials.
BLOCK = 4096


def jets(panels: Panels, panel: IntArray, xi: FloatArray) -> FloatArray:
    """Return all partial derivatives in xi of orders up to 2 in each direction at xi (N, m): (N, 3, 3 or 1, r)."""
    n, (size, other) = len(panel), panels.coefficients.shape[2:]
    table = np.ascontiguousarray(panels.coefficients.transpose(0, 2, 3, 1))
    rank = table.shape[3]
    result = np.empty((n, 3, 3 if panels.dimension == 2 else 1, rank))
    for start in range(0, n, BLOCK):
        rows = slice(start, start + BLOCK)
        first = _powers(xi[rows, 0], size) @ table[panel[rows]].reshape(-1, size, other * rank)
        if panels.dimension == 1:
            result[rows] = first[:, :, None]
        else:
            result[rows] = _powers(xi[rows, 1], other)[:, None] @ first.reshape(-1, 3, other, rank)
    return result


def _powers(xi: FloatArray, size: int) -> FloatArray:
    """Return the monomials of degree < size and their first two derivatives, (N, 3, size)."""
    k = np.arange(size)
    powers = np.ones((len(xi), 3, size))
    np.cumprod(np.broadcast_to(xi[:, None], (len(xi), size - 1)), axis=1, out=powers[:, 0, 1:])
    powers[:, 1] = k * np.roll(powers[:, 0], 1, axis=1)
    powers[:, 2] = k * np.roll(powers[:, 1], 1, axis=1)
    return powers


def third_derivatives(panels: Panels) -> FloatArray:
    """Return bounds on |d_ijk y| in local coordinates over every panel, (P, m, m, m): sums of coefficients."""
    m, norms = panels.dimension, np.linalg.norm(panels.coefficients, axis=1)
    falling = []
    for size in norms.shape[1:]:
        k = np.arange(size)
        falling.append([np.ones(size), k, k * (k - 1), k * (k - 1) * (k - 2)])
    bounds = np.empty((len(norms), m, m, m))
    for index in np.ndindex(m, m, m):
        along, across = (index.count(axis) for axis in range(2))
        bounds[(slice(None), *index)] = (norms @ falling[1][across]) @ falling[0][along]
    return bounds


@dataclass(frozen=True)
class Cells:
    """Cells with the terms of their expansions.

    Attributes
    ----------
    panels : what they are pieces of; thirds : bounds on the third derivatives of each panel.
    panel, base : (n,), the panel, and the cell of the first partition that a cell descends from.
    xi, half : (n, m), center and half widths in local coordinates of the panel.
    side : (n, m), -1 or 1 where a direction is held at the lower or the upper end, 0 where it is free.
    value, tangent, turn, rest, slope_rest : (n, r), (n, m, r), (n, m, m, r), (n,), (n, m), as above.
    lengths, turns : |tangent_k| and sum_l |turn_kl|, (n, m).
    """

    panels: Panels
    thirds: FloatArray
    panel: IntArray
    base: IntArray
    xi: FloatArray
    half: FloatArray
    side: IntArray
    value: FloatArray
    tangent: FloatArray
    turn: FloatArray
    rest: FloatArray
    slope_rest: FloatArray
    lengths: FloatArray
    turns: FloatArray

    @classmethod
    def of(
        cls, panels: Panels, thirds: FloatArray, panel: IntArray, base: IntArray, xi: FloatArray, half: FloatArray,
        side: IntArray,
    ) -> Cells:  # fmt: skip
        """Expand the embedding on boxes."""
        units, table = np.eye(2, dtype=int)[: panels.dimension], jets(panels, panel, xi)
        scale = np.where(half > 0.0, half, 1.0)
        tangent = np.stack([table[:, a, b] for a, b in units], axis=1) * scale[:, :, None]
        turn = np.stack([np.stack([table[:, a + c, b + d] for c, d in units], axis=1) for a, b in units], axis=1)
        turn *= scale[:, :, None, None] * half[:, None, :, None]
        cubic = np.einsum("nijk,nj,nk->ni", thirds[panel], half, half)
        rests = (cubic * half).sum(axis=1) / 6.0, cubic * scale / 2.0
        norms = np.linalg.norm(tangent, axis=2), np.linalg.norm(turn, axis=3).sum(axis=2)
        return cls(panels, thirds, panel, base, xi, half, side, table[:, 0, 0], tangent, turn, *rests, *norms)

    @functools.cached_property
    def free(self) -> NDArray[np.bool_]:
        """Which directions have a width, (n, m)."""
        return self.half > 0.0

    @functools.cached_property
    def edge(self) -> FloatArray:
        """h_k d_k y, (n, m, r)."""
        return self.tangent * self.free[:, :, None]

    @functools.cached_property
    def bend(self) -> FloatArray:
        """h_k h_l d_kl y, (n, m, m, r)."""
        return self.turn * self.free[:, :, None, None]

    def domain(self) -> tuple[FloatArray, FloatArray]:
        """Return centers and half widths in the unit domain, (n, m)."""
        return self.panels.unit(self.panel, self.xi), 0.5 * self.panels.width[self.panel] * self.half

    @property
    def radius(self) -> FloatArray:
        """Radii of balls around `value` that contain the cells, (n,)."""
        return np.asarray(((self.lengths + 0.5 * self.turns) * self.free).sum(axis=1) + self.rest)

    def __len__(self) -> int:
        return len(self.panel)

    def split(self, length: float) -> tuple[Cells, IntArray]:
        """Return all cells bisected and the indices of their halves (n, 2); -1 where a cell is a point and stays one.

        In the direction that bends most, or is longest; an edge e counts as a bend by |e|^2 / length.
        """
        score = (self.turns + self.lengths**2 / length + 1e-300) * self.free
        return self.bisected(score.argmax(axis=1))

    def bisected(self, axis: IntArray) -> tuple[Cells, IntArray]:
        """Return all cells bisected in given directions (n,), and the indices of their halves as `split` does."""
        n, rows = len(self), np.arange(len(self))
        point = ~self.free.any(axis=1)
        half = self.half.copy()
        half[rows, axis] *= 0.5
        low, high = self.xi.copy(), self.xi.copy()
        low[rows, axis] -= half[rows, axis]
        high[rows, axis] += half[rows, axis]
        of = np.concatenate([rows, rows[~point]])
        children = np.full((n, 2), -1)
        children[:, 0], children[~point, 1] = rows, n + np.arange((~point).sum())
        return self.again(
            self.panel[of], self.base[of], np.concatenate([low, high[~point]]), half[of], self.side[of]
        ), children

    def again(self, panel: IntArray, base: IntArray, xi: FloatArray, half: FloatArray, side: IntArray) -> Cells:
        """Return other cells of the same panels."""
        return Cells.of(self.panels, self.thirds, panel, base, xi, half, side)

    def take(self, rows: IntArray) -> Cells:
        """Return some of the cells."""
        fields = [field.name for field in dataclasses.fields(self)[2:]]
        return Cells(self.panels, self.thirds, *(getattr(self, name)[rows] for name in fields))


def faces(cells: Cells, closed: tuple[bool, ...]) -> Cells:
    """Return the cells and the parts of their boundary that belong to the boundary of the manifold."""
    m, v = cells.panels.dimension, cells.panels.open_ends(closed)
    parts = [(cells.panel, cells.base, cells.xi, cells.half, cells.side)]
    for axis in range(m):
        for panel, base, xi, half, side in list(parts):
            for end in (0, 1):
                at = 2.0 * end - 1.0
                here = (v[panel, axis, end] == 1) & (np.abs(xi[:, axis] - at) <= half[:, axis] * (1.0 + 1e-12))
                held = [array[here].copy() for array in (panel, base, xi, half, side)]
                held[2][:, axis], held[3][:, axis], held[4][:, axis] = at, 0.0, 2 * end - 1
                parts.append(tuple(held))
    return Cells.of(cells.panels, cells.thirds, *(np.concatenate(both) for both in zip(*parts, strict=True)))
