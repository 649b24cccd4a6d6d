"""[FPHDP] Figure 4: twelve points of a circle; the likelihood of the circle has a best bandwidth."""

from __future__ import annotations

import math
import textwrap
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from tqdm.auto import tqdm

import manifold_scores as ms

from . import captions, style
from . import smoothing_samples as ss

TITLE = "[FPHDP] Figure 4: twelve points of a circle, samples and the negative log-likelihood against the bandwidth"

POINTS, SAMPLES = 12, 200
BANDWIDTHS = (0.1, 0.2, 0.35)  # of the samples
SCALES = np.arange(2, 15) / 40  # of the likelihoods: 0.05, 0.075 ... 0.35
T_MIN = 1e-3
T_MAX = (9.0, 5.0)  # [FPHDP]'s text; its notebook
SEED = 5
TOLERANCE = 1e-5
RANDOM_POINTS = 1000  # at which the paper evaluates
ROTATIONS = 4


def on_circle(angles: np.ndarray) -> np.ndarray:
    """Points (n, 2) of the unit circle."""
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def data_points() -> np.ndarray:
    """Twelve equispaced points, the first at angle 0."""
    return on_circle(2.0 * np.pi * np.arange(POINTS) / POINTS)


def sector(n: int) -> np.ndarray:
    """Points of the circle with equal weights for functions with the symmetries of the data.

    Such a function of the angle has period 30 degrees and is even: the midpoints of n equal parts of [0, 15] degrees
    are the trapezium rule of its period, exact up to frequency 2n - 1.
    """
    return on_circle(np.pi / POINTS * (np.arange(n) + 0.5) / n)


def turned(bandwidth: float, nodes: int, angle: float) -> ms.SmoothedScore:
    """The smoothed score with a spiral of nodes turned by an angle, which changes their error but not their law."""
    c, s = math.cos(angle), math.sin(angle)
    kernel = ms.SampledKernel(bandwidth * ss.spiral(nodes) @ np.array([[c, s], [-s, c]]))
    return ms.SmoothedScore(ss.exact(data_points()), kernel)


def likelihoods(bandwidth: float, nodes: int, count: int) -> dict[str, np.ndarray]:
    """Negative log-likelihoods (rotations, count) at the points of the sector with T = 9, and what T = 5 changes.

    The change is taken with the nodes of the first rotation at both, so that most of their error drops out.
    """
    angles = np.random.default_rng(SEED).uniform(0.0, 2.0 * np.pi, ROTATIONS)
    x = sector(count)
    values, errors = [], []
    for angle in angles:
        value, error = _negative(turned(bandwidth, nodes, angle), x, T_MAX[0])
        values.append(value)
        errors.append(error.max())
    shorter, _ = _negative(turned(bandwidth, nodes, angles[0]), x, T_MAX[1])
    return {
        "values": np.stack(values),
        "flow_error": np.max(errors),
        "change": np.asarray(shorter - values[0]),
        "rule": np.asarray(rule_error(np.mean(values, axis=0))),
    }


def rule_error(values: np.ndarray) -> float:
    """Estimate of the error of the mean of an even periodic function over its values at the n midpoints of `sector`.

    It is the coefficient of frequency 2n, where the ones up to n - 1 are known: as long as they fall, the last two
    bound it.
    """
    n = len(values)
    angles = np.pi * (np.arange(n) + 0.5) / n
    last = [2.0 * np.mean(values * np.cos(k * angles)) for k in (n - 2, n - 1)]
    return float(np.abs(last).max())


def _negative(model: Any, x: np.ndarray, t_max: float) -> tuple[np.ndarray, np.ndarray]:
    value, error = ms.log_likelihood(model, x, (T_MIN, t_max), tolerance=TOLERANCE, return_error=True)
    return -np.asarray(value), np.asarray(error)


def minimum(h: np.ndarray, value: np.ndarray, error: np.ndarray, draws: int = 400) -> dict[str, float]:
    """Place and height of the minimum of a smooth function known with errors at equispaced h.

    A cubic fitted to the five values around the lowest one; the quartic through the same five says what it misses.
    Errors: from `draws` normal perturbations with standard deviations `error`, and the difference of the two
    fits, in quadrature.  Raises ValueError if the lowest value is one of the two first or last.
    """
    lowest = int(np.argmin(value))
    if not 2 <= lowest < len(h) - 2:
        raise ValueError(f"the lowest value must have two neighbours on either side; it is number {lowest}")
    near = slice(lowest - 2, lowest + 3)
    step = h[1] - h[0]
    u = (h[near] - h[lowest]) / step
    noise = np.random.default_rng(SEED).standard_normal((draws, 5)) * error[near]
    fits = np.array([_lowest(u, value[near] + row, 3) for row in [np.zeros(5), *noise]])
    (place, height), (other_place, other_height) = fits[0], _lowest(u, value[near], 4)
    return {
        "place": h[lowest] + step * place,
        "place_error": step * float(np.hypot(fits[1:, 0].std(), place - other_place)),
        "height": height,
        "height_error": float(np.hypot(fits[1:, 1].std(), height - other_height)),
    }


def _lowest(u: np.ndarray, value: np.ndarray, degree: int) -> tuple[float, float]:
    """Place and height of the lowest value on [-1.5, 1.5] of a polynomial fitted to values at u = -2 ... 2."""
    fit = np.polynomial.Polynomial.fit(u, value, degree)
    fine = np.linspace(-1.5, 1.5, 3001)
    k = int(np.argmin(fit(fine)))
    return float(fine[k]), float(fit(fine[k]))


def compute(quick: bool) -> dict[str, np.ndarray]:
    """Samples at three bandwidths, and likelihoods at thirteen."""
    nodes, sector_points, scales = (512, 4, SCALES[::2]) if quick else (8192, 8, SCALES)
    spread = 512 if quick else 4096
    sampled = [
        ss.generate(ss.smoothed(data_points(), h, spread), T_MAX[0], SAMPLES, SEED, t_min=T_MIN, final_noise=False)
        for h in BANDWIDTHS
    ]
    exact = ss.exact(data_points())
    x = sector(sector_points)
    rows = [likelihoods(h, nodes, sector_points) for h in tqdm(scales, desc="fphdp-4", unit="scale", disable=None)]
    circle = ms.NoisedMeasure(ms.Circle().uniform(), ms.BrownianMotion())
    one = on_circle(np.zeros(1))
    return {
        **{key: np.stack([row[key] for row in rows]) for key in rows[0]},
        "samples": np.stack(sampled),
        "scales": scales,
        # A kernel density estimate is the exact law at a later time: no flow is needed.
        "kde": np.stack([-exact.log_density(sector(64), T_MIN + h**2) for h in scales]),
        "no_smoothing": -exact.log_density(x, T_MIN).mean(),
        "circle_exact": -circle.log_density(one, T_MIN),
        "circle_flow": np.concatenate([_negative(circle, one, t)[0] for t in T_MAX]),
        "nodes": np.array(nodes),
        "sample_nodes": np.array(spread),
    }


def curve(data: dict[str, np.ndarray], which: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Mean negative log-likelihood of the circle with T = T_MAX[which], and its standard error, for every scale."""
    means = data["values"].mean(axis=2)  # (scales, rotations)
    value = means.mean(axis=1) + which * data["change"].mean(axis=1)
    # Student's 97.5 % quantile for four replicates over that of a normal law, 3.18/1.96.
    kernel = 1.62 * means.std(axis=1, ddof=1) / math.sqrt(means.shape[1])
    return value, np.sqrt(kernel**2 + data["rule"] ** 2 + data["flow_error"] ** 2)


def draw(data: dict[str, np.ndarray]) -> Figure:
    """Samples at three bandwidths; likelihoods of the circle."""
    fig = Figure(figsize=(style.WIDTH, 3.2))
    left, side, gap = 0.045, 0.183, 0.008
    for k, (h, samples) in enumerate(zip(BANDWIDTHS, data["samples"], strict=True)):
        ax = fig.add_axes((left + k * (side + gap), 0.285, side, side * style.WIDTH / 3.2))
        angle = np.linspace(0.0, 2.0 * np.pi, 361)
        ax.plot(np.cos(angle), np.sin(angle), color=style.MUTED, linewidth=0.8)
        ax.scatter(*data_points().T, s=26, c="white", edgecolors=style.VERMILLION, linewidths=1.2, zorder=3)
        ax.scatter(*samples.T, s=5, c=style.BLUE, linewidths=0.0, zorder=4)
        ax.set(xlim=(-1.25, 1.25), ylim=(-1.25, 1.25), aspect="equal", xticks=(-1, 0, 1), yticks=(-1, 0, 1))
        ax.set_title(f"$h={h:g}$", pad=4)
        ax.tick_params(labelleft=k == 0)
        radius = np.linalg.norm(samples, axis=1)
        ax.text(0.0, 0.0, f"radius\n{radius.mean():.3f} ± {radius.std():.3f}", ha="center", va="center", fontsize=8.5,
                color=style.MUTED)  # fmt: skip
    handles = [
        Line2D([], [], color=style.MUTED, linewidth=1.0),
        Line2D([], [], linestyle="", marker="o", color=style.BLUE, markersize=4),
        Line2D([], [], linestyle="", marker="o", color="white", markeredgecolor=style.VERMILLION, markeredgewidth=1.4),
    ]
    fig.legend(
        handles, ["circle", "200 samples", "12 training points"], loc="lower left", bbox_to_anchor=(0.07, 0.03),
        ncols=3, frameon=False, columnspacing=1.4,
    )  # fmt: skip
    ax = fig.add_axes((0.70, 0.165, 0.29, 0.76))
    _likelihoods(ax, data)
    return fig


def _likelihoods(ax: Any, data: dict[str, np.ndarray]) -> None:
    h = data["scales"]
    ax.plot(h, data["kde"].mean(axis=1), color=style.ORANGE, marker="s", markersize=3.5, linewidth=1.2,
            label="kernel density estimate")  # fmt: skip
    (value, error), (other, _) = curve(data), curve(data, 1)
    ax.errorbar(h, value, error, color=style.BLUE, marker="o", markersize=4, linewidth=1.4, capsize=2,
                label="smoothed score, $T=9$")  # fmt: skip
    ax.plot(h, other, color=style.GREEN, marker="x", markersize=5, linewidth=0.0, label="smoothed score, $T=5$")
    ax.axhline(data["circle_exact"][0], color=style.INK, linewidth=1.0, linestyle="--", label="law of the circle")
    found = minimum(h, value, error)
    ax.plot(found["place"], found["height"], marker="*", markersize=11, color=style.VERMILLION, linestyle="", zorder=5,
            label=f"minimum, $h={found['place']:.3f}$")  # fmt: skip
    ax.set(xlabel="bandwidth $h$", ylabel="negative log-likelihood of the circle", xlim=(0.035, 0.365))
    low, high = data["circle_exact"][0], max(value.max(), data["kde"].mean(axis=1).max())
    ax.set_ylim(low - 0.06 * (high - low), high + 0.62 * (high - low))
    ax.legend(loc="upper right", frameon=False, fontsize=8.5, handlelength=1.8, labelspacing=0.3)


def caption(data: dict[str, np.ndarray]) -> str:
    """The caption, with the minimum, its error, and the table of likelihoods."""
    h = data["scales"]
    (value, error), (other, _) = curve(data), curve(data, 1)
    found, found_other = minimum(h, value, error), minimum(h, other, error)
    points = data["values"].mean(axis=1)  # (scales, count)
    plain = points.std(axis=1) / math.sqrt(RANDOM_POINTS)
    kde = data["kde"].mean(axis=1)
    count = data["values"].shape[2]
    text = (
        f"fphdp-4. {POINTS} equispaced points of the unit circle, Brownian process, score smoothed with N(x, h^2 I). "
        f"Left: {SAMPLES} samples, Euler-Maruyama from N(0, {T_MAX[0]:g} I) on {ss.STEPS} geometric times from T = "
        f"{T_MAX[0]:g} to {T_MIN:g} and then 0, no noise on the last step; averages over "
        f"{int(data['sample_nodes'])} nodes of a golden-angle spiral (the paper: 1000 random ones); mean and standard "
        "deviation of the radii. Right: minus the mean log-likelihood of the points of the circle at t = "
        f"{T_MIN:g}, by the probability flow from N(0, T I), with the exact divergence of the smoothed score. By "
        f"symmetry the mean over the circle is that over 15 degrees, taken at {count} midpoints instead of "
        f"{RANDOM_POINTS} random points. Kernel averages over {ROTATIONS} spirals of {int(data['nodes'])} nodes at "
        "random angles, whose spread gives the error. Dashed: the exact likelihood of the uniform law of the circle, "
        "noised to the same time; squares: the kernel density estimate at the same bandwidth, exact (its variance is "
        f"h^2 + {T_MIN:g})."
    )
    head = ["h", "T = 9", "error", "T = 5", "density est.", "s.e. of 1000 points"]
    rows = [
        [f"{a:.3f}", f"{v:.4f}", f"{e:.4f}", f"{o:.4f}", f"{d:.4f}", f"{p:.4f}"]
        for a, v, e, o, d, p in zip(h, value, error, other, kde, plain, strict=True)
    ]
    lowest = int(np.argmin(kde))
    floor = data["circle_exact"][0]
    blocks = [
        textwrap.fill(text, 110),
        captions.text_table(head, rows),
        textwrap.fill(
            f"Minimum for T = 9: h = {found['place']:.4f} +- {found['place_error']:.4f}, height {found['height']:.4f} "
            f"+- {found['height_error']:.4f}; for T = 5: h = {found_other['place']:.4f}, height "
            f"{found_other['height']:.4f} (same errors, common to both). Cubic through five scales; the errors hold "
            "those of the likelihoods and the difference to the quartic through the same values. The minimum lies "
            f"{found['height'] - floor:.4f} above the law of the circle, {floor:.4f} (the flow from N(0, T I) makes it "
            f"{data['circle_flow'][0]:.4f} for T = 9 and {data['circle_flow'][1]:.4f} for T = 5, and in the same way "
            f"T matters to the others); the best kernel density estimate of these scales, h = {h[lowest]:.3f}, has "
            f"{kde[lowest]:.4f}. Without smoothing: {float(data['no_smoothing']):.2f}.",
            110,
        ),
        textwrap.fill(
            "Errors in the column: kernel nodes (Student's quantile included), at most "
            f"{_largest_kernel_error(data):.4f}; {count} midpoints, at most {data['rule'].max():.1e} (their last "
            f"cosine coefficients); integration of the flow, at most {data['flow_error'].max():.1e}. The "
            f"last column is what {RANDOM_POINTS} random points alone would add.",
            110,
        ),
    ]
    return "\n\n".join(blocks) + "\n"


def _largest_kernel_error(data: dict[str, np.ndarray]) -> float:
    error = curve(data)[1]
    return float(np.sqrt(error**2 - data["rule"] ** 2 - data["flow_error"] ** 2).max())
