"""What all figures share: fonts, sizes, colours."""

from __future__ import annotations

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import Colormap, ListedColormap

# Pixels per inch of every PNG; WIDTH * DPI = 1600 pixels, twice what a README column shows, so text is at least 16 px.
DPI = 160
WIDTH = 10.0

# Okabe and Ito's colours (Color Universal Design, 2008): told apart with any of the common colour-vision deficiencies.
BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9"
YELLOW = "#F0E442"
INK, MUTED, FAINT = "#1a1a1a", "#555555", "#8a8a8a"
FIELD = (1.0, 1.0, 1.0, 0.55)  # field lines, over a density


def density_map() -> Colormap:
    """Magma without its palest fifth, so that white and yellow can be seen on all of it; perceptually uniform."""
    return ListedColormap(colormaps["magma"](np.linspace(0.0, 0.78, 256)), name="magma-dark")


RC = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so figures look the same everywhere
    "mathtext.fontset": "dejavusans",
    "font.size": 10.0,
    "axes.titlesize": 11.0,
    "axes.labelsize": 10.0,
    "legend.fontsize": 10.0,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "axes.linewidth": 0.6,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "figure.facecolor": "white",
    "savefig.dpi": DPI,
}
