"""[FPHDP] Figure 10: more fours of every scale, of score smoothing and of kernel density estimates."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from . import captions, style
from .images import latent_runs as lr
from .images import panels
from .images.data import Source
from .images.mosaics import show

TITLE = "[FPHDP] Figure 10: fours of every scale, of smoothed scores and of density estimates"

COLUMNS = 12


def compute(quick: bool, source: Source) -> dict[str, np.ndarray]:
    """Images of all scales."""
    found = lr.runs(source, quick)
    kept = panels.kept(found, "accuracy", "called", "called_real", "spread")
    return kept | {"decoded": found["decoded"][:, :, :COLUMNS]}


def draw(data: dict[str, np.ndarray]) -> Figure:
    """One row a scale; score smoothing on the left."""
    count = data["scales"].shape[1]
    fig = Figure(figsize=(style.WIDTH, 2.95))
    axes = fig.subplots(1, 2)
    fig.subplots_adjust(left=0.055, right=0.995, bottom=0.015, top=0.915, wspace=0.16)
    for method, name in enumerate(("score smoothing", "kernel density estimate")):
        ax = axes[method]
        show(ax, np.concatenate(data["decoded"][method]), COLUMNS)
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
    rows = panels.paired_rows(data["scales"], data["spread"], data["called"])
    return captions.filled(
        text + panels.experiment_text(data),
        panels.autoencoder_text(data),
        f"Spread: total variance of the samples over that of the latents of all {lr.DIGIT}s. Called {lr.DIGIT}: "
        f"by a classifier of held-out accuracy {100.0 * data['accuracy']:.1f} %, of decoded samples "
        f"({100.0 * data['called_real'].mean():.1f} % of decoded {lr.DIGIT}s that are no training points). "
        f"Standard errors over {data['called'].shape[-1]} random subsets of training points, which overlap:",
        captions.text_table(["sigma", "spread", f"called {lr.DIGIT}, %", "h", "spread", f"called {lr.DIGIT}, %"], rows),
    )
