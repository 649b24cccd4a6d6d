"""Weighted points: a direct sum over the points."""

from mpmath import mp, mpf

from .arithmetic import exact, moved, norm, scale, subtract
from .records import Input, Tilt

ALL_COLUMNS = 64
"""Up to this many entries every entry of the array of points is moved; beyond, those of the heaviest points."""


class PointCloud:
    """Law sum_i w_i delta_{y_i} / sum_i w_i."""

    def __init__(self, points, weights=None):
        self.points = exact(points)
        self.uniform = weights is None
        self.weights = [mpf(1)] * len(self.points) if weights is None else exact(weights)

    def _softmax(self, z, s):
        """Exponents log w_i - |z - y_i|^2 / 2s, differences y_i - z, and the normalised weights under the tilt."""
        offsets = [subtract(y, z) for y in self.points]
        exponents = [
            mp.log(w) - mp.fsum(offset, squared=True) / (2 * s) if w > 0 else mp.ninf
            for w, offset in zip(self.weights, offsets, strict=True)
        ]
        top = max(exponents)
        # Shares below the working precision of the largest one are zero to all its digits.
        floor = -mp.log(10) * (mp.dps + 10)
        raw = [mp.exp(e - top) if e - top > floor else mpf(0) for e in exponents]
        total = mp.fsum(raw)
        return top, total, offsets, [r / total for r in raw]

    def tilt(self, z, s):
        top, total, offsets, shares = self._softmax(z, s)
        live = [(p, offset) for p, offset in zip(shares, offsets, strict=True) if p]
        displacement = [mp.fdot((p, offset[j]) for p, offset in live) for j in range(len(z))]
        log_mass = top + mp.log(total) - mp.log(mp.fsum(self.weights))
        return Tilt(log_mass, [a + b for a, b in zip(z, displacement, strict=True)], displacement)

    def covariance(self, z, s):
        _, _, offsets, shares = self._softmax(z, s)
        center = self.tilt(z, s).displacement
        spread = [(p, subtract(offset, center)) for p, offset in zip(shares, offsets, strict=True) if p]
        d = len(z)
        return [[mp.fsum(p * v[i] * v[j] for p, v in spread) for j in range(d)] for i in range(d)]

    def log_scale(self, z, s):
        return abs(self.tilt(z, s).log_mass)

    def inputs(self, z, s):
        n, d = len(self.points), len(z)
        _, _, offsets, shares = self._softmax(z, s)
        heaviest = sorted(range(n), key=lambda i: -shares[i])
        size = mp.sqrt(mp.fsum(v * v for y in self.points for v in y))

        def entry(i, j):
            return lambda h: self._with_point(i, moved(self.points[i], j, h))

        def radial(i):
            direction = scale(1 / norm(offsets[i]), offsets[i])
            return lambda h: self._with_point(i, [a + h * b for a, b in zip(self.points[i], direction, strict=True)])

        if n * d <= ALL_COLUMNS:
            found = [Input("points", size, [entry(i, j) for i in range(n) for j in range(d)])]
        elif d <= 3:
            found = [Input("points", size, [entry(i, j) for i in heaviest[: ALL_COLUMNS // d] for j in range(d)])]
        else:
            # Along y_i - z the exponent moves fastest; across it, the mean alone moves.
            along = [radial(i) for i in heaviest[:3] if any(offsets[i])]
            found = [Input("points", size, [*along, entry(heaviest[0], 0)], orthogonal=False)]
        if not self.uniform:
            # Each weight moves relative to itself: moving 1e-300 by a part of 1 would make every bound empty.
            moves = [
                lambda h, i=i: PointCloud(self.points, moved(self.weights, i, h * self.weights[i]))
                for i in heaviest[:20]
            ]
            found.append(Input("weights", mpf(1), moves))
        return found

    def _with_point(self, i, point):
        points = [point if k == i else y for k, y in enumerate(self.points)]
        return PointCloud(points, None if self.uniform else self.weights)
