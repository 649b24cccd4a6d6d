"""Normal laws with full or deficient rank: elimination on C + sI, block by block.

C + sI has full rank for every s > 0, so the moments need no rank: the given float64 matrix is taken as it stands. The
condition number does need it. Moves of C are congruences, (I + E) C (I + E)^T, which keep the rank of every block, with
E_ij = (C_ii / C_jj)^{1/2} / 2 so that each entry moves relative to its own diagonal entries, and in blocks of full
rank, decided exactly in rational numbers, moves of each entry relative to itself. All of these are smaller than moves
relative to the norm of C: a matrix with entries from 1e-8 to 1e8 is held to the accuracy of each.
"""

from fractions import Fraction

import numpy as np
from mpmath import mp, mpf

from .arithmetic import exact, moved, norm, subtract
from .records import Input, Tilt

ALL_COLUMNS = 10
"""Up to this dimension every congruence E = e_i e_j^T is tried; beyond, those of a few coordinates."""


class Gaussian:
    """N(mean, covariance); the covariance is kept as the dictionary of its non-zero entries."""

    def __init__(self, mean, covariance):
        self.center = exact(mean)
        if isinstance(covariance, dict):
            self.entries = covariance
        else:
            matrix = np.asarray(covariance, dtype=np.float64)
            self.entries = {(int(i), int(j)): exact(matrix[i, j]) for i, j in zip(*np.nonzero(matrix), strict=True)}
        self.blocks = _blocks(len(self.center), self.entries)

    def _block(self, block, s):
        c = [[self.entries.get((i, j), mpf(0)) for j in block] for i in block]
        return c, _factor([[v + s if i == j else v for j, v in enumerate(row)] for i, row in enumerate(c)])

    def tilt(self, z, s):
        offset = subtract(z, self.center)
        displacement = [mpf(0)] * len(z)
        log_mass = []
        for block in self.blocks:
            _, factor = self._block(block, s)
            v = [offset[i] for i in block]
            solved = _solve(factor, v)
            for i, value in zip(block, solved, strict=True):
                displacement[i] = -s * value
            log_mass.append(-mp.fdot(zip(v, solved, strict=True)) / 2)
            log_mass.extend(-mp.log(factor[i][i] / s) / 2 for i in range(len(block)))
        return Tilt(mp.fsum(log_mass), [a + b for a, b in zip(z, displacement, strict=True)], displacement)

    def covariance(self, z, s):
        d = len(z)
        result = [[mpf(0)] * d for _ in range(d)]
        for block in self.blocks:
            c, factor = self._block(block, s)
            for column, j in enumerate(block):
                solved = _solve(factor, [row[column] for row in c])
                for i, value in zip(block, solved, strict=True):
                    result[i][j] = s * value
        return result

    def log_scale(self, z, s):
        return abs(self.tilt(z, s).log_mass)

    def inputs(self, z, s):
        d = len(z)
        tried = range(d) if d <= ALL_COLUMNS else [0, 1, 2, d // 2, d - 1]
        shifts = [lambda h, i=i: Gaussian(moved(self.center, i, h), self.entries) for i in tried]
        # Between different blocks a congruence would join them: only in small dimensions, where blocks are few.
        used = [i for i in tried if (i, i) in self.entries]
        pairs = [(i, j) for i in used for j in used] if d <= ALL_COLUMNS else [(i, i) for i in used]
        columns = {j: {k: v for (k, c), v in self.entries.items() if c == j} for j in used}
        changes = [_congruence(i, columns[j], mp.sqrt(self.entries[i, i] / self.entries[j, j]) / 2) for i, j in pairs]
        for block in self.blocks:
            if len(block) <= ALL_COLUMNS and set(block) & set(tried) and self._has_full_rank(block):
                entries = [(i, j) for i in block for j in block if i <= j and (i, j) in self.entries]
                changes += [{(i, j): self.entries[i, j], (j, i): self.entries[i, j]} for i, j in entries]
        moves = [lambda h, change=change: self._changed(change, h) for change in changes]
        return [Input("mean", norm(self.center), shifts), Input("covariance", mpf(1), moves, orthogonal=False)]

    def _has_full_rank(self, block):
        """Exact elimination: float64 entries are rational numbers."""
        rows = [[_fraction(self.entries.get((i, j), mpf(0))) for j in block] for i in block]
        for k in range(len(rows)):
            if not rows[k][k]:
                return False  # a positive semi-definite matrix with a zero pivot has lost rank
            for i in range(k + 1, len(rows)):
                ratio = rows[i][k] / rows[k][k]
                rows[i] = [a - ratio * b for a, b in zip(rows[i], rows[k], strict=True)]
        return True

    def _changed(self, change, h):
        entries = dict(self.entries)
        for key, value in change.items():
            entries[key] = entries.get(key, mpf(0)) + h * value
        return Gaussian(self.center, entries)


def _fraction(value):
    sign, mantissa, exponent, _ = value._mpf_
    return (-1) ** sign * Fraction(mantissa) * Fraction(2) ** exponent


def _congruence(i, column, size):
    """First-order change of C under C -> (I + E) C (I + E)^T with E = size e_i e_j^T, from the column j of C."""
    change = {}
    for k, value in column.items():
        change[i, k] = change.get((i, k), mpf(0)) + size * value
        change[k, i] = change.get((k, i), mpf(0)) + size * value
    return change


def _blocks(d, entries):
    """Sets of coordinates that the matrix couples; C is block diagonal over them."""
    parent = list(range(d))

    def root(i):
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for i, j in entries:
        parent[root(i)] = root(j)
    blocks = {}
    for i in range(d):
        blocks.setdefault(root(i), []).append(i)
    return list(blocks.values())


def _factor(a):
    """L D L^T of a symmetric positive definite matrix; D on the diagonal, the strict lower triangle of L below it."""
    n = len(a)
    for k in range(n):
        for i in range(k + 1, n):
            ratio = a[i][k] / a[k][k]
            if ratio:
                for j in range(k + 1, i + 1):
                    a[i][j] -= ratio * a[j][k]
        for i in range(k + 1, n):
            a[i][k] /= a[k][k]
    return a


def _solve(factor, v):
    """Solution of (L D L^T) x = v."""
    n = len(v)
    x = list(v)
    for i in range(n):
        x[i] -= mp.fdot((factor[i][j], x[j]) for j in range(i))
    x = [value / factor[i][i] for i, value in enumerate(x)]
    for i in reversed(range(n)):
        x[i] -= mp.fdot((factor[j][i], x[j]) for j in range(i + 1, n))
    return x
