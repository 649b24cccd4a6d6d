"""Fitting panels: the unit domain is bisected until polynomials agree with a map to a tolerance on every piece.

Arithmetic here is in `numpy.longdouble` (80 bits on x86) and rounded once at the end, so that the derivatives of the
polynomials are those of the map to nearly full precision where the map itself is evaluated that well.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .arrays import FloatArray
from .panels import LongArray, Panels

__all__ = ["fit"]

#: Coefficients per coordinate direction of curves and surfaces.
SIZES = {1: 16, 2: 14}
#: Where halving a panel does not help, this many tolerances are rounding of the map.
NOISE = 20.0
#: Panels a map may need before it counts as unresolvable.
LARGEST_COUNT = {1: 4096, 2: 8192}
#: Every domain is cut this often in each direction first, so that a feature between the nodes is not overlooked.
FIRST_CUTS = 2
#: Halvings after which a panel is kept as it is: its share of the domain is below rounding.
DEEPEST = 50
#: Far from the origin positions are rounded: this share of their size counts as the size of the image.
ROUNDED_POSITION = 1.0 / 16.0
#: Densities are resolved relative to their smallest value on a panel down to this ratio, and to this depth.
GRADING, GRADED_DEPTH = 1e-3, 32
#: From this depth on the rounding of a density counts relative to its largest value anywhere.
ROUNDED_DEPTH = {1: 16, 2: 12}
# Where the polynomial is compared with the map a second time, away from the nodes.
_CHECKS = {1: ((-0.913,), (0.177,), (0.677,)), 2: ((-0.913, 0.31), (0.177, -0.83), (0.677, 0.59), (0.04, 0.963))}
# The second comparison may be off by more than the last coefficients: interpolation amplifies rounding.
_CHECK_SLACK = 64.0


def fit(
    values: Callable[[LongArray], LongArray], dimension: int, positions: int, tolerance: float,
    weight_tolerance: float = 0.0, rounding: float = 0.0, name: str = "embedding",
) -> Panels:  # fmt: skip
    """Return the piecewise polynomial of a map on [0, 1]^m.

    Parameters
    ----------
    values : the map, v (N, m) -> (N, c).
    dimension : m, 1 or 2.
    positions : r; the first r components are resolved to `tolerance` times the size of the image, the others to
        `weight_tolerance` relative to their size on each panel, or `rounding` relative to their largest size.
    tolerance, weight_tolerance, rounding : relative.
    name : of the map in messages.

    Raises
    ------
    ValueError : the map is discontinuous, or needs more than 4096 (8192) panels.
    """
    size = SIZES[dimension]
    lower, width = _first_cells(dimension)
    tree = _Tree(dimension)
    node = tree.first
    kept: list[tuple[FloatArray, ...]] = []
    depth = FIRST_CUTS
    before = np.full(len(lower), np.inf)
    scale, overall = 0.0, np.zeros(0)
    while len(lower):
        coefficients, check, largest = _interpolate(values, lower, width, size, dimension)
        if scale == 0.0:
            points = coefficients[:, :positions, 0, 0]
            scale = float(2.0 * np.abs(points - points.mean(axis=0)).max()) or 1.0
            scale = max(scale, ROUNDED_POSITION * float(largest[:, :positions].max()))
        target = np.full((len(lower), coefficients.shape[1]), tolerance * scale)
        overall = np.fmax(overall if overall.size else 0.0, largest[:, positions:].max(axis=0))
        target[:, positions:] = weight_tolerance * largest[:, positions:]
        if depth >= ROUNDED_DEPTH[dimension]:
            target[:, positions:] = np.maximum(target[:, positions:], rounding * overall)
        done, axis, excess = _resolved(coefficients, check, target, dimension, before)
        if coefficients.shape[1] > positions and dimension == 1 and depth < GRADED_DEPTH:
            done &= _graded(coefficients[:, positions:])
        if depth >= DEEPEST:
            _refuse_jumps(coefficients[:, :positions], scale)
            done[:] = True
        coefficients[np.abs(coefficients) < 0.01 * target[:, :, None, None]] = 0.0
        tree.keep(node[done])
        kept.append((lower[done], width[done], coefficients[done]))
        count = sum(len(part[0]) for part in kept) + 2 * int((~done).sum())
        if count > LARGEST_COUNT[dimension]:
            raise ValueError(
                f"{name} could not be resolved to a relative accuracy of {max(tolerance, weight_tolerance):g} by "
                f"{LARGEST_COUNT[dimension]} polynomials; it has to be smooth, up to a few points of a curve"
            )
        lower, width, node = _halve(lower[~done], width[~done], axis[~done], tree, node[~done])
        before = np.repeat(excess[~done], 2)
        depth += 1
    lower, width, chebyshev = (np.concatenate(parts) for parts in zip(*kept, strict=True))
    monomials, low = _monomials(chebyshev, dimension)
    center, radius = tree.balls(chebyshev[:, :positions])
    return Panels(
        dimension, lower, width, monomials, low, _degrees(monomials), center, radius, np.array(tree.child),
        np.array(tree.panel), np.abs(chebyshev[:, positions:]).sum(axis=(2, 3)).astype(np.float64),
    )  # fmt: skip


class _Tree:
    """Nodes in the order of their making; every node has a ball, two children, or a panel."""

    def __init__(self, dimension: int) -> None:
        self.child: list[list[int]] = [[-1, -1]]
        self.panel: list[int] = [-1]
        self._panels = 0
        nodes = [0]
        for _ in range(FIRST_CUTS * dimension):
            nodes = [below for node in nodes for below in self.split(node)]
        self.first = np.array(nodes)

    def split(self, node: int) -> list[int]:
        below = [len(self.child), len(self.child) + 1]
        self.child[node] = below
        self.child += [[-1, -1], [-1, -1]]
        self.panel += [-1, -1]
        return below

    def keep(self, nodes: NDArray[np.int64]) -> None:
        """Give these nodes the next panels."""
        for node in nodes:
            self.panel[node] = self._panels
            self._panels += 1

    def balls(self, chebyshev: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return (center, radius); |T_k| <= 1 makes the sum of the other coefficients a radius."""
        norms = np.sqrt((chebyshev**2).sum(axis=1))
        radii = norms.sum(axis=(1, 2)) - norms[:, 0, 0]
        center = np.empty((len(self.child), chebyshev.shape[1]))
        radius = np.empty(len(self.child))
        for node in range(len(self.child) - 1, -1, -1):
            if self.panel[node] >= 0:
                center[node] = chebyshev[self.panel[node], :, 0, 0]
                radius[node] = radii[self.panel[node]]
            else:
                below = self.child[node]
                center[node] = 0.5 * (center[below[0]] + center[below[1]])
                radius[node] = max(np.linalg.norm(center[b] - center[node]) + radius[b] for b in below)
        return center, radius * (1.0 + 1e-12)


def _first_cells(dimension: int) -> tuple[FloatArray, FloatArray]:
    cells = [(np.zeros(dimension), np.ones(dimension))]
    for step in range(FIRST_CUTS * dimension):
        axis = step % dimension
        halves = []
        for lower, width in cells:
            half = width.copy()
            half[axis] *= 0.5
            upper = lower.copy()
            upper[axis] += half[axis]
            halves += [(lower, half), (upper, half)]
        cells = halves
    return np.array([cell[0] for cell in cells]), np.array([cell[1] for cell in cells])


def _halve(
    lower: FloatArray, width: FloatArray, axis: NDArray[np.int64], tree: _Tree, node: NDArray[np.int64]
) -> tuple[FloatArray, FloatArray, NDArray[np.int64]]:
    rows = np.arange(len(lower))
    half = width.copy()
    half[rows, axis] *= 0.5
    upper = lower.copy()
    upper[rows, axis] += half[rows, axis]
    below = np.array([tree.split(int(n)) for n in node], dtype=np.int64).reshape(-1, 2)
    return (
        np.stack([lower, upper], axis=1).reshape(-1, lower.shape[1]),
        np.repeat(half, 2, axis=0),
        below.reshape(-1),
    )


@functools.cache
def _transform(size: int) -> tuple[LongArray, LongArray, LongArray]:
    """Return Chebyshev nodes and the matrices from values to Chebyshev, and from these to monomial coefficients."""
    one = np.longdouble(1)
    pi = 4 * np.arctan(one)
    angle = pi * (2 * np.arange(size) + 1) / (2 * size)
    to_chebyshev = 2 * np.cos(np.outer(np.arange(size), angle)) / size
    to_chebyshev[0] /= 2
    to_monomials = np.zeros((size, size), dtype=np.longdouble)
    to_monomials[0, 0] = to_monomials[1, 1] = one
    for k in range(2, size):
        to_monomials[1:, k] = 2 * to_monomials[:-1, k - 1]
        to_monomials[:, k] -= to_monomials[:, k - 2]
    return np.cos(angle), to_chebyshev, to_monomials


def _interpolate(
    values: Callable[[LongArray], LongArray], lower: FloatArray, width: FloatArray, size: int, dimension: int
) -> tuple[LongArray, LongArray, FloatArray]:
    """Return Chebyshev coefficients (n, c, K, K or 1), the error at the check points and max |values|, (n, c) each."""
    nodes, to_chebyshev, _ = _transform(size)
    grid = np.stack(np.meshgrid(*[nodes] * dimension, indexing="ij"), axis=-1).reshape(-1, dimension)
    extra = np.array(_CHECKS[dimension], dtype=np.longdouble)
    local = np.concatenate([grid, extra])
    v = lower[:, None, :] + width[:, None, :] * (1 + local) / 2
    found = values(v.reshape(-1, dimension)).reshape(len(lower), len(local), -1)
    shape = (len(lower), *(size,) * dimension, found.shape[-1])
    coefficients = found[:, : len(grid)].reshape(shape)
    largest = np.abs(found).max(axis=1).astype(np.float64)
    for axis in range(1, dimension + 1):
        coefficients = np.moveaxis(np.tensordot(to_chebyshev, coefficients, axes=(1, axis)), 0, axis)
    coefficients = np.moveaxis(coefficients, -1, 1)
    if dimension == 1:
        coefficients = coefficients[..., None]
    cosines = [np.cos(np.arange(size) * np.arccos(extra[:, axis, None])) for axis in range(dimension)]
    if dimension == 1:
        cosines.append(np.ones((len(extra), 1), dtype=np.longdouble))
    again = np.einsum("nckl,ek,el->nec", coefficients, *cosines)
    return coefficients, np.abs(again - found[:, len(grid) :]).max(axis=1), largest


def _resolved(
    coefficients: LongArray, check: LongArray, target: FloatArray, dimension: int, before: FloatArray
) -> tuple[NDArray[np.bool_], NDArray[np.int64], FloatArray]:
    """Return which cells are resolved, the direction in which to halve the others, and how far they are from it.

    What is off by a few tolerances and was not off by much more `before` the last halving is rounding of the map.
    """
    last = [np.abs(coefficients[:, :, -2:]).max(axis=(2, 3))]
    if dimension == 2:
        last.append(np.abs(coefficients[:, :, :, -2:]).max(axis=(2, 3)))
    floor = np.maximum(target, 1e-300)
    excess = np.array([(tail / floor).max(axis=1) for tail in last])
    worst = excess.max(axis=0)
    allowed = np.where((worst <= NOISE) & (worst > 0.25 * before), NOISE, 1.0)
    done = np.asarray((worst <= allowed) & (check <= _CHECK_SLACK * allowed[:, None] * target).all(axis=1))
    return done, excess.argmax(axis=0), worst


def _graded(weights: LongArray) -> NDArray[np.bool_]:
    """Return where no weight falls below a small share of its largest value on the panel, or vanishes everywhere."""
    angle = np.linspace(0.0, np.pi, 33)
    found = np.abs(np.einsum("nck,ek->nce", weights[..., 0], np.cos(np.outer(angle, np.arange(weights.shape[2])))))
    return np.asarray((found.min(axis=2) >= GRADING * found.max(axis=2)).all(axis=1))


def _refuse_jumps(coefficients: LongArray, scale: float) -> None:
    jump = np.abs(coefficients[:, :, 1:]).max(initial=0.0)
    if jump > 1e-6 * scale:
        raise ValueError(f"the embedding must be continuous; it jumps by about {float(2 * jump):.3g}")


def _monomials(chebyshev: LongArray, dimension: int) -> tuple[FloatArray, FloatArray]:
    """Return the coefficients of the monomials, and what rounding them to float64 leaves."""
    convert = _transform(chebyshev.shape[2])[2]
    result = np.einsum("jk,nckl->ncjl", convert, chebyshev)
    if dimension == 2:
        result = np.einsum("jl,nckl->nckj", convert, result)
    high = np.ascontiguousarray(result.astype(np.float64))
    return high, np.ascontiguousarray((result - high).astype(np.float64))


def _degrees(monomials: FloatArray) -> NDArray[np.int64]:
    used = np.abs(monomials).max(axis=1) > 0.0
    powers = [used.any(axis=2), used.any(axis=1)]
    return np.stack([power.shape[1] - 1 - power[:, ::-1].argmax(axis=1) for power in powers], axis=1).astype(np.int64)
