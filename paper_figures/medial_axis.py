"""Where the nearest point is unique: gaps, evolute, medial axis and reach of six plane curves."""

from __future__ import annotations

import functools
import math
import textwrap
from typing import Any

import numpy as np
from matplotlib.colors import Colormap, LinearSegmentedColormap, PowerNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle
from matplotlib.patheffects import withStroke
from tqdm.auto import tqdm

import manifold_scores as ms

from . import style

TITLE = "Uniqueness gaps of six plane curves, with evolute, medial axis and reach"

SEED = 418
ASPECT = 0.8  # height over width of a panel
MARGIN = 0.3  # around a curve, as a share of its larger half side
LARGEST = 1.0  # gap that has the last colour
BISECTIONS = 50  # of the first point of a normal that has another nearest point
NEIGHBOURS = 0.02  # pairs of samples nearer than this share of the curve have its curvature
AWAY = 1e-3  # a foot point this far off, in sizes of the curve, is another one

AXIS, EVOLUTE, REACH = style.YELLOW, style.VERMILLION, style.GREEN
SINGLE = "#f5efe0"  # where there is one local minimum


def curves() -> dict[str, ms.Curve]:
    """The six curves, scaled to similar sizes."""
    import sympy as sp

    u = sp.Symbol("u", real=True)

    def polar(r: Any, lower: Any, upper: Any) -> ms.Curve:
        return ms.Curve([r * sp.cos(u), r * sp.sin(u)], (u, lower, upper))

    cassini = sp.sqrt(sp.cos(2 * u) + sp.sqrt(sp.Rational(21, 20) ** 4 - sp.sin(2 * u) ** 2))
    lobes = 1 + sp.cos(3 * u) * sp.Rational(3, 10) + sp.sin(2 * u) / 10
    return {
        "ellipse": ms.Ellipse(1.7, 1.1),
        "lima bean": ms.LimaBean(),
        "wavy circle": ms.WavyCircle(),
        "Cassini oval": polar(cassini, 0, 2 * sp.pi),
        "three lobes": polar(lobes, 0, 2 * sp.pi),
        "spiral with two ends": polar(u / 8, sp.pi / 2, sp.Rational(7, 2) * sp.pi),
    }


def compute(quick: bool) -> dict[str, np.ndarray]:
    """Everything drawn, and the differences of the gaps from those of a dense search at random points."""
    columns, samples, checks = (60, 400, 60) if quick else (450, 2400, 1000)
    data: dict[str, Any] = {"name": list(curves()), "columns": columns, "checks": checks}
    rng = np.random.default_rng(SEED)
    for i, curve in enumerate(tqdm(curves().values(), desc="medial-axis", unit="curve", disable=None)):
        u = np.linspace(curve.lower[0], curve.upper[0], samples + 1)
        y, normal, bend = _frame(curve, u)
        window = _window(y)
        grid = _grid(window, columns)
        found = curve.nearest(grid)
        axis = [_medial_axis(curve, y, side * normal, side * bend, window) for side in (1.0, -1.0)]
        with np.errstate(divide="ignore", invalid="ignore"):
            evolute = y + normal / bend[:, None]
        panel = {
            "window": window, "x": grid[0, :, 0], "y": grid[:, 0, 1], "gap": found.runner_up_distance - found.distance,
            "curve": y, "evolute": _cut(evolute, window), "axis": np.concatenate(axis),
            "tube": np.stack([y + curve.reach * normal, y - curve.reach * normal]),
            "reach": np.array([curve.reach, *curve.reach_bounds]), "length": curve.volume,
            "attained": _attained(y, normal, bend, not curve.boundary, curve.reach),
            "errors": _errors(curve, rng.uniform(*window.T, (checks, 2))),
        }  # fmt: skip
        data |= {f"{key}_{i}": value for key, value in panel.items()}
    return {key: np.asarray(value) for key, value in data.items()}


def _frame(curve: ms.Curve, u: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points (n, 2), unit normals turned left of the tangents (n, 2), signed curvatures (n,)."""
    first, second = curve.derivative(u, 1), curve.derivative(u, 2)
    speed = np.linalg.norm(first, axis=1)
    normal = np.stack([-first[:, 1], first[:, 0]], axis=1) / speed[:, None]
    return curve.embed(u), normal, (second * normal).sum(axis=1) / speed**2


def _window(y: np.ndarray) -> np.ndarray:
    """The rectangle around a curve, ((left, bottom), (right, top)) as columns of lower and upper ends, (2, 2)."""
    low, high = y.min(axis=0), y.max(axis=0)
    half = 0.5 * (high - low)
    width = max(half[0], half[1] / ASPECT) + MARGIN * half.max()
    reach = np.array([width, ASPECT * width])
    return np.stack([0.5 * (low + high) - reach, 0.5 * (low + high) + reach], axis=1)


def _grid(window: np.ndarray, columns: int) -> np.ndarray:
    """The centres of equal cells, shape (rows, columns, 2)."""
    counts = columns, round(ASPECT * columns)
    axes = [a + (b - a) * (np.arange(n) + 0.5) / n for (a, b), n in zip(window, counts, strict=True)]
    return np.stack(np.meshgrid(*axes, indexing="xy"), axis=-1)


def _medial_axis(
    curve: ms.Curve, y: np.ndarray, normal: np.ndarray, bend: np.ndarray, window: np.ndarray
) -> np.ndarray:
    """The first point y + r N of each normal that has another nearest point, by bisection; NaN outside the window.

    It lies before the centre of curvature, r <= 1/bend where bend > 0.
    """
    size = float(np.ptp(window, axis=1).max())
    low, high = np.zeros(len(y)), np.where(bend * size > 1.0, 1.0 / np.maximum(bend, 1.0 / size), size)
    farthest = high.copy()
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        foot = curve.project(y + middle[:, None] * normal)
        own = np.linalg.norm(foot - y, axis=1) < AWAY * size
        low, high = np.where(own, middle, low), np.where(own, high, middle)
    # No other nearest point before the centre of curvature or the rim of the window: none that is drawn.
    none = low > (1.0 - 1e-9) * farthest
    axis = _cut(y + low[:, None] * normal, window)
    axis[none & ~(bend * size > 1.0)] = np.nan
    return np.concatenate([axis, np.full((1, 2), np.nan)])


def _cut(line: np.ndarray, window: np.ndarray) -> np.ndarray:
    """NaN for points outside the window with half its size around: nothing there is drawn."""
    room = 0.5 * np.ptp(window, axis=1)
    inside = (line > window[:, 0] - room) & (line < window[:, 1] + room)
    return np.where(inside.all(axis=1, keepdims=True), line, np.nan)


def _attained(y: np.ndarray, normal: np.ndarray, bend: np.ndarray, closed: bool, reach: float) -> np.ndarray:
    """Points x, y of least |x - y|^2 / 2 |<x - y, N>|, and the centre of the ball that touches both: x, centre, y.

    Where the least radius of curvature attains the reach, y = x.
    """
    n = len(y) - closed  # both ends of a closed curve are samples
    y, normal, bend = y[:n], normal[:n], bend[:n]
    apart = y[None] - y[:, None]
    steps = np.abs(np.arange(n)[:, None] - np.arange(n))
    steps = np.minimum(steps, n - steps) if closed else steps
    with np.errstate(divide="ignore", invalid="ignore"):
        radius = (apart**2).sum(axis=2) / (2.0 * np.abs((apart * normal[:, None]).sum(axis=2)))
        radius[steps < NEIGHBOURS * n] = np.inf
        np.fill_diagonal(radius, 1.0 / np.abs(bend))
    i, j = np.unravel_index(radius.argmin(), radius.shape)
    side = math.copysign(1.0, bend[i] if i == j else apart[i, j] @ normal[i])
    return np.array([y[i], y[i] + side * reach * normal[i], y[j]])


def _errors(curve: ms.Curve, x: np.ndarray) -> np.ndarray:
    """Largest differences of nearest and runner-up distances from those of a dense search, and how many miss one."""
    u = np.linspace(curve.lower[0], curve.upper[0], 20_001)
    y = curve.embed(u)
    found = curve.nearest(x)
    reference = np.sqrt([_two_lowest(((point - y) ** 2).sum(axis=1), not curve.boundary) for point in x])
    both = np.isfinite(found.runner_up_distance) & np.isfinite(reference[:, 1])
    nearest = np.abs(found.distance - reference[:, 0]).max()
    runner_up = np.abs(found.runner_up_distance[both] - reference[both, 1]).max()
    return np.array([nearest, runner_up, (np.isfinite(found.runner_up_distance) != np.isfinite(reference[:, 1])).sum()])


def _two_lowest(values: np.ndarray, closed: bool) -> tuple[float, float]:
    """The two lowest local minima of samples, each that of a parabola through three; inf where there is one only."""
    values = values[:-1] if closed else values
    before, after = np.roll(values, 1), np.roll(values, -1)
    if not closed:
        before[0] = after[-1] = np.inf
    minimum = (values <= before) & (values < after)
    a, b, c = before[minimum], values[minimum], after[minimum]
    with np.errstate(invalid="ignore"):
        lowest = np.where(np.isinf(a) | np.isinf(c), b, b - (c - a) ** 2 / (8.0 * (a - 2.0 * b + c)))
    return tuple([*np.sort(lowest), np.inf][:2])  # type: ignore[return-value]


@functools.cache
def gap_map() -> Colormap:
    """Dark where the gap vanishes, pale where it is large: lines in full colours are seen on all of it."""
    colours = ["#16324f", "#2f6690", "#7fb0cf", "#cfe3ee", "#f3f8fb"]
    return LinearSegmentedColormap.from_list("gap", colours)


def draw(data: dict[str, np.ndarray]) -> Figure:
    """Two rows of three curves; below, the colours and what the lines are."""
    left, right, top, bottom, gap, title = 0.03, 0.03, 0.05, 0.98, 0.12, 0.30  # in inches
    width = (style.WIDTH - left - right - 2 * gap) / 3
    height = ASPECT * width
    total = top + bottom + 2 * (height + title) + gap
    fig = Figure(figsize=(style.WIDTH, total))
    for i, name in enumerate(data["name"]):
        x = left + (i % 3) * (width + gap)
        y = total - top - title - height - (i // 3) * (height + title + gap)
        ax = fig.add_axes((x / style.WIDTH, y / total, width / style.WIDTH, height / total))
        picture = _panel(ax, {key.removesuffix(f"_{i}"): value for key, value in data.items() if key.endswith(f"_{i}")})
        reach = data[f"reach_{i}"][0]
        ax.text(0.0, 1.02, name, transform=ax.transAxes, fontsize=11.5, va="bottom")
        ax.text(
            1.0, 1.02, rf"reach $\tau = {reach:.6f}$", transform=ax.transAxes, fontsize=10, ha="right", va="bottom",
            color=REACH,
        )  # fmt: skip
    bar = fig.add_axes((0.03, 0.56 / total, 0.30, 0.16 / total))
    colours = fig.colorbar(picture, cax=bar, orientation="horizontal", extend="max", extendfrac=0.04)
    colours.set_ticks([0.0, 0.05, 0.2, 0.5, 1.0], labels=["0", "0.05", "0.2", "0.5", "1"])
    colours.outline.set_visible(False)
    bar.tick_params(length=2, pad=3)
    fig.text(0.03, 0.10 / total, "gap: runner-up less nearest distance (length)", fontsize=9.5)
    _legend(fig, total)
    return fig


def _panel(ax: Any, panel: dict[str, np.ndarray]) -> Any:
    (left, right), (low, high) = panel["window"]
    gap = np.ma.masked_invalid(panel["gap"])
    ax.set_facecolor(SINGLE)
    picture = ax.imshow(
        gap, extent=(left, right, low, high), origin="lower", cmap=gap_map(), norm=PowerNorm(0.5, 0.0, LARGEST),
        interpolation="nearest", aspect="auto",
    )  # fmt: skip
    for side in panel["tube"]:
        ax.plot(*side.T, color=REACH, linewidth=0.8, linestyle=(0, (4, 2)), zorder=3)
    ax.plot(*panel["evolute"].T, color=EVOLUTE, linewidth=0.9, zorder=4)
    ax.plot(*panel["axis"].T, color=AXIS, linewidth=1.7, zorder=5, solid_capstyle="round")
    ax.plot(*panel["curve"].T, color=style.INK, linewidth=2.0, zorder=6, solid_capstyle="round")
    point, centre, partner = panel["attained"]
    ax.add_patch(Circle(centre, panel["reach"][0], fill=False, edgecolor=REACH, linewidth=1.8, zorder=7))
    ax.plot(*np.stack([point, partner]).T, linestyle="", marker="o", markersize=4.5, color=REACH, zorder=8)
    ax.set(xlim=(left, right), ylim=(low, high), xticks=(), yticks=())
    ax.spines[:].set_visible(False)
    # A bar of length 1/2 in a corner says how large things are.
    x, y = right - 0.04 * (right - left), low + 0.05 * (high - low)
    halo = [withStroke(linewidth=3.0, foreground="white")]
    ax.plot((x - 0.5, x), (y, y), color=style.INK, linewidth=1.2, zorder=9, solid_capstyle="butt", path_effects=halo)
    ax.text(
        x - 0.25, y + 0.02 * (high - low), "0.5", ha="center", va="bottom", fontsize=8.5, zorder=9, path_effects=halo
    )
    return picture


def _legend(fig: Figure, total: float) -> None:
    handles = [
        Line2D([], [], color=style.INK, linewidth=2.0),
        Line2D([], [], color=AXIS, linewidth=1.8),
        Line2D([], [], color=EVOLUTE, linewidth=1.2),
        Line2D([], [], color=REACH, linewidth=0.9, linestyle=(0, (4, 2))),
        Line2D([], [], color=REACH, linewidth=0, marker="o", fillstyle="none", markersize=9, markeredgewidth=1.6),
        Line2D(
            [],
            [],
            color=style.FAINT,
            linewidth=0,
            marker="s",
            markerfacecolor=SINGLE,
            markeredgewidth=0.6,
            markersize=9,
        ),
    ]
    labels = [
        "curve $M$", "medial axis: nearest point not unique", "evolute: centres of curvature",
        r"distance $\tau$ from $M$", r"ball of radius $\tau$ that cannot be larger", "one local minimum only",
    ]  # fmt: skip
    fig.legend(
        handles, labels, loc="lower right", bbox_to_anchor=(0.998, 0.02 / total), ncols=2, frameon=False, fontsize=9.5,
        columnspacing=1.6, handlelength=1.8, labelspacing=0.45,
    )  # fmt: skip


def caption(data: dict[str, np.ndarray]) -> str:
    """The caption, with reaches, their bounds, and differences from a dense search."""
    text = (
        "medial-axis. Six plane curves (black). Background: the gap, the distance to the second lowest local minimum "
        "of |x - y|, y in M, less that to the nearest point; cream where there is one local minimum only. It vanishes "
        "on the medial axis (yellow), where x has several nearest points, and at its ends. Local minima appear and "
        "vanish on the evolute (red), the centres of curvature y + N/kappa, and, for the spiral, on the normals of its "
        "ends; the medial axis ends where the evolute has a cusp or an end. The reach tau is "
        "the distance of the medial axis from M: a point nearer than that (between the dashed lines) has one nearest "
        "point. The green ball touches M where tau is attained: at one point by curvature, or at the two ends of a "
        "double normal of length 2 tau. Bars have length 1/2."
    )
    errors = (
        f"Errors: largest absolute differences, at {int(data['checks'])} random points x of each window, of the "
        "nearest and the runner-up distance from a search over 20 001 points of the curve with a parabola through the "
        "lowest ones (whose own error is below 1e-7); number of points where one of the two finds a second minimum and "
        "the other none; reach and its certified lower bound:"
    )
    table = ["    curve                   length       reach   lower bound  attained by     nearest  runner-up  missed"]
    for i, name in enumerate(data["name"]):
        reach, lower, _ = data[f"reach_{i}"]
        nearest, runner_up, missed = data[f"errors_{i}"]
        point, _, partner = data[f"attained_{i}"]
        cause = "curvature" if (point == partner).all() else "double normal"
        table.append(
            f"    {name:20s} {data[f'length_{i}']:9.6f}  {reach:10.8f}    {lower:10.8f}  {cause:13s} {nearest:9.1e} "
            f"{runner_up:10.1e} {missed:7.0f}"
        )
    return "\n\n".join([textwrap.fill(text, 110), textwrap.fill(errors, 110), "\n".join(table)]) + "\n"
