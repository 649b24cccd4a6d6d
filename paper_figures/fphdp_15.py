"""[FPHDP] Figure 15: images of bumps in a square, from 116 of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from . import bump_panels as panels
from . import captions, style
from .bump_charts import ORBIT
from .bump_runs import FINE_LATTICE, KERNELS, LATTICE, square_runs
from .bumps import square

TITLE = "[FPHDP] Figure 15: images of bumps in a square, distances to the data and to M with both kernels"

SHOWN = 8
KEYS = (
    *panels.COMMON, "centres", "parameters", "to_manifold", "to_data", "to_lattice", "memorising_to_manifold",
    "memorising_to_data", "true_to_data",
)  # fmt: skip


def compute(quick: bool) -> dict[str, np.ndarray]:
    """Take the runs in the square, and the pictures of some samples at the checked scale of either kernel."""
    data = square_runs(quick)
    rows = [0, data["scales"].shape[1] // 2, data["scales"].shape[1] - 1]
    pictures = [[square().lift(data["samples"][k, i, :SHOWN]) for i in rows] for k in range(2)]
    found = {key: data[key] for key in KEYS} | {"pictures": np.array(pictures, dtype=np.float32)}
    return found | {"rows": np.array(rows), "fine_points": np.array(data["true_to_data"].size)}


def draw(data: dict[str, np.ndarray]) -> Figure:
    """Distances above; below, images and the centres of the nearest images on M."""
    fig = Figure(figsize=(style.WIDTH, 8.6))
    axes = [fig.add_axes((0.065 + 0.475 * k, 0.565, 0.445, 0.375)) for k in range(2)]
    panels.distance_panels(axes, data)
    shades = panels.colours(data["scales"].shape[1])
    for k in range(2):
        ax = fig.add_axes((0.065 + 0.475 * k, 0.315, 0.445, 0.185))
        labels = [f"scale\n{scale:g}" for scale in data["scales"][k, data["rows"]]]
        panels.mosaic(ax, data["pictures"][k], labels)
        for j, i in enumerate(data["rows"]):
            where = fig.add_axes((0.065 + 0.475 * k + 0.151 * j, 0.065, 0.143, 0.2), aspect="equal")
            _centres(where, data, k, int(i), shades[i])
    panels.distance_legend(fig)
    return fig


def _centres(ax: Any, data: dict[str, np.ndarray], k: int, i: int, colour: np.ndarray) -> None:
    ax.plot(*data["centres"].T, linestyle="", marker="+", markersize=4.5, color=style.FAINT, markeredgewidth=0.7)
    ax.plot(
        *data["parameters"][k, i].T, linestyle="", marker="o", markersize=3.6, color=colour, markeredgecolor="white",
        markeredgewidth=0.4,
    )  # fmt: skip
    limit = 1.08 * ORBIT
    ax.set(xlim=(-limit, limit), ylim=(-limit, limit), xticks=(), yticks=())
    ax.set_title(f"{KERNELS[k]} {data['scales'][k, i]:g}", fontsize=9.5, pad=4)


def caption(data: dict[str, np.ndarray]) -> str:
    """The caption: what is shown, its errors, and the means."""
    n = len(data["centres"])
    lattice = np.sqrt(np.maximum(data["to_lattice"] ** 2 - data["to_manifold"] ** 2, 0.0))
    what = (
        f"fphdp-15. {n} images of a Gaussian bump with centres on a triangular lattice of side {LATTICE:g} in "
        "[-1/2, 1/2]^2 (rows as many as fit, centred; outer rows start on the boundary); M: the images of all bumps "
        "with centres in the square. Above: distances of every sample to the nearest image of the data and to M; large "
        "dots are means with one standard error. Crosses: samples without smoothing. Red: the uniform law on the "
        f"lattice of side {FINE_LATTICE:g} ({int(data['fine_points'])} images), with the range and the mean (diamond) "
        f"of its distance to the data. Middle: the first {SHOWN} samples at three scales of either kernel. Below: "
        "centres of the nearest images on M at these scales (dots) and of the data (crosses). Distances to M are by "
        f"exact projection; the paper's, to the {int(data['fine_points'])} images, are larger: in the mean "
        f"{data['to_lattice'].mean():.4f} instead of {data['to_manifold'].mean():.4f}, for the nearest of them is "
        f"{lattice.mean():.4f} away from the projection."
    )
    note = (
        f"{int(data['nodes'][1])} scrambled Sobol nodes common to all x, nearest images of p + N(0, scale^2 I) by "
        "search and Newton steps for each"
    )
    return captions.filled(
        panels.setting(data, what),
        panels.kernel_errors(data, note),
        "Means and standard errors over the samples:",
        panels.distance_table(data),
    )
