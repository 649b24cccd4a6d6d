"""[FPHDP] Figure 10: more fours of every scale, of score smoothing and of kernel density estimates."""

from __future__ import annotations

import textwrap

import numpy as np
from matplotlib.figure import Figure

from . import smoothing_samples as ss
from . import style
from .images import latent_runs as lr
from .images import panels
from .images.data import Source

TITLE = "[FPHDP] Figure 10: fours of every scale, of smoothed scores and of density estimates"

COLUMNS = 12
_KEPT = (
    "points", "fours", "nodes", "steps", "gap", "deviations", "scales", "accuracy", "called", "called_real", "spread",
    "vae_steps", "trials",
)  # fmt: skip


def compute(quick: bool, source: Source) -> dict[str, np.ndarray]:
    """Images of all scales."""
    found = lr.runs(source, quick)
    kept = {key: found[key] for key in found if key in _KEPT or key.startswith("vae_")}
    return kept | {"decoded": found["decoded"][:, :, :COLUMNS]}


def draw(data: dict[str, np.ndarray]) -> Figure:
    """One row a scale; score smoothing on the left."""
    count = data["scales"].shape[1]
    fig = Figure(figsize=(style.WIDTH, 2.95))
    axes = fig.subplots(1, 2)
    fig.subplots_adjust(left=0.055, right=0.995, bottom=0.015, top=0.915, wspace=0.16)
    for method, name in enumerate(("score smoothing", "kernel density estimate")):
        ax = axes[method]
        panels.show(ax, data["decoded"][method])
        ax.set_title(name, pad=5)
        for row, scale in enumerate(data["scales"][method]):
            label = f"$\\sigma={scale:g}$" if method == 0 else f"$h={scale:g}$"
            ax.text(
                -0.012, 1.0 - (row + 0.5) / count, label, transform=ax.transAxes, ha="right", va="center", fontsize=9
            )
    return fig


def caption(data: dict[str, np.ndarray]) -> str:
    """The caption, with spreads and what the classifier says."""
    text = (
        f"fphdp-10. The first {data['decoded'].shape[2]} decoded samples of every scale, not chosen. Those "
        "of the smoothed score are averages of training latents, of ever more as sigma grows: the spread says how much "
        "of their variety is left. Those of the density estimate are training latents with noise in all directions. "
    )
    rows = []
    for k in range(data["scales"].shape[1]):
        cells = []
        for method in range(2):
            spread, called = (panels.over_subsets(data[key][method, k]) for key in ("spread", "called"))
            cells += [f"{data['scales'][method, k]:g}", panels.mean_error(float(spread[0]), float(spread[1]))]
            cells.append(panels.mean_error(100.0 * float(called[0]), 100.0 * float(called[1]), 1))
        rows.append(cells)
    blocks = [
        textwrap.fill(text + panels.experiment_text(data), 110),
        textwrap.fill(panels.autoencoder_text(data), 110),
        textwrap.fill(
            f"Spread: total variance of the samples over that of the latents of all {lr.DIGIT}s. Called {lr.DIGIT}: "
            f"by a classifier of held-out accuracy {100.0 * data['accuracy']:.1f} %, of decoded samples "
            f"({100.0 * data['called_real'].mean():.1f} % of decoded {lr.DIGIT}s that are no training points). "
            f"Standard errors over {data['called'].shape[-1]} random subsets of training points, which overlap:",
            110,
        ),
        ss.text_table(
            ["sigma", "spread", f"called {lr.DIGIT}, %", "h", "spread", f"called {lr.DIGIT}, %"], rows
        ),
    ]  # fmt: skip
    return "\n\n".join(blocks) + "\n"
