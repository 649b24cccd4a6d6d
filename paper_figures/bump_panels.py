"""What the figures of images of bumps share: mosaics, distances to M against distances to the data, stated errors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from . import style
from .bump_runs import KERNELS, LATEST, PLAIN

PICTURES = "magma"
GAP = 0.04  # between images, in widths of one

Data = dict[str, np.ndarray]

#: What captions need of a run.
COMMON = (
    "scales", "nodes", "steps", "count", "checked", "norm", "kernel_error", "plain_error", "kernel_change",
    "step_change", "snapshot_times",
)  # fmt: skip


def colours(count: int) -> np.ndarray:
    """Return colours (count, 4) of the scales, from small to large; none too pale for a white page."""
    return np.asarray(colormaps["viridis"](np.linspace(0.0, 0.88, count)))


def every(values: np.ndarray, count: int) -> np.ndarray:
    """Return the indices of count samples in the order of values (n,), at equal steps of rank."""
    order = np.argsort(values, kind="stable")
    return order[((np.arange(count) + 0.5) * len(order) / count).astype(int)]


def mosaic(ax: Any, pictures: np.ndarray, labels: list[str], fontsize: float = 9.0) -> None:
    """Draw images (rows, columns, 64, 64), 0 to 1 whatever they reach, with a label to the left of every row."""
    rows, columns = pictures.shape[:2]
    for i in range(rows):
        for j in range(columns):
            x, y = j * (1.0 + GAP), -i * (1.0 + GAP)
            # The first axis of an image is the first coordinate, to the right.
            ax.imshow(
                pictures[i, j].T, cmap=PICTURES, vmin=0.0, vmax=1.0, origin="lower", extent=(x, x + 1.0, y - 1.0, y),
                interpolation="antialiased",
            )  # fmt: skip
        ax.text(-0.08, -i * (1.0 + GAP) - 0.5, labels[i], ha="right", va="center", fontsize=fontsize)
    ax.set(xlim=(0.0, columns * (1.0 + GAP) - GAP), ylim=(-rows * (1.0 + GAP) + GAP, 0.0), aspect="equal")
    ax.axis("off")


def distances(ax: Any, data: Data, k: int) -> None:
    """Draw the distance to M against the distance to the data of all samples of kernel k, and their means."""
    shades = colours(data["scales"].shape[1])
    for i in range(len(shades)):
        x, y = data["to_data"][k, i], data["to_manifold"][k, i]
        ax.plot(x, y, linestyle="", marker="o", markersize=3.0, color=shades[i], alpha=0.35, markeredgewidth=0.0)
        errors = [v.std(ddof=1) / math.sqrt(len(v)) for v in (x, y)]
        ax.errorbar(
            x.mean(), y.mean(), xerr=errors[0], yerr=errors[1], marker="o", markersize=7.0, color=shades[i],
            markeredgecolor="white", markeredgewidth=0.9, elinewidth=1.6, zorder=5,
        )  # fmt: skip
    true = data["true_to_data"]
    ax.plot([0.0, true.max()], [0.0, 0.0], color=style.VERMILLION, linewidth=2.4, zorder=3, solid_capstyle="butt")
    ax.plot(true.mean(), 0.0, marker="D", markersize=7.0, color=style.VERMILLION, markeredgecolor="white", zorder=6)
    memorised = [data[f"memorising_{key}"].mean() for key in ("to_data", "to_manifold")]
    ax.plot(*memorised, marker="X", markersize=8.5, color=style.INK, markeredgecolor="white", zorder=7)
    ax.set(xlabel="distance to the data", xlim=(-0.04 * _widest(data), _widest(data)))
    ax.set_title(f"{KERNELS[k]} kernel, scales", pad=24)
    ax.grid(visible=True, color="#e8e8e8", linewidth=0.6)
    ax.set_axisbelow(True)
    handles = [
        Line2D([], [], linestyle="", marker="o", markersize=7.0, color=shade, markeredgecolor="white")
        for shade in shades
    ]  # fmt: skip
    ax.legend(
        handles, [f"{scale:g}" for scale in data["scales"][k]], loc="lower center", bbox_to_anchor=(0.5, 0.985),
        ncols=len(handles), frameon=False, fontsize=9.0, handletextpad=0.0, columnspacing=0.9,
    )  # fmt: skip


def _widest(data: Data) -> float:
    return 1.06 * float(max(data["to_data"].max(), data["true_to_data"].max()))


def distance_panels(axes: Any, data: Data) -> None:
    """Draw both kernels side by side; their vertical axes are the same."""
    for k, ax in enumerate(axes):
        distances(ax, data, k)
        top = float(data["to_manifold"].max())
        ax.set_ylim(-0.05 * top, 1.05 * top)
    axes[0].set_ylabel("distance to $M$")
    axes[1].tick_params(labelleft=False)


def distance_legend(fig: Figure) -> None:
    """Explain the marks of `distances` below the figure."""
    line = Line2D([], [], color=style.VERMILLION, linewidth=2.4, marker="D", markersize=7, markeredgecolor="white")
    cross = Line2D([], [], linestyle="", marker="X", markersize=8.5, color=style.INK, markeredgecolor="white")
    dot = Line2D([], [], linestyle="", marker="o", markersize=4, color=style.FAINT, markeredgewidth=0.0)
    mean = Line2D(
        [], [], marker="o", markersize=7, color=style.FAINT, markeredgecolor="white", linestyle="-", linewidth=1.6
    )
    labels = ["samples", "mean, one standard error", "no smoothing", "uniform law of $M$: range and mean"]
    fig.legend([dot, mean, cross, line], labels, loc="lower center", ncols=4, frameon=False, fontsize=9.5)


def distance_table(data: Data) -> str:
    """Return means and standard errors of the distances at every scale."""
    rows = ["    kernel      scale   distance to M (s.e.)    distance to data (s.e.)"]
    for k, name in enumerate(KERNELS):
        for i, scale in enumerate(data["scales"][k]):
            cells = [_mean(data[key][k, i]) for key in ("to_manifold", "to_data")]
            rows.append(f"    {name:10s} {scale:6g}   {cells[0]:>20s}   {cells[1]:>24s}")
    cells = [f"{data[f'memorising_{key}'].mean():.1e}" for key in ("to_manifold", "to_data")]
    rows.append(f"    {'no smoothing':17s}   {cells[0]:>20s}   {cells[1]:>24s}")
    rows.append(f"    {'uniform law of M':17s}   {'0':>20s}   {data['true_to_data'].mean():>24.4f}")
    return "\n".join(rows)


def _mean(values: np.ndarray) -> str:
    return f"{values.mean():.4f} ({values.std(ddof=1) / math.sqrt(len(values)):.4f})"


def setting(data: Data, what: str) -> str:
    """Return what all captions say of the experiment; `what` the images are."""
    n, steps = int(data["count"]), int(data["steps"])
    return (
        f"{what} Images are exp(-|p - c|^2/2 0.2^2) at 64 x 64 pixels p of [-1, 1]^2, edges included (our choice; the "
        f"paper does not say), of norm {data['norm'][0]:.3f}; distances are Euclidean in R^4096. "
        f"{n} samples for each scale: Brownian process, Euler-Maruyama on {steps} geometric times from {LATEST:g} to "
        "1e-6 and then 0, from N(0, 9 I), no noise in the last step. Isotropic kernel: N(x, scale^2 I). Adapted "
        "kernel (translated manifold): with p the nearest image of M to x, and p' that to p + N(0, scale^2 I), the law "
        "of x + p' - p. No smoothing: the exact score of the data, which returns the data. The samples are run in the "
        "linear hull of M; noise orthogonal to it changes nothing that is shown and is removed by the last step."
    )


def kernel_errors(data: Data, adapted: str) -> str:
    """Return how good the averages over the kernels are and what the steps change, in numbers of this run."""
    error, plain = data["kernel_error"], data["plain_error"]
    ratio = [math.sqrt((error[k] ** 2).mean() / (plain[k] ** 2).mean()) for k in range(2)]
    t = data["snapshot_times"]
    parts = [
        "Errors. Averages over the kernel, from two independent sets of nodes at "
        f"{len(t)} times of every run, t = {t.max():.2g} to {t.min():.0e}: standard error of t times the score, in "
        f"norm, isotropic kernel ({int(data['nodes'][0])} scrambled Sobol nodes) at most {error[0].max():.3f} (root "
        f"mean square over times and scales {ratio[0]:.2f} of what {PLAIN[0]} plain samples have, measured likewise), "
        f"adapted kernel ({adapted}) at most {error[1].max():.3f} ({ratio[1]:.2f} of {PLAIN[1]} plain samples)."
    ]
    for k, name in enumerate(KERNELS):
        nodes, step = (data[key][k] for key in ("kernel_change", "step_change"))
        parts.append(
            f"{name.capitalize()} kernel at {data['checked'][k]:g}: new nodes change the mean distance to M by "
            f"{_signed(nodes[0])} and to the data by {_signed(nodes[1])}; halving all steps of the sampler, on the "
            f"same Brownian paths, changes them by {_signed(step[0])} and {_signed(step[1])}."
        )
    return " ".join(parts)


def _signed(pair: np.ndarray) -> str:
    return f"{pair[0]:+.4f} (s.e. {pair[1]:.4f})"


def on_the_circle(data: Data) -> str:
    """Return what is said of the images on the circle and of their adapted kernel."""
    turn = data["orbit_error"]
    return (
        f"{int(data['nodes'][1])} strata of the angle from p to p', whose law is sampled once: inner products of "
        f"images depend on more than the angle between them by {turn:.1e} of |c|^2 only"
    )
