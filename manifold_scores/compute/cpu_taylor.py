"""Values and Taylor coefficients of polynomials in two variables: in float64, and as double-doubles."""

from __future__ import annotations

from .compilation import FloatArray, contracted, exact
from .error_free import product_error, sum_error


@contracted
def position(coefficients: FloatArray, n1: int, n2: int, a: float, b: float, out: FloatArray) -> None:
    """Fill `out` (r,) with y(a, b) on the panel with these coefficients (r or more, K2, K1) and degrees."""
    for i in range(out.size):
        total = 0.0
        for j in range(n2, -1, -1):
            inner = 0.0
            for k in range(n1, -1, -1):
                inner = inner * a + coefficients[i, j, k]
            total = total * b + inner
        out[i] = total


@exact
def _horner(c: FloatArray, low: FloatArray, n1: int, n2: int, a: float, b: float, axis: int) -> tuple[float, float]:
    """Return the polynomial (axis = -1) or a first derivative of it (axis = 0, 1) at (a, b) as a double-double.

    Compensated Horner (Graillat, Langlois, Louvet 2009): the rounding errors of the recurrence obey one themselves.
    """
    total, error = 0.0, 0.0
    for j in range(n2, -1 if axis != 1 else 0, -1):
        inner, inner_error = 0.0, 0.0
        for k in range(n1, -1 if axis != 0 else 0, -1):
            factor = 1.0
            if axis == 0:
                factor = float(k)
            elif axis == 1:
                factor = float(j)
            term = factor * c[j, k]
            product = inner * a
            added = product + term
            inner_error = inner_error * a + (
                product_error(inner, a, product)
                + sum_error(product, term, added)
                + (product_error(factor, c[j, k], term) + factor * low[j, k])
            )
            inner = added
        product = total * b
        added = product + inner
        error = error * b + (product_error(total, b, product) + sum_error(product, inner, added) + inner_error)
        total = added
    high = total + error
    return high, error - (high - total)


@exact
def exact_position(
    coefficients: FloatArray,
    lows: FloatArray,
    n1: int,
    n2: int,
    a: float,
    b: float,
    axis: int,
    high: FloatArray,
    low: FloatArray,
) -> None:
    """Fill (high, low) with y(a, b), or its derivative in xi_1 or xi_2 (axis = 0, 1), as double-doubles."""
    for i in range(high.size):
        high[i], low[i] = _horner(coefficients[i], lows[i], n1, n2, a, b, axis)


@contracted
def _divide(rows: FloatArray, n: int, m: int, a: float, width: int) -> None:
    """Turn coefficients of degree n, a polynomial in every column, into the first m + 1 Taylor coefficients at a."""
    for start in range(min(m + 1, n)):
        for j in range(n - 1, start - 1, -1):
            for k in range(width):
                rows[j, k] += a * rows[j + 1, k]


@contracted
def shift(
    c: FloatArray, n1: int, n2: int, a: float, b: float, h1: float, h2: float, m1: int, m2: int, rows: FloatArray,
    columns: FloatArray, out: FloatArray,
) -> None:  # fmt: skip
    """Fill out (c, K2, K1) with the Taylor coefficients up to degrees m1, m2 in tau, xi = (a + h1 tau_1, b + h2 tau_2).

    Synthetic division in one direction after the other; rows and columns are square scratch of max(n1, n2) + 4.
    """
    if n2 == 0:
        _shift_line(c, n1, a, h1, m1, columns, out)
    else:
        _shift_plane(c, n1, n2, a, b, h1, h2, m1, m2, rows, columns, out)


@contracted
def _shift_plane(
    c: FloatArray, n1: int, n2: int, a: float, b: float, h1: float, h2: float, m1: int, m2: int, rows: FloatArray,
    columns: FloatArray, out: FloatArray,
) -> None:  # fmt: skip
    """Do so for two parameters."""
    # Inner loops run over multiples of four: the compiler has no remainder to handle one by one.
    width, height = 4 * (n1 // 4 + 1), 4 * (m2 // 4 + 1)
    for i in range(c.shape[0]):
        for j in range(n2 + 1):
            for k in range(n1 + 1):
                rows[j, k] = c[i, j, k]
            for k in range(n1 + 1, width):
                rows[j, k] = 0.0
        for j in range(n2 + 1, height):
            for k in range(width):
                rows[j, k] = 0.0
        _divide(rows, n2, m2, b, width)
        power = 1.0
        for t in range(height):
            for k in range(n1 + 1):
                columns[k, t] = power * rows[t, k]
            power *= h2
        _divide(columns, n1, m1, a, height)
        power = 1.0
        for q in range(m1 + 1):
            for t in range(m2 + 1):
                out[i, t, q] = power * columns[q, t]
            power *= h1


@contracted
def _shift_line(c: FloatArray, n: int, a: float, h: float, m: int, line: FloatArray, out: FloatArray) -> None:
    """Do so for one parameter."""
    for i in range(c.shape[0]):
        for k in range(n + 1):
            line[0, k] = c[i, 0, k]
        for start in range(min(m + 1, n)):
            for k in range(n - 1, start - 1, -1):
                line[0, k] += a * line[0, k + 1]
        power = 1.0
        for q in range(m + 1):
            out[i, 0, q] = power * line[0, q]
            power *= h
