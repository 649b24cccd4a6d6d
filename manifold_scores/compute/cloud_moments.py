"""Sums over the points that count at each query: masses, first and second moments."""

from __future__ import annotations

import numpy as np
from numba import prange

from .cloud_products import ROWS, add_weighted, products, weigh_row
from .cloud_search import STACK, collect_runs
from .cloud_tree import LEAF
from .cloud_weights import plain_shift, weigh, weights_of_four
from .compilation import FloatArray, IntArray, exact, parallel
from .vectors import GROUP, LANES, fma, load, load_row, splat, total

__all__ = ["FIRST", "SECOND", "TRACE", "moment_sums"]

#: What is summed: (mass, y, y - z, |y|^2), (mass, y - y_r, products of y - y_r), (mass, y - y_r, |y - y_r|^2).
FIRST, SECOND, TRACE = 0, 1, 2


@exact
def _add_mass(weights: FloatArray, size: int, sums: FloatArray) -> None:
    a, b = splat(0.0), splat(0.0)
    for j in range(0, size, GROUP):
        a, b = a + load(weights, j), b + load(weights, j + LANES)
        a, b = a + load(weights, j + 2 * LANES), b + load(weights, j + 3 * LANES)
    sums[0] += total(a + b)


@exact
def _add_first(
    tile: FloatArray, start: int, stop: int, center: FloatArray, weights: FloatArray, sums: FloatArray
) -> None:
    d = center.size
    for k in range(d):
        c = splat(center[k])
        value, other_value, apart, other_apart = splat(0.0), splat(0.0), splat(0.0), splat(0.0)
        for j in range(start, stop, 2 * LANES):
            w, y = load(weights, j - start), load_row(tile, k, j)
            value, apart = fma(w, y, value), fma(w, y - c, apart)
            w, y = load(weights, j - start + LANES), load_row(tile, k, j + LANES)
            other_value, other_apart = fma(w, y, other_value), fma(w, y - c, other_apart)
        sums[1 + k] += total(value + other_value)
        sums[1 + d + k] += total(apart + other_apart)


@exact
def _add_squares(square: FloatArray, start: int, stop: int, weights: FloatArray, sums: FloatArray) -> None:
    a, b = splat(0.0), splat(0.0)
    for j in range(start, stop, 2 * LANES):
        a = fma(load(weights, j - start), load(square, j), a)
        b = fma(load(weights, j - start + LANES), load(square, j + LANES), b)
    sums[sums.size - 1] += total(a + b)


@exact
def _add_plane(
    tile: FloatArray,
    mantissa: FloatArray,
    exponent: FloatArray,
    start: int,
    stop: int,
    center: FloatArray,
    rate: float,
    reference: FloatArray,
    sums: FloatArray,
) -> None:
    """Weights and first moments in R^2 at once: nothing leaves the registers."""
    slope, shift = splat(-rate), splat(plain_shift(reference, rate))
    x, y = splat(center[0]), splat(center[1])
    mass, value0, value1, apart0, apart1 = splat(0.0), splat(0.0), splat(0.0), splat(0.0), splat(0.0)
    for j in range(start, stop, GROUP):
        k, m, n = j + LANES, j + 2 * LANES, j + 3 * LANES
        t, u = load_row(tile, 0, j) - x, load_row(tile, 1, j) - y
        a = fma(fma(u, u, t * t), slope, load(exponent, j) + shift)
        t, u = load_row(tile, 0, k) - x, load_row(tile, 1, k) - y
        b = fma(fma(u, u, t * t), slope, load(exponent, k) + shift)
        t, u = load_row(tile, 0, m) - x, load_row(tile, 1, m) - y
        c = fma(fma(u, u, t * t), slope, load(exponent, m) + shift)
        t, u = load_row(tile, 0, n) - x, load_row(tile, 1, n) - y
        d = fma(fma(u, u, t * t), slope, load(exponent, n) + shift)
        a, b, c, d = weights_of_four(mantissa, j, a, b, c, d)
        mass = mass + ((a + b) + (c + d))
        # Differences anew: kept, they would not fit into the registers.
        t, u = load_row(tile, 0, j), load_row(tile, 1, j)
        value0, value1, apart0, apart1 = fma(a, t, value0), fma(a, u, value1), fma(a, t - x, apart0), fma(a, u - y, apart1)
        t, u = load_row(tile, 0, k), load_row(tile, 1, k)
        value0, value1, apart0, apart1 = fma(b, t, value0), fma(b, u, value1), fma(b, t - x, apart0), fma(b, u - y, apart1)
        t, u = load_row(tile, 0, m), load_row(tile, 1, m)
        value0, value1, apart0, apart1 = fma(c, t, value0), fma(c, u, value1), fma(c, t - x, apart0), fma(c, u - y, apart1)
        t, u = load_row(tile, 0, n), load_row(tile, 1, n)
        value0, value1, apart0, apart1 = fma(d, t, value0), fma(d, u, value1), fma(d, t - x, apart0), fma(d, u - y, apart1)
    sums[0] += total(mass)
    sums[1] += total(value0)
    sums[2] += total(value1)
    sums[3] += total(apart0)
    sums[4] += total(apart1)


@exact
def _add_second(
    tile: FloatArray, start: int, stop: int, origin: FloatArray, weights: FloatArray, sums: FloatArray
) -> None:
    d = origin.size
    for k in range(d):
        c = splat(origin[k])
        first = splat(0.0)
        for j in range(start, stop, LANES):
            first = fma(load(weights, j - start), load_row(tile, k, j) - c, first)
        sums[1 + k] += total(first)
        for other in range(k, d):
            other_c = splat(origin[other])
            product = splat(0.0)
            for j in range(start, stop, LANES):
                weighted = load(weights, j - start) * (load_row(tile, k, j) - c)
                product = fma(weighted, load_row(tile, other, j) - other_c, product)
            sums[1 + d + k * d + other] += total(product)


@exact
def _add_trace(
    tile: FloatArray, start: int, stop: int, origin: FloatArray, weights: FloatArray, sums: FloatArray
) -> None:
    d = origin.size
    trace = splat(0.0)
    for k in range(d):
        c = splat(origin[k])
        first = splat(0.0)
        for j in range(start, stop, LANES):
            apart = load_row(tile, k, j) - c
            weighted = load(weights, j - start) * apart
            first = first + weighted
            trace = fma(weighted, apart, trace)
        sums[1 + k] += total(first)
    sums[1 + d] += total(trace)


@exact
def _add_run(
    tile: FloatArray,
    mantissa: FloatArray,
    exponent: FloatArray,
    square: FloatArray,
    start: int,
    stop: int,
    center: FloatArray,
    rate: float,
    reference: FloatArray,
    point: FloatArray,
    what: int,
    weights: FloatArray,
    sums: FloatArray,
) -> None:
    if what == FIRST and center.size == 2 and reference[3] == 0.0:
        _add_plane(tile, mantissa, exponent, start, stop, center, rate, reference, sums)
        return
    weigh(tile, mantissa, exponent, start, stop, center, rate, reference, weights)
    _add_mass(weights, stop - start, sums)
    if what == FIRST:
        _add_first(tile, start, stop, center, weights, sums)
        _add_squares(square, start, stop, weights, sums)
    elif what == SECOND:
        _add_second(tile, start, stop, point, weights, sums)
    else:
        _add_trace(tile, start, stop, point, weights, sums)


@exact
def _add_together(
    tile: FloatArray,
    mantissa: FloatArray,
    exponent: FloatArray,
    square: FloatArray,
    stop: int,
    centers: FloatArray,
    rates: FloatArray,
    references: FloatArray,
    chosen: IntArray,
    count: int,
    some: FloatArray,
    weights: FloatArray,
    products_sums: FloatArray,
    sums: FloatArray,
) -> None:
    """Add a whole tile for the chosen queries, by inner products; some (rows, d) and weights (rows, lanes) are scratch."""
    padded = (count + ROWS - 1) // ROWS * ROWS
    for row in range(padded):
        some[row] = centers[chosen[min(row, count - 1)]]
    products(tile, stop, some, count, weights)
    for row in range(count):
        m = chosen[row]
        sums[m, sums.shape[1] - 1] += weigh_row(
            weights[row], square, mantissa, exponent, stop, rates[m], references[m, 5]
        )
    for row in range(count, padded):  # stand-ins, summed into a spare place
        chosen[row] = len(centers)
        weights[row] = 0.0
    add_weighted(tile, stop, weights, chosen, count, products_sums)


@exact
def _add_apart(centers: FloatArray, together: FloatArray, sums: FloatArray) -> None:
    """Add what was summed by inner products, w and w y, and w (y - z) from them."""
    d = centers.shape[1]
    for m in range(centers.shape[0]):
        mass = together[m, 0]
        if mass > 0.0:
            sums[m, 0] += mass
            for k in range(d):
                sums[m, 1 + k] += together[m, 1 + k]
                sums[m, 1 + d + k] += together[m, 1 + k] - mass * centers[m, k]


@exact
def _collect_above(tops: FloatArray, first: int, last: int, floor: float, runs: IntArray) -> int:
    """The runs of leaves whose tops reach the floor."""
    count = 0
    for leaf in range(first, last):
        if tops[leaf] >= floor:
            if count > 0 and runs[count - 1, 1] == leaf:
                runs[count - 1, 1] = leaf + 1
            else:
                runs[count, 0], runs[count, 1] = leaf, leaf + 1
                count += 1
    return count


@exact
def _add_chunk(
    mantissas: FloatArray,
    squares: FloatArray,
    tiles: FloatArray,
    exponents: FloatArray,
    size: int,
    offsets: IntArray,
    boxes: FloatArray,
    tops: FloatArray,
    screen: FloatArray,
    centers: FloatArray,
    rates: FloatArray,
    references: FloatArray,
    points: FloatArray,
    floors: FloatArray,
    what: int,
    level: int,
    chunk: int,
    sums: FloatArray,
    visited: IntArray,
) -> None:
    """Add one chunk of leaves for a block of queries that share its tiles while they are in the cache."""
    count, d = centers.shape
    width = tiles.shape[2]
    leaves_of_tile = width // LEAF
    first_leaf, last_leaf = chunk << level, min((chunk + 1) << level, offsets[1])
    rows = (count + ROWS - 1) // ROWS * ROWS
    nodes, weights, some = np.empty(2 * STACK, dtype=np.int64), np.empty((rows, width)), np.empty((rows, d))
    runs = np.empty((count, (last_leaf - first_leaf) // 2 + 1, 2), dtype=np.int64)
    found, at, chosen = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64), np.empty(rows, dtype=np.int64)
    products_sums = np.zeros((count + 1, d + 1)) if what == FIRST else np.zeros((1, 1))
    for m in range(count):
        if len(screen) > 0:
            found[m] = _collect_above(screen[m], first_leaf, last_leaf, floors[m], runs[m])
        else:
            found[m] = collect_runs(offsets, boxes, tops, level, chunk, centers[m], rates[m], floors[m], nodes, runs[m])
        sums[m] = 0.0
        visited[m] = 0
    for i in range(first_leaf // leaves_of_tile, (last_leaf + leaves_of_tile - 1) // leaves_of_tile):
        begin, end = i * leaves_of_tile, min((i + 1) * leaves_of_tile, last_leaf)
        together = 0
        for m in range(count):
            inside, here = 0, at[m]
            while here < found[m] and runs[m, here, 0] < end:
                inside += min(end, runs[m, here, 1]) - max(begin, runs[m, here, 0])
                here += 1
            if inside == 0:
                continue
            # A tile in good part is cheaper as a whole, if other queries share it.
            whole = what == FIRST and references[m, 6] > 0.0 and 4 * inside >= end - begin
            if whole:
                chosen[together] = m
                together += 1
                visited[m] += end - begin
            while at[m] < found[m] and runs[m, at[m], 0] < end:
                if not whole:
                    first, last = max(begin, runs[m, at[m], 0]), min(end, runs[m, at[m], 1])
                    visited[m] += last - first
                    stop = min((last - begin) * LEAF, size - i * width)
                    _add_run(
                        tiles[i], mantissas[i], exponents[i], squares[i], (first - begin) * LEAF, stop, centers[m],
                        rates[m], references[m], points[m], what, weights[0], sums[m],
                    )  # fmt: skip
                if runs[m, at[m], 1] > end:
                    break
                at[m] += 1
        if together > 0:
            _add_together(
                tiles[i], mantissas[i], exponents[i], squares[i], min((end - begin) * LEAF, size - i * width), centers,
                rates, references, chosen, together, some, weights, products_sums, sums,
            )  # fmt: skip
    if what == FIRST:
        _add_apart(centers, products_sums, sums)


@parallel
def moment_sums(
    mantissas: FloatArray,
    squares: FloatArray,
    tiles: FloatArray,
    exponents: FloatArray,
    size: int,
    offsets: IntArray,
    boxes: FloatArray,
    tops: FloatArray,
    screen: FloatArray,
    centers: FloatArray,
    rates: FloatArray,
    references: FloatArray,
    points: FloatArray,
    floors: FloatArray,
    what: int,
    level: int,
    block: int,
    sums: FloatArray,
    visited: IntArray,
) -> None:
    """Fill sums (chunks, M, .) over all leaves that may hold a point above the floor, relative to the references.

    `what` is FIRST, SECOND or TRACE.  A chunk is a node of the given level; visited (chunks, M) counts its leaves.
    `squares` are |y|^2; `screen` (M, leaves) has the largest log2 weight of each leaf, or no rows: then boxes decide.
    """
    blocks = (len(centers) + block - 1) // block
    chunks = len(sums)
    for task in prange(blocks * chunks):
        chunk, start = task % chunks, task // chunks * block
        stop = min(start + block, len(centers))
        _add_chunk(
            mantissas, squares, tiles, exponents, size, offsets, boxes, tops, screen[start:stop], centers[start:stop],
            rates[start:stop], references[start:stop], points[start:stop], floors[start:stop], what, level, chunk,
            sums[chunk, start:stop], visited[chunk, start:stop],
        )  # fmt: skip
