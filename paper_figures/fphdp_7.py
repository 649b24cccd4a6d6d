"""[FPHDP] Figure 7: distance to the data against distance to the manifold of fours, for both kinds of smoothing."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from . import captions, style
from .images import latent_runs as lr
from .images import panels
from .images.data import Source

TITLE = "[FPHDP] Figure 7: distance to the data against distance to M, for smoothed scores and density estimates"

_DISTANCES = ("to_data", "to_all", "to_unseen")
_COLOURS = (style.BLUE, style.VERMILLION)


def compute(quick: bool, source: Source) -> dict[str, np.ndarray]:
    """Mean distances of every subset (S), for both methods and all scales (2, 6, S), real fours and ways between."""
    found = lr.runs(source, quick)
    data = panels.kept(found, "ways", "plane", "spread", "kernel_error")
    for key in _DISTANCES:
        data[key] = found[key].mean(axis=-1)
        data[f"real_{key}"] = found[f"real_{key}"].mean(axis=-1)
        data[f"way_{key}"] = found[f"way_{key}"].mean(axis=-1).T
    data["samples"] = np.array(found["to_data"].shape[-1])
    data["within"] = found["to_data"][0, :, 0].std(axis=-1, ddof=1)
    data["first"] = found["to_data"][0, :, 0].mean(axis=-1)
    for key in ("other_nodes", "finer_steps"):
        data[key] = found[key].mean(axis=-1)
        data[f"{key}_error"] = found[key].std(axis=-1, ddof=1) / np.sqrt(found[key].shape[-1])
    return data


def at_equal_novelty(data: dict[str, np.ndarray], key: str) -> tuple[np.ndarray, np.ndarray]:
    """Return density estimate minus score smoothing, in distance to M, at equal mean distances to the data.

    For each bandwidth of the density estimate the curve of the smoothed scores is interpolated, linearly, at its
    distance to the data, subset by subset: means and standard errors (6,), NaN where some curve does not reach.
    """
    far, off = data["to_data"], data[key]
    gaps = np.full(far.shape[1:], np.nan)
    for s in range(far.shape[2]):
        order = np.argsort(far[0, :, s])
        x, y = far[0, order, s], off[0, order, s]
        gaps[:, s] = off[1, :, s] - np.interp(far[1, :, s], x, y, left=np.nan, right=np.nan)
    return panels.over_subsets(gaps)


def draw(data: dict[str, np.ndarray]) -> Figure:
    """Distance to M, with planes of all fours and of unseen ones, and spread, against distance to the data."""
    fig = Figure(figsize=(style.WIDTH, 4.3))
    axes = fig.subplots(1, 3)
    fig.subplots_adjust(left=0.06, right=0.99, bottom=0.235, top=0.925, wspace=0.24)
    titles = ("distance to planes of all fours", "distance to planes of unseen fours", "spread, relative to all fours")
    for ax, key, title in zip(axes, ("to_all", "to_unseen", "spread"), titles, strict=True):
        for method in range(2):
            _curve(ax, data["to_data"][method], data[key][method], data["scales"][method], _COLOURS[method])
        if key == "spread":
            ax.axhline(1.0, color=style.INK, linewidth=0.8, linestyle="--", zorder=0)
        else:
            ax.plot(
                *(data[f"way_{name}"].mean(axis=-1) for name in ("to_data", key)),
                color=style.FAINT,
                marker="s",
                markersize=3.5,
                linewidth=1.2,
                label="between neighbouring training points",
                zorder=1,
            )
            ax.plot(data["real_to_data"].mean(), data[f"real_{key}"].mean(), marker="*", markersize=14,
                    color=style.GREEN, linestyle="", label="real fours, not training points")  # fmt: skip
        ax.set(title=title, xlabel="distance to the nearest training latent")
        ax.set_ylim(bottom=0.0)
        ax.set_xlim(-0.22, 1.05 * ax.get_xlim()[1])
        ax.spines[["top", "right"]].set_visible(False)
    handles, labels = axes[0].get_legend_handles_labels()
    labels = ["score smoothing, numbers: $\\sigma$", "kernel density estimate, numbers: $h$", *labels]
    lines = [axes[0].containers[k] for k in range(2)]
    fig.legend([*lines, *handles], labels, loc="lower center", ncols=2, frameon=False)
    return fig


def _curve(ax: Any, x: np.ndarray, y: np.ndarray, scales: np.ndarray, colour: str) -> None:
    (xs, x_error), (ys, y_error) = panels.over_subsets(x), panels.over_subsets(y)
    ax.errorbar(xs, ys, y_error, x_error, color=colour, marker="o", markersize=4, linewidth=1.4, elinewidth=0.9)
    last = len(scales) - 1
    for k, (a, b, scale) in enumerate(zip(xs, ys, scales, strict=True)):
        if colour == _COLOURS[0]:  # below the falling curve, but for its ends
            at, side = {0: ((-4, 2), "right"), last: ((6, -3), "left")}.get(k, ((-4, -10), "right"))
        else:  # the points of the rising one are close together: labels on both sides in turn
            at, side = ((-3, 6), "right") if k % 2 == 0 else ((4, -9), "left")
        ax.annotate(f"{scale:g}", (a, b), xytext=at, ha=side, textcoords="offset points", fontsize=8, color=colour)


def caption(data: dict[str, np.ndarray]) -> str:
    """The caption, with the distances, the comparison at equal novelty, and the errors of nodes and steps."""
    neighbours, dimension = data["plane"]
    subsets = data["to_data"].shape[-1]
    text = (
        f"fphdp-7. Distance to the data: to the nearest training latent. Distance to M, which is known through other "
        f"{lr.DIGIT}s only: to the local PCA plane of dimension {dimension} of the {neighbours} latents nearest "
        f"to the sample, among all {lr.DIGIT}s (left), training points included, or among those that are no training "
        "points (middle), which neither method has seen. Planes have no edges, and averages of latents lie near "
        "planes: a small distance alone does not make a sample a new one, so the spread of the samples (their total "
        f"variance over that of the {lr.DIGIT}s, right) belongs to it. Star: {lr.DIGIT}s that are no training points, "
        "each left out of its own plane. Grey: points on the way from each training latent to the nearest other one, "
        f"{', '.join(f'{100 * way:.0f}' for way in data['ways'])} % of it. "
    )
    rows = []
    for method, name in enumerate(("score", "density")):
        for k, scale in enumerate(data["scales"][method]):
            cells = [panels.stated(data[key][method, k], 3) for key in (*_DISTANCES, "spread")]
            rows.append([name, f"{scale:g}", *cells])
    real = [panels.stated(data[f"real_{key}"], 3) for key in _DISTANCES]
    rows.append([f"real {lr.DIGIT}s", "", *real, "1"])
    return captions.filled(
        text + panels.experiment_text(data),
        panels.autoencoder_text(data),
        f"Means over {int(data['samples'])} samples, with standard errors over {subsets} random subsets of "
        "training points, which overlap:",
        captions.text_table(["smoothed", "scale", "to data", "to M, all", "to M, unseen", "spread"], rows),
        _verdict(data),
        _nodes_text(data),
    )


def _verdict(data: dict[str, np.ndarray]) -> str:
    said = []
    for key, name in (("to_all", "all"), ("to_unseen", "unseen")):
        gaps, errors = at_equal_novelty(data, key)
        parts = [
            f"{panels.mean_error(float(gap), float(error))} (h = {h:g})"
            for h, gap, error in zip(data["scales"][1], gaps, errors, strict=True)
            if np.isfinite(gap)
        ]
        said.append(f"planes of {name} {lr.DIGIT}s: {', '.join(parts) if parts else 'the curves do not overlap'}")
    most, where = data["spread"][0, -1].mean(), data["scales"][0, -1]
    below = data["to_unseen"][0, -1].mean() / data["real_to_unseen"].mean()
    middle = ": part of being near M is being near its middle." if max(most, below) < 0.9 else "."
    return (
        "At equal distance to the data, how much farther from M the density estimate is than the smoothed score: "
        f"{'; '.join(said)}. At sigma = {where:g} the spread of the smoothed score is {most:.2f} of that of the "
        f"{lr.DIGIT}s and its distance to planes of unseen ones {below:.2f} of what real {lr.DIGIT}s have"
        f"{middle} {_ways_text(data)}"
    )


def _ways_text(data: dict[str, np.ndarray]) -> str:
    """Compare the smoothed score with points between neighbouring training latents, as far from the data."""
    far = data["way_to_data"][-1].mean()
    x = data["to_data"][0].mean(axis=-1)
    if not x.min() <= far <= x.max():
        return ""
    order = np.argsort(x)
    said = [
        f"{np.interp(far, x[order], data[key][0].mean(axis=-1)[order]):.2f} against {data[f'way_{key}'][-1].mean():.2f}"
        for key in ("to_all", "to_unseen")
    ]
    return (
        f"Points half-way between neighbouring training latents are {far:.2f} from the data in the mean; at that "
        f"distance the smoothed score and they have {said[0]} (planes of all) and {said[1]} (of unseen)."
    )


def _nodes_text(data: dict[str, np.ndarray]) -> str:
    within = data["within"] / np.sqrt(int(data["samples"]))
    cells = [
        f"{data[f'{key}'][k] - data['first'][k]:+.2f} +- {np.hypot(data[f'{key}_error'][k], within[k]):.2f}"
        for key in ("other_nodes", "finer_steps")
        for k in range(data["scales"].shape[1])
    ]
    half = data["scales"].shape[1]
    return (
        "Errors of the smoothed score, scale by scale: the point on which the last step ends differs from that with "
        "eight times the nodes by "
        f"{', '.join(f'{error:.3f}' for error in data['kernel_error'])} (root mean square over 16 samples); new "
        f"samples with other nodes change the mean distance to the data by {', '.join(cells[:half])}, and with "
        f"twice the steps by {', '.join(cells[half:])} (first subset; the errors are those of sampling)."
    )
