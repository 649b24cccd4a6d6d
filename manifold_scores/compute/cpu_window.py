"""Boxes of local coordinates (2, 2): what is left around one, and the one that holds what counts of a surface."""

from __future__ import annotations

import math

import numpy as np

from .compilation import FloatArray, exact

# A panel.
WHOLE = np.array([[-1.0, 1.0], [-1.0, 1.0]])
# Edges are multiples of this share of the width, a power of two: exact in float64.
SHARES = 64.0
# Wider than this share of the panel it is not worth while.
WIDEST = 1.0


@exact
def difference(outer: FloatArray, inner: FloatArray, flat: bool, cells: FloatArray, at: int) -> int:
    """Write the part of a box (2, 2) outside of another to rows of `cells` from `at` on; return the row after them."""
    for axis in range(1 if flat else 2):
        low, high = outer[1 - axis, 0], outer[1 - axis, 1]
        if axis == 1:  # the corners went with the sides of the first direction
            low, high = max(low, inner[0, 0]), min(high, inner[0, 1])
        for side in range(2):
            start = outer[axis, 0] if side == 0 else inner[axis, 1]
            stop = inner[axis, 0] if side == 0 else outer[axis, 1]
            if start < stop:
                cells[at, axis], cells[at, 2 + axis] = 0.5 * (start + stop), 0.5 * (stop - start)
                cells[at, 1 - axis], cells[at, 3 - axis] = 0.5 * (low + high), 0.0 if flat else 0.5 * (high - low)
                at += 1
    return at


@exact
def _edges(at: float, width: float) -> tuple[float, float]:
    grid = 2.0 ** math.floor(math.log2(width / SHARES))
    return max(math.floor((at - width) / grid) * grid, -1.0), min(math.ceil((at + width) / grid) * grid, 1.0)


@exact
def window(p: FloatArray, a: float, b: float, level: float, box: FloatArray) -> bool:
    """Fill `box` with the smallest one of a panel with P < level, to second order about (a, b); not if it is large.

    One rule does there where halves of the panel would take four.  `p` (G2, G1) is P about (a, b).
    """
    if min(p.shape[0], p.shape[1]) < 3 or not p[0, 2] > 0.0:
        return False
    determinant = p[0, 2] * p[2, 0] - 0.25 * p[1, 1] * p[1, 1]
    if not determinant > 0.0:
        return False
    width1, width2 = math.sqrt(level * p[2, 0] / determinant), math.sqrt(level * p[0, 2] / determinant)
    if max(width1, width2) > WIDEST:
        return False
    box[0, 0], box[0, 1] = _edges(a, width1)
    box[1, 0], box[1, 1] = _edges(b, width2)
    return True
