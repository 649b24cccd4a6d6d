"""Certified bounds on the curvature of curves and surfaces.

For a tangent vector w = sum_i h_i d_i y the second fundamental form is the normal part of q = sum_jk h_j h_k d_jk y, so
that |II(w, w)| <= |q - sum_i (Gamma^i h h) d_i y| for *any* Gamma, with equality for the Christoffel symbols.  With
polynomials Gamma that interpolate them on a panel,

    Q(h) = bound^2 |w|^4 - |q - sum_i (Gamma^i h h) d_i y|^2

is a polynomial in xi and a form of degree 4 in h, known exactly by its values at sufficiently many nodes; the curvature
is below `bound` where Q > 0.  What is left to do (`flatness`) is to bisect the panel, and the directions h, until the
Chebyshev coefficients of Q show it.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace

import numpy as np

from ..arrays import FloatArray
from ..panels import Panels
from .cells import IntArray, jets
from .frames import second_fundamental_form

__all__ = ["Forms", "boundary", "concave", "curvature", "forms", "nodes_of", "to_chebyshev"]

#: Panels whose forms are computed at once.
BLOCK = 32
#: Chebyshev coefficients are cut off where the rest, which is added to all bounds, is below this share.
NEGLIGIBLE = 1e-11
#: Directions in which curvature is sampled, and Newton steps towards the largest.
DIRECTIONS, DIRECTION_STEPS = 32, 4


@dataclass(frozen=True)
class Forms:
    """Chebyshev coefficients on every panel of |w|^4 and |II(w, w)|^2 as forms in h, with what was cut off.

    Attributes
    ----------
    speed, bend : (P, k, n1, n2), k = 5 for the monomials h_1^4, h_1^3 h_2 ... h_2^4 (surfaces), k = 1 (curves).
    inward : (P, 1, n1, n2), for curves in the boundary of a surface a function that is positive where the curve bends
        into the surface; 0 for others.
    rests : (P, 3), bounds on what is missing in the three where |h| = 1.
    """

    speed: FloatArray
    bend: FloatArray
    inward: FloatArray
    rests: FloatArray


def curvature(panels: Panels, panel: IntArray, xi: FloatArray) -> FloatArray:
    """Return max |II(e, e)| over unit tangent vectors e at local coordinates xi (N, m) of panels (N,)."""
    table = jets(panels, panel, xi)
    if panels.dimension == 1:
        form = second_fundamental_form(table[:, 1], table[:, 2, :, None])
        return np.asarray(np.linalg.norm(form[:, 0, 0], axis=1))
    first = table[:, (1, 0), (0, 1)]
    second = np.stack([table[:, (2, 1), (0, 1)], table[:, (1, 0), (1, 2)]], axis=1)
    form = second_fundamental_form(first, second)
    # II(e, e) = a + b cos p + c sin p, e at the angle p/2; its square is a trigonometric polynomial of degree 2.
    a, b, c = 0.5 * (form[:, 0, 0] + form[:, 1, 1]), 0.5 * (form[:, 0, 0] - form[:, 1, 1]), form[:, 0, 1]
    aa, bb, cc, ab, ac, bc = ((x * y).sum(axis=1) for x, y in ((a, a), (b, b), (c, c), (a, b), (a, c), (b, c)))
    constant, first_harmonic, second_harmonic = aa + 0.5 * (bb + cc), 2.0 * (ab - 1j * ac), 0.5 * (bb - cc) - 1j * bc

    def square(p: FloatArray) -> FloatArray:
        turned = np.exp(1j * p)
        return np.asarray(constant + (first_harmonic * turned + second_harmonic * turned**2).real)

    angles = np.linspace(0.0, 2.0 * np.pi, DIRECTIONS, endpoint=False)
    samples = square(angles[:, None])
    p, best = angles[samples.argmax(axis=0)], samples.max(axis=0)
    for _ in range(DIRECTION_STEPS):
        one, two = first_harmonic * np.exp(1j * p), second_harmonic * np.exp(2j * p)
        slope, bend = -(one + 2.0 * two).imag, -(one + 4.0 * two).real
        p = p - np.where(bend < 0.0, slope / np.where(bend < 0.0, bend, 1.0), 0.0)
        best = np.maximum(best, square(p))
    return np.asarray(np.sqrt(np.maximum(best, 0.0)))


def boundary(panels: Panels, closed: tuple[bool, ...]) -> list[tuple[Panels, FloatArray]]:
    """Return the sides of a surface as curves (of their coefficients alone), and coefficients of derivatives inward."""
    sides = []
    ends = panels.open_ends(closed)
    for axis in range(2):
        coefficients = np.moveaxis(panels.coefficients, 2 + axis, 2)
        k = np.arange(coefficients.shape[2])
        for end in (0, 1):
            here, at = ends[:, axis, end] == 1, 2.0 * end - 1.0
            if here.any():
                values = np.einsum("prkl,k->prl", coefficients[here], at**k)[..., None]
                slopes = np.einsum("prkl,k->prl", coefficients[here], -at * k * at ** np.maximum(k - 1, 0))[..., None]
                sides.append((replace(panels, dimension=1, coefficients=values), slopes))
    return sides


def concave(side: Panels, slopes: FloatArray, panel: IntArray, xi: FloatArray) -> FloatArray:
    """Return where a side of a surface bends out of it, so that its curvature bounds the reach."""
    table = jets(side, panel, xi)[:, :, 0]
    inward = jets(replace(side, coefficients=slopes), panel, xi)[:, 0, 0]
    return np.asarray(_bends_inward(table[:, 1], table[:, 2], inward) < 0.0)


def _bends_inward(first: FloatArray, second: FloatArray, inward: FloatArray) -> FloatArray:
    """Return |c'|^2 times the product of c'' with the part of `inward` that is orthogonal to c'."""
    product = functools.partial(np.einsum, "...r,...r->...")
    return np.asarray(product(first, first) * product(second, inward) - product(second, first) * product(first, inward))


def forms(panels: Panels, slopes: FloatArray | None = None) -> Forms:
    """Return the forms of a curve, a surface, or a side of a surface with its derivatives inward."""
    blocks = []
    for start in range(0, len(panels.coefficients), BLOCK):
        rows = slice(start, start + BLOCK)
        blocks.append(_forms(panels.coefficients[rows], None if slopes is None else slopes[rows]))
    size = max(block[0].shape[2] for block in blocks), max(block[0].shape[3] for block in blocks)
    padded = [
        np.concatenate(
            [
                np.pad(b[k], [(0, 0), (0, 0), *((0, n - o) for n, o in zip(size, b[k].shape[2:], strict=True))])
                for b in blocks
            ]
        )
        for k in range(3)
    ]
    return Forms(padded[0], padded[1], padded[2], np.concatenate([block[3] for block in blocks]))


def _forms(coefficients: FloatArray, slopes: FloatArray | None) -> tuple[FloatArray, ...]:
    size, other = coefficients.shape[2:]
    m = 1 if other == 1 else 2
    # The polynomials below have degrees under 4 size, Gamma has one under size.
    few, many = nodes_of(size), nodes_of(4 * size)
    coarse, fine = _derivatives(coefficients, few, m), _derivatives(coefficients, many, m)
    # Coordinates that are orthonormal at the first node make all directions alike.
    change = np.linalg.inv(np.linalg.cholesky(np.einsum("pabir,pabjr->pabij", coarse[0], coarse[0])[:, 0, 0]))
    for first, second in (coarse, fine):
        first[:] = np.einsum("pij,pabjr->pabir", change, first)
        second[:] = np.einsum("pik,pjl,pabklr->pabijr", change, change, second, optimize=True)
    metric = np.einsum("pabir,pabjr->pabij", coarse[0], coarse[0])
    christoffel = np.einsum("pabil,pablr,pabjkr->pabijk", np.linalg.inv(metric), *coarse, optimize=True)
    finer = np.polynomial.chebyshev.chebvander(many, size - 1) @ to_chebyshev(size)
    christoffel = np.einsum("xa,pa...->px...", finer, christoffel)
    if m == 2:
        christoffel = np.einsum("yb,pab...->pay...", finer, christoffel)
    first, second = fine
    normal = second
    for i in range(m):
        normal = normal - christoffel[:, :, :, i, :, :, None] * first[:, :, :, i, None, None, :]
    metric = np.einsum("pabir,pabjr->pabij", first, first)
    values = [_square(metric), _square(normal), np.zeros((*metric.shape[:3], 1))]
    if slopes is not None:
        inward = _values(slopes, many, m, (0, 0))
        values[2] = _bends_inward(first[:, :, :, 0], second[:, :, :, 0, 0], inward)[..., None]
    return _chebyshev(values, m)


def _square(form: FloatArray) -> FloatArray:
    """Return the coefficients of |sum_ij h_i h_j form_ij|^2, (p, a, b, k), for numbers or vectors form_ij."""
    form = form if form.ndim == 6 else form[..., None]
    product = functools.partial(np.einsum, "pabr,pabr->pab")
    a = form[:, :, :, 0, 0]
    if form.shape[3] == 1:
        return np.asarray(product(a, a))[..., None]
    b, c = form[:, :, :, 0, 1], form[:, :, :, 1, 1]
    quartic = product(a, a), 4 * product(a, b), 2 * product(a, c) + 4 * product(b, b), 4 * product(b, c), product(c, c)
    return np.stack(quartic, axis=-1)


def _derivatives(coefficients: FloatArray, nodes: FloatArray, m: int) -> tuple[FloatArray, FloatArray]:
    """Return first (p, a, b, m, r) and second derivatives (p, a, b, m, m, r) on a grid of nodes."""
    units = np.eye(2, dtype=int)[:m]
    first = np.stack([_values(coefficients, nodes, m, tuple(a)) for a in units], axis=3)
    second = [np.stack([_values(coefficients, nodes, m, tuple(a + b)) for b in units], axis=3) for a in units]
    return first, np.stack(second, axis=3)


def _values(coefficients: FloatArray, nodes: FloatArray, m: int, orders: tuple[int, ...]) -> FloatArray:
    """Return a partial derivative on a grid of nodes, (p, a, b, r)."""
    result = coefficients
    for axis in range(m):
        size = result.shape[2 + axis]
        derivative = np.polynomial.polynomial.polyder(np.eye(size), orders[axis], axis=0)
        matrix = np.vander(nodes, len(derivative), increasing=True) @ derivative
        result = np.moveaxis(np.tensordot(matrix, result, axes=(1, 2 + axis)), 0, 2 + axis)
    return np.moveaxis(result, 1, 3)


def nodes_of(size: int) -> FloatArray:
    """Return the Chebyshev nodes of this number."""
    return np.cos(np.pi * (np.arange(size) + 0.5) / size)


@functools.cache
def to_chebyshev(size: int) -> FloatArray:
    """Return the matrix from values at the nodes to Chebyshev coefficients."""
    matrix = np.polynomial.chebyshev.chebvander(nodes_of(size), size - 1).T * (2.0 / size)
    matrix[0] *= 0.5
    return np.asarray(matrix)


def _chebyshev(values: list[FloatArray], m: int) -> tuple[FloatArray, ...]:
    """Return Chebyshev coefficients (p, k, n1, n2), cut off where nothing is left, and the sums of what was cut off."""
    series = []
    for value in values:
        part = value
        for axis in range(m):
            transform = to_chebyshev(part.shape[1 + axis])
            part = np.moveaxis(np.tensordot(transform, part, axes=(1, 1 + axis)), 0, 1 + axis)
        series.append(np.moveaxis(part, 3, 1))
    sums = [np.abs(part).sum(axis=(1, 2, 3), keepdims=True) + 1e-300 for part in series]
    used = np.max([(np.abs(part) / total).max(axis=(0, 1)) for part, total in zip(series, sums, strict=True)], axis=0)
    sizes = [int(np.flatnonzero(used.max(axis=1 - axis) > NEGLIGIBLE)[-1]) + 1 for axis in range(2)]
    kept = [np.ascontiguousarray(part[:, :, : sizes[0], : sizes[1]]) for part in series]
    rests = [
        np.abs(part).sum(axis=(1, 2, 3)) - np.abs(keep).sum(axis=(1, 2, 3))
        for part, keep in zip(series, kept, strict=True)
    ]
    return (*kept, np.stack(rests, axis=1))
