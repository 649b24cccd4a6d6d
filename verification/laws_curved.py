"""Laws on curves and surfaces, with the sizes of their supports."""

from __future__ import annotations

from typing import Any

import numpy as np

from .laws import Law
from .shapes import HELIX_PITCH, HELIX_RADIUS, HELIX_TURNS, ROLL_WIDTH, SPIRAL, ellipse, helix, lima_bean, wavy_circle
from .situations_curves import law_on
from .situations_surfaces import MAJOR, MINOR, swiss_roll, tilted_torus


def plain(name: str, measure: Any, size: float) -> Law:
    """Return a law of which only the size of its support is used."""
    nothing: Any = np.empty(0)
    return Law(name, measure, nothing, nothing, None, size, nothing, 0.0)


def curved_laws() -> list[Law]:
    """Return uniform laws and others; sizes are max |y| over M."""
    oval = ellipse(2.0, 1.0)
    return [
        plain(oval.name, law_on(oval, "uniform"), 2.0),
        plain(f"{oval.name}, ρ ∝ exp(cos u)", law_on(oval, "exp(cos u)"), 2.0),
        plain("lima bean", law_on(lima_bean(), "uniform"), 1.0),  # sin^3 w + cos^3 w <= sin^2 w + cos^2 w
        plain("wavy circle", law_on(wavy_circle(), "uniform"), 1.13),
        plain("helix", law_on(helix(), "uniform"), float(np.hypot(HELIX_RADIUS, HELIX_PITCH * HELIX_TURNS))),
        plain("torus, ρ ∝ exp(cos u + sin v)", tilted_torus(), MAJOR + MINOR),
        plain("Swiss roll", swiss_roll().uniform(), float(np.hypot(SPIRAL[1], ROLL_WIDTH))),
    ]
