"""Fonts, sizes and colours of every figure."""

from __future__ import annotations

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt

#: Okabe and Ito (2008): distinguishable with any colour vision.
BLUE, ORANGE, GREEN, PINK, SKY, RED = "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00"
BLACK, GREY, SHADE = "#222222", "#777777", "#EEF2F6"

RC = {
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9.5,
    "axes.labelcolor": BLACK,
    "axes.edgecolor": GREY,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E3E3E3",
    "grid.linewidth": 0.6,
    "xtick.color": BLACK,
    "ytick.color": BLACK,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.fontsize": 8.5,
    "legend.frameon": True,
    "legend.framealpha": 0.9,
    "legend.edgecolor": "none",
    "lines.linewidth": 1.4,
    "figure.dpi": 110,
    "figure.constrained_layout.use": True,
}


def new_figure(width: float, height: float) -> mpl.figure.Figure:
    """Return an empty figure of the given size in inches, in the common style."""
    plt.close("all")
    plt.rcParams.update(mpl.rcParamsDefault)
    plt.rcParams.update(RC)
    return plt.figure(figsize=(width, height))
