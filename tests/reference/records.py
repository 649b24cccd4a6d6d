"""What every reference measure hands out: its tilted moments, and its float64 inputs with ways to move them."""

from collections.abc import Callable
from typing import Any, NamedTuple

from mpmath import mpf


class Tilt(NamedTuple):
    """Moments of Q_{z,s} (dy) = exp(-|z - y|^2 / 2s) pi(dy) / Z(z, s)."""

    log_mass: mpf
    mean: list
    displacement: list


class Input(NamedTuple):
    """One float64 input of a measure, as one array.

    `moves[i](h)` is the measure with this input moved by a vector of length h. If `orthogonal`, the moves go in
    orthogonal directions, and the largest singular value of the quotients is the operator norm on their span.
    """

    name: str
    size: mpf
    moves: list[Callable[[mpf], Any]]
    orthogonal: bool = True


def wrapped(inputs, rebuild, prefix):
    """The inputs of a part, as inputs of the whole: `rebuild(part)` puts a moved part into its place."""
    return [
        Input(
            f"{prefix}.{each.name}",
            each.size,
            [lambda h, move=move: rebuild(move(h)) for move in each.moves],
            each.orthogonal,
        )
        for each in inputs
    ]
