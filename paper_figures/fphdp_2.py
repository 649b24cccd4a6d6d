"""[FPHDP] Figure 2: smoothing the density blurs a curve, smoothing the log-density does not; a Gaussian shows why."""

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

TITLE = "[FPHDP] Figure 2: kernel density estimates against smoothed scores on the lima bean, and both for a Gaussian"

BANDWIDTHS = (0.02, 0.04, 0.07, 0.1)
POINTS, T_MAX = 50, 9.0
SEED = 5
ARCS = 120
SHARES = (0.5, 0.95)

# In one dimension: N(0, 1), as N(0, 0.75) noised for a time of 0.25, and a kernel as wide as the law itself.
VARIANCE, TIME, KERNEL = 0.75, 0.25, 1.0
AXIS = 8.0  # beyond, N(0, 2) has a mass of 2e-8


def compute(quick: bool) -> dict[str, np.ndarray]:
    """Samples of both kinds for every bandwidth, and densities in one dimension."""
    count, fewer, nodes, reference = (300, 100, 89, 2**12) if quick else (5000, 1250, 377, 2**16)
    curve = ms.LimaBean(rotation=np.pi / 4)
    points = np.asarray(curve.sample(POINTS, SEED))
    noised = ss.exact(points)
    data: dict[str, list[Any]] = {key: [] for key in ("samples", "distance", "halved", "shares", "kernel_error")}
    for k, h in enumerate(tqdm(BANDWIDTHS, desc="fphdp-2", unit="scale", disable=None)):
        model = ss.smoothed(points, h, nodes)
        both = (
            np.asarray(noised.sample(count, h**2, 100 * SEED + k)),
            ss.generate(model, T_MAX, count, 100 * SEED + 10 + k),
        )
        finer = ss.generate(model, T_MAX, fewer, 100 * SEED + 20 + k, steps=2 * ss.STEPS)
        data["samples"].append(both)
        data["distance"].append([curve.distance(samples) for samples in both])
        data["halved"].append(curve.distance(finer))
        data["shares"].append([ss.arc_shares(curve, samples, ARCS) for samples in both])
        found = ss.kernel_errors(points, h, both[1][:100], {"spiral": model}, reference)
        data["kernel_error"].append([found["spiral"], found["reference"]])
    return {
        **{key: np.asarray(value) for key, value in data.items()},
        **in_one_dimension(),
        "bandwidths": np.array(BANDWIDTHS),
        "points": points,
        "curve": curve.embed(np.linspace(0.0, 2.0 * np.pi, 721)),
        "nodes": np.array(nodes),
        "reference_nodes": np.array(reference),
    }


def in_one_dimension() -> dict[str, np.ndarray]:
    """Log-densities of N(0, 1) and of what a kernel N(x, 1) makes of it: of the density, and of its logarithm."""
    noised = ms.NoisedMeasure(ms.Gaussian([0.0], [[VARIANCE]]), ms.BrownianMotion())
    x = np.linspace(-AXIS, AXIS, 401)
    smoothed, error = ms.SmoothedScore(noised, ms.GaussianKernel(KERNEL), "qmc", 2**14, rng=SEED).log_density(
        x[:, None], TIME, return_error=True
    )
    return {
        "x": x,
        "original": noised.log_density(x[:, None], TIME),
        "density_smoothed": noised.log_density(x[:, None], TIME + KERNEL**2),
        "log_smoothed": smoothed,
        "log_smoothed_error": error,
    }


def variance(x: np.ndarray, log_density: np.ndarray) -> float:
    """Variance of a density known up to a factor, by the trapezium rule, which is exact to rounding for Gaussians."""
    density = np.exp(log_density - log_density.max())
    return float((density * x**2).sum() / density.sum() - ((density * x).sum() / density.sum()) ** 2)


def draw(data: dict[str, np.ndarray]) -> Figure:
    """Kernel density estimates above, smoothed scores below; on the right the same in one dimension."""
    fig = Figure(figsize=(style.WIDTH, 4.4))
    left, right, bottom, gap, between = 0.052, 0.992, 0.155, 0.008, 0.048
    wide = 0.19
    side = (right - left - wide - between - 3 * gap) / 4
    high = 0.37
    limits = ((-1.0, 1.0), (-0.4, 1.526))
    for row, name in enumerate(("kernel density estimate", "smoothed score")):
        y = bottom + (1 - row) * (high + 0.04)
        for k, h in enumerate(data["bandwidths"]):
            ax = fig.add_axes((left + k * (side + gap), y, side, high))
            _panel(ax, data, k, row, limits)
            ax.tick_params(labelleft=k == 0, labelbottom=row == 1)
            if row == 0:
                ax.set_title(f"$h={h:g}$", pad=4)
            if k == 0:
                ax.set_ylabel(name)
        ax = fig.add_axes((right - wide, y, wide, high))
        _density(ax, data, row)
    handles = [
        Line2D([], [], color=style.MUTED, linewidth=1.0),
        Line2D([], [], linestyle="", marker="o", color=style.BLUE, markersize=4),
        Line2D([], [], color=style.INK, linewidth=2.4, alpha=0.35),
        Line2D([], [], color=style.VERMILLION, linewidth=1.4),
        Line2D([], [], color=style.VERMILLION, linewidth=1.2, linestyle=":"),
    ]
    fig.legend(
        handles, ["true curve", "samples", "$N(0,1)$", "smoothed, normalised", "not normalised"], loc="lower center",
        ncols=5, frameon=False, columnspacing=1.6,
    )  # fmt: skip
    return fig


def _panel(ax: Any, data: dict[str, np.ndarray], k: int, row: int, limits: Any) -> None:
    ax.scatter(*data["samples"][k, row].T, s=1.2, c=style.BLUE, linewidths=0.0, zorder=2, rasterized=True)
    ax.plot(*data["curve"].T, color=style.MUTED, linewidth=0.8, zorder=3 - 2 * row)
    ax.set(xlim=limits[0], ylim=limits[1], aspect="equal", xticks=(-0.5, 0.0, 0.5), yticks=(0.0, 0.5, 1.0))
    median, high = (np.quantile(data["distance"][k, row], share) for share in SHARES)
    ax.text(
        0.04, 0.97, f"distance: median {median:.4f}\n95 % below {high:.4f}", transform=ax.transAxes, va="top",
        fontsize=8, linespacing=1.2, color=style.MUTED, zorder=4,
    )  # fmt: skip


def _density(ax: Any, data: dict[str, np.ndarray], row: int) -> None:
    x = data["x"]
    ax.plot(x, np.exp(data["original"]), color=style.INK, linewidth=2.6, alpha=0.35)
    if row == 0:
        ax.plot(x, np.exp(data["density_smoothed"]), color=style.VERMILLION, linewidth=1.4)
        ax.set_title("one dimension, $h=1$", pad=4)
        label = f"density:\nvariance {variance(x, data['density_smoothed']):.3f}"
    else:
        ax.plot(x, np.exp(_normalised(x, data["log_smoothed"])), color=style.VERMILLION, linewidth=1.4)
        ax.plot(x, np.exp(data["log_smoothed"]), color=style.VERMILLION, linewidth=1.2, linestyle=":")
        label = f"log-density:\nvariance {variance(x, data['log_smoothed']):.3f}"
    ax.text(0.04, 0.96, label, transform=ax.transAxes, va="top", fontsize=8.5, color=style.MUTED)
    ax.set(xlim=(-4.0, 4.0), ylim=(0.0, 0.54), xticks=(-2, 0, 2), yticks=(0.0, 0.2, 0.4))
    ax.tick_params(labelbottom=row == 1)


def _normalised(x: np.ndarray, log_density: np.ndarray) -> np.ndarray:
    return np.asarray(log_density - np.log(np.exp(log_density).sum() * (x[1] - x[0])))


def caption(data: dict[str, np.ndarray]) -> str:
    """The caption, with distances of both kinds, their errors, and the variances in one dimension."""
    count, nodes = data["samples"].shape[2], int(data["nodes"])
    x = data["x"]
    shift = data["log_smoothed"] - data["original"]
    text = (
        f"fphdp-2. Left: lima bean (rotation pi/4), {POINTS} points uniform in arc length (seed {SEED}), {count} "
        "samples a panel. Above: the kernel density estimate, whose samples are exact (a training point plus "
        "N(0, h^2 I)). Below: the score smoothed with the same kernel, Brownian process, Euler-Maruyama from "
        f"N(0, {T_MAX:g} I) on {ss.STEPS} geometric times from T = {T_MAX:g} to {ss.LAST_TIME:g} and then 0, averages "
        f"over {nodes} nodes of a golden-angle spiral. Numbers in the panels: distances of the samples to the curve. "
        f"Right: N(0, 1) smoothed with N(x, {KERNEL:g}): the density becomes N(0, {1.0 + KERNEL**2:g}), its logarithm "
        "loses a constant, so that after normalisation nothing has changed."
    )
    rows = []
    for k, h in enumerate(data["bandwidths"]):
        for row, name in enumerate(("density", "score")):
            cells = [f"{h:g}", name]
            for j, share in enumerate(SHARES):
                value, error = ss.quantile(data["distance"][k, row], share)
                halved = np.quantile(data["halved"][k], share) - value
                cells += [f"{value:.{5 - j}f}", f"{error:.{5 - j}f}", f"{halved:+.{5 - j}f}" if row else "exact"]
            covered, effective = ss.coverage(data["shares"][k, row])
            cells += [f"{100 * covered:.0f}", f"{100 * effective:.0f}"]
            cells += [f"{data['kernel_error'][k, 0]:.1e}" if row else "exact"]
            rows.append(cells)
    head = ["h", "smoothed", "median", "s.e.", "step/2", "95 %", "s.e.", "step/2", "arcs %", "effective %", "kernel"]
    fewer = data["halved"].shape[1]
    ratio = data["distance"][:, 0].mean(axis=1) / data["distance"][:, 1].mean(axis=1)
    blocks = [
        textwrap.fill(text, 110),
        textwrap.fill(
            "Distances to the curve with standard errors of sampling; step/2: change with 200 steps instead of 100 "
            f"({fewer} samples: its standard error is {np.sqrt(1.0 + count / fewer):.1f} times the one before); "
            f"arcs: share of {ARCS} equal arcs that are nearest to a sample; effective: e^entropy of these shares over "
            f"{ARCS}; kernel: root mean square error of the point f(x, 1e-6) on which the last step ends, from the "
            f"nodes, at 100 samples (against {int(data['reference_nodes'])} nodes, of standard error "
            f"{data['kernel_error'][:, 1].max():.0e} at most). The last Euler-Maruyama step adds noise of standard "
            "deviation 0.001, a median of 0.00067.",
            110,
        ),
        captions.text_table(head, rows),
        "Mean distance of the density estimate over that of the smoothed score: "
        + ", ".join(f"{r:.1f} (h = {h:g})" for r, h in zip(ratio, data["bandwidths"], strict=True))
        + ".",
        textwrap.fill(
            f"In one dimension the variances are {variance(x, data['original']):.6f} (N(0, 1)), "
            f"{variance(x, data['density_smoothed']):.6f} (density smoothed) and "
            f"{variance(x, data['log_smoothed']):.6f} (log-density smoothed). The latter is the original minus "
            f"{-shift.mean():.6f}, -h^2/2 = {-0.5 * KERNEL**2:g} exactly; over the axis the difference varies by "
            f"{np.ptp(shift):.1e}, which is the error of 16384 quasi-Monte Carlo nodes (largest standard error "
            f"{data['log_smoothed_error'].max():.1e}).",
            110,
        ),
    ]
    return "\n\n".join(blocks) + "\n"
