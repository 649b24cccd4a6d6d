"""Normal laws with full or deficient rank: elimination on C + sI, block by block.

C + sI has full rank for every s > 0, so no rank is decided here: the given float64 matrix is taken as it stands, and one
that is exactly singular stays so. Moves of C are congruences, (I + E) C (I + E)^T, which keep its rank; for a matrix of
full rank they reach every symmetric matrix.
"""

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
            rows = exact(covariance)
            self.entries = {(i, j): v for i, row in enumerate(rows) for j, v in enumerate(row) if v}
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
        size = mp.sqrt(mp.fsum(v * v for v in self.entries.values()))
        congruences = []
        # Between different blocks a congruence would join them: only in small dimensions, where blocks are few.
        pairs = [(i, j) for i in tried for j in tried] if d <= ALL_COLUMNS else [(i, i) for i in tried]
        columns = {j: {k: v for (k, c), v in self.entries.items() if c == j} for j in tried}
        for i, j in pairs:
            change = _congruence(i, columns[j])
            length = mp.sqrt(mp.fsum(v * v for v in change.values()))
            if length:
                congruences.append(lambda h, change=change, length=length: self._changed(change, h / length))
        return [Input("mean", norm(self.center), shifts), Input("covariance", size, congruences, orthogonal=False)]

    def _changed(self, change, h):
        entries = dict(self.entries)
        for key, value in change.items():
            entries[key] = entries.get(key, mpf(0)) + h * value
        return Gaussian(self.center, entries)


def _congruence(i, column):
    """First-order change of C under C -> (I + E) C (I + E)^T with E = e_i e_j^T, from the column j of C."""
    change = {}
    for k, value in column.items():
        change[i, k] = change.get((i, k), mpf(0)) + value
        change[k, i] = change.get((k, i), mpf(0)) + value
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
