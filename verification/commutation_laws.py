"""Gaps G = grad E log p(Y) - E grad log p(Y) of kernels that depend on x, on a circle of radius R in the plane.

With l = log p, s = grad l, J its Hessian, n = x/|x|, tau orthogonal to n, rho = |x|, u = rho - R, c = 2 - R/rho,
and noise N(0, h^2 I), differentiating Y along x and, where exact, Stein's lemma E[g F(g)] = h^2 E F'(g) give

    tangent,     Y = x + g tau:               G = -(h^2/rho) E[n'J(Y) tau] tau                           (exact)
    bandwidth,   Y = x + b(x) xi:             G = h^2 b (grad b) E[tr J(Y)]                              (exact)
    translated,  Y = x + R (n(phi+D) - n):    G = -(h^2/(R rho)) (R n'J tau + tau's/2) tau + O(h^4),  E D^2 = h^2/R^2
    adapted,     Y~ at (R + sgn(u) r, phi+D): G = (h^2/2) [(n's)(R/(rho^2 u) - c/u^2 + 1/rho^2) n
                                                          + (c rho tau's/u - tau's - 2 rho n'J tau) tau/rho^2] + O(h^4)

the last for h << |u|, from r^2 = u^2 + h^2 c + O(h^4) and D = xi_tau/rho.  In the layer u = v h the signed distance of
Y~ is sgn(v + g) r with r = h sqrt(1 + v^2) and mean h (v + psi(v)), so that, as h -> 0,

    adapted, u = v h:  G = [psi'(v) dl/dn - h psi(v) d2l/dn2] n,   psi(v) = sqrt(1 + v^2) (2 Phi(v) - 1) - v.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import manifold_scores as ms

from .by_hand import Cloud
from .decomposition_circle import level, polar_law
from .quadrature import normal_rule
from .rates import Array
from .rounding import derivative

RADIUS = 1.0
#: Gauss-Hermite nodes along an axis, and the bandwidth up to which the smaller number is plenty.
HERMITE, FEW, LITTLE = 48, 12, 2e-3
#: Steps of differences of order 8: the nearest pole of l is pi sigma^2/2R = 0.094 off the real plane, so truncation is
#: (0.004/0.094)^8 = 1e-11; and over the bandwidth, near M, where E log p(Y) of the adapted kernel varies that fast.
STEP, STEP_NEAR = 0.004, 0.1
#: b(x) = 1 + <SLOPE, x>.
SLOPE = np.array([0.3, -0.2])

Field = Callable[[Cloud, Array], Array]
Points = Callable[[Array, float], tuple[Array, Array]]


@dataclass(frozen=True)
class Kind:
    """A kernel: points (M, Q, 2) of k_x and their weights (Q,) or (M, Q), leading field over h^2, and a model."""

    points: Points
    leading: Field
    smoothed: Callable[[Any, float], ms.SmoothedScore]


def frame(x: Array) -> tuple[Array, Array, Array]:
    """Return rho, n and tau."""
    rho = np.linalg.norm(x, axis=1, keepdims=True)
    normal = x / rho
    return rho, normal, np.stack([-normal[:, 1], normal[:, 0]], axis=1)


def parts(cloud: Cloud, x: Array) -> tuple[Array, ...]:
    """Return rho, n, tau, n's, tau's and n'J tau, the latter as columns."""
    rho, normal, tangent = frame(x)
    score, jacobian = cloud.score(x), cloud.jacobian(x)
    along = [(score * v).sum(axis=1, keepdims=True) for v in (normal, tangent)]
    mixed = np.einsum("ni,nij,nj->n", normal, jacobian, tangent)[:, None]
    return rho, normal, tangent, *along, mixed


def _tangent(cloud: Cloud, x: Array) -> Array:
    rho, _, tangent, _, _, mixed = parts(cloud, x)
    return np.asarray(-mixed / rho * tangent)


def _translated(cloud: Cloud, x: Array) -> Array:
    rho, _, tangent, _, along, mixed = parts(cloud, x)
    return np.asarray(-(RADIUS * mixed + 0.5 * along) / (RADIUS * rho) * tangent)


def _bandwidth(cloud: Cloud, x: Array) -> Array:
    trace = np.trace(cloud.jacobian(x), axis1=1, axis2=2)
    return np.asarray(((1.0 + x @ SLOPE) * trace)[:, None] * SLOPE)


def _adapted(cloud: Cloud, x: Array) -> Array:
    rho, normal, tangent, out, along, mixed = parts(cloud, x)
    u, c = rho - RADIUS, 2.0 - RADIUS / rho
    first = out * (RADIUS / (rho**2 * u) - c / u**2 + 1.0 / rho**2)
    second = (c * rho * along / u - along - 2.0 * rho * mixed) / rho**2
    return np.asarray(0.5 * (first * normal + second * tangent))


def _rule(h: float) -> tuple[Array, Array]:
    return normal_rule(FEW if h < LITTLE else HERMITE, 2)


def _nodes_of(make: Callable[[float], Any]) -> Points:
    """Points of one of the package's kernels, from Gauss-Hermite nodes."""

    def points(x: Array, h: float) -> tuple[Array, Array]:
        nodes, weights = _rule(h)
        return np.asarray(make(h).points_at(x, h * nodes, 1.0)), weights

    return points


def _scaled(x: Array, h: float) -> tuple[Array, Array]:
    nodes, weights = _rule(h)
    return x[:, None] + h * (1.0 + x @ SLOPE)[:, None, None] * nodes, weights


def _polar(x: Array, h: float) -> tuple[Array, Array]:
    """Draws of the adapted kernel by quadrature about the centre; padded with weights 0 to a common length."""
    found = [(law := polar_law(row, h, RADIUS), law.adapted(level(row, h, RADIUS))) for row in x]
    longest = max(len(y) for _, y in found)
    points, weights = np.zeros((len(x), longest, 2)), np.zeros((len(x), longest))
    for i, (law, y) in enumerate(found):
        points[i, : len(y)], weights[i, : len(y)] = y, law.weights
    return points, weights


def _tangent_kernel(h: float) -> ms.SmoothingKernel:
    return ms.TangentKernel(ms.GaussianKernel(h), ms.Circle(RADIUS))


def _translated_kernel(h: float) -> ms.SmoothingKernel:
    return ms.TranslatedManifoldKernel(ms.GaussianKernel(h), ms.Circle(RADIUS))


def _adapted_kernel(h: float) -> ms.SmoothingKernel:
    return ms.AdaptedKernel(ms.GaussianKernel(h), ms.Circle(RADIUS))


def _scaled_kernel(h: float) -> ms.SmoothingKernel:
    def draws(x: Array, n: int, rng: np.random.Generator) -> Array:
        return np.asarray(x[:, None] + h * (1.0 + x @ SLOPE)[:, None, None] * rng.standard_normal((n, 2)))

    return ms.SampledKernel(draws, 2)


def _model(make: Callable[[float], ms.SmoothingKernel], rule: str) -> Callable[[Any, float], ms.SmoothedScore]:
    return lambda model, h: ms.SmoothedScore(model, make(h), rule=rule, nodes=8192, rng=3)


KINDS = {
    "tangent": Kind(_nodes_of(_tangent_kernel), _tangent, _model(_tangent_kernel, "qmc")),
    "translated": Kind(_nodes_of(_translated_kernel), _translated, _model(_translated_kernel, "qmc")),
    "adapted": Kind(_polar, _adapted, _model(_adapted_kernel, "qmc")),
    "bandwidth b(x)": Kind(_scaled, _bandwidth, _model(_scaled_kernel, "monte-carlo")),
}


def _tangent_exact(cloud: Cloud, x: Array, h: float) -> Array:
    rho, normal, tangent = frame(x)
    nodes, weights = normal_rule(HERMITE, 1)
    jacobian = cloud.jacobian(x[:, None] + h * nodes * tangent[:, None])
    mixed = np.einsum("q,ni,nqij,nj->n", weights, normal, jacobian, tangent)[:, None]
    return np.asarray(-(h**2) * mixed / rho * tangent)


def _bandwidth_exact(cloud: Cloud, x: Array, h: float) -> Array:
    y, weights = _scaled(x, h)
    trace = np.trace(cloud.jacobian(y), axis1=2, axis2=3) @ weights
    return np.asarray(h**2 * ((1.0 + x @ SLOPE) * trace)[:, None] * SLOPE)


EXACT = {"tangent": _tangent_exact, "bandwidth b(x)": _bandwidth_exact}


def mean_log_density(kind: Kind, model: Any, cloud: Cloud, x: Array, h: float) -> Array:
    """Return E log p(Y), (M,), the oracle at the nodes."""
    y, weights = kind.points(x, h)
    return np.asarray((model.log_density(y, cloud.sigma2) * weights).sum(axis=1))


def mean_score(kind: Kind, model: Any, cloud: Cloud, x: Array, h: float) -> Array:
    """Return E grad log p(Y), (M, 2), the oracle at the nodes."""
    y, weights = kind.points(x, h)
    return np.asarray((model.score(y, cloud.sigma2) * np.broadcast_to(weights, y.shape[:2])[..., None]).sum(axis=1))


def gradient(f: Callable[[Array], Array], x: Array, step: float = STEP) -> Array:
    """Return the derivatives along both axes, by differences of order 8, for f (M, 2) -> (M,) or (M, 2)."""
    steps = np.full(len(x), step)
    found = [
        derivative(lambda h, axis=axis: f(x + h[:, None] * axis), steps, np.zeros(len(x)))[0] for axis in np.eye(2)
    ]
    return np.stack(found, axis=1)


def gap(kind: Kind, model: Any, cloud: Cloud, x: Array, h: float) -> Array:
    """Return grad E log p(Y) - E grad log p(Y), (M, 2)."""
    near = np.abs(np.linalg.norm(x, axis=1) - RADIUS).min() < 10.0 * h and kind is KINDS["adapted"]
    step = min(STEP, STEP_NEAR * h if near else np.inf)
    found = gradient(lambda y: mean_log_density(kind, model, cloud, y, h), x, step)
    return np.asarray(found - mean_score(kind, model, cloud, x, h))


def curl(field: Callable[[Array], Array], x: Array, step: float = STEP) -> Array:
    """Return d_1 f_2 - d_2 f_1, (M,)."""
    slopes = gradient(field, x, step)
    return np.asarray(slopes[:, 0, 1] - slopes[:, 1, 0])


def psi_slope(v: Array) -> Array:
    """Return psi'(v)."""
    from scipy.special import ndtr

    density = np.exp(-0.5 * v * v) / np.sqrt(2.0 * np.pi)
    return np.asarray(v / np.sqrt(1.0 + v * v) * (2.0 * ndtr(v) - 1.0) + 2.0 * density * np.sqrt(1.0 + v * v) - 1.0)
