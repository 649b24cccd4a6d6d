"""[FPHDP] Figure 6: fours decoded from latents, of score smoothing and of kernel density estimates."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from . import captions, style
from .images import latent_runs as lr
from .images import panels
from .images.data import Source
from .images.mosaics import show

TITLE = "[FPHDP] Figure 6: fours from smoothed scores and from density estimates, over their nearest training images"

CHOSEN = (2, 3, 4)  # scales of the smoothed score: where it leaves the training points
COLUMNS = 8


def compute(quick: bool, source: Source) -> dict[str, np.ndarray]:
    """Images of the chosen scales, and of the density estimates that are as far from the data in the mean."""
    found = lr.runs(source, quick)
    far = found["to_data"].mean(axis=-1)  # (2, 6, S)
    means = far.mean(axis=-1)
    match = [int(np.abs(means[1] - means[0, k]).argmin()) for k in CHOSEN]
    rows = [[(0, k) for k in CHOSEN], [(1, k) for k in match]]
    return {
        **panels.kept(found, "accuracy", "called_real"),
        "decoded": np.array([[found["decoded"][each][:COLUMNS] for each in row] for row in rows]),
        "neighbour": np.array([[found["neighbour"][each][:COLUMNS] for each in row] for row in rows]),
        "shown": np.array([[found["scales"][each] for each in row] for row in rows]),
        "to_data": np.array([[far[each] for each in row] for row in rows]),
        "called": np.array([[found["called"][each] for each in row] for row in rows]),
    }


def draw(data: dict[str, np.ndarray]) -> Figure:
    """Score smoothing on the left; pairs of rows: generated above, nearest training images below."""
    fig = Figure(figsize=(style.WIDTH, 4.55))
    axes = fig.subplots(3, 2)
    fig.subplots_adjust(left=0.07, right=0.995, bottom=0.015, top=0.925, wspace=0.14, hspace=0.3)
    for method, name in enumerate(("score smoothing", "kernel density estimate")):
        symbol = "\\sigma" if method == 0 else "h"
        for row in range(len(CHOSEN)):
            ax = axes[row, method]
            show(ax, np.concatenate([data["decoded"][method, row], data["neighbour"][method, row]]), COLUMNS)
            title = f"${symbol}={data['shown'][method, row]:g}$: distance to data "
            title += f"{data['to_data'][method, row].mean():.2f}"
            ax.set_title(f"{name}, {title}", fontsize=10, pad=4)
            for share, label in ((0.75, "new"), (0.25, "nearest")):
                ax.text(-0.015, share, label, transform=ax.transAxes, ha="right", va="center", fontsize=9)
    return fig


def caption(data: dict[str, np.ndarray]) -> str:
    """The caption, with distances to the data and what the classifier says."""
    text = (
        f"fphdp-6. Decoded samples ('new', the first {COLUMNS} of each scale, not chosen) and, below each, the "
        "training image whose latent is nearest. In a row both methods are about as far from the training latents: "
        "for each scale of the smoothed score the density estimate whose mean distance is closest. "
    )
    rows = panels.paired_rows(data["shown"], data["to_data"], data["called"])
    count = data["called"].shape[-1]
    return captions.filled(
        text + panels.experiment_text(data),
        panels.autoencoder_text(data),
        f"Distance to the data (mean over samples) and percentage of the decoded samples that a classifier "
        f"(held-out accuracy {100.0 * data['accuracy']:.1f} %) calls a {lr.DIGIT}; of decoded {lr.DIGIT}s that are "
        f"no training points it is {100.0 * data['called_real'].mean():.1f} %. Standard errors over {count} random "
        "subsets of training points, which overlap:",
        captions.text_table(
            ["sigma", "distance", f"called {lr.DIGIT}, %", "h", "distance", f"called {lr.DIGIT}, %"], rows
        ),
    )
