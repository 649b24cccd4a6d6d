"""Weights and sums for several queries at once, from inner products of queries and points.

    |y_j - z|^2 = |y_j|^2 - 2 <z, y_j> + |z|^2

costs one multiplication a coordinate, and so do the sums of w_j y_j (`register_tiles`).  An inner product is off by
about c eps sum_k |z_k||y_k|, with c = (sqrt(min(d, 64)) + sqrt(d/64))/6 since it is added up in blocks of 64
coordinates.  That is harmless for a query where it changes exponents by no more than a few eps, or by no more than a
few eps times the condition number, of which the sensitivity of the exponents to the points themselves,
sum_k |y_k||y_k - z_k| / s, is a part: `products_suffice` compares the two at the best point.
"""

from __future__ import annotations

import math

from .cloud_weights import difference_constant, store_four, weights_of_four
from .compilation import FloatArray, IntArray, exact
from .error_free import add_pairs, product_error
from .register_tiles import COORDINATES, PRODUCT_ROWS, REST_ROWS, SUM_ROWS, add_products, add_rest, add_sums
from .vectors import GROUP, LANES, fma, larger, largest, load, load_row, splat, total

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

#: Rows of queries come in multiples of this.
ROWS = math.lcm(PRODUCT_ROWS, SUM_ROWS, REST_ROWS)
_BLOCK = 64
#: How many eps, or eps times the sensitivity to the points, an exponent may be off.
_PRODUCT_LIMIT = 16.0


@exact
def products(tile: FloatArray, stop: int, centers: FloatArray, count: int, out: FloatArray) -> None:
    """Fill out (rows, lanes) with the inner products of centers (rows, d) and the points in lanes 0 .. stop - 1.

    For the first `count` rows and those that fill up a multiple of ROWS, or fewer of these.
    """
    d = centers.shape[1]
    for j in range(0, stop, GROUP):
        for first in range(0, d, _BLOCK):
            for row in range(0, count, PRODUCT_ROWS):
                add_products(tile, j, first, min(first + _BLOCK, d), centers, row, out)


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
    for k in range(0, d - COORDINATES + 1, COORDINATES):
        for row in range(0, count, SUM_ROWS):
            add_sums(tile, k, stop, weights, row, chosen, sums)
    for k in range(d - d % COORDINATES, d):
        for row in range(0, count, REST_ROWS):
            add_rest(tile, k, stop, weights, row, chosen, sums)


@exact
def _add_centred(high: float, low: float, z: float, y: float) -> tuple[float, float]:
    square, twice = y * y, -2.0 * z
    high, low = add_pairs(high, low, square, product_error(y, y, square))
    product = y * twice
    high, low = add_pairs(high, low, product, product_error(y, twice, product))
    return high, low


@exact
def centred_square(center: FloatArray, point: FloatArray) -> float:
    """Return |y|^2 - 2 <z, y> = <y, y - 2z>, added up in double-double, in two halves that do not wait for another."""
    half = center.size // 2
    high, low, other_high, other_low = 0.0, 0.0, 0.0, 0.0
    for k in range(half):
        high, low = _add_centred(high, low, center[k], point[k])
        other_high, other_low = _add_centred(other_high, other_low, center[half + k], point[half + k])
    if center.size % 2 == 1:
        high, low = _add_centred(high, low, center[center.size - 1], point[center.size - 1])
    high, low = add_pairs(high, low, other_high, other_low)
    return float(high + low)


@exact
def product_constant(dimension: int) -> float:
    """Return how many eps of sum_k |z_k||y_k| an inner product is off."""
    return (math.sqrt(min(dimension, _BLOCK)) + math.sqrt(dimension / _BLOCK)) / 6.0


@exact
def products_suffice(center: FloatArray, point: FloatArray, squared: float, variance: float) -> float:
    """Return 1 if weights from inner products are good enough at this query, 2 if plain differences are too, else 0.

    Judged at its best point, at the given squared distance.
    """
    d = center.size
    lost, sensitivity = 0.0, 0.0
    for k in range(d):
        lost += abs(point[k]) * (abs(center[k]) + 0.5 * abs(point[k]))
        sensitivity += abs(point[k]) * abs(point[k] - center[k])
    allowed = _PRODUCT_LIMIT * max(variance, sensitivity)
    if d < 4 or not product_constant(d) * lost <= allowed:  # below R^4 there is nothing to gain
        return 0.0
    return 2.0 if difference_constant(d) * 0.5 * squared <= allowed else 1.0


@exact
def doubtful_product(center: FloatArray, radius: float, rate: float) -> float:
    """Bound on the bits by which inner products can misjudge an exponent, for points up to `radius` from 0."""
    size = 0.0
    for k in range(center.size):
        size += center[k] * center[k]
    size = math.sqrt(size) + radius
    return (center.size + 8.0) * 2.3e-16 * size * size * rate
