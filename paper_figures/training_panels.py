"""Panels and tables that the figures of trained networks share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from . import style
from .training_runs import QUANTITIES, TARGETS

COLOURS = {"cem": style.BLUE, "sgm": style.VERMILLION, "ddpm": style.GREEN}
LABELS = {"cem": "CEM, predicts $f$", "sgm": r"SGM, predicts $S$", "ddpm": r"DDPM, predicts $\varepsilon$"}
SYMBOLS = {"f": "f", "S": "S", "eps": r"\varepsilon"}


def band(ax: Any, times: np.ndarray, values: np.ndarray, target: str) -> None:
    """Draw the median over seeds of values (seeds, T), and the range from the least to the largest."""
    ax.fill_between(times, values.min(axis=0), values.max(axis=0), color=COLOURS[target], alpha=0.2, linewidth=0.0)
    ax.plot(times, np.median(values, axis=0), color=COLOURS[target], linewidth=1.6)


def error_grid(times: np.ndarray, rows: dict[str, np.ndarray], height: float) -> Figure:
    """Draw a row of panels e(f), e(S), e(eps) for each entry (targets, seeds, 3, T) of rows."""
    fig = Figure(figsize=(style.WIDTH, height))
    axes = fig.subplots(len(rows), 3, sharex=True, squeeze=False)
    for i, (label, values) in enumerate(rows.items()):
        for k, quantity in enumerate(QUANTITIES):
            ax = axes[i, k]
            for j, target in enumerate(TARGETS):
                band(ax, times, values[j, :, k], target)
            ax.set(xscale="log", yscale="log")
            ax.grid(color="#e6e6e6", linewidth=0.5)
            ax.set_title(f"$e({SYMBOLS[quantity]})$, {label}", pad=5)
            if i == len(rows) - 1:
                ax.set_xlabel("$t$")
    top = 0.33 / height
    fig.subplots_adjust(left=0.06, right=0.99, bottom=0.85 / height, top=1.0 - top, wspace=0.2, hspace=0.22)
    legend(fig)
    return fig


def legend(fig: Figure, bands: bool = True) -> None:
    """Name the targets, at the bottom, and what shows their seeds: bands or dots."""
    handles: list[Any] = [Line2D([], [], color=COLOURS[target], linewidth=2.0) for target in TARGETS]
    dot = Line2D([], [], linestyle="", marker="o", markersize=4, color=style.FAINT)
    handles.append(Patch(color=style.FAINT, alpha=0.35, linewidth=0.0) if bands else dot)
    seeds = "range over seeds (line: median)" if bands else "seeds (bar: median)"
    labels = [*(LABELS[target] for target in TARGETS), seeds]
    fig.legend(handles, labels, loc="lower center", ncols=4, frameon=False, columnspacing=2.0)


def spread(values: np.ndarray) -> str:
    """Return median and range as a text."""
    return f"{np.median(values):.2e} [{values.min():.1e}, {values.max():.1e}]"


def places(data: dict[str, np.ndarray], times: Iterable[float] | None = None) -> list[int]:
    """Return where times, by default the four final ones, are among those of the errors."""
    return [int(np.argmin(np.abs(data["times"] - t))) for t in (data["final_times"] if times is None else times)]


def final_errors(data: dict[str, np.ndarray]) -> np.ndarray:
    """Return e(f), e(S), e(eps) in L2(p_t) at the four final times, (targets, seeds, 3, 4)."""
    return data["l2"][..., places(data)]


def component_grid(data: dict[str, np.ndarray]) -> Figure:
    """Draw the errors along the tangent of M above, along the normal below."""
    rows = {"tangent": data["components"][..., 0], "normal": data["components"][..., 1]}
    return error_grid(data["times"], rows, 6.6)


def final_table(data: dict[str, np.ndarray], values: np.ndarray | None = None) -> str:
    """Return the final errors as lines: median over seeds, and the range in brackets."""
    values = final_errors(data) if values is None else values
    lines = [f"    {'':5}{'t':>7}" + "".join(f"{target.upper():^31}" for target in TARGETS)]
    for k, quantity in enumerate(QUANTITIES):
        for i, t in enumerate(data["final_times"]):
            cells = "".join(f"{spread(values[j, :, k, i]):^31}" for j in range(len(TARGETS)))
            lines.append(f"    {quantity:5}{t:7g}{cells}".rstrip())
    return "\n".join(lines)


def pollution_table(data: dict[str, np.ndarray]) -> str:
    """Return the pollution of every target as lines, and that of the exact score."""
    lines = [f"    {'':12} median    least  largest   over {data['pollution'].shape[1]} seeds"]
    for target, shares in zip(TARGETS, data["pollution"], strict=True):
        lines.append(f"    {target.upper():12} {np.median(shares):6.4f}   {shares.min():6.4f}   {shares.max():6.4f}")
    return "\n".join([*lines, f"    {'exact score':12} {float(data['oracle_pollution']):6.4f}"])


def setting(data: dict[str, np.ndarray]) -> str:
    """Return how the networks were trained."""
    hidden = " x ".join(str(width) for width in data["hidden"])
    seeds, seconds = data["seconds"].shape[1], data["seconds"].sum()
    return (
        f"Networks: tanh, hidden layers {hidden}, input (x, t); {int(data['steps'])} steps of Adam on batches of 256, "
        f"learning rate falling geometrically from 3e-3 to 3e-5, times log-uniform on [0.001, 10], the default weight "
        f"of each target, for which the three losses are the same number for one network converted; {seeds} seeds "
        f"each, for weights and batches together. Training took {seconds:.0f} s of one core. e: errors under "
        f"{int(data['points'])} points x ~ p_t a time, the same for all networks. Ornstein-Uhlenbeck process, a = 1/2."
    )
