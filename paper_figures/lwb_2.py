"""[LWB] Figure 2: a normal law on a line; errors in L2(p_t), along the line and normal to it."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from . import captions
from . import training_panels as panels
from .training_runs import target_runs

TITLE = "[LWB] Figure 2: normal law on a line, errors of CEM, SGM and DDPM networks in L2(p_t) per component"


def compute(quick: bool) -> dict[str, np.ndarray]:
    """Take the runs on the line."""
    return target_runs("line", quick)


def draw(data: dict[str, np.ndarray]) -> Figure:
    """Errors along the line above, normal to it below."""
    return panels.component_grid(data)


def caption(data: dict[str, np.ndarray]) -> str:
    """The caption, with the table of final errors and the pollution."""
    return captions.filled(
        "lwb-2. Normal law N(0, 1) on the first axis of the plane: errors of f, S and eps in L2(p_t) against t, along "
        "the line (above) and normal to it (below).",
        panels.setting(data),
        "Errors of both components together, median over seeds [least, largest]:",
        panels.final_table(data),
        "Pollution: share of samples of the reverse SDE (geometric times from 10 to 0.001, then 0, "
        f"{int(data['sampler_steps'])} steps, {data['distance'].shape[-1]} samples a network) farther than "
        f"3 sigma_min = {3.0 * float(data['sigma_min']):.4f} from the line:",
        panels.pollution_table(data),
    )
