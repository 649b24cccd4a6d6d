"""Weights and sums for several queries at once, from inner products of queries and points.

    |y_j - z|^2 = |y_j|^2 - 2 <z, y_j> + |z|^2

costs one multiplication a coordinate, and so do the sums of w_j y_j: three queries and four vectors of points share
what is loaded.  An inner product is off by about c eps sum_k |z_k||y_k|, with c = (sqrt(min(d, 64)) + sqrt(d/64))/6
since it is added up in blocks of 64 coordinates.  That is harmless for a query where it changes exponents by no more
than a few eps, or by no more than a few eps times the condition number, of which the sensitivity of the exponents to
the points themselves, sum_k |y_k||y_k - z_k| / s, is a part: `products_suffice` compares the two at the best point.
"""

from __future__ import annotations

import math

from .cloud_weights import store_four, weights_of_four
from .compilation import FloatArray, IntArray, exact
from .error_free import add_pairs, product_error
from .vectors import GROUP, LANES, add_totals, fma, larger, largest, load, load_row, splat, total

__all__ = [
    "ROWS",
    "add_weighted",
    "centred_square",
    "doubtful_product",
    "leaf_top",
    "products",
    "products_suffice",
    "weigh_row",
]

#: Queries that share what is loaded: 3 x 4 accumulators.
ROWS = 3
_BLOCK = 64
#: How many eps, or eps times the sensitivity to the points, an exponent may be off.
_PRODUCT_LIMIT = 16.0


@exact
def _add_products(
    tile: FloatArray, j: int, first: int, last: int, centers: FloatArray, row: int, out: FloatArray
) -> None:
    """Add the products of coordinates first .. last - 1 of ROWS centers and four vectors of points."""
    n = row + 1
    o = row + 2
    a0, a1, a2, a3 = splat(0.0), splat(0.0), splat(0.0), splat(0.0)
    b0, b1, b2, b3 = splat(0.0), splat(0.0), splat(0.0), splat(0.0)
    c0, c1, c2, c3 = splat(0.0), splat(0.0), splat(0.0), splat(0.0)
    for k in range(first, last):
        y0, y1 = load_row(tile, k, j), load_row(tile, k, j + LANES)
        y2, y3 = load_row(tile, k, j + 2 * LANES), load_row(tile, k, j + 3 * LANES)
        z = splat(centers[row, k])
        a0, a1, a2, a3 = fma(z, y0, a0), fma(z, y1, a1), fma(z, y2, a2), fma(z, y3, a3)
        z = splat(centers[n, k])
        b0, b1, b2, b3 = fma(z, y0, b0), fma(z, y1, b1), fma(z, y2, b2), fma(z, y3, b3)
        z = splat(centers[o, k])
        c0, c1, c2, c3 = fma(z, y0, c0), fma(z, y1, c1), fma(z, y2, c2), fma(z, y3, c3)
    if first > 0:
        a0, a1 = a0 + load_row(out, row, j), a1 + load_row(out, row, j + LANES)
        a2, a3 = a2 + load_row(out, row, j + 2 * LANES), a3 + load_row(out, row, j + 3 * LANES)
        b0, b1 = b0 + load_row(out, n, j), b1 + load_row(out, n, j + LANES)
        b2, b3 = b2 + load_row(out, n, j + 2 * LANES), b3 + load_row(out, n, j + 3 * LANES)
        c0, c1 = c0 + load_row(out, o, j), c1 + load_row(out, o, j + LANES)
        c2, c3 = c2 + load_row(out, o, j + 2 * LANES), c3 + load_row(out, o, j + 3 * LANES)
    store_four(out[row], j, a0, a1, a2, a3)
    store_four(out[n], j, b0, b1, b2, b3)
    store_four(out[o], j, c0, c1, c2, c3)


@exact
def products(tile: FloatArray, stop: int, centers: FloatArray, count: int, out: FloatArray) -> None:
    """Fill out (rows, lanes) with the inner products of centers (rows, d) and the points in lanes 0 .. stop - 1.

    For the first `count` rows, rounded up to a multiple of ROWS; what is loaded of the points serves all of them.
    """
    d = centers.shape[1]
    for j in range(0, stop, GROUP):
        for first in range(0, d, _BLOCK):
            for row in range(0, count, ROWS):
                _add_products(tile, j, first, min(first + _BLOCK, d), centers, row, out)


@exact
def leaf_top(
    product: FloatArray, square: FloatArray, exponent: FloatArray, start: int, stop: int, rate: float
) -> float:
    """Return the largest of e_j - (|y_j|^2 - 2 <z, y_j>) rate of a run."""
    slope, twice, best = splat(-rate), splat(2.0 * rate), splat(-math.inf)
    for j in range(start, stop, LANES):
        level = fma(load(product, j), twice, fma(load(square, j), slope, load(exponent, j)))
        best = larger(level, best)
    return float(largest(best))


@exact
def weigh_row(
    product: FloatArray,
    square: FloatArray,
    mantissa: FloatArray,
    exponent: FloatArray,
    stop: int,
    rate: float,
    shift: float,
) -> float:
    """Turn the inner products of a query into weights, in place; return the sum of w |y|^2."""
    slope, twice, s = splat(-rate), splat(2.0 * rate), splat(shift)
    first, second = splat(0.0), splat(0.0)
    for j in range(0, stop, GROUP):
        k, m, n = j + LANES, j + 2 * LANES, j + 3 * LANES
        a = fma(load(product, j), twice, fma(load(square, j), slope, load(exponent, j) + s))
        b = fma(load(product, k), twice, fma(load(square, k), slope, load(exponent, k) + s))
        c = fma(load(product, m), twice, fma(load(square, m), slope, load(exponent, m) + s))
        d = fma(load(product, n), twice, fma(load(square, n), slope, load(exponent, n) + s))
        a, b, c, d = weights_of_four(mantissa, j, a, b, c, d)
        store_four(product, j, a, b, c, d)
        first, second = fma(a, load(square, j), first), fma(b, load(square, k), second)
        first, second = fma(c, load(square, m), first), fma(d, load(square, n), second)
    return float(total(first + second))


@exact
def add_weighted(
    tile: FloatArray, stop: int, weights: FloatArray, chosen: IntArray, count: int, sums: FloatArray
) -> None:
    """Add the sums of w and w y to sums (queries + 1, d + 1 or more) for the chosen queries.

    weights (rows, lanes) and chosen (rows,) have a multiple of ROWS rows; what is in those beyond `count` is not used,
    and goes to the last place of sums.
    """
    d = tile.shape[0]
    for row in range(count):
        a, b = splat(0.0), splat(0.0)
        for j in range(0, stop, 2 * LANES):
            a, b = a + load_row(weights, row, j), b + load_row(weights, row, j + LANES)
        sums[chosen[row], 0] += total(a + b)
    for k in range(0, d - 3, 4):
        for row in range(0, count, ROWS):
            _add_four(tile, k, stop, weights, row, sums[chosen[row]], sums[chosen[row + 1]], sums[chosen[row + 2]])
    for k in range(d - d % 4, d):
        for row in range(count):
            a, b = splat(0.0), splat(0.0)
            for j in range(0, stop, 2 * LANES):
                a = fma(load_row(weights, row, j), load_row(tile, k, j), a)
                b = fma(load_row(weights, row, j + LANES), load_row(tile, k, j + LANES), b)
            sums[chosen[row], 1 + k] += total(a + b)


@exact
def _add_four(
    tile: FloatArray,
    k: int,
    stop: int,
    weights: FloatArray,
    row: int,
    first: FloatArray,
    second: FloatArray,
    third: FloatArray,
) -> None:
    a0, a1, a2, a3 = splat(0.0), splat(0.0), splat(0.0), splat(0.0)
    b0, b1, b2, b3 = splat(0.0), splat(0.0), splat(0.0), splat(0.0)
    c0, c1, c2, c3 = splat(0.0), splat(0.0), splat(0.0), splat(0.0)
    for j in range(0, stop, LANES):
        y0, y1 = load_row(tile, k, j), load_row(tile, k + 1, j)
        y2, y3 = load_row(tile, k + 2, j), load_row(tile, k + 3, j)
        w = load_row(weights, row, j)
        a0, a1, a2, a3 = fma(w, y0, a0), fma(w, y1, a1), fma(w, y2, a2), fma(w, y3, a3)
        w = load_row(weights, row + 1, j)
        b0, b1, b2, b3 = fma(w, y0, b0), fma(w, y1, b1), fma(w, y2, b2), fma(w, y3, b3)
        w = load_row(weights, row + 2, j)
        c0, c1, c2, c3 = fma(w, y0, c0), fma(w, y1, c1), fma(w, y2, c2), fma(w, y3, c3)
    add_totals(first, 1 + k, a0, a1, a2, a3)
    add_totals(second, 1 + k, b0, b1, b2, b3)
    add_totals(third, 1 + k, c0, c1, c2, c3)


@exact
def centred_square(center: FloatArray, point: FloatArray) -> float:
    """Return |y|^2 - 2 <z, y> = <y, y - 2z>, added up in double-double."""
    high, low = 0.0, 0.0
    for k in range(center.size):
        square = point[k] * point[k]
        high, low = add_pairs(high, low, square, product_error(point[k], point[k], square))
        twice = -2.0 * center[k]
        product = point[k] * twice
        high, low = add_pairs(high, low, product, product_error(point[k], twice, product))
    return high + low


@exact
def product_constant(dimension: int) -> float:
    """Return how many eps of sum_k |z_k||y_k| an inner product is off."""
    return (math.sqrt(min(dimension, _BLOCK)) + math.sqrt(dimension / _BLOCK)) / 6.0


@exact
def products_suffice(center: FloatArray, point: FloatArray, variance: float) -> bool:
    """Whether weights from inner products are good enough at this query, judged at its best point."""
    d = center.size
    lost, sensitivity = 0.0, 0.0
    for k in range(d):
        lost += abs(point[k]) * (abs(center[k]) + 0.5 * abs(point[k]))
        sensitivity += abs(point[k]) * abs(point[k] - center[k])
    if d < 4:  # nothing to gain
        return False
    return bool(product_constant(d) * lost <= _PRODUCT_LIMIT * max(variance, sensitivity))


@exact
def doubtful_product(center: FloatArray, radius: float, rate: float) -> float:
    """Bound on the bits by which inner products can misjudge an exponent, for points up to `radius` from 0."""
    size = 0.0
    for k in range(center.size):
        size += center[k] * center[k]
    size = math.sqrt(size) + radius
    return (center.size + 8.0) * 2.3e-16 * size * size * rate
