"""A partition of the parameter domain so fine that neighbouring cells are seen to be apart without looking at pairs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..arrays import FloatArray
from ..panels import Panels
from .cells import Cells, IntArray, third_derivatives

__all__ = ["partition"]

#: Least share of |J h|^2 that is left of <D(p) h, D(q) h> in neighbouring cells: 0 but for rounding.
LEAST_COSINE = 1e-6
#: Cells after which a manifold counts as singular.
LARGEST_COUNT = 1 << 13
#: Tangent maps below this share of the largest are taken for singular.
SINGULAR = 1e-15
#: Rows of tables of all cells that are made at once.
ROWS = 512
#: Boxes nearer than this in the unit domain touch.
TOUCHING = 1e-12


def partition(
    panels: Panels, closed: tuple[bool, ...], to_parameters: Callable[[FloatArray], FloatArray]
) -> tuple[Cells, NDArray[np.bool_]]:
    """Return cells that cover the domain, no two of which touch and share a double normal, and which touch (n, n).

    Let D be the derivative of the embedding Y and <D(p) h, D(q) h> > 0 for all directions h and all p, q in the
    bounding box of two cells A, B that touch.  For a in A, b in B, w = D(a)(b - a) is tangent to M at Y(a), and

        <Y(b) - Y(a), w> = int_0^1 <D(a + t (b - a))(b - a), D(a)(b - a)> dt > 0.

    As b - a points into the domain, w lies in the tangent cone also where Y(a) is a boundary point: Y(b) - Y(a) is not
    normal there, and not zero.

    Raises
    ------
    ValueError : 8192 cells do not suffice, as tangent vectors are nearly dependent, or turn too fast; says where,
        in the parameters that `to_parameters` makes of v (N, m) in the unit domain.
    """
    count, m = len(panels.lower), panels.dimension
    panel, zeros = np.arange(count), np.zeros((count, m))
    box = zeros, np.ones((count, m)), np.zeros((count, m), dtype=np.int64)
    cells = Cells.of(panels, third_derivatives(panels), panel, panel, *box)
    # Cells whose neighbourhood is to be looked at, and the bounding boxes of the neighbourhoods that were.
    again, low, high = np.ones(count, dtype=bool), zeros, zeros
    while again.any():
        low, high = low.copy(), high.copy()
        bad, axis = _turning(cells, closed, again, low, high)
        if len(cells) + bad.sum() > LARGEST_COUNT:
            worst = cells.take(np.flatnonzero(bad)[np.linalg.cond(cells.tangent[bad]).argmax(keepdims=True)])
            u = np.round(to_parameters(worst.domain()[0])[0], 6).tolist()
            raise ValueError(f"embedding must be regular; near u = {u} it turns too fast to tell its points apart")
        kept, split = np.flatnonzero(~bad), np.flatnonzero(bad)
        center, half = cells.domain()
        around = center[kept] + 0.5 * (low + high)[kept], 0.5 * (high - low)[kept]
        changed = np.zeros(len(kept), dtype=bool)
        changed[_meeting(*around, center[split], half[split], closed, -TOUCHING)[0]] = True
        halves, _ = cells.take(split).bisected(axis[split])
        cells = _joined([cells.take(kept), halves])
        again = np.concatenate([changed, np.ones(len(halves), dtype=bool)])
        low, high = (np.concatenate([side[kept], np.zeros((len(halves), m))]) for side in (low, high))
    cells = cells.again(cells.panel, np.arange(len(cells)), cells.xi, cells.half, cells.side)
    touch = np.zeros((len(cells), len(cells)), dtype=bool)
    touch[_meeting(*cells.domain(), *cells.domain(), closed, TOUCHING)] = True
    return cells, touch


def _joined(parts: list[Cells]) -> Cells:
    boxes = [(part.panel, part.base, part.xi, part.half, part.side) for part in parts]
    return parts[0].again(*(np.concatenate(arrays) for arrays in zip(*boxes, strict=True)))


def _turning(
    cells: Cells, closed: tuple[bool, ...], again: NDArray[np.bool_], low: FloatArray, high: FloatArray
) -> tuple[NDArray[np.bool_], IntArray]:
    """Return which cells are too large for `partition` (n,), and in which direction (n,).

    Looks at the cells in `again` with those that touch them, and fills in the bounding boxes of these relative to their
    centers.
    """
    center, half = cells.domain()
    first = cells.tangent / half[:, :, None]
    turn = cells.turn / half[:, :, None, None]
    rest = np.linalg.norm(cells.slope_rest / half, axis=1)
    bad, axis = np.zeros(len(cells), dtype=bool), np.zeros(len(cells), dtype=np.int64)
    looked = np.flatnonzero(again)
    for start in range(0, len(looked), ROWS):
        rows = looked[start : start + ROWS]
        a, b, pair, other, low[rows], high[rows] = _boxes(center, half, rows, again, closed)
        # D = J + E in coordinates that make J, the mean of both centers, orthonormal.
        middle = 0.5 * (first[a] + first[b])
        metric = middle @ middle.transpose(0, 2, 1)
        metric += SINGULAR * np.trace(metric, axis1=1, axis2=2)[:, None, None] * np.eye(metric.shape[1])
        change = np.linalg.inv(np.linalg.cholesky(metric + 1e-300 * np.eye(metric.shape[1])))
        frame, change = (change @ middle)[pair], change[pair]
        error = change @ first[other] - frame
        along = np.einsum("tkc,tclr->tlkr", change, turn[other])
        beyond = np.linalg.norm(change, axis=(1, 2)) * rest[other]
        spread = np.linalg.norm(along, axis=(2, 3))
        squares = np.linalg.eigvalsh(error @ error.transpose(0, 2, 1))[:, -1]
        large = np.sqrt(np.maximum(squares, 0.0)) + spread.sum(axis=1) + beyond
        strains = [
            _symmetric(part @ np.swapaxes(frame, 1, 2)[:, *extra]) for part, extra in ((error, ()), (along, (None,)))
        ]
        strain = np.linalg.norm(strains[1], axis=(2, 3)).sum(axis=1) + beyond - np.linalg.eigvalsh(strains[0])[:, 0]
        # <D(p) h, D(q) h> >= (1 - 2 max strain - max |E|^2) |J h|^2.
        worst = [np.zeros(len(a)) for _ in range(3)]
        for most, value in zip(worst, (strain, large, spread.sum(axis=1)), strict=True):
            np.maximum.at(most, pair, value)
        failed = 1.0 - 2.0 * worst[0] - worst[1] ** 2 < LEAST_COSINE
        split = failed[pair] & (spread.sum(axis=1) >= 0.5 * worst[2][pair])
        bad[other[split]] = True
        axis[other[split]] = spread[split].argmax(axis=1)
    return bad, axis


def _symmetric(matrix: FloatArray) -> FloatArray:
    return np.asarray(0.5 * (matrix + np.swapaxes(matrix, -1, -2)))


def _boxes(
    center: FloatArray, half: FloatArray, rows: IntArray, again: NDArray[np.bool_], closed: tuple[bool, ...]
) -> tuple[IntArray, IntArray, IntArray, IntArray, FloatArray, FloatArray]:
    """Return pairs of touching cells and what meets their bounding boxes.

    (a, b), a in rows, every pair once; (pair, cell) for the bounding boxes; the bounding boxes (low, high) of all that
    touches the cells of `rows`, relative to their centers.
    """
    a, b = _meeting(center[rows], half[rows], center, half, closed, TOUCHING)
    beside = _apart(center[b], center[rows[a]], closed)
    low, high = np.zeros((len(rows), center.shape[1])), np.zeros((len(rows), center.shape[1]))
    np.minimum.at(low, a, beside - half[b])
    np.maximum.at(high, a, beside + half[b])
    # Only what is in the bounding box of a and all around it can be in that of a and b.
    row, near = _meeting(center[rows] + 0.5 * (low + high), 0.5 * (high - low), center, half, closed, -TOUCHING)
    count = np.bincount(row, minlength=len(rows))
    once = (b >= rows[a]) | ~again[b]
    a, b, beside = a[once], b[once], beside[once]
    ends = np.minimum(-half[rows[a]], beside - half[b]), np.maximum(half[rows[a]], beside + half[b])
    pair, place = _ranges(np.arange(len(a)), (np.cumsum(count) - count)[a], count[a])
    other = near[place]
    middle, extent = center[rows[a]] + 0.5 * (ends[0] + ends[1]), 0.5 * (ends[1] - ends[0])
    distance = np.abs(_apart(center[other], middle[pair], closed))
    inside = (distance < half[other] + extent[pair] - TOUCHING).all(axis=1)
    return rows[a], b, pair[inside], other[inside], low, high


def _meeting(
    center: FloatArray,
    half: FloatArray,
    centers: FloatArray,
    halves: FloatArray,
    closed: tuple[bool, ...],
    slack: float,
) -> tuple[IntArray, IntArray]:
    """Return the indices (i, j), in order of i, of boxes of two lists that are nearer than `slack` to each other."""
    order = np.argsort(centers[:, 0])
    # Candidates by the first direction: a range of the sorted list, which goes on periodically where that is closed.
    line = centers[order, 0]
    if closed[0]:
        line, order = np.concatenate([line - 1.0, line, line + 1.0]), np.tile(order, 3)
    within = half[:, 0] + halves[:, 0].max(initial=0.0) + TOUCHING
    within = np.minimum(within, 0.5) if closed[0] else within
    low = np.searchsorted(line, center[:, 0] - within)
    count = np.searchsorted(line, center[:, 0] + within) - low
    found = [np.zeros((2, 0), dtype=np.int64)]
    for start in range(0, len(center), ROWS):
        rows = np.arange(start, min(start + ROWS, len(center)))
        i, j = _ranges(rows, low[rows], count[rows])
        j = order[j]
        kept = (np.abs(_apart(centers[j], center[i], closed)) < half[i] + halves[j] + slack).all(axis=1)
        found.append(np.stack([i[kept], j[kept]]))
    first, second = np.concatenate(found, axis=1)
    return first, second


def _ranges(rows: IntArray, low: IntArray, count: IntArray) -> tuple[IntArray, IntArray]:
    """Return all (row, low + k), k < count."""
    first = np.repeat(np.arange(len(rows)), count)
    return rows[first], np.arange(len(first)) + (low - np.cumsum(count) + count)[first]


def _apart(x: FloatArray, y: FloatArray, closed: tuple[bool, ...]) -> FloatArray:
    """Return x - y in the unit domain, the short way round where that is closed."""
    apart = np.asarray(x - y)
    for axis in np.flatnonzero(closed):
        apart[..., axis] -= np.round(apart[..., axis])
    return apart
