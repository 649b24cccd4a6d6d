"""Whether an embedding is one: regular everywhere, and closed where its ends meet."""

from __future__ import annotations

import reprlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import arrays
from ..arrays import FloatArray
from ..panels import Panels
from .frames import volume

__all__ = ["affine_hull", "closes", "of_parameters", "refuse_corners", "refuse_degenerate"]

#: Ambient dimensions above this are reduced to the affine hull of the manifold, as far as float64 resolves it.
LARGEST_AMBIENT = 12
#: What is outside of the hull may be this long, relative to the manifold.
HULL_ROUNDING = 8e-15
#: Below this share of its mean the volume element per parameter counts as zero.
DEGENERATE = 1e-9
#: Panels on which its minimum is looked for.
LOWEST = 32
#: Jumps relative to the size of the image, and turns of the tangent, between neighbouring panels; panels so narrow
#: that a curve does not turn on them.
LARGEST_JUMP, LARGEST_TURN, NARROWEST = 1e-8, 1e-4, 1e-10


@contextmanager
def of_parameters(**given: float) -> Iterator[None]:
    """Say which parameters a named manifold was given where the embedding made of them is none for float64."""
    try:
        yield
    except ValueError as error:
        numbers = ", ".join(f"{name} = {value!r}" for name, value in given.items())
        raise ValueError(f"{numbers}: {error}") from error


def affine_hull(values: Any, dimension: int, size: int) -> tuple[FloatArray | None, FloatArray | None]:
    """Return an isometry (basis, origin) from R^r that covers the manifold to rounding; None twice if r is near d."""
    if size <= LARGEST_AMBIENT:
        return None, None
    count = 256 if dimension == 1 else 24
    nodes = (np.cos(np.pi * (np.arange(count) + 0.5) / count) + 1.0) / 2.0
    v = np.stack(np.meshgrid(*[nodes] * dimension, indexing="ij"), axis=-1).reshape(-1, dimension)
    v = np.concatenate([v, np.random.default_rng(0).random((64, dimension))])
    points = np.asarray(values(v), dtype=np.float64)
    origin = points[:-64].mean(axis=0)
    basis, scale = _span(points[:-64] - origin)
    if basis.shape[1] + 2 >= min(size, len(points) - 64):
        return None, None
    check = points[-64:] - origin
    outside = np.linalg.norm(check - arrays.multiply(arrays.multiply(check, basis), basis.T), axis=1).max()
    return (basis, origin) if outside <= 4.0 * HULL_ROUNDING * scale else (None, None)


def _span(points: FloatArray) -> tuple[FloatArray, float]:
    """Return an orthonormal basis (d, r) of the rows to rounding, and the largest of their lengths.

    Gram-Schmidt, the longest rest first: a few hundred passes over few rows, where a threaded decomposition may take
    seconds on a busy machine.
    """
    rest, found = points.copy(), np.empty((0, points.shape[1]))
    scale = float(np.sqrt((points**2).sum(axis=1).max()))
    while len(found) < len(points):
        squares = np.einsum("ij,ij->i", rest, rest)
        longest = int(squares.argmax())
        if squares[longest] <= (HULL_ROUNDING * scale) ** 2:
            break
        direction = rest[longest] / np.sqrt(squares[longest])
        for _ in range(2):  # once leaves what rounding put along the directions found before
            direction = direction - np.einsum("i,ij->j", np.einsum("ij,j->i", found, direction), found)
            direction /= np.sqrt((direction**2).sum())
        rest -= np.einsum("ij,j->i", rest, direction)[:, None] * direction
        found = np.concatenate([found, direction[None]])
    return np.ascontiguousarray(found.T), scale


def refuse_degenerate(panels: Panels, lower: FloatArray, upper: FloatArray) -> None:
    """Raise ValueError where the volume element vanishes."""
    per_axis = 33 if panels.dimension == 1 else 9
    grid = np.stack(np.meshgrid(*[np.linspace(-1.0, 1.0, per_axis)] * panels.dimension), axis=-1)
    grid = grid.reshape(-1, panels.dimension)
    panel = np.arange(len(panels.lower))
    elements = _element(panels, np.repeat(panel, len(grid)), np.tile(grid, (len(panel), 1))).reshape(len(panel), -1)
    # The lowest samples are followed down to the minima around them.
    panel = np.argsort(elements.min(axis=1))[:LOWEST]
    xi, width = grid[elements[panel].argmin(axis=1)], 2.0 / (per_axis - 1)
    steps = grid if panels.dimension == 1 else grid[::2]
    for _ in range(24):
        moves = np.clip(xi[:, None] + width * steps, -1.0, 1.0)
        found = _element(panels, np.repeat(panel, len(steps)), moves.reshape(-1, panels.dimension))
        xi = moves[np.arange(len(panel)), found.reshape(len(panel), -1).argmin(axis=1)]
        width *= 0.3
    least = _element(panels, panel, xi)
    worst = int(least.argmin())
    rounding = 1e-12 * np.abs(panels.coefficients).max() ** panels.dimension
    if least[worst] <= max(DEGENERATE * elements.mean(), rounding):
        u = lower + (upper - lower) * panels.unit(panel[worst : worst + 1], xi[worst : worst + 1])[0]
        what = "a point of zero speed" if panels.dimension == 1 else "dependent tangent vectors"
        raise ValueError(f"embedding must be regular; it has {what} near u = {np.round(u, 6).tolist()}")


def refuse_corners(panels: Panels, lower: FloatArray, upper: FloatArray) -> None:
    """Raise ValueError where neighbouring panels do not fit together: a jump, or on a curve a corner."""
    sides = np.array([[-1.0], [1.0]])
    if panels.dimension == 2:
        along = np.linspace(-0.95, 0.95, 5)
        sides = np.array(
            [(end, t) for end in (-1.0, 1.0) for t in along] + [(t, end) for end in (-1.0, 1.0) for t in along]
        )
    panel = np.repeat(np.arange(len(panels.lower)), len(sides))
    xi = np.tile(sides, (len(panels.lower), 1))
    v = panels.unit(panel, xi)
    neighbour, there = panels.locate(v)
    jump = np.abs(panels.at(panel, xi) - panels.at(neighbour, there)).max(axis=1)
    if jump.max() > LARGEST_JUMP * panels.radius[0]:
        u = lower + (upper - lower) * v[int(jump.argmax())]
        raise ValueError(f"embedding must be continuous; it jumps by {jump.max():.3g} at u = {np.round(u, 6).tolist()}")
    if panels.dimension == 1:
        tangents = [panels.at(panel, xi, (1,)), panels.at(neighbour, there, (1,))]
        tangents = [tangent / np.linalg.norm(tangent, axis=1, keepdims=True) for tangent in tangents]
        turn = np.linalg.norm(tangents[0] - tangents[1], axis=1)
        # A corner inside a panel that was halved down to rounding turns between its ends.
        start, end = tangents[0][::2], tangents[0][1::2]
        turn[::2] += np.where(panels.width[:, 0] < NARROWEST, np.linalg.norm(start - end, axis=1), 0.0)
        if turn.max() > LARGEST_TURN:
            u = lower + (upper - lower) * v[int(turn.argmax())]
            raise ValueError(
                f"embedding must have a tangent everywhere; it has a corner at u = {np.round(u, 6).tolist()}"
            )


def _element(panels: Panels, panel: NDArray[np.int64], xi: FloatArray) -> FloatArray:
    units = np.eye(panels.dimension, dtype=int)
    return volume(np.stack([panels.at(panel, xi, tuple(unit)) for unit in units], axis=1))


def closes(panels: Panels, axis: int, given: Any) -> bool:
    """Return whether this direction of the domain closes up, with its tangent; `given` is what the user says."""
    if given is not None and not isinstance(given, (bool, np.bool_)):
        raise TypeError(f"closed must be None, True or False; got {reprlib.repr(given)}")
    v = np.stack(np.meshgrid(*[np.linspace(0.0, 1.0, 9)] * panels.dimension), axis=-1).reshape(-1, panels.dimension)
    ends = [v.copy(), v.copy()]
    ends[0][:, axis], ends[1][:, axis] = 0.0, 1.0
    unit = tuple(int(k == axis) for k in range(panels.dimension))
    start, end = (panels.evaluate(side) for side in ends)
    directions = [panels.evaluate(side, unit) for side in ends]
    directions = [slope / np.linalg.norm(slope, axis=1, keepdims=True) for slope in directions]
    meets = bool(np.abs(start - end).max() <= 1e-9 * panels.radius[0])
    smooth = bool(np.abs(directions[0] - directions[1]).max() <= 1e-6)
    if given and not meets:
        raise ValueError("closed is True but the ends of the embedding do not meet")
    if meets and not smooth:
        raise ValueError("the ends of the embedding meet at an angle; a manifold has a tangent space everywhere")
    if meets and given is False:
        raise ValueError("closed is False but the ends of the embedding meet, so that it would intersect itself")
    return meets
