"""First moments in R, R^2 and R^3: weights and sums at once, over the runs of points that count at each query."""

from __future__ import annotations

from typing import Any

import numpy as np

from .borrowing import borrowed
from .cloud_blocks import collect, next_tile, rest_of_run
from .cloud_search import STACK
from .cloud_sums import add_first, aligned, mass_of
from .cloud_tree import LEAF
from .cloud_weights import plain_shift, squares, weigh, weights_of_four
from .compilation import FloatArray, IntArray, exact, parallel
from .vector_exponential import exp2_of_four
from .vectors import GROUP, LANES, fma, load, load_row, splat, total

__all__ = ["space_sums"]


@exact
def _add_plane(
    tile: FloatArray,
    mantissa: FloatArray | None,
    exponent: FloatArray,
    start: int,
    stop: int,
    center: FloatArray,
    rate: float,
    reference: FloatArray,
    scale: float,
    sums: FloatArray,
) -> None:
    """Add `scale` times weights and first moments in R^2 at once: nothing leaves the registers.

    Without mantissas the weights are equal, and exponent[start] stands for all: a kernel of its own is compiled.
    """
    slope, shift = splat(-rate), splat(plain_shift(reference, rate))
    x, y = splat(center[0]), splat(center[1])
    mass, value0, value1, apart0, apart1 = splat(0.0), splat(0.0), splat(0.0), splat(0.0), splat(0.0)
    if mantissa is None:
        shift = shift + splat(exponent[start])
    for j in range(start, stop, GROUP):
        k, m, n = j + LANES, j + 2 * LANES, j + 3 * LANES
        t, u = load_row(tile, 0, j) - x, load_row(tile, 1, j) - y
        a = fma(u, u, t * t)
        t, u = load_row(tile, 0, k) - x, load_row(tile, 1, k) - y
        b = fma(u, u, t * t)
        t, u = load_row(tile, 0, m) - x, load_row(tile, 1, m) - y
        c = fma(u, u, t * t)
        t, u = load_row(tile, 0, n) - x, load_row(tile, 1, n) - y
        d = fma(u, u, t * t)
        a, b, c, d = _weights(mantissa, exponent, j, a, b, c, d, slope, shift)
        mass = mass + ((a + b) + (c + d))
        # Differences anew: kept, they would not fit into the registers.
        t, u = load_row(tile, 0, j), load_row(tile, 1, j)
        value0, value1, apart0, apart1 = _sum2(a, t, u, x, y, value0, value1, apart0, apart1)
        t, u = load_row(tile, 0, k), load_row(tile, 1, k)
        value0, value1, apart0, apart1 = _sum2(b, t, u, x, y, value0, value1, apart0, apart1)
        t, u = load_row(tile, 0, m), load_row(tile, 1, m)
        value0, value1, apart0, apart1 = _sum2(c, t, u, x, y, value0, value1, apart0, apart1)
        t, u = load_row(tile, 0, n), load_row(tile, 1, n)
        value0, value1, apart0, apart1 = _sum2(d, t, u, x, y, value0, value1, apart0, apart1)
    sums[0] += scale * total(mass)
    sums[1] += scale * total(value0)
    sums[2] += scale * total(value1)
    sums[3] += scale * total(apart0)
    sums[4] += scale * total(apart1)


@exact
def _weights(
    mantissa: FloatArray | None, exponent: FloatArray, j: int, a: Any, b: Any, c: Any, d: Any, slope: Any, shift: Any
) -> tuple[Any, Any, Any, Any]:
    """Turn squared distances of four vectors of points into weights, relative to a common one without mantissas."""
    if mantissa is None:
        a, b, c, d = fma(a, slope, shift), fma(b, slope, shift), fma(c, slope, shift), fma(d, slope, shift)
        a, b, c, d = exp2_of_four(a, b, c, d)
    else:
        a, b = fma(a, slope, load(exponent, j) + shift), fma(b, slope, load(exponent, j + LANES) + shift)
        c = fma(c, slope, load(exponent, j + 2 * LANES) + shift)
        d = fma(d, slope, load(exponent, j + 3 * LANES) + shift)
        a, b, c, d = weights_of_four(mantissa, j, a, b, c, d)
    return a, b, c, d


@exact
def _sum2(
    w: Any, t: Any, u: Any, x: Any, y: Any, value0: Any, value1: Any, apart0: Any, apart1: Any
) -> tuple[Any, Any, Any, Any]:
    return fma(w, t, value0), fma(w, u, value1), fma(w, t - x, apart0), fma(w, u - y, apart1)


@exact
def _add_space(
    tile: FloatArray,
    mantissa: FloatArray | None,
    exponent: FloatArray,
    start: int,
    stop: int,
    center: FloatArray,
    rate: float,
    reference: FloatArray,
    scale: float,
    sums: FloatArray,
) -> None:
    """Do the same in R^3."""
    slope, shift = splat(-rate), splat(plain_shift(reference, rate))
    x, y, z = splat(center[0]), splat(center[1]), splat(center[2])
    nothing = splat(0.0)
    mass, value0, value1, value2, apart0, apart1, apart2 = nothing, nothing, nothing, nothing, nothing, nothing, nothing
    if mantissa is None:
        shift = shift + splat(exponent[start])
    for j in range(start, stop, GROUP):
        k, m, n = j + LANES, j + 2 * LANES, j + 3 * LANES
        a, b, c, d = squares(tile, j, center)
        a, b, c, d = _weights(mantissa, exponent, j, a, b, c, d, slope, shift)
        mass = mass + ((a + b) + (c + d))
        t, u, v = load_row(tile, 0, j), load_row(tile, 1, j), load_row(tile, 2, j)
        value0, value1, value2 = fma(a, t, value0), fma(a, u, value1), fma(a, v, value2)
        apart0, apart1, apart2 = fma(a, t - x, apart0), fma(a, u - y, apart1), fma(a, v - z, apart2)
        t, u, v = load_row(tile, 0, k), load_row(tile, 1, k), load_row(tile, 2, k)
        value0, value1, value2 = fma(b, t, value0), fma(b, u, value1), fma(b, v, value2)
        apart0, apart1, apart2 = fma(b, t - x, apart0), fma(b, u - y, apart1), fma(b, v - z, apart2)
        t, u, v = load_row(tile, 0, m), load_row(tile, 1, m), load_row(tile, 2, m)
        value0, value1, value2 = fma(c, t, value0), fma(c, u, value1), fma(c, v, value2)
        apart0, apart1, apart2 = fma(c, t - x, apart0), fma(c, u - y, apart1), fma(c, v - z, apart2)
        t, u, v = load_row(tile, 0, n), load_row(tile, 1, n), load_row(tile, 2, n)
        value0, value1, value2 = fma(d, t, value0), fma(d, u, value1), fma(d, v, value2)
        apart0, apart1, apart2 = fma(d, t - x, apart0), fma(d, u - y, apart1), fma(d, v - z, apart2)
    sums[0] += scale * total(mass)
    sums[1] += scale * total(value0)
    sums[2] += scale * total(value1)
    sums[3] += scale * total(value2)
    sums[4] += scale * total(apart0)
    sums[5] += scale * total(apart1)
    sums[6] += scale * total(apart2)


@exact
def _add_run(
    tile: FloatArray,
    mantissa: FloatArray,
    exponent: FloatArray,
    start: int,
    stop: int,
    center: FloatArray,
    rate: float,
    reference: FloatArray,
    floor: float,
    equal: int,
    weights: FloatArray,
    sums: FloatArray,
) -> None:
    """Add the points in lanes start .. stop - 1 of a tile to sums; weights is scratch.

    The first `equal` lanes of the tile have equal weights (0 if that is not known).
    """
    if reference[3] == 0.0 and center.size > 1:
        middle = min(stop, max(start, equal))
        if middle > start and center.size == 2:
            _add_plane(tile, None, exponent, start, middle, center, rate, reference, mantissa[start], sums)
        elif middle > start:
            _add_space(tile, None, exponent, start, middle, center, rate, reference, mantissa[start], sums)
        if stop > middle and center.size == 2:
            _add_plane(tile, mantissa, exponent, middle, stop, center, rate, reference, 1.0, sums)
        elif stop > middle:
            _add_space(tile, mantissa, exponent, middle, stop, center, rate, reference, 1.0, sums)
        return
    weigh(tile, mantissa, exponent, start, stop, center, rate, reference, floor, weights)
    sums[0] += mass_of(weights, stop - start)
    add_first(tile, start, stop, center, weights, sums)


@exact
def _add_chunk(
    mantissas: FloatArray,
    tiles: FloatArray,
    exponents: FloatArray,
    size: int,
    offsets: IntArray,
    boxes: FloatArray,
    tops: FloatArray,
    centers: FloatArray,
    rates: FloatArray,
    references: FloatArray,
    floors: FloatArray,
    equal: int,
    level: int,
    chunk: int,
    sums: FloatArray,
) -> None:
    """Add one chunk of leaves for a block of queries that share its tiles while they are in the cache."""
    count, width = len(centers), tiles.shape[2]
    leaves = width // LEAF
    first_leaf, last_leaf = chunk << level, min((chunk + 1) << level, offsets[1])
    nodes, weights, screen = np.empty(2 * STACK, dtype=np.int64), aligned(1, width)[0], np.empty(0)
    runs = np.empty((count, (last_leaf - first_leaf) // 2 + 1, 2), dtype=np.int64)
    found, at = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    for m in range(count):
        found[m] = collect(offsets, boxes, tops, screen, level, chunk, centers[m], rates[m], floors[m], nodes, runs[m])
        for k in range(sums.shape[1]):
            sums[m, k] = 0.0
    i = next_tile(runs, at, found, first_leaf, last_leaf, leaves)
    while i >= 0:
        begin, end = i * leaves, min((i + 1) * leaves, last_leaf)
        for m in range(count):
            while at[m] < found[m] and runs[m, at[m], 0] < end:
                first, last, goes_on = rest_of_run(runs[m, at[m]], begin, end)
                _add_run(
                    tiles[i], mantissas[i], exponents[i], (first - begin) * LEAF,
                    min((last - begin) * LEAF, size - i * width), centers[m], rates[m], references[m], floors[m],
                    equal - i * width, weights, sums[m],
                )  # fmt: skip
                if goes_on:
                    break
                at[m] += 1
        i = next_tile(runs, at, found, end, last_leaf, leaves)


@parallel
def space_sums(
    first: int,
    last: int,
    mantissas: FloatArray,
    tiles: FloatArray,
    exponents: FloatArray,
    size: int,
    offsets: IntArray,
    boxes: FloatArray,
    tops: FloatArray,
    centers: FloatArray,
    rates: FloatArray,
    references: FloatArray,
    floors: FloatArray,
    equal: int,
    level: int,
    block: int,
    sums: FloatArray,
) -> None:
    """Fill sums (chunks, M, 1, 2 d + 2) as `first_sums` does, d <= 3; the sums of |y|^2 are 0.

    The first `equal` points have equal weights, a multiple of GROUP.
    """
    (
        mantissas, tiles, exponents, boxes, centers, rates, references, floors, sums,
    ) = borrowed((
        mantissas, tiles, exponents, boxes, centers, rates, references, floors, sums,
    ))  # fmt: skip
    chunks = len(sums)
    for task in range(first, last):
        chunk, start = task % chunks, task // chunks * block
        stop = min(start + block, len(centers))
        _add_chunk(
            mantissas, tiles, exponents, size, offsets, boxes, tops, centers[start:stop], rates[start:stop],
            references[start:stop], floors[start:stop], equal, level, chunk, sums[chunk, start:stop, 0],
        )  # fmt: skip
