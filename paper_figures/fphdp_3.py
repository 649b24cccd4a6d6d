"""[FPHDP] Figure 3: the same points, six kernels, six generated geometries."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from tqdm.auto import tqdm

import manifold_scores as ms

from . import captions, chosen_kernels, style
from . import smoothing_samples as ss
from .fphdp_5 import AMPLITUDE, FREQUENCY, waves

TITLE = "[FPHDP] Figure 3: kernels aligned with waves, with a circle, with lines, in a band, in arcs, on two circles"

POINTS, T_MAX = 32, 9.0
SEED = 5
TURN = 0.5  # of the kernels that turn x, in radians; waves have a period of 0.785
HALF_WIDTH = 0.2  # of the band
CUTS = (2.0 * np.arange(4) + 0.5) * np.pi / 4.0 + np.pi / POINTS  # half way between two points
NODES = {"waves": 64, "circle": 128, "lines": 128, "band": 128, "arcs": 128, "two": 64}
LABELS = {
    "waves": "along the wavy circle",
    "circle": "along the circle",
    "lines": "along horizontal lines",
    "band": "across a band",
    "arcs": "along four arcs",
    "two": "crest to crest, trough to trough",
}
#: Where kernels are shown: radii and angles.
SEEN = np.array([[1.1, 1.1], [1.0, 2.6], [0.85, 4.2], [1.25, 5.7]])
LINKED = 0.12  # samples closer than this are of one piece
SMALLEST_PIECE = 0.02  # share of the samples
RIM = 0.02  # distance from the rims of the band
BETWEEN = (0.04, 0.12)  # distances at which the dimension is read off


def data_points() -> np.ndarray:
    """32 points of the wavy circle, equispaced in the angle: four a wave."""
    return np.asarray(ms.WavyCircle(FREQUENCY, AMPLITUDE).embed(2.0 * np.pi * np.arange(POINTS) / POINTS))


def kernels() -> dict[str, ms.SmoothingKernel]:
    """The six kernels."""
    steps = (np.arange(NODES["lines"]) + 0.5) / NODES["lines"]
    from scipy.special import ndtri

    along = 0.3 * np.stack([ndtri(steps), np.zeros_like(steps)], axis=1)
    return {
        "waves": ms.TranslatedManifoldKernel(ms.GaussianKernel(0.25), ms.WavyCircle(FREQUENCY, AMPLITUDE)),
        "circle": ms.TranslatedManifoldKernel(ms.GaussianKernel(TURN), ms.Circle()),
        "lines": ms.SampledKernel(along),
        "band": ms.SampledKernel(chosen_kernels.band(1.0, HALF_WIDTH, TURN), 2),
        "arcs": ms.SampledKernel(chosen_kernels.arcs(CUTS, TURN, 0.2), 2),
        "two": ms.SampledKernel(chosen_kernels.two_circles(FREQUENCY, TURN, np.pi / 40.0), 2),
    }


def model(name: str, kernel: ms.SmoothingKernel, quick: bool) -> ms.SmoothedScore:
    """The score of the points smoothed with a kernel; displacements that are given are all used.

    Other nodes are drawn afresh for every step: their errors then average out along a path, where those of common nodes
    would pull samples together.
    """
    nodes = None if name == "lines" else NODES[name] // (4 if quick else 1)
    return ms.SmoothedScore(ss.exact(data_points()), kernel, nodes=nodes, rng=SEED, fresh_nodes=name != "lines")


def dimension(samples: np.ndarray) -> float:
    """Correlation dimension: the slope of the logarithm of the share of pairs closer than r, from 0.04 to 0.12."""
    from scipy.spatial.distance import pdist

    apart = pdist(samples)
    few, many = ((apart < r).sum() for r in BETWEEN)
    return float(np.log(many / few) / np.log(BETWEEN[1] / BETWEEN[0]))


def dimension_error(samples: np.ndarray, blocks: int = 20) -> float:
    """Standard error of `dimension`, by the jackknife over blocks of samples."""
    parts = np.array_split(np.arange(len(samples)), blocks)
    left = np.array([dimension(np.delete(samples, part, axis=0)) for part in parts])
    return float(np.sqrt((blocks - 1) / blocks * ((left - left.mean()) ** 2).sum()))


def filled_band(n: int) -> np.ndarray:
    """Independent draws (n, 2) of the uniform law on the band of kernel d."""
    u, angle = np.random.default_rng(SEED).random((2, n)) * np.array([[1.0], [2.0 * np.pi]])
    low, high = (1.0 - HALF_WIDTH) ** 2, (1.0 + HALF_WIDTH) ** 2
    radius = np.sqrt(low + u * (high - low))
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def pieces(samples: np.ndarray) -> int:
    """Number of sets of samples that are linked by steps below 0.12 and hold at least 2 % of the samples."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    pairs = cKDTree(samples).query_pairs(LINKED, output_type="ndarray")
    graph = coo_matrix((np.ones(len(pairs)), pairs.T), shape=(len(samples),) * 2)
    labels = connected_components(graph, directed=False)[1]
    return int((np.bincount(labels) >= SMALLEST_PIECE * len(samples)).sum())


def compute(quick: bool) -> dict[str, np.ndarray]:
    """Samples for every kernel, kernel draws at four points, and what is measured."""
    count, fewer = (100, 25) if quick else (800, 200)
    seen = np.stack([SEEN[:, 0] * np.cos(SEEN[:, 1]), SEEN[:, 0] * np.sin(SEEN[:, 1])], axis=1)
    rows: list[dict[str, Any]] = []
    for k, (name, kernel) in enumerate(tqdm(kernels().items(), desc="fphdp-3", unit="kernel", disable=None)):
        smoothed = model(name, kernel, quick)
        samples = ss.generate(smoothed, T_MAX, count, 100 * SEED + k, final_noise=False)
        finer = ss.generate(smoothed, T_MAX, fewer, 100 * SEED + 10 + k, steps=2 * ss.STEPS, final_noise=False)
        radius = np.linalg.norm(samples, axis=1)
        error = smoothed.posterior_mean(samples[:100], ss.LAST_TIME, return_error=True)[1]
        rows.append({
            "samples": samples,
            "draws": kernel.sample(seen, 100, SEED),
            "waves": waves(samples),
            "halved": waves(finer),
            "radius": (radius.mean(), radius.std()),
            "dimension": (dimension(samples), dimension_error(samples)),
            "pieces": pieces(samples),
            "kernel_error": np.sqrt(np.square(error).sum(axis=1).mean()),
        })  # fmt: skip
    return {
        **{key: np.array([row[key] for row in rows]) for key in rows[0]},
        "name": np.array(list(NODES)),
        "points": data_points(),
        "seen": seen,
        "filled": np.array(dimension(filled_band(5 * count))),
        "curve": ms.WavyCircle(FREQUENCY, AMPLITUDE).embed(np.linspace(0.0, 2.0 * np.pi, 721)),
    }


def draw(data: dict[str, np.ndarray]) -> Figure:
    """Two kernels a row: draws on the left, generated samples on the right."""
    side, gap, between, title, top, bottom = 2.33, 0.05, 0.18, 0.30, 0.32, 0.12  # in inches
    height = top + bottom + 3 * (side + title)
    fig = Figure(figsize=(style.WIDTH, height))
    left = 0.5 * (style.WIDTH - 4 * side - 2 * gap - between)
    for k, name in enumerate(data["name"]):
        i, j = k % 3, k // 3
        y = height - top - title - side - i * (side + title)
        for column in range(2):
            x = left + j * (2 * side + gap + between) + column * (side + gap)
            ax = fig.add_axes((x / style.WIDTH, y / height, side / style.WIDTH, side / height))
            _kernel(ax, data, k) if column == 0 else _samples(ax, data, k)
            ax.set(xlim=(-1.55, 1.55), ylim=(-1.55, 1.55), aspect="equal", xticks=(), yticks=())
        fig.text((left + j * (2 * side + gap + between)) / style.WIDTH, (y + side + 0.06) / height,
                 f"{'abcdef'[k]}  {LABELS[str(name)]}", fontsize=11, va="bottom")  # fmt: skip
    for j in range(2):
        x = left + j * (2 * side + gap + between) + 0.5 * side
        for text, shift in (("kernel at four points", 0.0), ("generated", side + gap)):
            fig.text((x + shift) / style.WIDTH, (height - 0.06) / height, text, ha="center", va="top", fontsize=9.5,
                     color=style.MUTED)  # fmt: skip
    return fig


def _kernel(ax: Any, data: dict[str, np.ndarray], k: int) -> None:
    ax.plot(*data["curve"].T, color="#cccccc", linewidth=0.8)
    for x, draws, colour in zip(
        data["seen"], data["draws"][k], (style.BLUE, style.GREEN, style.PURPLE, style.ORANGE), strict=True
    ):
        ax.scatter(*draws.T, s=4, c=colour, linewidths=0.0, zorder=2)
        ax.scatter(*x, s=46, marker="X", c=colour, edgecolors="white", linewidths=0.9, zorder=3)


def _samples(ax: Any, data: dict[str, np.ndarray], k: int) -> None:
    ax.plot(*data["curve"].T, color="#cccccc", linewidth=0.8)
    ax.scatter(*data["points"].T, s=13, c="white", edgecolors=style.VERMILLION, linewidths=0.9, zorder=2)
    ax.scatter(*data["samples"][k].T, s=3.5, c=style.BLUE, linewidths=0.0, zorder=3)
    count = int(data["pieces"][k])
    ax.text(
        0.0, 0.0, f"dimension {data['dimension'][k, 0]:.2f}\n{count} piece{'s' if count > 1 else ''}", ha="center",
        va="center", fontsize=9, color=style.MUTED,
    )  # fmt: skip


def caption(data: dict[str, np.ndarray]) -> str:
    """The caption, with what is measured of every generated set."""
    count = data["samples"].shape[1]
    text = (
        f"fphdp-3. {POINTS} points (red) of the wavy circle 1 + {AMPLITUDE:g} sin {FREQUENCY} theta (grey), equispaced "
        f"in theta; Brownian process; {count} samples (blue) a kernel, Euler-Maruyama from N(0, {T_MAX:g} I) on "
        f"{ss.STEPS} geometric times from T = {T_MAX:g} to {ss.LAST_TIME:g} and then 0, no noise on the last step. The "
        "same points and sampler throughout: only the kernel over which the exact score of the points is averaged "
        "differs. Crosses: four points x; dots of their colour: draws of k_x. There is no public code for this figure "
        "of the paper; the kernels are ours. (a) x + p' - p, p the nearest point of x on the wavy circle, p' that of "
        f"p + N(0, 0.25^2 I); (b) the same with the circle and {TURN:g}; (c) x moved horizontally, N(0, 0.3^2): it "
        "smooths where lines run along the data and leaves separate points where they cross; (d) angle turned by "
        f"N(0, {TURN:g}^2), radius anywhere within {HALF_WIDTH:g} of 1, whatever |x| is in there; (e) angle turned, "
        "but never across four cuts; (f) angle turned to near a crest (|x| >= 1) or a trough (|x| < 1) of the waves."
    )
    radii = np.linalg.norm(data["samples"][list(data["name"]).index("band")], axis=1)
    rims = float((np.abs(np.abs(radii - 1.0) - HALF_WIDTH) < RIM).mean())
    rows = []
    for k, name in enumerate(data["name"]):
        (d, e), (w, s), (half, spread) = data["dimension"][k], data["waves"][k], data["halved"][k]
        mean, sd = data["radius"][k]
        rows.append([
            f"{'abcdef'[k]} {name}", f"{d:.2f}", f"{e:.2f}", f"{int(data['pieces'][k])}", f"{w:+.4f}", f"{s:.4f}",
            f"{half - w:+.4f}", f"{np.hypot(s, spread):.4f}", f"{mean:.3f}", f"{sd:.3f}",
            f"{data['kernel_error'][k]:.1e}",
        ])  # fmt: skip
    head = ["kernel", "dimension", "s.e.", "pieces", "waves", "s.e.", "step/2", "s.e.", "radius", "s.d.", "nodes"]
    blocks = [
        textwrap.fill(text, 110),
        captions.text_table(head, rows),
        textwrap.fill(
            f"dimension: correlation dimension between distances {BETWEEN[0]:g} and {BETWEEN[1]:g}, with jackknife "
            f"standard errors; pieces: sets of samples linked by steps below {LINKED:g} that hold at least "
            f"{100 * SMALLEST_PIECE:g} % of them; waves: coefficient of sin {FREQUENCY} theta in the radius "
            f"({AMPLITUDE:g} in the data), with standard errors; step/2: its change with {2 * ss.STEPS} steps instead "
            f"of {ss.STEPS} ({count // 4} samples); radius: mean and standard deviation; nodes: root mean square "
            "standard error, from independent sets of kernel nodes, of the point f(x, 1e-6) on which the last step "
            "ends, at 100 samples (c has all its displacements, and no such error; the others have new nodes in every "
            "step).",
            110,
        ),
        textwrap.fill(
            f"A uniform law on the band of (d) has a dimension of {float(data['filled']):.2f} at these distances. The "
            f"samples of (d) have less because {100 * rims:.0f} % of them, and not {100 * RIM / HALF_WIDTH:.0f} %, lie "
            f"within {RIM:g} of its rims: what is left of the score in the band drives them there as t -> 0.",
            110,
        ),
    ]
    return "\n\n".join(blocks) + "\n"
