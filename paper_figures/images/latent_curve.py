"""A closed curve through three digits in the latent space of a VAE, sampled with smoothed scores ([FPHDP] 9 and 16).

The curve is the circle through the three latents in their plane.  Data and curve lie in that plane, and so do samples:
the sampler's last step, without noise, removes what is orthogonal to it, and noise of a kernel there changes no score.
So everything is run in the plane, in units of the radius, where the curve is the unit circle, and lifted to be decoded.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import manifold_scores as ms

from ..smoothing_samples import coverage, exact, generate, spiral
from ..workers import in_processes
from .data import Source, UnusableDataError
from .frechet import frechet_distance

KERNELS = ("isotropic", "adapted")
POINTS = 10  # training points, equispaced
LATEST = 9.0  # T of [FPHDP], in units of the radius squared
ARCS = 40
DRAWS = {False: 25, True: 5}  # of the bootstrap, and uniform samples of the curve; fewer if quick
SEED = 20251009
#: Kernel scales, in units of the radius.
SCALES = (
    (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6),
    (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.5, 2.0, 4.0),
)
QUICK_SCALES = ((0.0, 0.2, 0.6), (0.0, 0.4, 2.0))


@dataclass(frozen=True)
class LatentCircle:
    """The circle centre + radius (cos u axes[0] + sin u axes[1]) in R^d; centre (d,), axes (2, d) orthonormal."""

    centre: np.ndarray
    radius: float
    axes: np.ndarray

    def lift(self, x: np.ndarray) -> np.ndarray:
        """Return points (n, 2) of the plane, in units of the radius, as latents (n, d)."""
        return np.asarray(self.centre + self.radius * (x @ self.axes))

    def plane(self, latents: np.ndarray) -> np.ndarray:
        """Return the coordinates (n, 2) of latents (n, d) in the plane, in units of the radius."""
        return np.asarray((latents - self.centre) @ self.axes.T / self.radius)


def circle_through(corners: np.ndarray) -> LatentCircle:
    """Return the circle through three points (3, d), the first of which has the angle 0 and the second one in (0, pi).

    Its centre a + s u + t v, with u and v the sides at a, is as far from a as from the other two: 2 <u, su + tv> =
    |u|^2 and 2 <v, su + tv> = |v|^2.  ValueError if the points lie on a line, to rounding.
    """
    a, sides = corners[0], corners[1:] - corners[0]
    gram = sides @ sides.T
    squares = np.diag(gram)
    if np.linalg.det(gram) <= 1e-12 * squares.prod():
        raise ValueError("corners must not lie on a line")
    shift = np.linalg.solve(gram, 0.5 * squares) @ sides
    radius = float(np.linalg.norm(shift))
    first = -shift / radius
    # Along the circle from a: the tangent on whose side the second corner lies.
    tangents = sides - np.outer(sides @ first, first)
    sizes = np.linalg.norm(tangents, axis=1)
    second = tangents[0] / sizes[0] if sizes[0] > 1e-6 * radius else -tangents[1] / sizes[1]
    return LatentCircle(a + shift, radius, np.stack([first, second]))


def corners(latents: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the indices (3,) of the images through whose latents the curve goes.

    Of the three classes whose mean latents are farthest apart (the sum of their distances), the image whose latent is
    the nearest to the mean of its class.  ValueError for fewer than three classes.
    """
    classes = np.unique(labels)
    if len(classes) < 3:
        raise UnusableDataError(f"a curve through three digits needs three classes; got {len(classes)}")
    means = np.stack([latents[labels == label].mean(axis=0) for label in classes])
    apart = np.linalg.norm(means[:, None] - means, axis=2)
    chosen = max(
        itertools.combinations(range(len(classes)), 3),
        key=lambda trio: sum(apart[i, j] for i, j in itertools.combinations(trio, 2)),
    )
    found = []
    for k in chosen:
        rows = np.flatnonzero(labels == classes[k])
        found.append(rows[np.linalg.norm(latents[rows] - means[k], axis=1).argmin()])
    return np.array(found)


def on_circle(angles: np.ndarray) -> np.ndarray:
    """Return the points (n, 2) of the unit circle at the angles."""
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def angles(x: np.ndarray) -> np.ndarray:
    """Return the angles (n,) of points (n, 2), from 0 to 2 pi."""
    return np.asarray(np.mod(np.arctan2(x[:, 1], x[:, 0]), 2.0 * np.pi))


def training_points() -> np.ndarray:
    """Return the data in the plane, (POINTS, 2): one at the first of the three digits."""
    return on_circle(2.0 * np.pi * np.arange(POINTS) / POINTS)


def orbit(x: np.ndarray) -> np.ndarray:
    """Return points (n, 2) and their rotations by multiples of 2 pi / POINTS, (POINTS n, 2), all of a point together.

    The data are equispaced, so rotated samples are samples: they have the same law.  An average over an orbit has no
    part of chance in which data samples end near, which would hide how they lie between them.
    """
    turns = on_circle(2.0 * np.pi * np.arange(POINTS) / POINTS)
    rotations = np.array([[[c, s], [-s, c]] for c, s in turns])
    return np.asarray((x[:, None, None] @ rotations).reshape(-1, 2))


def model(kernel: str, scale: float, nodes: int) -> Any:
    """Return the score of the data smoothed with one of KERNELS; scale 0 is the score of the data.

    Both take the same displacements, scale times a spiral of nodes that stands for N(0, I).  The adapted kernel at x is
    the law of x + p' - p, p the nearest point of the circle to x and p' that to p + displacement.
    """
    noised = exact(training_points())
    if scale == 0.0:
        return noised
    gaussian = ms.SampledKernel(scale * spiral(nodes))
    if kernel == "isotropic":
        return ms.SmoothedScore(noised, gaussian)
    return ms.SmoothedScore(noised, ms.TranslatedManifoldKernel(gaussian, ms.Circle(1.0)))


def sample(kernel: str, scale: float, nodes: int, count: int) -> np.ndarray:
    """Return samples (count, 2) by [FPHDP]'s sampler; the noise is the same for all kernels."""
    return generate(model(kernel, scale, nodes), LATEST, count, SEED, final_noise=False)


@functools.cache
def runs(quick: bool) -> dict[str, np.ndarray]:
    """Sample with both kernels at all scales.

    Returns
    -------
    scales (2, S) and samples (2, S, n, 2) in units of the radius; other_samples (2, C, n, 2), the same with half the
    nodes of the kernels, at the scales of the indices checked (C,); nodes (2,).
    """
    count, nodes = (20, (64, 32)) if quick else (300, (1024, 512))
    scales = np.array(QUICK_SCALES if quick else SCALES)
    checked = np.arange(2, scales.shape[1], 3)
    every = [(kernel, float(scale), nodes[k]) for k, kernel in enumerate(KERNELS) for scale in scales[k]]
    half = [(kernel, float(scale), nodes[k] // 2) for k, kernel in enumerate(KERNELS) for scale in scales[k, checked]]
    found = in_processes([(sample, *place, count) for place in every + half], "circle of latents")
    return {
        "scales": scales,
        "samples": np.array(found[: len(every)]).reshape(*scales.shape, count, 2),
        "other_samples": np.array(found[len(every) :]).reshape(2, len(checked), count, 2),
        "checked": checked,
        "nodes": np.array(nodes),
    }


def distances(samples: np.ndarray) -> dict[str, np.ndarray]:
    """Return distances to the circle and to the data of samples (..., n, 2), and how evenly orbits cover the circle.

    to_manifold, to_data (..., n); covered (...) as `coverage` has it for ARCS equal arcs.
    """
    data = training_points()
    turned = [angles(orbit(x)) for x in samples.reshape(-1, *samples.shape[-2:])]
    # Data are in the middle of their arcs.
    arcs = [(u * ARCS / (2.0 * np.pi) + 0.5).astype(int) % ARCS for u in turned]
    shares = [np.bincount(arc, minlength=ARCS) / len(arc) for arc in arcs]
    return {
        "to_manifold": np.abs(np.linalg.norm(samples, axis=-1) - 1.0),
        "to_data": np.linalg.norm(samples[..., None, :] - data, axis=-1).min(axis=-1),
        "covered": np.array([coverage(share)[1] for share in shares]).reshape(samples.shape[:-2]),
    }


@functools.cache
def decoded_runs(source: Source, quick: bool) -> dict[str, np.ndarray]:
    """Return the runs with what their decoded images are.

    Returns
    -------
    what `runs` and `distances` give, the latter for other_samples as other_..., too; radius (), the three digits
    `corners` (3, h, w) with their angles corner_angles (3,) and labels; training_images (POINTS, h, w);
    true_samples and true_images, one uniform sample of the curve, true_... the distances of all of them; images
    (2, S, n, h, w) of the samples; frechet and frechet_error (2, S) of their orbits to even points of the curve, floor
    (draws,) of those of uniform samples, in the feature space of that name, `space`; pixel_... in pixels; spread (),
    the trace of the covariance of the features of the curve.
    """
    from .inception import feature_space
    from .trained import parts, trained_vae

    vae, digits = trained_vae(source, quick), parts(source)[0]
    latents = vae.encode(digits.images)
    chosen = corners(latents, digits.labels)
    circle = circle_through(latents[chosen])
    data = dict(runs(quick))
    data |= distances(data["samples"])
    data |= {f"other_{key}": value for key, value in distances(data.pop("other_samples")).items()}

    def decoded(x: np.ndarray) -> np.ndarray:
        return np.asarray(vae.decode(circle.lift(x)))

    rng, count = np.random.default_rng(SEED + 1), data["samples"].shape[2]
    uniform = np.array([on_circle(rng.uniform(0.0, 2.0 * np.pi, size=(count,))) for _ in range(DRAWS[quick])])
    data |= {f"true_{key}": value for key, value in distances(uniform).items()}
    even = on_circle(2.0 * np.pi * (np.arange(POINTS * count) + 0.5) / (POINTS * count))
    space, features = feature_space(source, quick)
    data |= _compared(data["samples"], even, uniform, lambda x: features(decoded(x)), "")
    data |= _compared(data["samples"], even, uniform, lambda x: decoded(x).reshape(len(x), -1), "pixel_")
    return data | {
        "space": np.array(space),
        "spread": np.trace(np.cov(features(decoded(even)), rowvar=False)),
        "radius": np.array(circle.radius),
        "latents": np.array(latents.shape[1]),
        "corners": vae.decode(latents[chosen]),
        "corner_labels": digits.labels[chosen],
        "corner_angles": angles(circle.plane(latents[chosen])),
        "training_images": decoded(training_points()),
        "true_samples": uniform[0],
        "true_images": decoded(uniform[0]),
        "images": np.array([[decoded(x) for x in row] for row in data["samples"]]),
    }


def _compared(
    samples: np.ndarray, curve: np.ndarray, uniform: np.ndarray, features: Callable[[np.ndarray], np.ndarray], name: str
) -> dict[str, np.ndarray]:
    """Return Fréchet distances to the curve, as many even points, of orbits of samples (2, S, n, 2) and uniform ones.

    Errors are those of a bootstrap of the n orbits, as many draws as uniform samples; the even points have none.
    """
    real, rng = features(curve), np.random.default_rng(SEED)

    def error(x: np.ndarray) -> float:
        orbits = x.reshape(-1, POINTS, x.shape[1])
        picks = rng.integers(len(orbits), size=(len(uniform), len(orbits)))
        return float(np.std([frechet_distance(orbits[pick].reshape(x.shape), real) for pick in picks], ddof=1))

    found = [[features(orbit(x)) for x in row] for row in samples]
    return {
        f"{name}frechet": np.array([[frechet_distance(x, real) for x in row] for row in found]),
        f"{name}frechet_error": np.array([[error(x) for x in row] for row in found]),
        f"{name}floor": np.array([frechet_distance(features(orbit(x)), real) for x in uniform]),
    }
