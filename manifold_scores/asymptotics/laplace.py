"""Laplace's method at one local minimum of |z - y(u)|^2 / 2, in the parameters u, to the order that the theory states.

With phi(u; z) = |z - y(u)|^2/2, K_ij = d_i d_j phi = g_ij - <z - y, d_ij y> and w = rho sqrt(det g),

    log Z = -phi/s + (m/2) log(2 pi s) + log w - log det K / 2 + O(s)       at the minimum u(z),
    f     = z + s grad_z log Z = y_z + s b + O(s^2),
    b     = K^kl d_kl y / 2 + K^ij d_i y q_j,   q_j = d_j log w - K^kl d_j K_kl / 2,

because d u_i/dz = K^ij d_j y (implicit functions) and d K_kl/dz = -d_kl y at fixed u; K^ij is the inverse.  No
covariant derivatives are needed, and the formula holds in any codimension.

Where the minimum lies at an end of u_a with inward slope phi_a = d_a phi > 0, the integral over u_a gives s/phi_a: the
other parameters keep the formula, with -log phi_a added to log Z.  Where the slope vanishes there, the Gaussian is
cut in half and its mean is of order sqrt(s).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arrays import FloatArray
from ..manifolds import frames

__all__ = ["EDGE", "FOCAL", "NOT_COVERED", "Chart", "Terms", "least_eigenvalue", "orthant", "terms"]

#: Lengths below this share of |x| + |y_x| count as zero where x - y_x is compared with the tangent at a boundary point.
EDGE = 1e-10
#: An eigenvalue of H = I - <v, II> below this counts as zero: second derivatives of functions carry 1e-11.
FOCAL = 1e-9
NOT_COVERED = (
    "x is a focal point of a kind that is not covered: only a vertex of a curve, where its curvature is largest, away "
    "from its ends, is"
)


@dataclass(frozen=True, slots=True)
class Chart:
    """What Laplace's method needs at a local minimum.

    Attributes
    ----------
    point, offset : y (d,) and v = x - y (d,).
    parameter : u, a float or (m,).
    first, second, third : derivatives of y in u, (m, d), (m, m, d), (m, m, m, d).
    slope, weight : d_j log w (m,) and w > 0.
    inward : (m,), 0, or the sign of the inward direction where the minimum lies at an end of this parameter.
    fourth_and_fifth : the two derivatives of phi at a vertex where the second and third vanish, or None.
    """

    point: FloatArray
    offset: FloatArray
    parameter: Any
    first: FloatArray
    second: FloatArray
    third: FloatArray
    slope: FloatArray
    weight: float
    inward: FloatArray
    fourth_and_fifth: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """Leading terms at one nearest point: f = y + sqrt(s) root + s b, the mass ~ mass s^power.

    Attributes
    ----------
    tangent, hessian : an orthonormal basis (d, m) of the tangent space, and H in it (m, m).
    projection, spread : D pi and lim Cov/s in that basis, (m, m), NaN where there is none.
    sway : a shift of z by s w adds <w, sway> sway to `root`; 0 except at a focal point.
    """

    situation: str
    point: FloatArray
    offset: FloatArray
    parameter: Any
    tangent: FloatArray
    hessian: FloatArray
    projection: FloatArray
    spread: FloatArray
    b: FloatArray
    root: FloatArray
    sway: FloatArray
    power: float
    mass: float


def terms(chart: Chart) -> Terms:
    """Return the leading terms at this minimum."""
    basis, combine = frames.tangent_basis(chart.first[None])
    tangent, combine = basis[0].T, combine[0]
    if chart.fourth_and_fifth is not None:
        return _focal(chart, tangent)
    length = np.linalg.norm(chart.first, axis=1)
    scale = np.abs(chart.point).max() + np.abs(chart.point + chart.offset).max()
    phi = -chart.inward * (chart.first @ chart.offset)  # inward slopes, where there is an end
    active = (chart.inward != 0.0) & (phi > EDGE * scale * length)
    edge = (chart.inward != 0.0) & ~active
    free = np.flatnonzero(~active)
    hessian = np.einsum("id,jd->ij", chart.first, chart.first) - chart.second @ chart.offset
    inner = hessian[np.ix_(free, free)]
    inverse = np.zeros_like(hessian)
    if len(free):
        if least_eigenvalue(chart.first[free], inner) <= FOCAL:
            raise ValueError(NOT_COVERED)
        inverse[np.ix_(free, free)] = np.linalg.inv(inner)
    sides = int(active.sum())
    power = 0.5 * len(free) + sides
    mass = chart.weight * (2.0 * math.pi) ** (0.5 * len(free)) / math.sqrt(np.linalg.det(inner))
    mass /= math.prod(phi[active])
    # Into the orthonormal basis: d_i y = sum_j (C^-1)_ij e_j.
    back = np.linalg.inv(combine)
    normal = chart.offset - tangent @ (tangent.T @ chart.offset)
    form = np.einsum("id,jd->ij", chart.first, chart.first) - chart.second @ normal
    shape = combine @ form @ combine.T
    projection = back.T @ inverse @ back
    b, root, spread = np.full_like(chart.point, np.nan), np.zeros_like(chart.point), projection
    if edge.any():
        share, mean, covariance = orthant(inverse, chart.inward * edge)
        mass *= share
        root, spread = chart.first.T @ mean, back.T @ covariance @ back
        projection = np.full_like(projection, np.nan)
    else:
        b = _coefficient(chart, hessian, inverse, np.where(active, -chart.inward / np.where(active, phi, 1.0), 0.0))
    return Terms(
        _name(len(active), sides, int(edge.sum())), chart.point, chart.offset, chart.parameter, tangent, shape,
        projection, spread, b, root, np.zeros_like(root), power, mass,
    )  # fmt: skip


def least_eigenvalue(first: FloatArray, hessian: FloatArray) -> float:
    """Return the least eigenvalue of g^-1 K: that of H in an orthonormal basis."""
    metric = np.einsum("id,jd->ij", first, first)
    return float(np.linalg.eigvals(np.linalg.solve(metric, hessian)).real.min())


def _name(m: int, sides: int, edges: int) -> str:
    if edges:
        return "edge"
    if not sides:
        return "interior"
    return "end" if m == 1 else "corner" if sides == m else "side"


def _coefficient(chart: Chart, hessian: FloatArray, inverse: FloatArray, rates: FloatArray) -> FloatArray:
    """Return b (d,); rates_a = -(inward sign)/phi_a where the minimum lies at an end, 0 elsewhere."""
    first, second = chart.first, chart.second
    # d_j K_kl = <d_jk y, d_l y> + <d_k y, d_jl y> + <d_j y, d_kl y> - <v, d_jkl y>
    products = np.einsum("jkd,ld->jkl", second, first)
    change = products + products.transpose(0, 2, 1) + products.transpose(2, 0, 1) - chart.third @ chart.offset
    q = chart.slope + hessian @ rates - 0.5 * np.einsum("jkl,kl->j", change, inverse)
    direct = 0.5 * np.einsum("kl,kld->d", inverse, second) - rates @ first
    return np.asarray(direct + first.T @ (inverse @ q))


def orthant(covariance: FloatArray, inward: FloatArray) -> tuple[float, FloatArray, FloatArray]:
    """Return share, mean and covariance of N(0, C) cut to inward_a u_a >= 0, for one or two a with inward_a = +-1."""
    cut = np.flatnonzero(inward)
    deviation = np.sqrt(np.diag(covariance)[cut])
    scaled = covariance[:, cut] * (inward[cut] / deviation)  # covariances with the normalised inward coordinates
    if len(cut) == 1:
        mean = math.sqrt(2.0 / math.pi) * scaled[:, 0]
        return 0.5, mean, covariance - np.outer(mean, mean)
    r = float(scaled[cut[0], 1] * inward[cut[0]] / deviation[0])
    share = 0.25 + math.asin(r) / (2.0 * math.pi)
    density = math.sqrt(1.0 - r * r) / (2.0 * math.pi)
    # First and second moments of the two normalised coordinates, then the regression of all coordinates on them.
    first = np.full(2, (1.0 + r) / (2.0 * math.sqrt(2.0 * math.pi) * share))
    square, product = 1.0 + r * density / share, r + density / share
    moments = np.array([[square, product], [product, square]])
    correlation = np.array([[1.0, r], [r, 1.0]])
    regression = np.linalg.solve(correlation, scaled.T).T
    cut_covariance = moments - np.outer(first, first)
    rest = covariance - regression @ correlation @ regression.T
    return share, regression @ first, rest + regression @ cut_covariance @ regression.T


def _focal(chart: Chart, tangent: FloatArray) -> Terms:
    """Return the terms where phi = phi_0 + c4 u^4/24 + c5 u^5/120: u is of order s^(1/4), f - y of order sqrt(s).

    E u^2 = (24 s/c4)^(1/2) Gamma(3/4)/Gamma(1/4), and E u = E u^2 (d log w - 3 c5/(20 c4)).  A shift of z by s w
    adds <w, y'> to d log w.
    """
    fourth, fifth = chart.fourth_and_fifth  # type: ignore[misc]
    square = math.sqrt(24.0 / fourth) * math.gamma(0.75) / math.gamma(0.25)
    speed = chart.first[0]
    root = square * (0.5 * chart.second[0, 0] + (chart.slope[0] - 0.15 * fifth / fourth) * speed)
    nothing = np.full((1, 1), np.nan)
    mass = chart.weight * 0.5 * math.gamma(0.25) * (24.0 / fourth) ** 0.25
    return Terms(
        "focal", chart.point, chart.offset, chart.parameter, tangent, np.zeros((1, 1)), nothing, nothing,
        np.full_like(root, np.nan), root, math.sqrt(square) * speed, 0.25, mass,
    )  # fmt: skip
