"""Predicted against measured remainders of [LWB] Theorem 3.5, on sixteen manifolds and measures."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from tqdm.auto import tqdm

import manifold_scores as ms

from . import style
from .expansion_entries import PIXELS, entries

TITLE = "Remainders of the small-time limit of the score, predicted and measured, on sixteen measures"

RATE = 0.5  # [LWB]
TIMES = (-10.0, -1.0)  # exponents of ten
#: Where slope and constant are read off: next order is below 1e-3 there, and so is rounding.
WINDOW = (1e-9, 1e-7)
COLOURS = {"interior": style.BLUE, "end": style.GREEN, "edge": style.VERMILLION, "focal": style.PURPLE}
LABELS = {
    "interior": r"predicted: $y_x$ in the interior of $M$",
    "end": "predicted: $x$ beyond an end of $M$",
    "edge": r"predicted: $y_x$ on the edge, $x-y_x$ normal to $M$",
    "focal": r"predicted: $x$ the centre of curvature of a vertex",
}


def compute(quick: bool) -> dict[str, np.ndarray]:
    """Predict exponent and constant from the geometry at y_x, and measure e(t) with the exact score."""
    t = np.logspace(*TIMES, 10 if quick else 19)
    window = np.logspace(*np.log10(WINDOW), 5 if quick else 21)
    process = ms.OrnsteinUhlenbeck(rate=RATE)
    data: dict[str, Any] = {"t": t, "window": window, "measured": [], "in_window": [], "predicted": []}
    rows = entries()
    for i, entry in enumerate(tqdm(rows, desc="expansion", unit="panel", disable=None)):
        found = ms.expansion(entry.measure, entry.x)
        noised = ms.NoisedMeasure(entry.measure, process)
        data["measured"].append(_remainder(noised, entry.x, found.v, t))
        data["in_window"].append(_remainder(noised, entry.x, found.v, window))
        data["predicted"].append(found.remainder_rate(process))
        data |= {f"sketch_{i}": entry.sketch, f"situation_{i}": found.situation}
        seen = np.stack([entry.x, found.point])
        data[f"points_{i}"] = seen.reshape(2, PIXELS, PIXELS) if entry.view is None else seen @ entry.view.T
    data |= {key: [getattr(entry, key) for entry in rows] for key in ("name", "detail")}
    return {key: np.asarray(value) for key, value in data.items()}


def _remainder(noised: ms.NoisedMeasure, x: np.ndarray, v: np.ndarray, t: np.ndarray) -> np.ndarray:
    """e(t) = |t (-score) - v| / |v|, v = x - y_x, shape (n,)."""
    left = -t[:, None] * noised.score(x, t) - v
    return np.asarray(np.linalg.norm(left, axis=1) / np.linalg.norm(v))


def _fits(data: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Slopes fitted over the window, and constants measured at its lower end (slope 1/2) or middle (slope 1)."""
    t, e = data["window"], data["in_window"]
    slopes = np.polyfit(np.log(t), np.log(e).T, 1)[0]
    at = np.where(data["predicted"][:, 0] < 0.75, 0, len(t) // 2)
    return slopes, e[np.arange(len(e)), at] / t[at] ** data["predicted"][:, 0]


def draw(data: dict[str, np.ndarray]) -> Figure:
    """Four rows of four; lines are predicted, dots are measured."""
    left, right, top, bottom, gap, title, columns = 0.78, 0.05, 0.06, 1.22, 0.10, 0.28, 4  # in inches
    rows = -(-len(data["name"]) // columns)
    width = (style.WIDTH - left - right - (columns - 1) * gap) / columns
    height = 0.86 * width
    total = top + bottom + rows * (height + title) + (rows - 1) * gap
    fig = Figure(figsize=(style.WIDTH, total))
    for k, (name, detail) in enumerate(zip(data["name"], data["detail"], strict=True)):
        i, j = divmod(k, columns)
        x, y = left + j * (width + gap), total - top - title - height - i * (height + title + gap)
        ax = fig.add_axes((x / style.WIDTH, y / total, width / style.WIDTH, height / total))
        ax.text(0.0, 1.03, name, transform=ax.transAxes, fontsize=10.5, va="bottom")
        ax.text(1.0, 1.03, detail, transform=ax.transAxes, fontsize=9, va="bottom", ha="right", color=style.MUTED)
        _panel(ax, data, k)
        if j:
            ax.tick_params(labelleft=False)
        if i < rows - 1:
            ax.tick_params(labelbottom=False)
    fig.text((left + 2 * width) / style.WIDTH, 0.84 / total, "time $t$", ha="center", fontsize=10.5)
    fig.text(
        0.004, (bottom + 0.5 * (total - bottom - top)) / total, r"$e(t)=|-t\,\nabla\log\,p_t(x)-(x-y_x)|\,/\,|x-y_x|$",
        rotation=90, va="center", fontsize=10.5,
    )  # fmt: skip
    _legend(fig, data, total)
    return fig


def _panel(ax: Any, data: dict[str, np.ndarray], k: int) -> None:
    t, (exponent, constant) = data["t"], data["predicted"][k]
    colour = COLOURS[str(data[f"situation_{k}"])]
    ax.loglog(t, constant * t**exponent, color=colour, linewidth=2.2, zorder=2)
    ax.loglog(
        t, data["measured"][k], linestyle="", marker="o", markersize=3.6, color="white", markeredgecolor=style.INK,
        markeredgewidth=0.7, zorder=3,
    )  # fmt: skip
    ax.set(
        xlim=(4e-11, 2.5e-1), ylim=(3e-11, 3e1), xticks=10.0 ** np.arange(-9, 0, 3), yticks=10.0 ** np.arange(-10, 1, 2)
    )
    ax.minorticks_off()
    ax.grid(visible=True, color="#e8e8e8", linewidth=0.6)
    ax.set_axisbelow(True)
    slopes, constants = _fits(data)
    predicted = f"predicted ${constant:.4f}\\,t^{{\\,{exponent:g}}}$"
    measured = f"measured ${constants[k]:.4f}\\,t^{{\\,{slopes[k]:.4f}}}$"
    ax.text(0.04, 0.96, f"{predicted}\n{measured}", transform=ax.transAxes, va="top", fontsize=8.8, linespacing=1.5)
    _sketch(ax.inset_axes((0.50, 0.03, 0.48, 0.43)), data[f"sketch_{k}"], data[f"points_{k}"])


def _sketch(ax: Any, lines: np.ndarray, points: np.ndarray) -> None:
    """M, the point x and the way to its nearest point; or the image x beside its nearest image."""
    ax.axis("off")
    ax.set_aspect("equal", anchor="SE")
    if points.ndim == 3:
        ax.imshow(np.hstack([points[0], np.full((PIXELS, 6), np.nan), points[1]]), cmap="Greys", origin="lower")
        ax.text(PIXELS / 2, PIXELS + 3, "$x$", ha="center", fontsize=8.5)
        ax.text(1.5 * PIXELS + 6, PIXELS + 3, "$y_x$", ha="center", fontsize=8.5)
        return
    surface = np.isnan(lines).any()
    ax.plot(*lines.T, color=style.FAINT, linewidth=0.45 if surface else 1.1, solid_capstyle="round")
    ax.plot(*points.T, color=style.INK, linewidth=1.0)
    ax.plot(*points[0], marker="o", markersize=3.6, color=style.INK)


def _legend(fig: Figure, data: dict[str, np.ndarray], total: float) -> None:
    shown = [name for name in LABELS if name in {str(data[key]) for key in data if key.startswith("situation_")}]
    measured = Line2D(
        [], [], linestyle="", marker="o", markersize=4.0, color="white", markeredgecolor=style.INK, markeredgewidth=0.8
    )
    handles = [measured, *(Line2D([], [], color=COLOURS[name], linewidth=2.0) for name in shown)]
    labels = ["measured with the exact score", *(LABELS[name] for name in shown)]
    fig.legend(
        handles, labels, loc="lower center", bbox_to_anchor=(0.53, 0.0), ncols=2, frameon=False, fontsize=9.5,
        columnspacing=1.6, handlelength=1.6,
    )  # fmt: skip


def caption(data: dict[str, np.ndarray]) -> str:
    """The caption, with predicted and measured slopes and constants."""
    text = (
        "expansion. The limit t (-grad log p_t(x)) -> x - y_x of [LWB] Theorem 3.5 and how fast it is reached, for "
        f"the Ornstein-Uhlenbeck process of rate {RATE:g}. Dots: the remainder "
        "e(t) = |t (-grad log p_t(x)) - (x - y_x)| / |x - y_x|, measured with the exact score. Lines: "
        "its leading term, predicted from the geometry and the density at y_x alone. It "
        "has slope 1 where the nearest point y_x is in the interior of M, with constant "
        "|c(x)| / |x - y_x|, c = x/2 - Dx/2 - b, and beyond the end of a curve; slope 1/2 where y_x is on the boundary "
        "and x - y_x normal to M, and at focal points. Dots leave the lines where t is no longer small: by the next "
        "order, and by other parts of M, which come in with e^(-gap/t) (wavy circle). Insets: M, x (dot) and the way "
        f"to y_x; for the curve of {PIXELS} x {PIXELS} images, x, one of them with noise added, and its nearest image."
    )
    errors = (
        f"Errors: slopes are fitted over t = {WINDOW[0]:g} to {WINDOW[1]:g}, constants taken at "
        f"t = {data['window'][len(data['window']) // 2]:.0e} (slope 1) and {WINDOW[0]:g} (slope 1/2):"
    )
    slopes, constants = _fits(data)
    table = [
        "    measure, point                                  slope    measured     constant     measured   relative"
    ]
    for k, (name, detail) in enumerate(zip(data["name"], data["detail"], strict=True)):
        exponent, constant = data["predicted"][k]
        plain = str(detail).replace(r"\propto", " ~ ").replace(r"\rho", "rho").replace(r"\mathbb{R}", "R")
        plain = "".join(c for c in plain if c not in "${}\\")
        table.append(
            f"    {f'{name}, {plain}':45s} {exponent:7g} {slopes[k]:11.6f} {constant:12.6f} {constants[k]:12.6f} "
            f"{constants[k] / constant - 1.0:10.1e}"
        )
    return "\n\n".join([textwrap.fill(text, 110), textwrap.fill(errors, 110), "\n".join(table)]) + "\n"
