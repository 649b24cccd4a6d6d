"""Curves and surfaces to test with, and what a dense search without the package says about them."""

import dataclasses
import functools

import numpy as np

import manifold_scores as ms

TURN = 2 * np.pi


def stack(*columns):
    return np.stack(np.broadcast_arrays(*columns), -1)


def star(rng, waves=5, size=0.15):
    """A closed planar curve around the origin, r(u) (cos u, sin u) with r > 0: it never meets itself."""
    k = np.arange(1, waves + 1)
    a, b = rng.normal(0, size, (2, waves))

    def curve(u):
        angle = np.multiply.outer(u, k)
        r = np.exp(np.cos(angle) @ a + np.sin(angle) @ b)
        return np.stack([r * np.cos(u), r * np.sin(u)], -1)

    return curve


def loop(rng, d=3, waves=3):
    """A closed curve with random Fourier coefficients in R^d, d >= 3: almost surely it does not meet itself."""
    k = np.arange(1, waves + 1)
    a, b = rng.normal(0, 1, (2, waves, d)) / k[:, None] ** 1.5

    def curve(u):
        angle = np.multiply.outer(u, k)
        return np.cos(angle) @ a + np.sin(angle) @ b

    return curve


def bumpy_torus(rng, size=0.08):
    """A torus whose tube is wavy, embedded since its radius stays below the distance to the axis."""
    amplitude, phase = rng.normal(0, size, 3), rng.uniform(0, TURN, 3)
    orders = [(1, 1), (2, 0), (0, 1)]

    def surface(u, v):
        waves = [a * np.cos(j * u + k * v + p) for (j, k), a, p in zip(orders, amplitude, phase, strict=True)]
        r = 0.6 * np.exp(sum(waves))
        return np.stack([(1.6 + r * np.cos(v)) * np.cos(u), (1.6 + r * np.cos(v)) * np.sin(u), r * np.sin(v)], -1)

    return surface


def sphere_patch(u, v):
    """Part of the unit sphere: colatitude u, longitude v."""
    return np.stack([np.sin(u) * np.cos(v), np.sin(u) * np.sin(v), np.cos(u)], -1)


PATCH = (0.4, 1.9), (0.2, 3.3)
"""Its parameters here; the angle at the poles would be lost."""


def closed_curve(function):
    return ms.Curve(function, (0.0, TURN))


def closed_surface(function):
    return ms.Surface(function, (0.0, TURN), (0.0, TURN))


def moved(function, turn, scale, shift):
    return lambda *u: scale * (function(*u) @ turn.T) + shift


@dataclasses.dataclass(frozen=True)
class Shape:
    """A manifold, the function that draws it, and its ends (one pair a parameter)."""

    manifold: object
    function: object
    ends: tuple

    @property
    def closed(self):
        return self.manifold.closed


def _curve(function, ends=(0.0, TURN)):
    return Shape(ms.Curve(function, ends), function, (ends,))


def _surface(function, first=(0.0, TURN), second=(0.0, TURN)):
    return Shape(ms.Surface(function, first, second), function, (first, second))


def _named(manifold, function):
    return Shape(manifold, function, tuple(zip(manifold.lower.tolist(), manifold.upper.tolist(), strict=True)))


def _bean(u):
    w = 0.5 * (u - np.pi) + np.pi
    r = np.sin(w) ** 3 + np.cos(w) ** 3
    return np.stack([-r * np.sin(w), r * np.cos(w)], -1)


def _wavy(u):
    r = 1 + 0.13 * np.sin(8 * u)
    return np.stack([r * np.cos(u), r * np.sin(u)], -1)


def torus(u, v, major=1.5, minor=0.5):
    ring = major + minor * np.cos(v)
    return np.stack([ring * np.cos(u), ring * np.sin(u), minor * np.sin(v)], -1)


@functools.cache
def curves():
    """Shapes of dimension one, by name."""
    rng = np.random.default_rng(0)
    return {
        "ellipse": _named(ms.Ellipse(2.0, 0.7), lambda u: np.stack([2 * np.cos(u), 0.7 * np.sin(u)], -1)),
        "lima bean": _named(ms.LimaBean(), _bean),
        "wavy circle": _named(ms.WavyCircle(), _wavy),
        "helix": _named(ms.Helix(1.0, 0.8, 2.5), lambda u: np.stack([np.cos(u), np.sin(u), 0.4 * u / np.pi], -1)),
        "star": _curve(star(rng)),
        "rough star": _curve(star(rng, 9, 0.1)),
        "loop in R^3": _curve(loop(rng)),
        "loop in R^6": _curve(loop(rng, 6, 5)),
        "arc": _curve(loop(rng), (0.3, 4.0)),
    }


@functools.cache
def surfaces():
    """Shapes of dimension two, by name."""
    rng = np.random.default_rng(1)
    return {
        "torus": _named(ms.Torus(1.5, 0.5), torus),
        "Swiss roll": _named(ms.SwissRoll(), lambda u, v: np.stack([u * np.cos(u), v, u * np.sin(u)], -1)),
        "sphere patch": _surface(sphere_patch, *PATCH),
        "bumpy torus": _surface(bumpy_torus(rng)),
        "cylinder": _surface(lambda u, v: np.stack([np.cos(u), np.sin(u), v], -1), (0.0, TURN), (-1.0, 1.5)),
        "flat torus": _surface(lambda u, v: np.stack([np.cos(u), np.sin(u), 0.5 * np.cos(v), 0.5 * np.sin(v)], -1)),
    }


def shapes():
    return curves() | surfaces()


def grid(shape, n):
    """Parameters (n, ..., m), ends included, and the points there."""
    axes = [np.linspace(*end, n) for end in shape.ends]
    u = np.stack(np.meshgrid(*axes, indexing="ij"), -1)
    points = shape.function(*(u[..., k].ravel() for k in range(len(axes)))).reshape(*u.shape[:-1], -1)
    return u, points


_DIFFERENCES = np.array([1 / 280, -4 / 105, 1 / 5, -4 / 5, 0, 4 / 5, -1 / 5, 4 / 105, -1 / 280])


def slope(function, u, axis):
    """Partial derivative at u (N, m) by differences of order eight: to 1e-12 of the size of these functions."""
    step = 2e-3 * np.eye(u.shape[1])[axis]
    return sum(c * function(*(u + k * step).T) for c, k in zip(_DIFFERENCES, range(-4, 5), strict=True) if c) / 2e-3


def quadrature(shape, n):
    """Parameters (N, m), points and shares of the volume: trapezoidal on closed directions, else Gauss by panels."""
    nodes, weights = np.polynomial.legendre.leggauss(16)
    axes, shares = [], []
    for (lower, upper), closed in zip(shape.ends, shape.closed, strict=True):
        if closed:
            axes.append(lower + (upper - lower) * np.arange(n) / n)
            shares.append(np.full(n, (upper - lower) / n))
        else:
            width = (upper - lower) / (n // 16)
            axes.append((lower + width * (np.arange(n // 16)[:, None] + 0.5 + 0.5 * nodes)).ravel())
            shares.append(np.tile(0.5 * width * weights, n // 16))
    u = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, len(axes))
    first = np.stack([slope(shape.function, u, axis) for axis in range(len(axes))], 1)
    element = np.sqrt(np.linalg.det(np.einsum("nid,njd->nij", first, first)))
    share = np.prod(np.stack(np.meshgrid(*shares, indexing="ij"), -1), -1).ravel()
    return u, shape.function(*u.T), share * element


def local_minima(shape, x, n):
    """Distances of x from M at all its local minima, ascending: a dense search, each minimum refined by zooming in."""
    u, points = grid(shape, n)
    square = ((points - x) ** 2).sum(-1)
    lowest = np.ones(square.shape, dtype=bool)
    for axis, closed in enumerate(shape.closed):
        for step in (1, -1):
            beside = np.roll(square, step, axis)
            edge = [slice(None)] * square.ndim
            edge[axis] = 0 if step == 1 else -1
            # On closed directions the first and the last row are the same points: look one further.
            beside[tuple(edge)] = np.take(square, -2 if step == 1 else 1, axis) if closed else np.inf
            lowest &= square <= beside
    found = [_refined(shape, x, u[tuple(at)], n) for at in np.argwhere(lowest)]
    return sorted(found)


def _refined(shape, x, start, n):
    lower, upper = np.array(shape.ends).T
    best, half = np.asarray(start, dtype=float), (upper - lower) / (n - 1)
    steps = np.linspace(-1, 1, 9 if len(best) == 2 else 17)
    steps = np.stack(np.meshgrid(*[steps] * len(best), indexing="ij"), -1).reshape(-1, len(best))
    for _ in range(24):
        u = best + half * steps
        for axis, closed in enumerate(shape.closed):
            if not closed:
                u[:, axis] = np.clip(u[:, axis], lower[axis], upper[axis])
        distance = np.linalg.norm(shape.function(*u.T) - x, axis=1)
        best, half = u[distance.argmin()], half * 0.3
    return float(distance.min())
