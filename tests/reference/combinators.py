"""Products, mixtures and isometric images of measures."""

from mpmath import mp, mpf

from .arithmetic import add, apply, dot, exact, moved, multiply, norm, scale, subtract, transpose
from .records import Input, Tilt, wrapped


class Product:
    """Independent parts in consecutive coordinates; `dimensions` are the ambient dimensions of the parts."""

    def __init__(self, dimensions, measures):
        self.dimensions, self.measures = dimensions, measures

    def _parts(self, z):
        start = 0
        for dimension, measure in zip(self.dimensions, self.measures, strict=True):
            yield measure, z[start : start + dimension]
            start += dimension

    def tilt(self, z, s):
        tilts = [measure.tilt(part, s) for measure, part in self._parts(z)]
        return Tilt(
            mp.fsum(tilt.log_mass for tilt in tilts),
            [v for tilt in tilts for v in tilt.mean],
            [v for tilt in tilts for v in tilt.displacement],
        )

    def covariance(self, z, s):
        d = len(z)
        result, start = [], 0
        for measure, part in self._parts(z):
            for row in measure.covariance(part, s):
                result.append([mpf(0)] * start + row + [mpf(0)] * (d - start - len(row)))
            start += len(part)
        return result

    def log_scale(self, z, s):
        total = abs(self.tilt(z, s).log_mass)
        return max(total, *[measure.log_scale(part, s) for measure, part in self._parts(z)])

    def inputs(self, z, s):
        found = []
        for k, (measure, part) in enumerate(self._parts(z)):

            def rebuild(new, k=k):
                return Product(self.dimensions, [new if i == k else old for i, old in enumerate(self.measures)])

            found += wrapped(measure.inputs(part, s), rebuild, str(k))
        return found


class Mixture:
    """sum_i w_i pi_i / sum_i w_i."""

    def __init__(self, measures, weights=None):
        self.measures = measures
        self.uniform = weights is None
        self.weights = [mpf(1)] * len(measures) if weights is None else exact(weights)

    def _softmax(self, z, s):
        tilts = [measure.tilt(z, s) for measure in self.measures]
        exponents = [
            mp.log(w) + tilt.log_mass if w > 0 else mp.ninf for w, tilt in zip(self.weights, tilts, strict=True)
        ]
        top = max(exponents)
        raw = [mp.exp(e - top) if e > mp.ninf else mpf(0) for e in exponents]
        total = mp.fsum(raw)
        return tilts, top + mp.log(total), [r / total for r in raw]

    def tilt(self, z, s):
        tilts, log_sum, shares = self._softmax(z, s)
        displacement = [
            mp.fdot((p, t.displacement[j]) for p, t in zip(shares, tilts, strict=True)) for j in range(len(z))
        ]
        return Tilt(log_sum - mp.log(mp.fsum(self.weights)), add(z, displacement), displacement)

    def covariance(self, z, s):
        tilts, _, shares = self._softmax(z, s)
        center = self.tilt(z, s).displacement
        d = len(z)
        result = [[mpf(0)] * d for _ in range(d)]
        for p, tilt, measure in zip(shares, tilts, self.measures, strict=True):
            if p:
                inner, offset = measure.covariance(z, s), subtract(tilt.displacement, center)
                for i in range(d):
                    for j in range(d):
                        result[i][j] += p * (inner[i][j] + offset[i] * offset[j])
        return result

    def log_scale(self, z, s):
        """The largest logarithm among the parts that carry a share of at least 1e-20."""
        _, log_sum, shares = self._softmax(z, s)
        live = [measure for p, measure in zip(shares, self.measures, strict=True) if p > mpf(10) ** -20]
        return max(abs(log_sum), *[measure.log_scale(z, s) for measure in live])

    def inputs(self, z, s):
        _, _, shares = self._softmax(z, s)
        found = []
        for k, measure in enumerate(self.measures):
            if shares[k] < mpf(10) ** -60:
                continue  # leaving out a part that carries nothing can only make the bound stricter

            def rebuild(new, k=k):
                parts = [new if i == k else old for i, old in enumerate(self.measures)]
                return Mixture(parts, None if self.uniform else self.weights)

            found += wrapped(measure.inputs(z, s), rebuild, str(k))
        if not self.uniform:
            # Relative to each weight, as for point clouds.
            moves = [
                lambda h, i=i: Mixture(self.measures, moved(self.weights, i, h * self.weights[i]))
                for i in range(len(self.measures))
            ]
            found.append(Input("weights", mpf(1), moves))
        return found


class Embedded:
    """Image of a measure on R^m under u -> origin + Q u, Q the orthonormal matrix nearest to the given one."""

    def __init__(self, measure, basis, origin=None):
        self.measure = measure
        self.basis = _orthonormal(exact(basis))
        self.centred = origin is None
        self.origin = [mpf(0)] * len(self.basis) if origin is None else exact(origin)

    def _split(self, z):
        """Coordinates of z - origin in the range of Q, and the part across it."""
        offset = subtract(z, self.origin)
        inner = apply(transpose(self.basis), offset)
        return inner, subtract(offset, apply(self.basis, inner))

    def tilt(self, z, s):
        inner, across = self._split(z)
        tilt = self.measure.tilt(inner, s)
        displacement = subtract(apply(self.basis, tilt.displacement), across)
        return Tilt(tilt.log_mass - dot(across, across) / (2 * s), add(z, displacement), displacement)

    def covariance(self, z, s):
        inner, _ = self._split(z)
        return multiply(multiply(self.basis, self.measure.covariance(inner, s)), transpose(self.basis))

    def log_scale(self, z, s):
        inner, _ = self._split(z)
        return max(abs(self.tilt(z, s).log_mass), self.measure.log_scale(inner, s))

    def inputs(self, z, s):
        inner, _ = self._split(z)
        d = len(z)
        origin = None if self.centred else self.origin
        found = wrapped(self.measure.inputs(inner, s), lambda new: Embedded(new, self.basis, origin), "inner")
        tried = range(d) if d <= 6 else [0, 1, d - 1]
        size = mp.sqrt(mp.fsum(v * v for row in self.basis for v in row))
        turns = [(i, j) for i in tried for j in tried if i < j]
        rotations = [lambda h, i=i, j=j: self._turned(i, j, h, origin) for i, j in turns]
        found.append(
            Input("basis", size, [r for r, (i, j) in zip(rotations, turns, strict=True) if self._turns(i, j)], False)
        )
        if not self.centred:
            shifts = [lambda h, i=i: Embedded(self.measure, self.basis, moved(self.origin, i, h)) for i in tried]
            found.append(Input("origin", norm(self.origin), shifts))
        return found

    def _turns(self, i, j):
        return any(self.basis[i]) or any(self.basis[j])

    def _turned(self, i, j, h, origin):
        """Rows i and j turned into one another, so that the matrix moves by h in the Frobenius norm, to first order."""
        length = mp.sqrt(dot(self.basis[i], self.basis[i]) + dot(self.basis[j], self.basis[j]))
        rows = list(self.basis)
        rows[i] = add(self.basis[i], scale(h / length, self.basis[j]))
        rows[j] = subtract(self.basis[j], scale(h / length, self.basis[i]))
        return Embedded(self.measure, rows, origin)


def _orthonormal(rows):
    """Polar factor by the Newton-Schulz iteration, which doubles the digits each time; exact matrices are kept."""
    for _ in range(12):
        gram = multiply(transpose(rows), rows)
        defect = max(abs(v - (i == j)) for i, row in enumerate(gram) for j, v in enumerate(row))
        if defect < mpf(10) ** (3 - mp.dps):
            return rows
        m = len(gram)
        step = [[(3 * (i == j) - gram[i][j]) / mpf(2) for j in range(m)] for i in range(m)]
        rows = multiply(rows, step)
    raise ArithmeticError("the basis is too far from orthonormal for the iteration to settle")
