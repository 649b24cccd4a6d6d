"""[FPHDP] Figure 1: a smoothed score turns thirty points of a curve into the curve."""

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

TITLE = "[FPHDP] Figure 1: thirty points of the lima bean, generated with the score smoothed at three scales"

BANDWIDTHS = (0.0, 0.02, 0.07, 0.12)  # 0: the exact score of the points
POINTS, T_MAX = 30, 4.0  # sigma_max = 2
SEED = 5  # the first for which the largest gap between the points is the expected one, (log 30 + 0.577)/30
PAPER_NODES = 208  # 16 batches of 13; the paper has 200
ARCS = 120
SHARES = (0.5, 0.95)


def law() -> tuple[ms.LimaBean, np.ndarray]:
    """The curve, and 30 points of its uniform law."""
    curve = ms.LimaBean(rotation=np.pi / 2)
    return curve, np.asarray(curve.sample(POINTS, SEED))


def compute(quick: bool) -> dict[str, np.ndarray]:
    """Samples for every bandwidth with 100 steps and, fewer, with 200."""
    count, fewer, nodes, reference = (300, 100, 89, 2**12) if quick else (5000, 1250, 610, 2**16)
    curve, points = law()
    data: dict[str, list[Any]] = {key: [] for key in ("samples", "distance", "halved", "shares", "kernel_error")}
    for k, h in enumerate(tqdm(BANDWIDTHS, desc="fphdp-1", unit="scale", disable=None)):
        model: Any = ss.exact(points) if h == 0.0 else ss.smoothed(points, h, nodes)
        samples = ss.generate(model, T_MAX, count, 100 * SEED + k)
        finer = ss.generate(model, T_MAX, fewer, 100 * SEED + 10 + k, steps=2 * ss.STEPS)
        data["samples"].append(samples)
        data["distance"].append(curve.distance(samples))
        data["halved"].append(curve.distance(finer))
        data["shares"].append(ss.arc_shares(curve, samples, ARCS))
        if h > 0.0:
            plain = ms.SmoothedScore(ss.exact(points), ms.GaussianKernel(h), "monte-carlo", PAPER_NODES, rng=SEED)
            found = ss.kernel_errors(points, h, samples[:100], {"spiral": model, "plain": plain}, reference)
            data["kernel_error"].append([found["spiral"], found["plain"], found["reference"]])
    return {
        **{key: np.asarray(value) for key, value in data.items()},
        "bandwidths": np.array(BANDWIDTHS),
        "points": points,
        "points_at": np.asarray(curve.arc_length(curve.parameter(points))) / curve.volume,
        "curve": curve.embed(np.linspace(0.0, 2.0 * np.pi, 721)),
        "length": np.array(curve.volume),
        "reach": np.array(curve.reach),
        "nodes": np.array(nodes),
        "reference_nodes": np.array(reference),
    }


def draw(data: dict[str, np.ndarray]) -> Figure:
    """Samples above, where they lie along the curve below."""
    fig = Figure(figsize=(style.WIDTH, 5.15))
    top, bottom = fig.subplots(2, len(BANDWIDTHS), height_ratios=(2.1, 1.0))
    fig.subplots_adjust(left=0.062, right=0.99, bottom=0.165, top=0.945, wspace=0.07, hspace=0.26)
    limits = [(v.min() - 0.09, v.max() + 0.09) for v in data["curve"].T]
    for k, h in enumerate(data["bandwidths"]):
        _panel(top[k], data, k, limits)
        top[k].set_title("no smoothing" if h == 0.0 else f"kernel $N(x,\\,{h:g}^2 I)$", pad=5)
        _along(bottom[k], data, k)
        if k:
            top[k].tick_params(labelleft=False)
            bottom[k].tick_params(labelleft=False)
    bottom[0].set_ylabel("density of samples\n(uniform law = 1)")
    fig.text(0.53, 0.085, "position along the curve, as a share of its length", ha="center", fontsize=10)
    handles = [
        Line2D([], [], color=style.MUTED, linewidth=1.0),
        Line2D([], [], linestyle="", marker="o", color=style.BLUE, markersize=4),
        Line2D([], [], linestyle="", marker="o", color="white", markeredgecolor=style.VERMILLION, markeredgewidth=1.4),
    ]
    fig.legend(
        handles, ["true curve", "generated samples", "the 30 training points"], loc="lower center", ncols=3,
        frameon=False,
    )  # fmt: skip
    return fig


def _panel(ax: Any, data: dict[str, np.ndarray], k: int, limits: list[tuple[float, float]]) -> None:
    ax.plot(*data["curve"].T, color=style.MUTED, linewidth=0.9, zorder=1)
    ax.scatter(*data["samples"][k].T, s=2.0, c=style.BLUE, linewidths=0.0, zorder=2, rasterized=True)
    ax.scatter(*data["points"].T, s=17, c="white", edgecolors=style.VERMILLION, linewidths=1.1, zorder=3)
    ax.set(xlim=limits[0], ylim=limits[1], aspect="equal", xticks=(-0.5, 0.0), yticks=(0.0, 0.5, 1.0))
    median, high = (np.quantile(data["distance"][k], share) for share in SHARES)
    ax.text(
        0.03, 0.97, f"distance to curve:\nmedian {median:.4f}\n95 % < {high:.4f}", transform=ax.transAxes,
        ha="left", va="top", fontsize=8.5, linespacing=1.25, color=style.MUTED,
    )  # fmt: skip


def _along(ax: Any, data: dict[str, np.ndarray], k: int) -> None:
    density = data["shares"][k] * ARCS
    ax.stairs(density, np.linspace(0.0, 1.0, ARCS + 1), fill=True, color=style.BLUE)
    ax.axhline(1.0, color=style.INK, linewidth=0.8, linestyle="--")
    ax.plot(data["points_at"], np.zeros(len(data["points_at"])), linestyle="", marker="|", color=style.VERMILLION,
            markersize=9, markeredgewidth=1.2, clip_on=False, zorder=4)  # fmt: skip
    ax.set(xlim=(0.0, 1.0), ylim=(0.0, 6.0), xticks=(0.2, 0.4, 0.6, 0.8), yticks=(0, 2, 4, 6))
    share, effective = ss.coverage(data["shares"][k])
    ax.set_title(
        f"covered: {100 * share:.0f} %, effectively {100 * effective:.0f} %", fontsize=9, pad=3, color=style.MUTED
    )


def _gap(positions: np.ndarray) -> float:
    around = np.sort(positions)
    return float(np.diff(around, append=around[0] + 1.0).max())


def caption(data: dict[str, np.ndarray]) -> str:
    """The caption, with the distances and what is known about their errors."""
    count = data["samples"].shape[1]
    nodes = int(data["nodes"])
    expected = (np.log(POINTS) + np.euler_gamma) / POINTS
    text = (
        f"fphdp-1. Lima bean (rotation pi/2, length {data['length']:.4f}, reach {data['reach']:.4f}), {POINTS} points "
        f"uniform in arc length (seed {SEED}, largest gap {100 * _gap(data['points_at']):.1f} % of the length where "
        f"{100 * expected:.1f} % are expected), Brownian process, {count} samples a panel by Euler-Maruyama from "
        f"N(0, {T_MAX:g} I) on {ss.STEPS} geometric times from T = {T_MAX:g} to {ss.LAST_TIME:g} and then 0, with the "
        "exact score of the points (first panel, which memorises) and with that score averaged over N(x, h^2 I). The "
        f"average is taken over {nodes} nodes of a golden-angle spiral, the same for all x and t. Below: density of "
        f"the nearest points of the samples along the curve, on {ARCS} equal arcs; red ticks are the training points. "
        "Generated points are averages of training points, so at large h they lie inside of the curve: the distance "
        "grows with h, and so does the part of the curve that is covered."
    )
    rows = []
    for k, h in enumerate(data["bandwidths"]):
        (median, e1), (high, e2) = (ss.quantile(data["distance"][k], share) for share in SHARES)
        halved = [np.quantile(data["halved"][k], share) for share in SHARES]
        share, effective = ss.coverage(data["shares"][k])
        rows.append(
            [f"{h:g}", f"{median:.5f}", f"{e1:.5f}", f"{halved[0] - median:+.5f}", f"{high:.4f}", f"{e2:.4f}",
             f"{halved[1] - high:+.4f}", f"{100 * share:.1f}", f"{100 * effective:.1f}"]
        )  # fmt: skip
    head = ["h", "median", "s.e.", "step/2", "95 %", "s.e.", "step/2", "arcs %", "effective %"]
    errors = [
        [f"{h:g}", f"{spiral:.1e}", f"{plain:.1e}", f"{plain / spiral:.0f}", f"{reference:.0e}"]
        for h, (spiral, plain, reference) in zip(data["bandwidths"][1:], data["kernel_error"], strict=True)
    ]
    blocks = [
        textwrap.fill(text, 110),
        textwrap.fill(
            "Distances of samples to the curve, with standard errors of sampling (the last Euler-Maruyama step adds "
            "noise of standard deviation 0.001, which alone makes a median of 0.00067); step/2: change with "
            f"{2 * ss.STEPS} steps instead of {ss.STEPS} ({data['halved'].shape[1]} samples, so that its own standard "
            f"error is {np.sqrt(1.0 + count / data['halved'].shape[1]):.1f} times the one before). arcs: share of the "
            f"{ARCS} arcs that hold a sample; effective: e^entropy of the shares over {ARCS}.",
            110,
        ),
        captions.text_table(head, rows),
        textwrap.fill(
            "Kernel errors: root mean square error of the point f(x, 1e-6) on which the last step ends, at 100 "
            f"samples, for the {nodes} nodes of the figure and for {PAPER_NODES} random ones (the paper has 200), "
            f"against {int(data['reference_nodes'])} quasi-Monte Carlo nodes, with the standard error in the last "
            "column:",
            110,
        ),
        captions.text_table(["h", "spiral", "random", "ratio", "reference"], errors),
    ]
    return "\n\n".join(blocks) + "\n"
