"""An atlas of the oracle: log-density, score and posterior mean of five measures at four times."""

from __future__ import annotations

import math
import textwrap
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from tqdm.auto import tqdm

import manifold_scores as ms

from . import style
from .atlas_entries import entries

TITLE = "Log-densities, score fields and posterior means of five measures at four times"

TIMES = (1.0, 0.25, 0.0625, 0.01)  # Brownian motion: noise of standard deviation 1, 1/2, 1/4, 1/10
HALF_WIDTH, HALF_HEIGHT = 2.1, 1.5
SEED = 7
# Quadrature nodes per circle or segment, at most 0.043 apart: against the narrowest tilted law in the window, of
# standard deviation 0.1 / sqrt(2.6 / 1.1), the trapezoidal rule is wrong by exp(-2 pi^2 (0.065/0.043)^2) = 1e-20.
NODES = 160
# Colours are linear in the square root of the drop of log p_t below its maximum, which near M is distance over noise:
# one scale serves all times.  What has dropped by more than DEPTH^2 has the darkest colour.
DEPTH = 4.0


def compute(quick: bool) -> dict[str, np.ndarray]:
    """Evaluate the three targets, and compare them with plain quadrature at some points of the window."""
    columns, checks = (42, 10) if quick else (294, 100)
    fine, coarse = _window(columns, columns * 5 // 7), _window(84, 60)  # for log-density and for the field lines
    checked = np.random.default_rng(SEED).uniform([-HALF_WIDTH, -HALF_HEIGHT], [HALF_WIDTH, HALF_HEIGHT], (checks, 2))
    lattice = _lattice()
    found: dict[str, list[np.ndarray]] = {"log_density": [], "score": [], "posterior_mean": [], "errors": []}
    rows = entries()
    panels = [(entry, t) for entry in rows for t in TIMES]
    for entry, t in tqdm(panels, desc="oracle-atlas", unit="panel", disable=None):
        noised = ms.NoisedMeasure(entry.measure, ms.BrownianMotion())
        d = noised.ambient_dimension
        found["log_density"].append(noised.log_density(_lift(fine, d), t))
        found["score"].append(noised.score(_lift(coarse, d), t)[..., :2])
        found["posterior_mean"].append(noised.posterior_mean(_lift(lattice, d), t)[..., :2])
        found["errors"].append(_errors(noised, _lift(checked, d), t, *entry.rule(NODES)))
    shape = (len(rows), len(TIMES))
    data = {name: np.reshape(values, shape + values[0].shape) for name, values in found.items()}
    data |= {f"outline_{i}": entry.outline for i, entry in enumerate(rows)}
    data |= {"times": np.array(TIMES), "fine": fine, "coarse": coarse, "lattice": lattice}
    data |= {"checks": np.array(checks), "dimension": np.array([entry.measure.dimension for entry in rows])}
    return data | {key: np.array([getattr(entry, key) for entry in rows]) for key in ("name", "detail")}


def _window(columns: int, rows: int) -> np.ndarray:
    """The centres of columns x rows equal cells, shape (rows, columns, 2)."""
    x = HALF_WIDTH * ((2.0 * np.arange(columns) + 1.0) / columns - 1.0)
    y = HALF_HEIGHT * ((2.0 * np.arange(rows) + 1.0) / rows - 1.0)
    return np.stack(np.meshgrid(x, y, indexing="xy"), axis=-1)


def _lattice() -> np.ndarray:
    """Where posterior means are drawn: the same points in every panel, in a triangular lattice."""
    rows = [(j, 0.5 * (j % 2)) for j in range(-2, 3)]
    points = [(0.6 * (i + shift), 0.56 * j) for j, shift in rows for i in range(-3, 4 - (j % 2))]
    return np.array(points)


def _lift(points: np.ndarray, dimension: int) -> np.ndarray:
    """Put points of the plane into R^d, the other coordinates zero."""
    return np.concatenate([points, np.zeros((*points.shape[:-1], dimension - 2))], axis=-1)


def _errors(noised: ms.NoisedMeasure, x: np.ndarray, t: float, nodes: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Largest differences from quadrature: log p_t (absolute), score and posterior mean (relative, in norm)."""
    log_density, score, mean = [], [], []
    for point in x:
        exponents = np.log(weights) - ((point - nodes) ** 2).sum(axis=1) / (2.0 * t)
        top = exponents.max()
        mass = np.exp(exponents - top)
        log_density.append(top + math.log(mass.sum()) - 0.5 * x.shape[1] * math.log(2.0 * math.pi * t))
        score.append(mass @ (nodes - point) / mass.sum() / t)
        mean.append(mass @ nodes / mass.sum())
    relative = [
        (np.linalg.norm(value - reference, axis=1) / np.linalg.norm(reference, axis=1)).max()
        for value, reference in ((noised.score(x, t), score), (noised.posterior_mean(x, t), mean))
    ]
    return np.array([np.abs(noised.log_density(x, t) - log_density).max(), *relative])


def draw(data: dict[str, np.ndarray]) -> Figure:
    """Rows are measures, columns times, from noise to data."""
    rows, columns = len(data["name"]), len(data["times"])
    # Layout in inches: panels keep the shape of the window, the same gap between them both ways.
    left, right, top, bottom, gap = 1.36, 0.03, 0.52, 0.95, 0.045
    width = (style.WIDTH - left - right - (columns - 1) * gap) / columns
    height = width * HALF_HEIGHT / HALF_WIDTH
    total = top + bottom + rows * height + (rows - 1) * gap
    fig = Figure(figsize=(style.WIDTH, total))
    for i in range(rows):
        y = total - top - (i + 1) * height - i * gap
        fig.text((left - 0.1) / style.WIDTH, (y + 0.54 * height) / total, data["name"][i], ha="right", fontsize=11.5)
        fig.text(
            (left - 0.1) / style.WIDTH, (y + 0.49 * height) / total, data["detail"][i], ha="right", va="top",
            fontsize=9, color=style.MUTED,
        )  # fmt: skip
        for j in range(columns):
            x = left + j * (width + gap)
            ax = fig.add_axes((x / style.WIDTH, y / total, width / style.WIDTH, height / total))
            picture = _panel(ax, data, i, j)
            if i == 0:
                centre = (x + 0.5 * width) / style.WIDTH
                t = data["times"][j]
                fig.text(centre, (total - 0.24) / total, f"$t = {t:g}$", ha="center", fontsize=11.5)
                fig.text(
                    centre, (total - 0.44) / total, rf"noise $\sigma = {math.sqrt(t):g}$", ha="center", fontsize=9,
                    color=style.MUTED,
                )  # fmt: skip
            if i == rows - 1:
                ax.set_xticks((-1, 0, 1))
                ax.tick_params(length=0, pad=3)
    _colour_bar(fig, picture, total)
    _key(fig, total)
    return fig


def _panel(ax: Any, data: dict[str, np.ndarray], i: int, j: int) -> Any:
    log_density = data["log_density"][i, j]
    extent = (-HALF_WIDTH, HALF_WIDTH, -HALF_HEIGHT, HALF_HEIGHT)
    picture = ax.imshow(
        -np.sqrt(log_density.max() - log_density), extent=extent, origin="lower", cmap=style.density_map(), vmin=-DEPTH,
        vmax=0.0, interpolation="bilinear", aspect="auto",
    )  # fmt: skip
    score = data["score"][i, j]
    # Only the direction is drawn; a zero of the score has none.
    direction = score / np.maximum(np.linalg.norm(score, axis=-1, keepdims=True), np.finfo(float).tiny)
    x, y = data["coarse"][0, :, 0], data["coarse"][:, 0, 1]
    ax.streamplot(
        x, y, direction[..., 0], direction[..., 1], density=0.6, color=style.FIELD, linewidth=0.55, arrowsize=0.55,
        zorder=2,
    )  # fmt: skip
    outline = data[f"outline_{i}"].T
    points = {"linestyle": "", "marker": "o", "markersize": 5.5} if data["dimension"][i] == 0 else {"linewidth": 1.3}
    ax.plot(*outline, color=style.SKY, zorder=3, **points)
    start, end = data["lattice"], data["posterior_mean"][i, j]
    ax.plot(*np.stack([start, end]).transpose(2, 0, 1), color=style.YELLOW, linewidth=0.8, zorder=4)
    ax.plot(
        *end.T, linestyle="", marker="o", markersize=3.4, color=style.YELLOW, markeredgecolor=style.INK,
        markeredgewidth=0.5, zorder=5,
    )  # fmt: skip
    ax.set(xlim=extent[:2], ylim=extent[2:], xticks=(), yticks=())
    ax.spines[:].set_visible(False)
    return picture


def _colour_bar(fig: Figure, picture: Any, total: float) -> None:
    bar = fig.add_axes((0.03, 0.41 / total, 0.27, 0.16 / total))
    colours = fig.colorbar(picture, cax=bar, orientation="horizontal", extend="min", extendfrac=0.04)
    roots = np.arange(-DEPTH, 1.0)
    colours.set_ticks(roots, labels=["0" if root == 0.0 else f"\N{MINUS SIGN}{root * root:g}" for root in roots])
    colours.outline.set_visible(False)
    bar.tick_params(length=0, pad=3)
    fig.text(0.165, 0.05 / total, r"$\log\,p_t$ below its maximum", ha="center", fontsize=9.5)


def _key(fig: Figure, total: float) -> None:
    """What the lines are, on a ground of the same kind as the panels'."""
    width, height = 6.2, 0.46
    ax = fig.add_axes(((style.WIDTH - 0.03 - width) / style.WIDTH, 0.13 / total, width / style.WIDTH, height / total))
    ax.set(xlim=(0.0, width), ylim=(-0.5 * height, 0.5 * height), xticks=(), yticks=())
    ax.set_facecolor(style.density_map()(0.3))
    ax.spines[:].set_visible(False)
    ax.plot((0.15, 0.50), (0.0, 0.0), color=style.SKY, linewidth=1.8)
    ax.plot((1.55, 1.90), (0.0, 0.0), color="white", linewidth=0.9)
    ax.plot(1.75, 0.0, color="white", marker=">", markersize=4.5)
    ax.plot((3.20, 3.55), (0.0, 0.0), color=style.YELLOW, linewidth=1.2)
    ax.plot(3.55, 0.0, color=style.YELLOW, marker="o", markersize=4.5, markeredgecolor=style.INK, markeredgewidth=0.5)
    labels = {0.6: "manifold $M$", 2.0: r"score $\nabla\log\,p_t$", 3.68: "from $x$ to the posterior mean $f(x,t)$"}
    for x, label in labels.items():
        ax.text(x, -0.01, label, color="white", va="center", fontsize=9.5)


def caption(data: dict[str, np.ndarray]) -> str:
    """The caption, with the largest difference from quadrature in each row."""
    text = (
        "oracle-atlas. Five measures (rows) under Brownian noise of variance t (columns; X_t = X_0 + sqrt(t) N(0, I)), "
        f"in the window |x_1| <= {HALF_WIDTH}, |x_2| <= {HALF_HEIGHT}. Background: log p_t less its maximum in the "
        "panel, colours linear in the square root. White: field lines of the score grad log p_t (direction only). "
        "Yellow: from the points x of a lattice, the same in every panel, to the posterior mean f(x, t) = "
        "E[X_0 | X_t = x] = x + t grad log p_t(x). Blue: the manifold M. As t -> 0 the score blows up off M, while f "
        "stays bounded and tends to the nearest point of M where there is one ([LWB] Theorems 3.5 and 3.7). The two "
        "cylinders lie in R^3; the plane is one of symmetry, so score and f stay in it."
    )
    error_text = (
        f"Errors: largest difference from plain quadrature at {int(data['checks'])} random points x of the window and "
        "all four times; log p_t absolute, score and posterior mean relative in norm:"
    )
    table = ["    measure             log p_t      score   posterior mean"]
    for name, (log_density, score, mean) in zip(data["name"], data["errors"].max(axis=1), strict=True):
        table.append(f"    {name:16s} {log_density:10.1e} {score:10.1e} {mean:16.1e}")
    return "\n\n".join([textwrap.fill(text, 110), textwrap.fill(error_text, 110), "\n".join(table)]) + "\n"
