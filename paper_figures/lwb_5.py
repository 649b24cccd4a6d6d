"""[LWB] five-point law: the reverse SDE with the analytic drift, from noise to the five points."""

from __future__ import annotations

import sys
import textwrap
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.legend_handler import HandlerTuple
from matplotlib.lines import Line2D

import manifold_scores as ms

from . import style

TITLE = "[LWB] five-point law in the plane, sampled backwards with the analytic drift (six snapshots)"

SNAPSHOTS = (10.0, 5.8718, 3.2356, 0.7518, 0.0216, 0.0)  # the times shown in [LWB]
SEED = 20250669

# Coordinates and weights are ours.  The weights differ, so that landing on the points is not enough: each has to be
# reached in its own proportion.
POINTS = np.array([[-1.6, -1.1], [-1.1, 1.4], [0.0, 0.1], [1.4, 1.3], [1.5, -1.4]])
WEIGHTS = np.array([0.10, 0.25, 0.15, 0.30, 0.20])

# Regions of highest density: {p_t >= level} holds this share of the mass of p_t.
MASSES = np.array([0.5, 0.9, 0.99])

LIMIT = 3.5  # axes; a standard normal in the plane has 1e-3 of its mass outside
COLOURS = (style.BLUE, style.ORANGE, style.GREEN, style.VERMILLION, style.PURPLE)


def law() -> ms.NoisedMeasure:
    """The five-point law under [LWB]'s process: a = 1/2, so that s = e^t - 1."""
    return ms.NoisedMeasure(ms.PointCloud(POINTS, WEIGHTS), ms.OrnsteinUhlenbeck(rate=0.5))


def compute(quick: bool) -> dict[str, np.ndarray]:
    """Sample, and evaluate the exact p_t on a grid at the same times."""
    samples, steps, exact_draws, grid_size = (2000, 200, 20_000, 61) if quick else (20_000, 2000, 400_000, 321)
    noised = law()
    _, pictures = ms.reverse_sde(
        noised, ms.exponential_times(SNAPSHOTS[0], steps + 1), samples, rng=SEED, snapshots=SNAPSHOTS,
        progress=sys.stderr.isatty(),
    )  # fmt: skip
    paths = np.stack([pictures[t] for t in SNAPSHOTS])
    axis = np.linspace(-LIMIT, LIMIT, grid_size)
    grid = np.stack(np.meshgrid(axis, axis, indexing="xy"), axis=-1)
    positive = [t for t in SNAPSHOTS if t > 0.0]
    levels, shares = [], []
    for k, t in enumerate(positive):
        exact = noised.log_density(noised.sample(exact_draws, t, rng=SEED + 1 + k), t)
        levels.append(np.quantile(exact, 1.0 - MASSES))
        shares.append((noised.log_density(paths[k], t)[:, None] >= levels[-1]).mean(axis=0))
    distances = np.linalg.norm(paths[-1][:, None] - POINTS, axis=-1)
    return {
        "times": np.array(SNAPSHOTS),
        "samples": paths,
        "landed_on": distances.argmin(axis=1),
        "distance": distances.min(axis=1),
        "points": POINTS,
        "weights": WEIGHTS,
        "grid_axis": axis,
        "log_density": np.stack([noised.log_density(grid, t) for t in positive]),
        "masses": MASSES,
        "levels": np.stack(levels),
        "shares_inside": np.stack(shares),
        "exact_draws": np.array(exact_draws),
        "steps": np.array(steps),
    }


def draw(data: dict[str, np.ndarray]) -> Figure:
    """Six panels; every sample keeps the colour of the point on which it will land."""
    fig = Figure(figsize=(style.WIDTH, 7.35))
    axes = fig.subplots(2, 3, sharex=True, sharey=True)
    fig.subplots_adjust(left=0.045, right=0.99, bottom=0.115, top=0.945, wspace=0.05, hspace=0.13)
    shown = min(len(data["landed_on"]), 4000)  # more would be a blot
    colours = np.array(COLOURS)[data["landed_on"][:shown]]
    for k, (ax, t) in enumerate(zip(axes.flat, data["times"], strict=True)):
        ax.set_title(f"$t = {t:g}$", pad=5)
        ax.set(xlim=(-LIMIT, LIMIT), ylim=(-LIMIT, LIMIT), aspect="equal", xticks=(-2, 0, 2), yticks=(-2, 0, 2))
        if t > 0.0:
            x, y = data["samples"][k, :shown].T
            ax.scatter(x, y, s=2.2, c=colours, linewidths=0.0, alpha=0.75, rasterized=True)
            ax.contour(
                data["grid_axis"], data["grid_axis"], data["log_density"][k], levels=np.sort(data["levels"][k]),
                colors=style.INK, linewidths=(0.7, 0.9, 1.1), linestyles="solid",
            )  # fmt: skip
        else:
            _landed(ax, data)
        ax.scatter(*data["points"].T, s=46, marker="+", c="white", linewidths=3.0, zorder=4)
        ax.scatter(*data["points"].T, s=38, marker="+", c=style.INK, linewidths=1.3, zorder=5)
    _legend(fig)
    return fig


def _landed(ax: Any, data: dict[str, np.ndarray]) -> None:
    counts = np.bincount(data["landed_on"], minlength=len(data["points"]))
    share = counts / counts.sum()
    # Area in proportion to the share; all samples of a colour sit at one place.
    ax.scatter(*data["points"].T, s=3000 * share, c=COLOURS, linewidths=0.0, alpha=0.85)
    for point, part, weight in zip(data["points"], share, data["weights"], strict=True):
        away = 13 + 31 * np.sqrt(part)  # in points, like the radius of the disc
        ax.annotate(
            f"{100 * part:.1f} % ({100 * weight:.0f})", point, (0, away if point[1] > 1.0 else -away),
            textcoords="offset points", ha="center", va="center",
        )  # fmt: skip
    ax.text(
        0.03, 0.97, "share of the samples (weight)", transform=ax.transAxes, va="top", fontsize=9, color=style.MUTED
    )


def _legend(fig: Figure) -> None:
    handles: list[Any] = [
        Line2D([], [], linestyle="", marker="+", color=style.INK, markersize=8, markeredgewidth=1.3),
        tuple(Line2D([], [], linestyle="", marker="o", color=c, markersize=5) for c in COLOURS),
        Line2D([], [], color=style.INK, linewidth=0.9),
    ]
    labels = [
        "data points",
        "samples, coloured by where they land",
        "exact $p_t$: regions of 50, 90 and 99 % of the mass",
    ]
    side_by_side = {tuple: HandlerTuple(ndivide=None, pad=0)}
    fig.legend(
        handles, labels, loc="lower center", ncols=3, frameon=False, handler_map=side_by_side, handlelength=2.6,
        columnspacing=2.2,
    )  # fmt: skip


def caption(data: dict[str, np.ndarray]) -> str:
    """The caption, with the counts and the largest distance at t = 0."""
    counts = np.bincount(data["landed_on"], minlength=len(data["points"]))
    n, exact_draws = counts.sum(), int(data["exact_draws"])
    text = (
        "lwb-5. Five-point law in R^2 (coordinates and weights are ours), Ornstein-Uhlenbeck process with a = 1/2, "
        f"sampled by the reverse SDE with the exact score from N(0, (1 - e^-10) I) at t = 10 down to t = 0: {n} "
        f"samples, exponential integrator, {int(data['steps'])} steps on an exponential grid, seed {SEED}; the last "
        "step ends on the posterior mean. Contours: exact p_t, the regions of highest density that hold 50, 90 and "
        f"99 % of the mass, with levels from {exact_draws} exact draws. At t = 0: discs with areas in proportion to "
        "the counts."
    )
    table = ["    point            weight   expected    count   standard error   (count - expected)/s.e."]
    for (x, y), weight, count in zip(data["points"], data["weights"], counts, strict=True):
        error = np.sqrt(n * weight * (1.0 - weight))
        z = (count - n * weight) / error
        table.append(f"    ({x:4.1f}, {y:4.1f})   {weight:8.2f} {n * weight:10.0f} {count:8d} {error:16.1f} {z:25.2f}")
    inside = []
    errors = np.sqrt(data["masses"] * (1.0 - data["masses"]) * (1.0 / n + 1.0 / exact_draws))
    for t, row in zip(data["times"], data["shares_inside"], strict=False):
        parts = [f"{s:.4f} for {m:g} ({e:.4f})" for s, m, e in zip(row, data["masses"], errors, strict=True)]
        inside.append(f"    t = {t:<8g}" + "   ".join(parts))
    blocks = [
        textwrap.fill(text, 110),
        "Errors. Counts at t = 0 against the weights, with binomial standard errors:",
        "\n".join(table),
        f"Largest distance of a sample to its point at t = 0: {data['distance'].max():.2g}.",
        "Share of the samples in the exact regions (standard error of samples and levels together in brackets):",
        "\n".join(inside),
    ]
    return "\n\n".join(blocks) + "\n"
