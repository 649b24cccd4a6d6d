"""[FPHDP] Figure 9: decoded samples near a closed curve of latents, with isotropic and adapted smoothing."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from . import captions, style
from . import latent_panels as panels
from .bump_panels import every
from .images.data import Source
from .images.latent_curve import KERNELS, angles, decoded_runs, on_circle, training_points
from .images.mosaics import show

TITLE = "[FPHDP] Figure 9: digits decoded along a closed curve of latents, isotropic and adapted smoothing"

SHOWN = 12
ROWS = 3  # scales of either kernel


def compute(quick: bool, source: Source) -> dict[str, np.ndarray]:
    """Take the runs, and images at ROWS scales of either kernel."""
    data = decoded_runs(source, quick)
    rows = np.array([chosen(row) for row in data["frechet"]])
    true = every(angles(data["true_samples"]), SHOWN)
    pictures = []
    for k, places in enumerate(rows):
        shown = [every(angles(data["samples"][k, i]), SHOWN) for i in places]
        pictures.append([data["images"][k, i][x] for i, x in zip(places, shown, strict=True)])
    kept = {key: data[key] for key in (*panels.COMMON, "samples", "true_samples", "training_images")}
    return kept | {
        "rows": rows,
        "pictures": np.array(pictures, dtype=np.float32),
        "true_pictures": data["true_images"][true].astype(np.float32),
    }


def chosen(distances: np.ndarray) -> list[int]:
    """Return ROWS different indices: of the least distance, of the largest scale, of smaller scales than the best."""
    best, last = int(np.argmin(distances)), len(distances) - 1
    wanted = dict.fromkeys((best, last, max(1, best // 2), best // 4, *range(len(distances))))
    return sorted(list(wanted)[:ROWS])


def draw(data: dict[str, np.ndarray]) -> Figure:
    """A row for the curve, the data, and every scale: samples in the plane of the curve, and images by their angle."""
    rows = [("uniform law\nof the curve", data["true_samples"], data["true_pictures"], style.VERMILLION)]
    rows.append((f"the {len(data['training_images'])} data", training_points(), data["training_images"], style.INK))
    for k, kernel in enumerate(KERNELS):
        for i, pictures in zip(data["rows"][k], data["pictures"][k], strict=True):
            scale = data["scales"][k, i]
            rows.append((f"{kernel}\n{scale:g} R", data["samples"][k, i], pictures, panels.COLOURS[kernel]))
    fig = Figure(figsize=(style.WIDTH, 0.82 * len(rows) + 0.2))
    for j, (label, x, pictures, colour) in enumerate(rows):
        top = 1.0 - (j + 1.0) * 0.97 / len(rows)
        fig.text(0.105, top + 0.42 / len(rows), label, ha="right", va="center", fontsize=9.5, color=colour)
        _plane(fig.add_axes((0.11, top, 0.085, 0.85 / len(rows))), x, colour)
        ax = fig.add_axes((0.205, top, 0.79, 0.85 / len(rows)))
        blank = np.full((max(0, SHOWN - len(pictures)), *pictures.shape[1:]), np.nan)
        show(ax, np.concatenate([pictures, blank]), SHOWN)
        ax.set_anchor("W")
    return fig


def _plane(ax: Any, x: np.ndarray, colour: str) -> None:
    circle = on_circle(np.linspace(0.0, 2.0 * np.pi, 200))
    ax.plot(*circle.T, color=style.FAINT, linewidth=0.6)
    ax.scatter(*x.T, s=2.5 if len(x) > 50 else 9.0, color=colour, linewidths=0.0, alpha=0.6)
    ax.set(xlim=(-1.3, 1.3), ylim=(-1.3, 1.3), aspect="equal")
    ax.axis("off")


def caption(data: dict[str, np.ndarray]) -> str:
    """The caption: what is shown, and what was measured of the rows."""
    what = (
        f"fphdp-9. {panels.what(data)} Left: samples in the plane of the curve, grey. Right: {SHOWN} of them decoded, "
        "at equal steps of rank of the angle; the data are all shown, from angle 0. Of the scales of either kernel "
        "the one of least Fréchet distance, the largest, and a smaller one (two, if the largest is the best)."
    )
    return captions.filled(what, panels.setting(data), panels.table(data, data["rows"]), panels.conclusion(data))
