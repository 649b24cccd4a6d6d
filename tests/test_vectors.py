"""Operations on vectors of registers: each one against numpy, and 2**x against exact arithmetic."""

import numpy as np
import pytest

from manifold_scores.compute import compilation, error_free, register_tiles, vectors
from manifold_scores.compute.vector_exponential import exp2_of_four
from manifold_scores.compute.vectors import GROUP, LANES
from tests.test_kernels import EXP2_ULPS, _ulps

EPSILON = np.finfo(np.float64).eps


@compilation.exact
def _all(u, v, rows, out):
    a, b = vectors.load(u, 0), vectors.load(v, 0)
    vectors.store(out[0], 0, a + b)
    vectors.store(out[1], 0, a - b)
    vectors.store(out[2], 0, a * b)
    vectors.store(out[3], 0, vectors.fma(a, b, vectors.splat(2.0)))
    vectors.store(out[4], 0, vectors.fms(a, b, a * b))
    vectors.store(out[5], 0, vectors.larger(a, b))
    vectors.store(out[6], 0, vectors.scaled(a, vectors.splat(6755399441055744.0 - 3.0)))
    vectors.store(out[7], 1, vectors.load_row(rows, 2, 3))
    return vectors.total(a), vectors.largest(a)


def _halved(values):
    while len(values) > 1:
        values = values[: len(values) // 2] + values[len(values) // 2 :]
    return values[0]


@pytest.mark.parametrize("seed", range(20))
def test_every_operation_is_what_numpy_does(seed):
    rng = np.random.default_rng(seed)
    u, v = rng.standard_normal((2, LANES)) * 10.0 ** rng.integers(-5, 5, (2, 1))
    rows, out = rng.standard_normal((4, 3 * LANES)), np.zeros((8, LANES + 2))
    total, largest = _all(u, v, rows, out)
    wanted = [u + v, u - v, u * v, u * v + 2.0, None, np.maximum(u, v), np.ldexp(u, -3)]
    for row in (0, 1, 2, 5, 6):
        np.testing.assert_array_equal(out[row, :LANES], wanted[row])
    np.testing.assert_allclose(out[3, :LANES], wanted[3], rtol=0, atol=2 * EPSILON * (np.abs(u * v) + 2).max())
    lost = [error_free.product_error(*pair) for pair in zip(u, v, u * v, strict=True)]
    np.testing.assert_array_equal(out[4, :LANES], lost)  # rounded once: the error of the product, exactly
    np.testing.assert_array_equal(out[7, 1 : LANES + 1], rows[2, 3 : LANES + 3])
    assert out[7, 0] == out[7, LANES + 1] == 0.0  # and nothing beside it
    assert total == _halved(u)
    assert largest == u.max()


@compilation.exact
def _powers(exponents, out):
    for j in range(0, exponents.size, 4 * LANES):
        a, b, c, d = exp2_of_four(
            vectors.load(exponents, j), vectors.load(exponents, j + LANES),
            vectors.load(exponents, j + 2 * LANES), vectors.load(exponents, j + 3 * LANES),
        )  # fmt: skip
        vectors.store(out, j, a)
        vectors.store(out, j + LANES, b)
        vectors.store(out, j + 2 * LANES, c)
        vectors.store(out, j + 3 * LANES, d)


def _exp2(exponents):
    padded = np.zeros(-(-len(exponents) // (4 * LANES)) * 4 * LANES)
    padded[: len(exponents)] = exponents
    out = np.empty(len(padded))
    _powers(padded, out)
    return out[: len(exponents)]


def test_powers_of_two_are_within_their_rounding_bound():
    rng = np.random.default_rng(0)
    exponents = np.concatenate([
        rng.uniform(-900, 1023, 2000), rng.uniform(-60, 1, 2000), rng.uniform(-0.51, 0.51, 4000),
        np.arange(-20, 20) + 0.5, np.nextafter(np.arange(-20, 20) + 0.5, 99.0), [0.0, -0.0, 5e-324, 1e-17, -1e-17],
    ])  # fmt: skip
    assert max(_ulps(exponents, _exp2(exponents))) <= EXP2_ULPS


def test_powers_of_two_are_exact_at_integers_and_have_a_floor():
    exponents = np.arange(-900.0, 1024.0)
    np.testing.assert_array_equal(_exp2(exponents), np.ldexp(1.0, exponents.astype(int)))
    np.testing.assert_array_equal(_exp2(np.array([-900.5, -1e9, -1e290])), 2.0**-900)


@compilation.exact
def _two_sum(u, v, out):
    a, b = vectors.load(u, 0), vectors.load(v, 0)
    vectors.store(out, 0, error_free.sum_error(a, b, a + b))


def test_errors_of_sums_of_vectors_are_exact():
    rng = np.random.default_rng(1)
    u, v = rng.standard_normal(LANES) * 10.0 ** rng.integers(-9, 9, LANES), rng.standard_normal(LANES)
    out = np.empty(LANES)
    _two_sum(u, v, out)
    plain = [error_free.sum_error.py_func(float(a), float(b), float(a + b)) for a, b in zip(u, v, strict=True)]
    np.testing.assert_array_equal(out, plain)


@compilation.exact
def _four_totals(rows, sums, more):
    vectors.add_totals(
        sums, 1, vectors.load_row(rows, 0, 0), vectors.load_row(rows, 1, 0), more, 2, vectors.load_row(rows, 2, 0),
        vectors.load_row(rows, 3, 0),
    )  # fmt: skip


def test_four_totals_at_once_are_the_totals():
    rows = np.random.default_rng(2).standard_normal((4, LANES))
    sums, more = np.arange(4.0), np.arange(4.0)
    _four_totals(rows, sums, more)
    totals = [_halved(row) for row in rows]
    np.testing.assert_array_equal(sums, [0.0, 1.0 + totals[0], 2.0 + totals[1], 3.0])
    np.testing.assert_array_equal(more, [0.0, 1.0, 2.0 + totals[2], 3.0 + totals[3]])


@pytest.mark.parametrize("rows", [3, 6])
def test_register_tiles_of_products(rows):
    add = {3: register_tiles.products_of_three, 6: register_tiles.products_of_six}[rows]
    rng = np.random.default_rng(3)
    tile, centers, out = (
        rng.standard_normal((7, 2 * GROUP)),
        rng.standard_normal((2 * rows, 7)),
        np.full((12, 2 * GROUP), np.nan),
    )
    add(tile, GROUP, 0, 4, centers, rows, out)
    add(tile, GROUP, 4, 7, centers, rows, out)
    close = centers[rows:] @ tile[:, GROUP:]
    np.testing.assert_allclose(out[rows : 2 * rows, GROUP : 2 * GROUP], close, rtol=0.0, atol=1e-14)
    assert np.isnan(out).sum() == out.size - rows * GROUP


@pytest.mark.parametrize(("rows", "coordinates"), [(3, 4), (4, 6), (3, 1)])
def test_register_tiles_of_sums(rows, coordinates):
    add = {4: register_tiles.sums_of_three, 6: register_tiles.sums_of_four, 1: register_tiles.add_rest}[coordinates]
    rng = np.random.default_rng(4)
    tile, weights, before = rng.standard_normal((9, GROUP)), rng.uniform(size=(12, GROUP)), rng.standard_normal((5, 10))
    sums, chosen = before.copy(), np.array([9, 9, 4, 0, 2, 3, 9])
    add(tile, 2, GROUP, weights, 2, chosen, sums)
    wanted = before.copy()
    for row in range(2, 2 + rows):
        wanted[chosen[row], 3 : 3 + coordinates] += tile[2 : 2 + coordinates] @ weights[row]
    np.testing.assert_allclose(sums, wanted, rtol=0.0, atol=1e-13)
