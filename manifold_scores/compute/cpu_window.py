"""A cell around a nearest point of a surface that holds what counts: one rule where halves would take four."""

from __future__ import annotations

import math

from .compilation import FloatArray, exact

# Edges are multiples of this share of the width, a power of two: exact in float64.
SHARES = 64.0
# Wider than this share of the panel it is not worth while.
WIDEST = 1.0


@exact
def _edges(at: float, width: float) -> tuple[float, float]:
    grid = 2.0 ** math.floor(math.log2(width / SHARES))
    return max(math.floor((at - width) / grid) * grid, -1.0), min(math.ceil((at + width) / grid) * grid, 1.0)


@exact
def window(p: FloatArray, a: float, b: float, level: float, cells: FloatArray) -> int:
    """Cut a panel into the smallest box with P < level, to second order about (a, b), and up to four around it.

    `p` (G2, G1) is P about (a, b).  Fills rows of `cells` and returns how many; row 0, the panel, stays if the box is
    large.
    """
    if min(p.shape[0], p.shape[1]) < 3 or not p[0, 2] > 0.0:
        return 1
    determinant = p[0, 2] * p[2, 0] - 0.25 * p[1, 1] * p[1, 1]
    if not determinant > 0.0:
        return 1
    width1, width2 = math.sqrt(level * p[2, 0] / determinant), math.sqrt(level * p[0, 2] / determinant)
    if max(width1, width2) > WIDEST:
        return 1
    low1, high1 = _edges(a, width1)
    low2, high2 = _edges(b, width2)
    cells[0, 0], cells[0, 2] = 0.5 * (low1 + high1), 0.5 * (high1 - low1)
    cells[0, 1], cells[0, 3] = 0.5 * (low2 + high2), 0.5 * (high2 - low2)
    count = 1
    for axis in range(2):
        low, high = (low1, high1) if axis == 0 else (low2, high2)
        for side in range(2):
            start, stop = (-1.0, low) if side == 0 else (high, 1.0)
            if start < stop:
                cells[count, axis], cells[count, 2 + axis] = 0.5 * (start + stop), 0.5 * (stop - start)
                # The corners go with the sides of the first direction.
                cells[count, 1 - axis] = 0.0 if axis == 0 else cells[0, 0]
                cells[count, 3 - axis] = 1.0 if axis == 0 else cells[0, 2]
                count += 1
    return count
