"""[LWB] Figure 4: a law on a curve; errors in L2(p_t), along the curve and normal to it."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from . import captions
from . import training_panels as panels
from .training_runs import target_runs

TITLE = "[LWB] Figure 4: law on a curve, errors of CEM, SGM and DDPM networks in L2(p_t) per component"


def compute(quick: bool) -> dict[str, np.ndarray]:
    """Take the runs on the curve."""
    return target_runs("curve", quick)


def draw(data: dict[str, np.ndarray]) -> Figure:
    """Errors along the tangent above, along the normal below."""
    return panels.component_grid(data)


def caption(data: dict[str, np.ndarray]) -> str:
    """The caption, with the table of final errors."""
    return captions.filled(
        "lwb-4. Uniform law on the lima bean of [FPHDP] (the curve is our choice): errors of f, S and eps in L2(p_t) "
        "against t, along the tangent (above) and the normal (below) of the curve at the foot of x/alpha_t.",
        panels.setting(data),
        "Errors of both components together, median over seeds [least, largest]:",
        panels.final_table(data),
    )
