"""The innermost loops of products of matrices: as many sums as fit into the registers share what is loaded.

Of 32 registers (AVX-512) 24 are sums: 6 queries by 4 vectors of points, or 4 queries by 6 coordinates.  Of 16, 12 are.
"""

from __future__ import annotations

from typing import Any

from .cloud_weights import store_four
from .compilation import FloatArray, IntArray, exact
from .vectors import LANES, add_totals, fma, load, load_row, splat, total

__all__ = ["COORDINATES", "PRODUCT_ROWS", "REST_ROWS", "SUM_ROWS", "add_products", "add_rest", "add_sums"]


@exact
def _put_four(out: FloatArray, j: int, add: bool, a: Any, b: Any, c: Any, d: Any) -> None:
    if add:
        a, b = a + load(out, j), b + load(out, j + LANES)
        c, d = c + load(out, j + 2 * LANES), d + load(out, j + 3 * LANES)
    store_four(out, j, a, b, c, d)


@exact
def products_of_three(
    tile: FloatArray, j: int, first: int, last: int, centers: FloatArray, row: int, out: FloatArray
) -> None:
    """Write products of three centers and four vectors of points, of coordinates first .. last - 1; add if first."""
    m, n = row + 1, row + 2
    a0, a1, a2, a3 = splat(0.0), splat(0.0), splat(0.0), splat(0.0)
    b0, b1, b2, b3 = splat(0.0), splat(0.0), splat(0.0), splat(0.0)
    c0, c1, c2, c3 = splat(0.0), splat(0.0), splat(0.0), splat(0.0)
    for k in range(first, last):
        y0, y1 = load_row(tile, k, j), load_row(tile, k, j + LANES)
        y2, y3 = load_row(tile, k, j + 2 * LANES), load_row(tile, k, j + 3 * LANES)
        z = splat(centers[row, k])
        a0, a1, a2, a3 = fma(z, y0, a0), fma(z, y1, a1), fma(z, y2, a2), fma(z, y3, a3)
        z = splat(centers[m, k])
        b0, b1, b2, b3 = fma(z, y0, b0), fma(z, y1, b1), fma(z, y2, b2), fma(z, y3, b3)
        z = splat(centers[n, k])
        c0, c1, c2, c3 = fma(z, y0, c0), fma(z, y1, c1), fma(z, y2, c2), fma(z, y3, c3)
    _put_four(out[row], j, first > 0, a0, a1, a2, a3)
    _put_four(out[m], j, first > 0, b0, b1, b2, b3)
    _put_four(out[n], j, first > 0, c0, c1, c2, c3)


@exact
def products_of_six(
    tile: FloatArray, j: int, first: int, last: int, centers: FloatArray, row: int, out: FloatArray
) -> None:
    """Write products of six centers and four vectors of points, of coordinates first .. last - 1; add if first."""
    m, n, o, p, q = row + 1, row + 2, row + 3, row + 4, row + 5
    a0, a1, a2, a3 = splat(0.0), splat(0.0), splat(0.0), splat(0.0)
    b0, b1, b2, b3 = splat(0.0), splat(0.0), splat(0.0), splat(0.0)
    c0, c1, c2, c3 = splat(0.0), splat(0.0), splat(0.0), splat(0.0)
    d0, d1, d2, d3 = splat(0.0), splat(0.0), splat(0.0), splat(0.0)
    e0, e1, e2, e3 = splat(0.0), splat(0.0), splat(0.0), splat(0.0)
    f0, f1, f2, f3 = splat(0.0), splat(0.0), splat(0.0), splat(0.0)
    for k in range(first, last):
        y0, y1 = load_row(tile, k, j), load_row(tile, k, j + LANES)
        y2, y3 = load_row(tile, k, j + 2 * LANES), load_row(tile, k, j + 3 * LANES)
        z = splat(centers[row, k])
        a0, a1, a2, a3 = fma(z, y0, a0), fma(z, y1, a1), fma(z, y2, a2), fma(z, y3, a3)
        z = splat(centers[m, k])
        b0, b1, b2, b3 = fma(z, y0, b0), fma(z, y1, b1), fma(z, y2, b2), fma(z, y3, b3)
        z = splat(centers[n, k])
        c0, c1, c2, c3 = fma(z, y0, c0), fma(z, y1, c1), fma(z, y2, c2), fma(z, y3, c3)
        z = splat(centers[o, k])
        d0, d1, d2, d3 = fma(z, y0, d0), fma(z, y1, d1), fma(z, y2, d2), fma(z, y3, d3)
        z = splat(centers[p, k])
        e0, e1, e2, e3 = fma(z, y0, e0), fma(z, y1, e1), fma(z, y2, e2), fma(z, y3, e3)
        z = splat(centers[q, k])
        f0, f1, f2, f3 = fma(z, y0, f0), fma(z, y1, f1), fma(z, y2, f2), fma(z, y3, f3)
    _put_four(out[row], j, first > 0, a0, a1, a2, a3)
    _put_four(out[m], j, first > 0, b0, b1, b2, b3)
    _put_four(out[n], j, first > 0, c0, c1, c2, c3)
    _put_four(out[o], j, first > 0, d0, d1, d2, d3)
    _put_four(out[p], j, first > 0, e0, e1, e2, e3)
    _put_four(out[q], j, first > 0, f0, f1, f2, f3)


@exact
def sums_of_three(
    tile: FloatArray, k: int, stop: int, weights: FloatArray, row: int, chosen: IntArray, sums: FloatArray
) -> None:
    """Add four coordinates of the sums of w y of three queries, from `row`, to sums[chosen, 1 + k:]."""
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
    add_totals(sums[chosen[row]], 1 + k, a0, a1, sums[chosen[row]], 3 + k, a2, a3)
    add_totals(sums[chosen[row + 1]], 1 + k, b0, b1, sums[chosen[row + 1]], 3 + k, b2, b3)
    add_totals(sums[chosen[row + 2]], 1 + k, c0, c1, sums[chosen[row + 2]], 3 + k, c2, c3)


@exact
def sums_of_four(
    tile: FloatArray, k: int, stop: int, weights: FloatArray, row: int, chosen: IntArray, sums: FloatArray
) -> None:
    """Add six coordinates of the sums of w y of four queries, from `row`, to sums[chosen, 1 + k:]."""
    a0, a1, a2, a3, a4, a5 = splat(0.0), splat(0.0), splat(0.0), splat(0.0), splat(0.0), splat(0.0)
    b0, b1, b2, b3, b4, b5 = splat(0.0), splat(0.0), splat(0.0), splat(0.0), splat(0.0), splat(0.0)
    c0, c1, c2, c3, c4, c5 = splat(0.0), splat(0.0), splat(0.0), splat(0.0), splat(0.0), splat(0.0)
    d0, d1, d2, d3, d4, d5 = splat(0.0), splat(0.0), splat(0.0), splat(0.0), splat(0.0), splat(0.0)
    for j in range(0, stop, LANES):
        y0, y1, y2 = load_row(tile, k, j), load_row(tile, k + 1, j), load_row(tile, k + 2, j)
        y3, y4, y5 = load_row(tile, k + 3, j), load_row(tile, k + 4, j), load_row(tile, k + 5, j)
        w = load_row(weights, row, j)
        a0, a1, a2 = fma(w, y0, a0), fma(w, y1, a1), fma(w, y2, a2)
        a3, a4, a5 = fma(w, y3, a3), fma(w, y4, a4), fma(w, y5, a5)
        w = load_row(weights, row + 1, j)
        b0, b1, b2 = fma(w, y0, b0), fma(w, y1, b1), fma(w, y2, b2)
        b3, b4, b5 = fma(w, y3, b3), fma(w, y4, b4), fma(w, y5, b5)
        w = load_row(weights, row + 2, j)
        c0, c1, c2 = fma(w, y0, c0), fma(w, y1, c1), fma(w, y2, c2)
        c3, c4, c5 = fma(w, y3, c3), fma(w, y4, c4), fma(w, y5, c5)
        w = load_row(weights, row + 3, j)
        d0, d1, d2 = fma(w, y0, d0), fma(w, y1, d1), fma(w, y2, d2)
        d3, d4, d5 = fma(w, y3, d3), fma(w, y4, d4), fma(w, y5, d5)
    one, two, three, four = sums[chosen[row]], sums[chosen[row + 1]], sums[chosen[row + 2]], sums[chosen[row + 3]]
    add_totals(one, 1 + k, a0, a1, one, 3 + k, a2, a3)
    add_totals(two, 1 + k, b0, b1, two, 3 + k, b2, b3)
    add_totals(three, 1 + k, c0, c1, three, 3 + k, c2, c3)
    add_totals(four, 1 + k, d0, d1, four, 3 + k, d2, d3)
    add_totals(one, 5 + k, a4, a5, two, 5 + k, b4, b5)
    add_totals(three, 5 + k, c4, c5, four, 5 + k, d4, d5)


@exact
def add_rest(
    tile: FloatArray, k: int, stop: int, weights: FloatArray, row: int, chosen: IntArray, sums: FloatArray
) -> None:
    """Add one coordinate of the sums of w y of three queries, from `row`, to sums[chosen, 1 + k]."""
    a0, b0, c0 = splat(0.0), splat(0.0), splat(0.0)
    a1, b1, c1 = splat(0.0), splat(0.0), splat(0.0)
    for j in range(0, stop, 2 * LANES):
        y = load_row(tile, k, j)
        a0, b0 = fma(load_row(weights, row, j), y, a0), fma(load_row(weights, row + 1, j), y, b0)
        c0 = fma(load_row(weights, row + 2, j), y, c0)
        y, n = load_row(tile, k, j + LANES), j + LANES
        a1, b1 = fma(load_row(weights, row, n), y, a1), fma(load_row(weights, row + 1, n), y, b1)
        c1 = fma(load_row(weights, row + 2, n), y, c1)
    sums[chosen[row], 1 + k] += total(a0 + a1)
    sums[chosen[row + 1], 1 + k] += total(b0 + b1)
    sums[chosen[row + 2], 1 + k] += total(c0 + c1)


#: Queries of the loops, and coordinates of the second.
PRODUCT_ROWS, SUM_ROWS, REST_ROWS, COORDINATES = (6, 4, 3, 6) if LANES == 8 else (3, 3, 3, 4)
add_products = products_of_six if LANES == 8 else products_of_three
add_sums = sums_of_four if LANES == 8 else sums_of_three
