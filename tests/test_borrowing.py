"""Arrays without an owner: the same numbers, which live as long as the caller's."""

import sys

import numpy as np

from manifold_scores.compute import compilation
from manifold_scores.compute.borrowing import borrowed


@compilation.exact
def _row(rows, k):
    return rows[k]


@compilation.parallel
def _double(first, last, rows, integers):
    rows, integers = borrowed((rows, integers))
    for k in range(first, last):
        row = _row(rows, k)
        for j in range(row.size):
            row[j] = 2.0 * row[j] + integers[k]


def test_writing_to_a_borrowed_array_is_seen_by_its_owner():
    rows, integers = np.arange(12.0).reshape(4, 3), np.arange(4)
    expected = 2.0 * rows + integers[:, None]
    before = sys.getrefcount(rows)
    _double(0, 4, rows, integers)
    np.testing.assert_array_equal(rows, expected)
    assert sys.getrefcount(rows) == before
    view = np.arange(24.0).reshape(4, 6)[:, ::2]
    expected = 2.0 * view + integers[:, None]
    _double(0, 4, view, integers)
    np.testing.assert_array_equal(view, expected)
