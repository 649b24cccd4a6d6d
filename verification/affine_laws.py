"""Proposition 3.1 for laws, not samples: normal kernels by quadrature, kernels given by functions, divergences."""

from __future__ import annotations

from typing import Any

import numpy as np

import manifold_scores as ms

from .by_hand import EPS
from .fphdp_proposition_3_1 import Case, displacements, draw_case, example
from .quadrature import normal_rule
from .rates import Array
from .record import Evidence, Oracle, Tolerance

#: Nodes along an axis of the Gauss-Hermite rules.
FINE, COARSE = 48, 40
#: Trapezoidal steps over sigma along the line and across it, and where both end, over sigma.
ALONG, ACROSS, END = 1 / 8, 1 / 2, 10.0
SHIFT = 0.07


def gaussian(count: int, noised: Oracle, evidence: Evidence, hermite_rule: Tolerance, package: Tolerance) -> None:
    """Normal kernels: all d dimensions against the r of the hull, and both against the package's quadrature."""
    rng = np.random.default_rng([2510, 2305, 32])
    worst = np.zeros(3)
    for index in range(count):
        d = 2 + index % 2
        case = draw_case(index, rng, d, 1 + (index // 2) % (d - 1))
        model = noised(ms.PointCloud(case.points, case.weights), case.clock.process)
        alpha, sigma2 = float(case.clock.alpha(case.t)), float(case.clock.sigma2(case.t))
        gap = np.linalg.norm(case.points[:, None] - case.points, axis=2).max()
        # Logits then vary by about one: Gauss-Hermite rules see the nearest pole at pi standard deviations or more.
        shape = np.eye(d) if index % 3 == 0 else _shape(d, rng)
        root = sigma2 / (alpha * gap) * shape / np.linalg.norm(shape, 2)
        flat = case.basis.T @ root
        flat_root = np.linalg.cholesky(flat @ flat.T)
        lost = float(((case.normal.T @ root) ** 2).sum()) / (2.0 * sigma2)
        (full, rough), (thin, _) = (
            [_mean(model, case, kernel_root, n) for n in (FINE, COARSE)]
            for kernel_root in (root, case.basis @ flat_root)
        )  # fmt: skip
        projected = case.basis @ flat
        smoothed = ms.SmoothedScore(model, ms.GaussianKernel(root @ root.T))
        other = ms.SmoothedScore(model, ms.GaussianKernel(projected @ projected.T))
        values = [float(smooth.log_density(case.x, case.t)) for smooth in (smoothed, other)]
        size = 1.0 + abs(full)
        gaps = [abs(full - (thin - lost)) + abs(full - rough), abs(values[0] - full), abs(values[0] - values[1] + lost)]
        worst = np.fmax(worst, np.nan_to_num(np.array(gaps) / size, nan=np.inf))
    names = ("Gauss-Hermite in R^d and in the hull", "package and Gauss-Hermite", "package, covariances S and PSP")
    for name, value, tolerance in zip(names, worst, (hermite_rule, package, package), strict=True):
        evidence.check(
            f"normal law, {name}", "relative gap of E log p(x+ξ), E|Aξ|²/2σ² taken into account; the worst case", value,
            0.0, tolerance, one_sided=True, cases=count,
        )  # fmt: skip


def _shape(d: int, rng: np.random.Generator) -> Array:
    return np.asarray(rng.standard_normal((d, d)) + 0.5 * np.eye(d))


def _mean(model: Any, case: Case, root: Array, n: int) -> float:
    """Return E log p(x + root g), g standard normal, by a product rule with n nodes along an axis."""
    nodes, weights = normal_rule(n, root.shape[1])
    return float(weights @ model.log_density(case.x + nodes @ root.T, case.t))


def functions(noised: Oracle, evidence: Evidence, tolerance: Tolerance) -> None:
    """Kernels known to the package as functions that draw: the same random numbers, with xi and with P xi."""
    rng = np.random.default_rng([2510, 2305, 33])
    worst = 0.0
    for index in range(6):
        case = draw_case(5 * index, rng)
        model = noised(ms.PointCloud(case.points, case.weights), case.clock.process)
        drawn: list[Array] = []
        values = []
        for flat in (False, True):
            kernel = ms.SampledKernel(_drawing(case, flat, drawn), len(case.x))
            smoothed = ms.SmoothedScore(model, kernel, rule="monte-carlo", nodes=512, rng=7)
            values.append(float(smoothed.log_density(case.x, case.t)))
        sets = len(drawn) // 2
        xi = np.concatenate(drawn[:sets])
        lost = float(((xi @ case.normal) ** 2).sum(axis=1).mean() / (2.0 * case.clock.sigma2(case.t)))
        unit = case.cloud.units(case.x + xi)[0].mean() + EPS * lost
        gap = abs(values[0] - (values[1] - lost)) / unit
        worst = max(worst, float(np.nan_to_num(gap, nan=np.inf)))
    evidence.check(
        "log-density, kernels given by functions", "the same identity for ms.SampledKernel(function), the same random "
        "numbers on both sides; in units of rounding", worst, 0.0, tolerance, one_sided=True, cases=6,
    )  # fmt: skip


def _drawing(case: Case, flat: bool, drawn: list[Array]) -> Any:
    """Return a function that draws from the kernel of a case, antithetic and so centred, and keeps what it drew."""

    def draw(x: Array, n: int, rng: np.random.Generator) -> Array:
        xi = 0.3 * rng.laplace(size=(n // 2, x.shape[1]))
        xi = np.concatenate([xi, -xi])
        drawn.append(xi)
        moved = xi @ case.basis @ case.basis.T if flat else xi
        return np.asarray(x[:, None] + moved)

    return draw


def line_grid(noised: Oracle) -> tuple[Any, Any, Array, Array, Array]:
    """Return seven points on a line, as an oracle and by hand, the line's direction, and a grid: nodes and weights."""
    model, cloud, along = example(noised)
    sigma = np.sqrt(cloud.sigma2)
    places = (cloud.points - cloud.points[0]) @ along
    first = np.arange(places.min() - END * sigma, places.max() + END * sigma, ALONG * sigma)
    second = np.arange(-END * sigma, END * sigma, ACROSS * sigma)
    normal = np.array([-along[1], along[0]])
    nodes = cloud.points[0] + first[:, None, None] * along + second[:, None] * normal
    return model, cloud, along, nodes.reshape(-1, 2), np.ones(nodes.shape[0] * nodes.shape[1])


def brute_force(model: Any, x: Array, xi: Array, t: float) -> Array:
    """Return the mean of log p_t(x + xi_q) over all displacements, shape (n,), the oracle at every point."""
    return np.asarray(sum(model.log_density(x + shift, t) for shift in xi) / len(xi))


def divergences(
    noised: Oracle, evidence: Evidence, orders: Array, tolerance: Tolerance, shift_tolerance: Tolerance
) -> None:
    """Renyi divergences of the normalised densities with xi and with P xi; then with xi shifted off its mean."""
    model, cloud, along, nodes, weights = line_grid(noised)
    t = cloud.sigma2
    xi = displacements("skewed exponential", 2, 0.25, np.random.default_rng([2510, 2305, 34]))
    flat = xi @ np.outer(along, along)
    log_p = brute_force(model, nodes, xi, t)
    log_q = np.asarray(ms.SmoothedScore(model, ms.SampledKernel(flat)).log_density(nodes, t))
    found = np.asarray(ms.renyi_divergence(log_p, log_q, orders, (nodes, weights)))
    unit = max(float(cloud.units(nodes + shift)[0].max()) for shift in xi[::8])
    finite = np.isfinite(orders)
    osc = np.where(finite, np.sqrt(8.0 * np.abs(found) / np.where(finite, orders, 1.0)), np.abs(found)) / unit
    evidence.check(
        "Rényi divergence", "D_q, q = 0.5, 1, 2, ∞, of the normalised smoothed densities with ξ (oracle at all points) "
        "and with Pξ (hull), as the oscillation of the log ratio it allows, √(8 D_q/q) or D_∞, in units of rounding",
        np.max(osc), 0.0, tolerance, one_sided=True, divergences=dict(zip(map(str, orders), found, strict=True)),
        bound=dict(zip(map(str, orders), np.where(finite, orders * unit**2 / 8, unit), strict=True)),
    )  # fmt: skip
    normal = np.array([-along[1], along[0]])
    log_shifted = brute_force(model, nodes, xi + SHIFT * normal, t)
    shifted = np.asarray(ms.renyi_divergence(log_shifted, log_q, orders[finite], (nodes, weights)))
    expected = orders[finite] * SHIFT**2 / (2.0 * cloud.sigma2)
    evidence.check(
        "Rényi divergence of a shift", f"D_q for ξ with mean {SHIFT} normal to the hull, over q |mean|²/2σ²; the worst "
        "of q = 0.5, 1, 2: what the divergence would be if noise normal to the hull had a mean",
        1.0 + np.max(np.abs(shifted / expected - 1.0)), 1.0, shift_tolerance,
        divergences=dict(zip(map(str, orders[finite]), shifted, strict=True)),
    )  # fmt: skip
