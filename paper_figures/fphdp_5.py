"""[FPHDP] Figure 5: the bandwidth chooses between the wavy circle, the circle, and a point."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from tqdm.auto import tqdm

import manifold_scores as ms

from . import captions, style
from . import smoothing_samples as ss

TITLE = "[FPHDP] Figure 5: thirty points of a wavy circle, and how much of the waves is left at every bandwidth"

FREQUENCY, AMPLITUDE = 8, 0.13
POINTS, T_MAX = 30, 9.0
SHOWN = (0.1, 0.25, 1.0)
SCALES = (0.03, 0.05, 0.075, 0.1, 0.125, 0.15, 0.175, 0.2, 0.25, 0.3, 0.4, 0.6, 0.8, 1.0, 1.3)
SEED = 5
ANGLES, ITERATIONS = 120, 25  # of the ridge
RIDGE_NODES = 4096


def data_points() -> np.ndarray:
    """Thirty points of the wavy circle, equispaced in the angle."""
    return np.asarray(ms.WavyCircle(FREQUENCY, AMPLITUDE).embed(2.0 * np.pi * np.arange(POINTS) / POINTS))


def waves(samples: np.ndarray) -> tuple[float, float]:
    """Coefficient of sin 8 theta in the least-squares fit of the radius by 1, sin and cos, and its standard error.

    The error is White's, which does not take the residuals to be equally large everywhere.
    """
    theta, radius = np.arctan2(samples[:, 1], samples[:, 0]), np.linalg.norm(samples, axis=1)
    columns = np.stack([np.ones_like(theta), np.sin(FREQUENCY * theta), np.cos(FREQUENCY * theta)], axis=1)
    inverse = np.linalg.inv(columns.T @ columns)
    fit = inverse @ (columns.T @ radius)
    weighted = columns * (radius - columns @ fit)[:, None]
    return float(fit[1]), float(np.sqrt((inverse @ (weighted.T @ weighted) @ inverse)[1, 1]))


def ridge(model: ms.SmoothedScore) -> np.ndarray:
    """Points (n, 2), at equispaced angles, where the smoothed score has no radial component as t -> 0.

    There |x| is the radial component of f(x), f = x + t score; f changes little with |x|, so iterating finds it.
    """
    theta = 2.0 * np.pi * np.arange(ANGLES) / ANGLES
    normals = np.stack([np.cos(theta), np.sin(theta)], axis=1)
    radius = np.ones(ANGLES)
    for _ in range(ITERATIONS):
        f = model.posterior_mean(radius[:, None] * normals, ss.LAST_TIME)
        radius = 0.5 * (radius + np.maximum((f * normals).sum(axis=1), 0.0))
    return np.asarray(radius[:, None] * normals)


def compute(quick: bool) -> dict[str, np.ndarray]:
    """Samples and ridges for every bandwidth."""
    count, nodes, scales = (300, 89, SCALES[1::3]) if quick else (1000, 377, SCALES)
    points = data_points()
    every = sorted({*scales, *SHOWN})
    data: dict[str, list[Any]] = {key: [] for key in ("samples", "waves", "ridge_waves", "kernel_error", "radius")}
    halved = []
    for k, h in enumerate(tqdm(every, desc="fphdp-5", unit="scale", disable=None)):
        model = ss.smoothed(points, h, nodes)
        samples = ss.generate(model, T_MAX, count, 100 * SEED + k)
        fine = waves(ridge(ss.smoothed(points, h, 4 * nodes if quick else RIDGE_NODES)))[0]
        data["samples"].append(samples)
        data["waves"].append(waves(samples))
        data["ridge_waves"].append(fine)
        data["kernel_error"].append(waves(ridge(model))[0] - fine)
        data["radius"].append(np.quantile(np.linalg.norm(samples, axis=1), (0.05, 0.5, 0.95)))
        if h in SHOWN:
            halved.append(waves(ss.generate(model, T_MAX, count // 2, 100 * SEED + 50 + k, steps=2 * ss.STEPS)))
    return {
        **{key: np.asarray(value) for key, value in data.items()},
        "halved": np.asarray(halved),
        "scales": np.array(every),
        "points": points,
        "points_waves": np.asarray(waves(points)[0]),
        "curve": ms.WavyCircle(FREQUENCY, AMPLITUDE).embed(np.linspace(0.0, 2.0 * np.pi, 721)),
        "nodes": np.array(nodes),
    }


def draw(data: dict[str, np.ndarray]) -> Figure:
    """Samples at three bandwidths; amplitude and radius at all of them."""
    fig = Figure(figsize=(style.WIDTH, 3.2))
    left, side, gap = 0.045, 0.183, 0.008
    for k, h in enumerate(SHOWN):
        ax = fig.add_axes((left + k * (side + gap), 0.285, side, side * style.WIDTH / 3.2))
        i = int(np.argmin(np.abs(data["scales"] - h)))
        angle = np.linspace(0.0, 2.0 * np.pi, 361)
        ax.plot(np.cos(angle), np.sin(angle), color=style.GREEN, linewidth=0.8, linestyle="--")
        ax.plot(*data["curve"].T, color=style.MUTED, linewidth=0.8)
        ax.scatter(*data["samples"][i].T, s=3, c=style.BLUE, linewidths=0.0, zorder=3)
        ax.scatter(*data["points"].T, s=12, c="white", edgecolors=style.VERMILLION, linewidths=1.0, zorder=2)
        ax.set(xlim=(-1.25, 1.25), ylim=(-1.25, 1.25), aspect="equal", xticks=(-1, 0, 1), yticks=(-1, 0, 1))
        ax.set_title(f"$h={h:g}$", pad=4)
        ax.tick_params(labelleft=k == 0)
    handles = [
        Line2D([], [], color=style.MUTED, linewidth=1.0),
        Line2D([], [], color=style.GREEN, linewidth=1.0, linestyle="--"),
        Line2D([], [], linestyle="", marker="o", color=style.BLUE, markersize=4),
        Line2D([], [], linestyle="", marker="o", color="white", markeredgecolor=style.VERMILLION, markeredgewidth=1.2),
    ]
    fig.legend(
        handles, ["wavy circle", "circle", "samples", "training points"], loc="lower left",
        bbox_to_anchor=(0.03, 0.03), ncols=4, frameon=False, columnspacing=1.2, handletextpad=0.5,
    )  # fmt: skip
    _amplitudes(fig.add_axes((0.705, 0.52, 0.285, 0.41)), data)
    _radii(fig.add_axes((0.705, 0.165, 0.285, 0.31)), data)
    return fig


def _amplitudes(ax: Any, data: dict[str, np.ndarray]) -> None:
    h = data["scales"]
    ax.axhline(AMPLITUDE, color=style.MUTED, linewidth=0.9)
    ax.axhline(0.0, color=style.GREEN, linewidth=0.9, linestyle="--")
    ax.semilogx(h, data["ridge_waves"], color=style.SKY, linewidth=2.0, label="ridge")
    ax.errorbar(h, data["waves"][:, 0], data["waves"][:, 1], color=style.BLUE, marker="o", markersize=3.5,
                linestyle="", capsize=2, label="samples")  # fmt: skip
    ax.text(1.4, AMPLITUDE - 0.004, "data: 0.13", ha="right", va="top", fontsize=8.5, color=style.MUTED)
    ax.set(ylabel=r"$\sin 8\theta$ in radius", ylim=(-0.03, 0.155), xlim=(0.026, 1.5), yticks=(0.0, 0.05, 0.1))
    ax.legend(loc="center right", frameon=False, fontsize=8.5)
    ax.set_xticks((0.03, 0.1, 0.3, 1.0), labels=[])
    ax.minorticks_off()


def _radii(ax: Any, data: dict[str, np.ndarray]) -> None:
    h, (low, median, high) = data["scales"], data["radius"].T
    ax.fill_between(h, low, high, color=style.BLUE, alpha=0.25, linewidth=0.0)
    ax.semilogx(h, median, color=style.BLUE, marker="o", markersize=3.0, linewidth=1.0)
    ax.set(xlabel="bandwidth $h$", ylabel="radius", ylim=(0.0, 1.2), xlim=(0.026, 1.5), yticks=(0.0, 0.5, 1.0))
    ax.set_xticks((0.03, 0.1, 0.3, 1.0), labels=["0.03", "0.1", "0.3", "1"])
    ax.minorticks_off()
    ax.text(0.03, 0.1, "median, 5 and 95 % quantiles", fontsize=8.5, color=style.MUTED)


def caption(data: dict[str, np.ndarray]) -> str:
    """The caption, with the amplitudes and their errors."""
    count, nodes = data["samples"].shape[1], int(data["nodes"])
    h, (amplitude, error) = data["scales"], data["waves"].T
    left = amplitude[np.argmin(np.abs(h - SHOWN[1]))] / AMPLITUDE
    text = (
        f"fphdp-5. Wavy circle, radius 1 + {AMPLITUDE:g} sin {FREQUENCY} theta, {POINTS} points equispaced in theta, "
        f"Brownian process, score smoothed with N(x, h^2 I), {count} samples for every h by Euler-Maruyama from "
        f"N(0, {T_MAX:g} I) on {ss.STEPS} geometric times from T = {T_MAX:g} to {ss.LAST_TIME:g} and then 0; averages "
        f"over {nodes} nodes of a golden-angle spiral. Right, above: coefficient of sin {FREQUENCY} theta in the "
        "least-squares fit of the radius of the samples, with standard errors (dots), and the same for the ridge, the "
        "curve on which the smoothed score at t -> 0 has no radial component, at equispaced angles (line, no sampling "
        f"error). The data have {float(data['points_waves']):.4f}. Below: radii of the samples. Small bandwidths "
        f"return the waves and, at last, the points; at h = {SHOWN[1]:g} {100 * left:.0f} % of the waves are left on "
        "what is otherwise a circle, whose radius shrinks with h until it is a point (where the angle, and with it the "
        "coefficient, loses its meaning)."
    )
    rows = [
        [f"{a:g}", f"{b:.4f}", f"{c:.4f}", f"{r:.4f}", f"{k:+.4f}", f"{m:.3f}"]
        for a, b, c, r, k, m in zip(
            h, amplitude, error, data["ridge_waves"], data["kernel_error"], data["radius"][:, 1], strict=True
        )
    ]
    changes = []
    for scale, (value, spread) in zip(SHOWN, data["halved"], strict=True):
        i = int(np.argmin(np.abs(h - scale)))
        changes.append(f"{value - amplitude[i]:+.4f} +- {np.hypot(spread, error[i]):.4f} (h = {scale:g})")
    blocks = [
        textwrap.fill(text, 110),
        captions.text_table(["h", "samples", "s.e.", "ridge", "nodes", "median radius"], rows),
        textwrap.fill(
            f"nodes: change of the ridge's coefficient from {RIDGE_NODES} nodes to the {nodes} of the samples. Changes "
            f"of the samples' coefficient with {2 * ss.STEPS} steps instead of {ss.STEPS}, with standard errors: "
            f"{', '.join(changes)}. Samples crowd where training points are, at small h above all, so that they and "
            "the ridge weigh the angles differently.",
            110,
        ),
    ]
    return "\n\n".join(blocks) + "\n"
