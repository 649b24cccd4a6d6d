"""Closed forms of the tilted moments in ball arithmetic (theory.md, section 2, in natural parameters)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import flint
from flint import arb, arb_mat

from ..measures import BoxLaw, Embedded, Gaussian, Mixture, PointCloud, Product, SegmentLaw, SphereLaw
from ..measures.parametric import ParametricLaw
from .balls import Law, Moments, Vector, ball, dot, exact, largest_norm, norm, softmax
from .curves import CurveLaw
from .truncated_normal import interval_tilt

__all__ = ["certified"]


class _Points:
    """sum_i w_i delta_{y_i}: a softmax of log w_i + <eta, y_i> - lambda |y_i|^2/2."""

    def __init__(self, measure: PointCloud) -> None:
        # The given weights up to a common power of two; `weights` are those rounded by a division.
        points, mantissas, exponents = measure.part.entries()
        self._points = [exact(point) for point in points]
        self._weights = [arb(float(m)) * arb(2) ** int(e) for m, e in zip(mantissas, exponents, strict=True)]

    def size(self) -> arb:
        return max((largest_norm(y) for y in self._points), key=float)

    def tilt(self, eta: Vector, lam: arb) -> Moments:
        exponents = [
            w.log() + sum(((e - lam * v / 2) * v for e, v in zip(eta, y, strict=True)), arb(0))
            for w, y in zip(self._weights, self._points, strict=True)
        ]
        log_sum, shares = softmax(exponents)
        mean = [dot(shares, column) for column in zip(*self._points, strict=True)]
        return Moments(log_sum - sum(self._weights, arb(0)).log(), mean)


class _Normal:
    """N(mu, C) with A = I + lambda C and g = eta - lambda mu: the mean is mu + C A^{-1} g.

    log mass = <eta, mu> - lambda |mu|^2/2 + <g, C A^{-1} g>/2 - log det(A)/2.  A, not C, has to be positive definite;
    the elimination proves it.
    """

    def __init__(self, measure: Gaussian) -> None:
        self._mean = exact(measure._mean)
        self._covariance = [exact(row) for row in measure._covariance]

    def size(self) -> arb:
        trace = sum((row[i] for i, row in enumerate(self._covariance)), arb(0))
        return (dot(self._mean, self._mean) + trace).sqrt().upper()

    def tilt(self, eta: Vector, lam: arb) -> Moments:
        g = [e - lam * m for e, m in zip(eta, self._mean, strict=True)]
        log_det, solved = self._solve(lam, g)
        shift = [dot(row, solved) for row in self._covariance]
        log_mass = dot(eta, self._mean) - lam * dot(self._mean, self._mean) / 2 + (dot(g, shift) - log_det) / 2
        return Moments(log_mass, [m + v for m, v in zip(self._mean, shift, strict=True)])

    def _solve(self, lam: arb, g: Vector) -> tuple[arb, Vector]:
        """Return log det(A) and A^{-1} g by elimination, L D L^T."""
        a = [[lam * v + (1 if i == j else 0) for j, v in enumerate(row)] for i, row in enumerate(self._covariance)]
        n, x, log_det = len(a), list(g), arb(0)
        for k in range(n):
            if a[k][k] <= 0:
                raise ArithmeticError(
                    "the covariance of the Gaussian, taken as exact, has a negative eigenvalue beyond -s "
                    "(s the effective variance): no such law exists"
                )
            log_det += a[k][k].log()  # not finite where the pivot contains 0: then more digits are needed
            for i in range(k + 1, n):
                if a[i][k] != 0:
                    ratio = a[i][k] / a[k][k]
                    x[i] -= ratio * x[k]
                    for j in range(k + 1, n):
                        a[i][j] -= ratio * a[k][j]
        for k in reversed(range(n)):
            x[k] = (x[k] - dot(a[k][k + 1 :], x[k + 1 :])) / a[k][k]
        return log_det, x


class _Sphere:
    """Density ~ exp(c <m, y>/R), m = mean_direction divided by its length, on the sphere of radius R."""

    def __init__(self, measure: SphereLaw) -> None:
        self._radius, self._concentration = arb(measure.radius), arb(measure.concentration)
        self._direction = exact(measure.mean_direction)

    def size(self) -> arb:
        return self._radius

    def tilt(self, eta: Vector, lam: arb) -> Moments:
        factor = self._concentration / norm(self._direction)
        natural = [self._radius * e + factor * m for e, m in zip(eta, self._direction, strict=True)]
        log_integral, ratio = _axial(len(eta), dot(natural, natural))
        log_constant, _ = _axial(len(eta), self._concentration**2)
        mean = [self._radius * ratio * v for v in natural]
        return Moments(log_integral - log_constant - lam * self._radius**2 / 2, mean)


def _axial(k: int, square: arb) -> tuple[arb, arb]:
    """Return log F(r) and F'(r)/(r F(r)), r^2 = square, F(r) the mean of exp(r u_1) over the unit sphere of R^k.

    F(r) = 0F1(k/2; r^2/4) = Gamma(k/2) (2/r)^{k/2-1} I_{k/2-1}(r); the series is for r^2 < k, where its terms
    fall from the start.
    """
    half = arb(k) / 2
    if square < k:
        value = (square / 4).hypgeom_0f1(half)
        return value.log(), (square / 4).hypgeom_0f1(half + 1) / value / k
    r = square.sqrt()
    low, high = r.bessel_i(half - 1, scaled=True), r.bessel_i(half, scaled=True)
    return half.lgamma() + (half - 1) * (2 / r).log() + r + low.log(), high / low / r


class _Segment:
    """Uniform on start + tau (end - start), tau in [0, 1]."""

    def __init__(self, measure: SegmentLaw) -> None:
        self._start, self._end = exact(measure.start), exact(measure.end)

    def size(self) -> arb:
        return max(largest_norm(self._start), largest_norm(self._end), key=float)

    def tilt(self, eta: Vector, lam: arb) -> Moments:
        start = self._start
        step = [b - a for a, b in zip(start, self._end, strict=True)]
        along = dot(step, eta) - lam * dot(step, start)
        log_mass, tau = interval_tilt(arb(0), arb(1), along, lam * dot(step, step))
        log_mass += dot(eta, start) - lam * dot(start, start) / 2
        return Moments(log_mass, [a + tau * b for a, b in zip(start, step, strict=True)])


class _Box:
    """Uniform on a box: one interval per coordinate."""

    def __init__(self, measure: BoxLaw) -> None:
        self._sides = list(zip(exact(measure.lower), exact(measure.upper), strict=True))

    def size(self) -> arb:
        return sum((a * a + b * b for a, b in self._sides), arb(0)).sqrt().upper()

    def tilt(self, eta: Vector, lam: arb) -> Moments:
        parts = [interval_tilt(a, b, e, lam) for (a, b), e in zip(self._sides, eta, strict=True)]
        return Moments(sum((log_mass for log_mass, _ in parts), arb(0)), [mean for _, mean in parts])


class _Product:
    """Independent blocks: log masses add up, means are concatenated."""

    def __init__(self, measure: Product) -> None:
        self._parts = [(certified(part), part.ambient_dimension) for part in measure.measures]

    def size(self) -> arb:
        return largest_norm(law.size() for law, _ in self._parts)

    def tilt(self, eta: Vector, lam: arb) -> Moments:
        log_mass, start = arb(0), 0
        mean: Vector = []
        for law, d in self._parts:
            part = law.tilt(eta[start : start + d], lam)
            log_mass, start = log_mass + part.log_mass, start + d
            mean += part.mean
        return Moments(log_mass, mean)


class _Mixture:
    """sum_j w_j pi_j / sum_j w_j with the weights that the mixture holds."""

    def __init__(self, measure: Mixture) -> None:
        kept = [(w, part) for w, part in zip(measure.weights.tolist(), measure.measures, strict=True) if w > 0.0]
        self._weights = [arb(w) for w, _ in kept]
        self._laws = [certified(part) for _, part in kept]

    def size(self) -> arb:
        return max((law.size() for law in self._laws), key=float)

    def tilt(self, eta: Vector, lam: arb) -> Moments:
        parts = [law.tilt(eta, lam) for law in self._laws]
        log_sum, shares = softmax([w.log() + part.log_mass for w, part in zip(self._weights, parts, strict=True)])
        mean = [dot(shares, column) for column in zip(*(part.mean for part in parts), strict=True)]
        return Moments(log_sum - sum(self._weights, arb(0)).log(), mean)


class _Embedded:
    """The image under u -> origin + Q u, Q the orthonormal matrix nearest to the given basis B.

    B is orthonormal up to rounding only, and the law of B u no isometric image.  With E = B^T B - I (at most 1e-12),
    Q = B (I + E)^{-1/2} = B sum_k binom(-1/2, k) E^k is the polar factor of B, the nearest one in every unitarily
    invariant norm.
    """

    def __init__(self, measure: Embedded) -> None:
        self._law = certified(measure.measure)
        self._origin = exact(measure.origin)
        self._basis = arb_mat([exact(row) for row in measure.basis])

    def size(self) -> arb:
        return largest_norm(self._origin) + self._law.size()

    def tilt(self, eta: Vector, lam: arb) -> Moments:
        rows = self._isometry()
        inner = [e - lam * o for e, o in zip(eta, self._origin, strict=True)]
        part = self._law.tilt([dot(column, inner) for column in zip(*rows, strict=True)], lam)
        log_mass = part.log_mass + dot(eta, self._origin) - lam * dot(self._origin, self._origin) / 2
        return Moments(log_mass, [o + dot(row, part.mean) for o, row in zip(self._origin, rows, strict=True)])

    def _isometry(self) -> list[Vector]:
        """Return the rows of Q; what the series leaves out is at most e^{K+1}/(1 - e), e = max row sum of |E|."""
        m = self._basis.ncols()
        identity = arb_mat([[int(i == j) for j in range(m)] for i in range(m)])
        defect = self._basis.transpose() * self._basis - identity
        e = max((sum((abs(v) for v in row), arb(0)).upper() for row in defect.tolist()), key=float)
        root, power, coefficient, rest, k = identity, identity, arb(1), e, 0
        while not rest < arb(2) ** -flint.ctx.prec:
            k += 1
            power, coefficient, rest = power * defect, coefficient * (1 - 2 * k) / (2 * k), rest * e
            root = root + power * coefficient
        rest = rest / (1 - e)
        widened = arb_mat([[ball(v, rest) for v in row] for row in root.tolist()])
        return (self._basis * widened).tolist()


def certified(measure: Any) -> Law:
    """Return the certified law of a measure.

    Raises
    ------
    TypeError : no rigorous evaluation is known for it.
    """
    if type(measure) is ParametricLaw:
        if measure not in _CURVES:
            _CURVES[measure] = CurveLaw(measure)
        return _CURVES[measure]
    make = _LAWS.get(type(measure))
    if make is None:
        raise TypeError(f"measure cannot be certified: nothing rigorous is known of {type(measure).__name__}")
    return make(measure)


# Compiled curves with the integrals of their densities, as long as the measures live.
_CURVES: WeakKeyDictionary[ParametricLaw, CurveLaw] = WeakKeyDictionary()

_LAWS: dict[type, Callable[[Any], Law]] = {
    PointCloud: _Points,
    Gaussian: _Normal,
    SphereLaw: _Sphere,
    SegmentLaw: _Segment,
    BoxLaw: _Box,
    Product: _Product,
    Mixture: _Mixture,
    Embedded: _Embedded,
}
