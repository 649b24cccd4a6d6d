"""Ablation to [LWB]: the law of times, the weight and the input for t, on the normal law on a line."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from . import captions, style
from . import training_panels as panels
from .training_runs import TARGETS, Setting, described, one_run, size_of, stacked
from .workers import in_processes

TITLE = "[LWB] ablation: law of times, weight and input for t, errors and pollution of CEM, SGM and DDPM networks"

WEIGHTS = ("uniform", "snr", "variance")
SETTINGS = (
    *(Setting(schedule, weight) for schedule in ("log-uniform", "uniform") for weight in WEIGHTS),
    Setting(time_input="log"),
)


def compute(quick: bool) -> dict[str, np.ndarray]:
    """Train all targets in all settings; arrays have axes (setting, target, seed, ...)."""
    size = size_of(quick)["ablation"]
    tasks: list[tuple[Any, ...]] = [
        (one_run, "line", target, seed, size, setting)
        for setting in SETTINGS for target in TARGETS for seed in range(size.seeds)
    ]  # fmt: skip
    data = stacked(in_processes(tasks, "ablation"), (len(SETTINGS), len(TARGETS), size.seeds))
    kept = {key: data[key] for key in ("l2", "pollution", "seconds")}
    names = {"schedules": [s.schedule for s in SETTINGS], "weights": [s.weight or "default" for s in SETTINGS]}
    names["time_inputs"] = [s.time_input for s in SETTINGS]
    return kept | described("line", size) | {key: np.array(value) for key, value in names.items()}


def rows(data: dict[str, np.ndarray]) -> list[str]:
    """Return a short name for every setting."""
    columns = (data["schedules"], data["weights"], data["time_inputs"])
    names = {"uniform": "1", "snr": "snr", "variance": "variance", "default": "default"}
    inputs = {"time": "", "log": ", log t in"}
    return [f"t {s}, weight {names[str(w)]}{inputs[str(i)]}" for s, w, i in zip(*columns, strict=True)]


def compared(data: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return e(eps) at t = 1 and 0.001 and the pollution, (settings, targets, seeds)."""
    last, *_, first = panels.places(data)
    noise = data["l2"][..., 2, :]
    return {
        "e(eps) at t = 1": noise[..., last],
        "e(eps) at t = 0.001": noise[..., first],
        "pollution": data["pollution"],
    }


def draw(data: dict[str, np.ndarray]) -> Figure:
    """Every seed as a dot and the median as a bar; a row for each setting."""
    fig = Figure(figsize=(style.WIDTH, 5.4))
    axes = fig.subplots(1, 3, sharey=True)
    fig.subplots_adjust(left=0.24, right=0.985, bottom=0.16, top=0.93, wspace=0.08)
    names = rows(data)
    titles = (r"$e(\varepsilon)$ at $t = 1$", r"$e(\varepsilon)$ at $t = 0.001$", "pollution")
    for ax, title, values in zip(axes, titles, compared(data).values(), strict=True):
        for i in range(len(names)):
            for j, target in enumerate(TARGETS):
                y, seeds = i + 0.24 * (j - 1), values[i, j]
                ax.scatter(seeds, np.full(len(seeds), y), s=12, color=panels.COLOURS[target], alpha=0.6, linewidths=0.0)
                ax.vlines(np.median(seeds), y - 0.12, y + 0.12, color=panels.COLOURS[target], linewidth=2.2)
            ax.axhline(i + 0.5, color="#e6e6e6", linewidth=0.6)
        ax.set_title(title, pad=5)
        if title != "pollution":
            ax.set(xscale="log")
    axes[0].set(yticks=range(len(names)), yticklabels=names, ylim=(len(names) - 0.5, -0.5))
    panels.legend(fig, bands=False)
    return fig


def caption(data: dict[str, np.ndarray]) -> str:
    """The caption, with the table: medians over seeds and ranges."""
    blocks = [
        "lwb-ablation. Normal law N(0, 1) on the first axis of the plane: what the law of times (log-uniform or "
        "uniform on [0.001, 10]), the weight lambda of a target's own loss (uniform: 1, snr: alpha^2/sigma^2, "
        "variance: sigma^2; the defaults are snr for CEM, variance for SGM, uniform for DDPM, and make the three "
        "losses equal) and log t as the input of the network in place of t do to the errors in L2(p_t) and to the "
        "pollution. "
        "Dots: seeds; bars: medians.",
        f"Networks: tanh, hidden layers 16 x 16; {int(data['steps'])} steps of Adam on batches of 256, learning rate "
        f"falling geometrically from 3e-3 to 3e-5, {data['seconds'].shape[2]} seeds each; "
        f"{data['seconds'].sum():.0f} s of one core.",
    ]
    for name, values in compared(data).items():
        lines = [f"    {name:38}" + "".join(f"{target.upper():^31}" for target in TARGETS)]
        for i, row in enumerate(rows(data)):
            cells = "".join(f"{panels.spread(values[i, j]):^31}" for j in range(len(TARGETS)))
            lines.append(f"    {row:38}{cells}".rstrip())
        blocks.append("\n".join(lines))
    return captions.filled(*blocks)
