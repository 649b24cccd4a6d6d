"""[LWB] Figure 1: a normal law on a line; errors of networks for the three targets at one fixed point."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from . import captions
from . import training_panels as panels
from .training_runs import target_runs

TITLE = "[LWB] Figure 1: normal law on a line, errors of CEM, SGM and DDPM networks at the point (1, -0.1)"


def compute(quick: bool) -> dict[str, np.ndarray]:
    """Take the runs on the line."""
    return target_runs("line", quick)


def distances(data: dict[str, np.ndarray]) -> np.ndarray:
    """Return |prediction - truth| at the fixed point, (targets, seeds, 3, T)."""
    return np.asarray(np.linalg.norm(data["at_point"], axis=-1))


def draw(data: dict[str, np.ndarray]) -> Figure:
    """Three panels, one for each of f, S and eps."""
    return panels.error_grid(data["times"], {"at $(1, -0.1)$": distances(data)}, 4.2)


def caption(data: dict[str, np.ndarray]) -> str:
    """The caption, with the errors at four times."""
    return captions.filled(
        "lwb-1. Normal law N(0, 1) on the first axis of the plane, errors |prediction - truth| of f, S and eps at "
        "x = (1, -0.1) against t; the other two follow from what a network predicts. The point is one sigma_t off the "
        "line at t = 0.01 and 3.2 sigma_t at t = 0.001, where training rarely sees such points.",
        panels.setting(data),
        "Errors at the point, median over seeds [least, largest]:",
        panels.final_table(data, distances(data)[..., panels.places(data)]),
    )
