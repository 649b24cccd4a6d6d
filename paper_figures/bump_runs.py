"""Runs of the sampler of [FPHDP] on families of bumps, what is measured on them, and their errors."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import manifold_scores as ms

from . import bumps
from .bump_charts import ORBIT, triangular_lattice
from .bump_kernels import OrbitScore, TranslatedScore, isotropic, memorising, orbit_error
from .bumps import Family
from .workers import in_processes

KERNELS = ("isotropic", "adapted")
LATEST, EARLIEST = 9.0, 1e-6
PLAIN = (50_000, 1000)  # kernel samples of [FPHDP]
SEED = 20251008
DATA = 16  # images on the circle
LATTICE, FINE_LATTICE = 0.1, 0.02

_CHECKED = 20  # samples on which kernels are compared

MEASURED = ("parameters", "to_manifold", "to_data", "anisotropy")

Scales = tuple[tuple[float, ...], tuple[float, ...]]


@dataclass(frozen=True)
class Size:
    """How much is computed.

    Attributes
    ----------
    samples, steps; nodes : of either kernel; plain : plain nodes of either, from which the error of PLAIN follows.
    coupled : samples of the coupled runs; times : how many times errors of the kernels are taken at.
    """

    samples: int
    steps: int
    nodes: tuple[int, int]
    plain: tuple[int, int]
    coupled: int
    times: int


def times(steps: int, halved: bool = False) -> np.ndarray:
    """Return steps geometric times from LATEST to EARLIEST, and 0; halved: with the geometric means between them."""
    grid = ms.geometric_times(EARLIEST, LATEST, steps)
    if halved:
        grid = np.sort(np.concatenate([grid, np.sqrt(grid[1:] * grid[:-1])]))[::-1]
    return np.append(grid, 0.0)


def coupled(model: Any, steps: int, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Sample by Euler-Maruyama on the grid and on the halved one, with the same Brownian paths; both (n, rank)."""
    rng = np.random.default_rng(seed)
    fine = times(steps, halved=True)
    rough = smooth = math.sqrt(LATEST) * rng.standard_normal((n, model.ambient_dimension))
    for k in range(0, len(fine) - 2, 2):
        start, middle, end = fine[k : k + 3]
        one, two = (
            math.sqrt(length) * rng.standard_normal(rough.shape) for length in (start - middle, middle - end)
        )  # fmt: skip
        rough = rough + (start - end) * model.score(rough, start) + (one + two)
        smooth = smooth + (start - middle) * model.score(smooth, start) + one
        smooth = smooth + (middle - end) * model.score(smooth, middle) + two
    last = fine[-2]  # the step to 0 has no noise
    return rough + last * model.score(rough, last), smooth + last * model.score(smooth, last)


def sample(model: Any, size: Size, seed: int) -> tuple[np.ndarray, dict[float, np.ndarray]]:
    """Run [FPHDP]'s sampler; return samples (n, rank), and some at times along the way."""
    grid = times(size.steps)
    kept = grid[:-1][np.linspace(1, size.steps - 1, size.times).astype(int)]
    final, pictures = ms.reverse_sde(
        model, grid, size.samples, rng=seed, method="euler-maruyama", final_noise=False, snapshots=kept.tolist()
    )
    return final, {t: x[:_CHECKED] for t, x in pictures.items()}


def kernel_error(build: Callable[[int], Any], pictures: dict[float, np.ndarray], first: Any = None) -> np.ndarray:
    """Return the standard error of t times the score, in norm, at every time: from two independent sets of nodes."""
    one, two = build(SEED) if first is None else first, build(SEED + 1)
    apart = [t * (one.score(x, t) - two.score(x, t)) for t, x in pictures.items()]
    return np.array([math.sqrt(0.5 * (d * d).sum(axis=1).mean()) for d in apart])


def nearest_data(x: np.ndarray, data: np.ndarray) -> np.ndarray:
    """Return the distances (n,) of x to the nearest row of data."""
    nearest = (x @ data.T - 0.5 * (data * data).sum(axis=1)).argmax(axis=1)
    return np.linalg.norm(x - data[nearest], axis=1)


def measured(family: Family, centres: np.ndarray, x: np.ndarray) -> dict[str, np.ndarray]:
    """Return the parameters of the nearest bumps of samples (n, rank), distances to M and to the data, anisotropies."""
    v = family.project(x)
    found = (
        v,
        np.linalg.norm(x - family.embed(v), axis=1),
        nearest_data(x, family.coordinates_of(centres)),
        bumps.anisotropy(family.lift(x)),
    )
    return dict(zip(MEASURED, found, strict=True))


def one_scale(
    make_family: Callable[[], Family], centres: np.ndarray, builders: tuple[Callable[..., Any], Callable[..., Any]],
    scale: float, k: int, size: Size, checked: bool,
) -> dict[str, np.ndarray]:  # fmt: skip
    """Sample with kernel k at one scale; the builders make its score, and that with plain nodes.

    Returns
    -------
    images (n, 64, 64) of the samples, what `measured` finds, kernel_error and plain_error, (times,); the
    `snapshot_times` themselves.  If checked also step_change and kernel_change, (2, 2): mean and standard error of the
    changes of (to_manifold, to_data).
    """
    family = make_family()
    model, paper = (functools.partial(build, family, centres, scale) for build in builders)
    smoothed = model(size.nodes[k], SEED)
    x, pictures = sample(smoothed, size, SEED + 2)
    row = {"images": family.lift(x), **measured(family, centres, x), "snapshot_times": np.array(list(pictures))}
    row["kernel_error"] = kernel_error(functools.partial(model, size.nodes[k]), pictures, smoothed)
    plain = kernel_error(functools.partial(paper, size.plain[k], plain=True), pictures)
    row["plain_error"] = plain * math.sqrt(size.plain[k] / PLAIN[k])
    if checked:
        other, _ = sample(model(size.nodes[k], SEED + 1), size, SEED + 2)
        row["kernel_change"] = _change(family, centres, x, other)
        row["step_change"] = _change(family, centres, *coupled(smoothed, size.steps, size.coupled, SEED + 3))
    return row


def unsmoothed(make_family: Callable[[], Family], centres: np.ndarray, size: Size) -> dict[str, np.ndarray]:
    """Sample with the score of the data, from the same noise; return images of the samples, and `measured`."""
    family = make_family()
    x, _ = sample(memorising(family, centres), size, SEED + 2)
    return {"images": family.lift(x), **measured(family, centres, x)}


def runs(
    make_family: Callable[[], Family], centres: np.ndarray, scales: Scales, checked: tuple[int, int], size: Size,
    name: str, adapted: Callable[..., Any] = TranslatedScore,
) -> dict[str, np.ndarray]:  # fmt: skip
    """Sample with both kernels at all scales and without smoothing; `adapted` makes the adapted scores.

    `checked` : the scale of either kernel, by its index, at which the step is halved and the kernel drawn anew.

    Returns
    -------
    arrays of shape (2, S, ...), kernels first, of what `one_scale` finds; samples (2, S, n, rank) in place of images;
    step_change and kernel_change (2, 2, 2); snapshot_times, and memorising_... for the unsmoothed score.
    """
    builders = ((isotropic, isotropic), (adapted, TranslatedScore))
    places = [(k, i) for k in range(2) for i in range(len(scales[k]))]
    places.sort(key=lambda place: place[1] != checked[place[0]])  # those take longest
    tasks: list[tuple[Any, ...]] = [
        (one_scale, make_family, centres, builders[k], scales[k][i], k, size, i == checked[k]) for k, i in places
    ]
    *rows, memorised = in_processes([*tasks, (unsmoothed, make_family, centres, size)], name)
    # Coordinates are those of the hull in this process: singular vectors that belong to one value depend on rounding.
    for row in (*rows, memorised):
        row["samples"] = make_family().coordinates(row.pop("images"))
    found = dict(zip(places, rows, strict=True))
    data: dict[str, Any] = {"scales": np.array(scales), "centres": centres, "nodes": np.array(size.nodes)}
    data |= {"steps": np.array(size.steps), "count": np.array(size.samples)}
    data |= {"checked": np.array([scales[k][checked[k]] for k in range(2)])}
    data["snapshot_times"] = found[0, 0]["snapshot_times"]
    for key in ("samples", *MEASURED, "kernel_error", "plain_error"):
        data[key] = np.array([[found[k, i][key] for i in range(len(scales[k]))] for k in range(2)])
    for key in ("step_change", "kernel_change"):
        data[key] = np.array([found[k, checked[k]][key] for k in range(2)])
    return data | {f"memorising_{key}": value for key, value in memorised.items()}


def _change(family: Family, centres: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return mean and standard error (2, 2) of the changes of the distances to M and to the data, pair by pair."""
    one, two = measured(family, centres, before), measured(family, centres, after)
    apart = np.stack([two[key] - one[key] for key in ("to_manifold", "to_data")])
    return np.stack([apart.mean(axis=1), apart.std(axis=1, ddof=1) / math.sqrt(apart.shape[1])], axis=1)


def reference(family: Family, centres: np.ndarray, v: np.ndarray) -> dict[str, np.ndarray]:
    """Return distances to the data and anisotropies of the bumps at parameters v, by which the samples are judged."""
    x = family.embed(v)
    return {
        "true_to_data": nearest_data(x, family.coordinates_of(centres)),
        "true_anisotropy": bumps.anisotropy(family.lift(x)),
        "norm": np.linalg.norm(x, axis=1).mean(keepdims=True),
    }


def _fewer(scales: Scales, checked: tuple[int, int], quick: bool) -> tuple[Scales, tuple[int, int]]:
    """Return the scales and those that are checked: three of each, the middle one checked, if quick."""
    return ((scales[0][1::2], scales[1][1::2]), (1, 1)) if quick else (scales, checked)


@functools.cache
def circle_runs(quick: bool) -> dict[str, np.ndarray]:
    """The 16 equispaced bumps on the circle: figures 8, 12, 13 and 14 share these runs."""
    size = Size(16, 30, (512, 64), (512, 64), 8, 2) if quick else Size(100, 100, (32_768, 1024), PLAIN, 40, 8)
    scales = ((1.0, 1.4, 1.8, 2.0, 2.2, 2.4, 2.6), (1.6, 2.4, 3.2, 3.5, 3.8, 4.4, 5.0))
    angles = 2.0 * math.pi * np.arange(DATA) / DATA
    centres = ORBIT * np.column_stack([np.cos(angles), np.sin(angles)])
    data = runs(bumps.circle, centres, *_fewer(scales, (2, 3), quick), size, "bumps on a circle", OrbitScore)
    data["orbit_error"] = np.array(orbit_error(bumps.circle()))
    uniform = 2.0 * math.pi * (np.arange(4096)[:, None] + 0.5) / 4096
    return data | reference(bumps.circle(), centres, uniform)


@functools.cache
def square_runs(quick: bool) -> dict[str, np.ndarray]:
    """116 bumps on a triangular lattice in the square."""
    size = Size(16, 30, (256, 32), (256, 32), 8, 2) if quick else Size(100, 100, (4096, 512), (8192, 500), 20, 8)
    scales = ((0.8, 1.0, 1.2, 1.4, 1.6, 1.8, 2.0), (0.4, 0.8, 1.2, 1.6, 2.0, 2.5, 3.0))
    centres = triangular_lattice(LATTICE)
    data = runs(bumps.square, centres, *_fewer(scales, (3, 3), quick), size, "bumps in a square")
    fine = triangular_lattice(FINE_LATTICE)
    x = data["samples"].reshape(-1, bumps.square().rank)
    lattice = nearest_data(x, bumps.square().coordinates_of(fine))
    data["to_lattice"] = lattice.reshape(data["to_manifold"].shape)
    return data | reference(bumps.square(), centres, fine)
