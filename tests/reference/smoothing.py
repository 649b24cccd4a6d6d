"""Smoothed tilts of weighted points, by adaptive Gauss-Kronrod rules along rays, that share no code with the package.

    smoothed(points, z, s, kernel, weights)   E of the tilt at z + xi, xi ~ N(0, kernel^2 I) (or N(0, kernel), a matrix)
    by_samples(points, z, s, kernel, weights) the same by plain Monte Carlo in all d coordinates, with standard errors
    by_grid(points, z, s, kernel, weights)    the same by a Gauss-Hermite grid in all d coordinates, for large s only

With xi = L eta, eta ~ N(0, I), the logits log w_i - |z + xi - y_i|^2 / 2s are a_i + <b_i, eta> + a common term, where
b_i = L'(y_i - y_r) / s for the point y_r that leads at z; the common term adds -tr(Sigma) / 2s to the mean of the
log-sum. What is left is a Gaussian integral over the span of the b_i. In one dimension it is taken along the line; in
two, in polar coordinates about z: an inner rule along rays, with panels split at the walls that the ray crosses and
graded to their widths, inside an outer rule in the angle, with panels split at the directions of the vertices of the
power diagram, graded likewise, and of its walls. Both are adaptive.

Adaptive rules do not see what falls between their nodes. What would: Stein's identity
E <eta, mean of b> = E tr Cov of b, whose two sides are integrated as quantities of
their own; `Smoothed.stein` is their difference.
"""

from typing import NamedTuple

import numpy as np

from .kronrod import KRONROD, NODES, integrals
from .rays import GRADING, REACH, SMOOTH, Lines, along_rays, half_squares, thinned


class Smoothed(NamedTuple):
    """Means over the kernel, and estimates of their errors (upper bounds in practice).

    mean: the posterior mean (d,), and a bound of the length of its error; log_sum: of log sum_i w_i exp(-|.|^2 / 2s)
    with the weights normalised to sum 1; trace: of the trace of the posterior covariance; stein: the relative
    difference of the two sides of Stein's identity, which no rule knows of.
    """

    mean: np.ndarray
    log_sum: float
    trace: float
    mean_error: float
    log_sum_error: float
    trace_error: float
    stein: float = 0.0


def smoothed(points, z, s, kernel, weights=None, tolerance=1e-11, reduce=True):
    """Means over the kernel of the tilt of weighted points, to `tolerance` of their scales.

    points (N, d), of which the affine hull has dimension at most 2; z (d,); s the effective variance; kernel a
    scale h or a covariance (d, d), both in the coordinates of z. The scales: the diameter of the cloud; 1 or the excess
    of the log-sum over the logit of the point that leads at z, the larger; and the trace itself down to 1e-20 of the
    diameter squared. `reduce=False` keeps both coordinates of a cloud in the plane even if it lies on a line.

    The errors returned are estimates of both rules and of the rounding of the logits, which move the walls by
    machine precision and no more. Worst difference of Stein's sides over N = 2..15, s = 1e-6..10 and h = 1e-3..10
    nearest-neighbour distances: 1.3e-11 of the trace. Takes 0.01 to 10 s of a core, most for small s and large h.
    """
    lines = Lines(points, z, s, kernel, weights, reduce)
    k = lines.b.shape[1]
    if k == 1:
        value, error = _line(lines)
    elif k == 2:
        value, error = _plane(lines, tolerance)
    else:
        raise ValueError(f"the points span {k} dimensions, more than 2")
    m = lines.y.shape[1]
    rounding = 4.0 * np.finfo(float).eps
    left, right = value[m + 2], value[m + 3]
    return Smoothed(
        mean=lines.origin + value[:m] @ lines.basis,
        log_sum=lines.top + float(value[m]),
        trace=float(value[m + 1]),
        mean_error=float(np.linalg.norm(error[:m])) + rounding * float(np.max(np.abs(points))),
        log_sum_error=float(error[m]) + rounding * abs(lines.top),
        trace_error=float(error[m + 1]) + rounding * float(value[m + 1]) + np.exp(-(REACH**2) / 2) * lines.spread**2,
        stein=float(abs(left - right) / lines.scales(value)[m + 2]),
    )


def _line(lines):
    """Integral over the line against the normal density."""
    start = np.array([-REACH])
    values, errors = along_rays(lines, np.ones((1, 1)), start, lambda r: np.exp(-0.5 * r * r) / np.sqrt(2 * np.pi))
    return values[0], errors[0]


def _plane(lines, tolerance):
    """Integral over the plane in polar coordinates: a ring of panels in the angle, split where they are too coarse."""
    edges = _directions(lines)
    left, right = edges[:-1], edges[1:]
    done = None
    while True:
        angles = 0.5 * (left + right)[:, None] + 0.5 * (right - left)[:, None] * NODES
        rays = np.stack([np.cos(angles.ravel()), np.sin(angles.ravel())], axis=1)
        values, errors = along_rays(lines, rays, np.zeros(len(rays)), lambda r: r * np.exp(-0.5 * r * r) / (2 * np.pi))
        half = 0.5 * (right - left)[:, None]
        value, gap = integrals(values.T.reshape(-1, len(left), 21), half)
        inner = half * (errors.T.reshape(-1, len(left), 21) @ KRONROD).T
        panels = (left, right, value, gap, inner)
        done = panels if done is None else tuple(np.concatenate(pair) for pair in zip(done, panels, strict=True))
        left, right, value, gap, inner = done
        total = np.sum(value, axis=0)
        relative = gap / lines.scales(total)
        if np.all(np.sum(relative, axis=0) <= tolerance):
            break
        split = np.any(relative > 0.2 * tolerance / len(left), axis=1) & (right - left > 1e-13)
        if not np.any(split):
            break
        middle = 0.5 * (left + right)[split]
        done = tuple(column[~split] for column in done)
        left, right = np.concatenate([left[split], middle]), np.concatenate([middle, right[split]])
    return total, np.sum(gap + inner, axis=0)


def _directions(lines):
    """Angles at which the ring is split first: vertices and walls of the power diagram, and eighths."""
    angles, least = [np.linspace(0.0, 2 * np.pi, 9)], [np.zeros(9)]
    a, b = lines.a, lines.b
    i, j = lines.first, lines.second
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        # Walls: base + t along, of which some stretch within reach is nobody else's.
        normal = b[i] - b[j]
        length = np.linalg.norm(normal, axis=1, keepdims=True)
        unit = normal / length
        base = unit * ((a[j] - a[i])[:, None] / length)
        along = np.stack([-unit[:, 1], unit[:, 0]], axis=1)
        lead = a + base @ b.T - (a[i] + np.sum(base * b[i], axis=1))[:, None] - 1.0
        speed = along @ b.T - np.sum(along * b[i], axis=1)[:, None]
        root = -lead / speed
        upper = np.min(np.where(speed > 0, root, np.where((speed == 0) & (lead > 0), -np.inf, np.inf)), axis=1)
        lower = np.max(np.where(speed < 0, root, -np.inf), axis=1)
        real = (np.maximum(lower, -REACH) < np.minimum(upper, REACH)) & (np.linalg.norm(base, axis=1) < REACH)
        real &= length[:, 0] > 1.0 / SMOOTH
        for sign in (1.0, -1.0):
            angles.append(np.arctan2(sign * along[real, 1], sign * along[real, 0]))
            least.append(np.full(np.count_nonzero(real), 1e-13))
        # Vertices: every triple, kept where nobody else is far above.
        n = len(a)
        p, q, r = (index.ravel() for index in np.meshgrid(np.arange(n), np.arange(n), np.arange(n), indexing="ij"))
        ordered = (p < q) & (q < r)
        p, q, r = p[ordered], q[ordered], r[ordered]
        u, v = b[q] - b[p], b[r] - b[p]
        determinant = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
        g, h = a[p] - a[q], a[p] - a[r]
        vertex = np.stack([g * v[:, 1] - h * u[:, 1], h * u[:, 0] - g * v[:, 0]], axis=1) / determinant[:, None]
        over = np.max(a + vertex @ b.T, axis=1) - (a[p] + np.sum(vertex * b[p], axis=1))
        real = (over < 5.0) & (np.linalg.norm(vertex, axis=1) < REACH)
        vertex, corners = vertex[real], b[np.stack([p, q, r])[:, real]]
        distance = np.linalg.norm(vertex, axis=1)
        turn = np.arctan2(vertex[:, 1], vertex[:, 0])[:, None]
        # No node outside the neighbourhood of a vertex sees it, and it holds a share of the trace of its own width: of
        # a wall that ends there, in the angle, the inverse of the rate at which the third logit falls behind.
        for k in range(3):
            wall = corners[k] - corners[k - 1]
            along = np.stack([-wall[:, 1], wall[:, 0]], axis=1) / np.linalg.norm(wall, axis=1, keepdims=True)
            rate = np.abs(np.sum((corners[k - 2] - corners[k]) * along, axis=1))
            sine = np.abs(vertex[:, 0] * along[:, 1] - vertex[:, 1] * along[:, 0]) / distance
            size = (sine / (rate * distance))[:, None]
            near = turn + size * GRADING
            keep = (np.abs(near - turn) < 0.5) & (size < SMOOTH / 4)
            angles.append(near[keep])
            least.append(np.broadcast_to(0.5 * size, near.shape)[keep])
    turns = np.mod(np.concatenate(angles), 2 * np.pi)
    turns[8] = 2 * np.pi
    return thinned(np.zeros(len(turns), dtype=int), turns, np.concatenate(least))[1]


def _in_all_coordinates(points, z, s, weights, displacements):
    """(f, log-sum, tr Cov) at z + each displacement, straight from the definitions."""
    points = np.asarray(points, dtype=np.float64)
    shares = np.ones(len(points)) if weights is None else np.asarray(weights, dtype=np.float64)
    where = np.asarray(z) + displacements
    squares = np.sum((where[:, None, :] - points) ** 2, axis=-1)
    with np.errstate(divide="ignore"):
        logits = np.log(shares / np.sum(shares)) - squares / (2 * s)
    top = np.max(logits, axis=1, keepdims=True)
    share = np.exp(logits - top)
    total = np.sum(share, axis=1, keepdims=True)
    share /= total
    trace = np.sum((share @ half_squares(points)) * share, axis=1)
    return np.column_stack([share @ points, top + np.log(total), trace])


def _factor(kernel, d):
    """A square root of the covariance of the kernel."""
    kernel = np.asarray(kernel, dtype=np.float64)
    if kernel.ndim == 0:
        return kernel * np.eye(d)
    values, vectors = np.linalg.eigh(kernel)
    return vectors * np.sqrt(np.maximum(values, 0.0))


def by_samples(points, z, s, kernel, weights=None, count=200_000, seed=0):
    """Monte Carlo in all coordinates; the errors are standard errors (of the mean: the root of the sum of squares)."""
    d = np.shape(points)[1]
    noise = np.random.default_rng(seed).standard_normal((count, d)) @ _factor(kernel, d).T
    rows = _in_all_coordinates(points, z, s, weights, noise)
    value, error = np.mean(rows, axis=0), np.std(rows, axis=0) / np.sqrt(count)
    return Smoothed(value[:d], value[d], value[d + 1], float(np.linalg.norm(error[:d])), error[d], error[d + 1])


def by_grid(points, z, s, kernel, weights=None, nodes=40):
    """Gauss-Hermite in all coordinates; the errors are differences from the rule with 3/4 of the nodes."""
    d = np.shape(points)[1]
    results = []
    for n in (nodes, 3 * nodes // 4):
        x, w = np.polynomial.hermite_e.hermegauss(n)
        grid = np.stack(np.meshgrid(*[x] * d, indexing="ij"), axis=-1).reshape(-1, d)
        mass = np.prod(np.stack(np.meshgrid(*[w / np.sum(w)] * d, indexing="ij"), axis=-1).reshape(-1, d), axis=1)
        results.append(mass @ _in_all_coordinates(points, z, s, weights, grid @ _factor(kernel, d).T))
    value, error = results[0], np.abs(results[0] - results[1])
    return Smoothed(value[:d], value[d], value[d + 1], float(np.linalg.norm(error[:d])), error[d], error[d + 1])
