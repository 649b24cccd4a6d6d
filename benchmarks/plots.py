"""Plots of a race, from its results alone: time against a size, and time against error."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from commands.files import write_whole

from .record import OURS

#: Okabe and Ito (2008): distinguishable with any colour vision.  Ours is the first.
COLOURS = ("#D55E00", "#0072B2", "#56B4E9", "#009E73", "#CC79A7", "#E69F00", "#7A7A7A", "#222222", "#F0E442")
MARKERS = "osv^D<>Pp"
#: Errors below this are drawn here.
SMALLEST = 1e-17
AXES = {"N": "points N", "d": "dimension d", "s": "variance s"}


def draw(result: dict[str, Any], folder: Path) -> list[Path]:
    """Write NAME.png (time against the axis of the race) and NAME-error.png (against the error), where there is one."""
    written = []
    for suffix, figure in ((".png", _along(result)), ("-error.png", _work_precision(result))):
        if figure is not None:
            path = folder / f"{result['race']}{suffix}"
            with write_whole(path) as file:
                figure.savefig(file, format="png", dpi=130, metadata={"Software": None})
            written.append(path)
    return written


def _style(result: dict[str, Any]) -> dict[str, tuple[str, str]]:
    names = dict.fromkeys(lane.get("series", lane["name"]) for case in result["cases"] for lane in case["lanes"])
    order = sorted(names, key=lambda name: not name.startswith(OURS))
    return {name: (COLOURS[k % len(COLOURS)], MARKERS[k % len(MARKERS)]) for k, name in enumerate(order)}


def _along(result: dict[str, Any]) -> Figure | None:
    axis = result["axis"]
    if axis is None:
        return None
    panels: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for case in result["cases"]:
        others = tuple((key, case["sizes"][key]) for key in ("d", "s", "N") if key != axis)
        if axis == "d":  # s and N go with d
            others = ()
        panels.setdefault(others, []).append(case)
    many = [cases for cases in panels.values() if len(cases) > 1]
    if not many:
        return None
    style = _style(result)
    columns = min(3, len(many))
    rows = -(-len(many) // columns)
    figure = Figure(figsize=(max(8.0, 1.0 + 4.2 * columns), 1.2 + 3.4 * rows), layout="constrained")
    for k, (others, cases) in enumerate((key, value) for key, value in panels.items() if len(value) > 1):
        axes = figure.add_subplot(rows, columns, k + 1)
        for name, (colour, marker) in style.items():
            found = [(case["sizes"][axis], lane) for case in cases for lane in case["lanes"] if lane["name"] == name]
            at = [(size, lane) for size, lane in found if lane["median"]]
            if at:
                x, y = [size for size, _ in at], [result["scale"] * lane["median"] for _, lane in at]
                ends = [[f(lane["seconds"]) * result["scale"] / lane["work"] for _, lane in at] for f in (min, max)]
                axes.loglog(x, y, color=colour, marker=marker, ms=4.5, lw=2.2 if name == OURS else 1.2, label=name)
                axes.fill_between(x, *ends, color=colour, alpha=0.15, lw=0)
        axes.set_xlabel(AXES[axis])
        axes.set_ylabel(result["unit"])
        axes.set_title(", ".join(f"{key} = {value:g}" for key, value in others), fontsize=10)
        axes.grid(alpha=0.3)
    _legend(figure, result)
    return figure


def _work_precision(result: dict[str, Any]) -> Figure | None:
    cases = [case for case in result["cases"] if any(lane["error"] is not None for lane in case["lanes"])]
    if not result["work_precision"] or not cases:
        return None
    style = _style(result)
    columns = min(3, len(cases))
    rows = -(-len(cases) // columns)
    figure = Figure(figsize=(max(8.0, 1.0 + 4.2 * columns), 1.2 + 3.2 * rows), layout="constrained")
    for k, case in enumerate(cases):
        axes = figure.add_subplot(rows, columns, k + 1)
        series: dict[str, list[tuple[float, float]]] = {}
        for lane in case["lanes"]:
            if lane["median"] and lane["error"] is not None:
                point = max(lane["error"], SMALLEST), result["scale"] * lane["median"]
                series.setdefault(lane.get("series", lane["name"]), []).append(point)
        for name, points in series.items():
            colour, marker = style[name]
            x, y = zip(*sorted(points), strict=True)
            axes.loglog(x, y, marker=marker, color=colour, ms=7, lw=1.2, ls="-" if len(x) > 1 else "", label=name)
        axes.set_xlabel(result["error"], fontsize=8.5)
        axes.set_ylabel(result["unit"])
        axes.set_title(case["case"], fontsize=10)
        _widen(axes)
        axes.grid(alpha=0.3)
    _legend(figure, result)
    return figure


def _widen(axes: Any) -> None:
    """Let either axis span two decades at least, so that what is as good as equal looks like it."""
    for get, put in ((axes.get_xlim, axes.set_xlim), (axes.get_ylim, axes.set_ylim)):
        low, high = get()
        middle, half = math.sqrt(low * high), max(1.2 * math.sqrt(high / low), 10.0)
        put(middle / half, middle * half)


def _legend(figure: Figure, result: dict[str, Any]) -> None:
    handles = {}
    for axes in figure.axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    columns = max(1, int(figure.get_figwidth() // 2.6))
    where = "outside lower center"
    figure.legend(handles.values(), handles.keys(), loc=where, ncols=columns, frameon=False, fontsize=9)
    figure.suptitle(f"{result['title']}\n{result['machine']['processor']}", fontsize=11)
