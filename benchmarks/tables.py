"""Results of a race as a table: time beside error, ratios beside goals."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from .record import OURS

_VERDICTS = {True: "[green]met[/]", False: "[bold red]missed[/]", None: "[yellow]not measured[/]"}


def print_race(result: dict[str, Any], console: Console) -> None:
    """Print the lanes of every case, then the goals."""
    threads = result["threads"]
    title = f"{result['race']}: {result['title']}; {threads} thread{'s' if threads > 1 else ''}"
    table = Table(title=escape(title), title_justify="left", header_style="bold")
    for name, justify in (
        ("case", "left"), ("contender", "left"), (result["unit"], "right"), ("spread", "right"), ("set-up s", "right"),
        ("first call s", "right"), ("error", "right"), ("ours is faster", "right"),
    ):  # fmt: skip
        table.add_column(name, justify=justify, no_wrap=name != "case")
    goals = Table(header_style="bold")
    for name in ("case", "goal", "wanted", "measured", "verdict"):
        goals.add_column(name, justify="right" if name in ("wanted", "measured") else "left")
    for case in result["cases"]:
        label = case["case"]
        ours = next((lane["median"] for lane in case["lanes"] if lane["name"] == OURS), None)
        for lane in case["lanes"]:
            table.add_row(label, *_row(lane, ours, result["scale"]), end_section=lane is case["lanes"][-1])
            label = ""
        for goal in case["goals"]:
            sign = "≤" if goal["at_most"] else "≥"
            goals.add_row(
                case["case"], goal["goal"], f"{sign} {number(goal['wanted'])}", number(goal["measured"]),
                _VERDICTS[goal["met"]],
            )  # fmt: skip
    wide = Console(width=None if console.is_terminal else 160, file=console.file)
    wide.print(table)
    note = f"error: {result['error']}; medians of {result['repeats']} repeats, in turn"
    wide.print(note, highlight=False, markup=False)
    if goals.row_count and result["size"] != "tiny":  # tiny sizes say nothing about goals
        wide.print(goals)


def _row(lane: dict[str, Any], ours: float | None, scale: float) -> list[str]:
    if lane["absent"] is not None:
        return [lane["name"], f"[dim]{lane['absent']}[/]", "", "", "", "", ""]
    if lane["median"] is None:
        return [lane["name"], *[""] * 6]
    ratio = "" if lane["name"] == OURS or not ours else f"{lane['median'] / ours:.3g} x"
    return [
        lane["name"], number(scale * lane["median"]), f"{100.0 * (lane['spread'] or 0.0):.0f} %",
        number(lane["build"]), number(lane["first_call"]), number(lane["error"]), ratio,
    ]  # fmt: skip


def number(value: float | None) -> str:
    """Three significant digits; nothing for what was not measured."""
    if value is None:
        return ""
    if value == 0.0:
        return "0"
    return f"{value:.3g}" if 1e-3 <= abs(value) < 1e5 else f"{value:.1e}"
