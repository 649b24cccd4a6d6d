"""Claim: noise normal to the affine hull of the data does nothing: E log p(x+xi) = E log p(x+P xi) + a constant.

The constant is -E|A xi|^2/2 sigma^2, so that densities and scores smoothed with xi and with P xi are the same.


Hypothesis: data in an affine subspace {A y = b}; xi centred, of finite variance, independent of x; P = I - A'A.
Source: Proposition 3.1 of Farghly et al., arXiv:2510.02305.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

import manifold_scores as ms

from .by_hand import EPS, Cloud
from .clocks import Clock, all_clocks, brownian
from .rates import Array
from .record import Claim, Evidence, Oracle, Tolerance

#: size -> (random cases, cases with the Gaussian law itself)
SIZES = {"quick": (120, 4), "default": (1000, 12), "full": (20_000, 60)}

KERNELS = ("normal", "normal, full covariance", "Laplace", "uniform", "skewed exponential", "Student, 3 degrees")
DIMENSIONS, LARGEST_CLOUD, BASE = (2, 13), 24, 32
ORDERS = np.array([0.5, 1.0, 2.0, np.inf])

IDENTITY_TOLERANCE = Tolerance(
    32.0,
    "sums of d <= 12 products lose at most d/2 + 1 eps: in the hull's points, the projected noise and the distances "
    "on both sides, 4 * 7, and 4 for exponential, logarithm and mean; a unit is what one eps in every input does",
)
HERMITE_TOLERANCE = Tolerance(
    1e-12,
    "40 Gauss-Hermite nodes, nearest pole pi deviations off the axis: exp(-pi sqrt(2 * 40)) = 6e-13; rounding 1e-15",
)
LAW_TOLERANCE = Tolerance(1e-9, "the relative tolerance that the adaptive quadrature of the package keeps by default")
RENYI_TOLERANCE = Tolerance(
    64.0, "the log ratio is within 32 units of a constant, as above, so osc <= 64; D_q <= q osc^2/8 and D_inf <= osc"
)
SHIFT_TOLERANCE = Tolerance(
    1e-9, "trapezoidal rule on smoothed Gaussians cut at 10 sigma, where they are below e^-45 of the maximum"
)


@dataclass(frozen=True)
class Case:
    """Data in an r-dimensional affine subspace of R^d, a process and a time, a centred kernel, a point off the hull.

    Attributes
    ----------
    basis, normal : orthonormal bases of the subspace (d, r) and of its complement (d, d - r), the rows of A.
    xi : displacements (n, d) with mean zero: the kernel is their uniform law.
    """

    kernel: str
    clock: Clock
    t: float
    points: Array
    weights: Array
    basis: Array
    normal: Array
    x: Array
    xi: Array

    @property
    def projected(self) -> Array:
        """Return P xi."""
        return np.asarray(self.xi @ self.basis @ self.basis.T)

    @property
    def cloud(self) -> Cloud:
        return Cloud.at(self.points, self.weights, self.clock, self.t)

    def describe(self) -> dict[str, Any]:
        n, d = self.points.shape
        return {
            "kernel": self.kernel, "process": self.clock.name, "t": self.t, "d": d, "N": n, "r": self.basis.shape[1],
        }  # fmt: skip


def displacements(kernel: str, d: int, scale: float, rng: np.random.Generator) -> Array:
    """Return displacements whose law is centred: with every xi its negative, or twice -xi/2, which is exact."""
    shape = (BASE, d)
    if kernel == "skewed exponential":
        xi = scale * rng.exponential(size=shape)
        return np.concatenate([xi, -0.5 * xi, -0.5 * xi])
    draws = {
        "normal": rng.standard_normal, "normal, full covariance": rng.standard_normal, "Laplace": rng.laplace,
        "uniform": lambda size: rng.uniform(-1.0, 1.0, size),
        "Student, 3 degrees": lambda size: rng.standard_t(3.0, size),
    }  # fmt: skip
    draw: Any = draws[kernel]
    xi = scale * draw(size=shape)
    if kernel == "normal, full covariance":
        xi = xi @ (rng.standard_normal((d, d)) / np.sqrt(d))
    return np.concatenate([xi, -xi])


def draw_case(index: int, rng: np.random.Generator, d: int | None = None, r: int | None = None) -> Case:
    """Return a random case; kernels and processes take turns."""
    d = int(rng.integers(*DIMENSIONS)) if d is None else d
    r = int(rng.integers(1, d)) if r is None else r
    n = int(rng.integers(r + 1, LARGEST_CLOUD + 1))
    frame = np.linalg.qr(rng.standard_normal((d, d))).Q
    basis, normal = frame[:, :r], frame[:, r:]
    origin = rng.standard_normal(d)
    points = origin + rng.standard_normal((n, r)) @ basis.T
    weights = np.exp(rng.uniform(-3.0, 3.0, n))
    clock = all_clocks()[index % 5]
    s = np.exp(rng.uniform(np.log(1e-3), np.log(min(1e2, clock.variance(clock.latest)))))
    t = float(clock.time(s))
    alpha, sigma = float(clock.alpha(t)), float(np.sqrt(clock.sigma2(t)))
    aside = rng.choice([0.0, 1.0, 5.0]) * max(sigma, alpha) * rng.standard_normal(d - r)
    x = alpha * origin + basis @ (1.5 * rng.standard_normal(r)) * alpha + normal @ aside
    kernel = KERNELS[(index // 5) % len(KERNELS)]
    scale = float(np.exp(rng.uniform(np.log(0.01), np.log(3.0))))
    return Case(kernel, clock, t, points, weights, basis, normal, x, displacements(kernel, d, scale, rng))


def deviations(case: Case, noised: Oracle) -> tuple[dict[str, float], dict[str, float]]:
    """Return the deviations of the four comparisons in units of rounding, and in ulps of the result."""
    model = noised(ms.PointCloud(case.points, case.weights), case.clock.process)
    full, flat = case.x + case.xi, case.x + case.projected
    sigma2 = float(case.clock.sigma2(case.t))
    lost = float(((case.xi @ case.normal) ** 2).sum(axis=1).mean()) / (2.0 * sigma2)
    with_noise, without = model.log_density(full, case.t).mean(), model.log_density(flat, case.t).mean() - lost
    score, flat_score = model.score(full, case.t).mean(axis=0), model.score(flat, case.t).mean(axis=0)
    smoothed = ms.SmoothedScore(model, ms.SampledKernel(case.xi))
    log_units, score_units = (np.mean([a, b]) for a, b in zip(*map(case.cloud.units, (full, flat)), strict=True))
    log_units += EPS * lost
    gaps = {
        "log-density": (abs(with_noise - without), log_units, abs(with_noise)),
        "score": (np.linalg.norm(score - flat_score), score_units, np.linalg.norm(score)),
        "log-density, hull": (abs(smoothed.log_density(case.x, case.t) - with_noise), log_units, abs(with_noise)),
        "score, hull": (
            np.linalg.norm(smoothed.score(case.x, case.t) - score), score_units, np.linalg.norm(score)
        ),
    }  # fmt: skip
    units = {name: float(gap / unit) for name, (gap, unit, _) in gaps.items()}
    return units, {name: float(gap / np.spacing(size)) for name, (gap, _, size) in gaps.items()}


STATEMENTS = {
    "log-density": "|E log p(x+ξ) - E log p(x+Pξ) + E|Aξ|²/2σ²|, the oracle at every displaced point",
    "score": "|E ∇log p(x+ξ) - E ∇log p(x+Pξ)|, the oracle at every displaced point",
    "log-density, hull": "|SmoothedScore.log_density - E log p(x+ξ)|: coordinates of the hull against brute force",
    "score, hull": "|SmoothedScore.score - E ∇log p(x+ξ)|: coordinates of the hull against brute force",
}


def measure(size: str, noised: Oracle, evidence: Evidence) -> None:
    from . import affine_laws, affine_outside

    count, laws = SIZES[size]
    evidence.parameters |= {
        "cases": count, "displacements": f"{2 * BASE} or {3 * BASE}", "kernels": list(KERNELS),
        "processes": [clock.name for clock in all_clocks()], "d": list(DIMENSIONS), "largest N": LARGEST_CLOUD,
    }  # fmt: skip
    rng = np.random.default_rng([2510, 2305, 31])
    cases = [draw_case(index, rng) for index in range(count)]
    found = [deviations(case, noised) for case in cases]
    table = np.array([[units[name] for name in STATEMENTS] for units, _ in found])
    ulps = np.array([[ulp[name] for name in STATEMENTS] for _, ulp in found])
    table, ulps = (np.nan_to_num(part, nan=np.inf) for part in (table, ulps))
    for column, (name, statement) in enumerate(STATEMENTS.items()):
        worst = int(table[:, column].argmax())
        evidence.check(
            name, f"{statement}; the worst case in units of rounding", table[worst, column], 0.0,
            IDENTITY_TOLERANCE, one_sided=True, cases=count, median=float(np.median(table[:, column])),
            worst_in_ulps_of_the_result=float(ulps[:, column].max()),
            median_in_ulps_of_the_result=float(np.median(ulps[:, column])), **cases[worst].describe(),
        )  # fmt: skip
    affine_laws.gaussian(laws, noised, evidence, HERMITE_TOLERANCE, LAW_TOLERANCE)
    affine_laws.functions(noised, evidence, IDENTITY_TOLERANCE)
    affine_laws.divergences(noised, evidence, ORDERS, RENYI_TOLERANCE, SHIFT_TOLERANCE)
    affine_outside.observe(noised, evidence)
    evidence.data |= {
        "kernels": np.array(KERNELS), "kernel": np.array([KERNELS.index(case.kernel) for case in cases]),
        "units": table, "ulps": ulps, "tolerance": np.array(IDENTITY_TOLERANCE.value),
    }  # fmt: skip


def example(noised: Oracle, t: float = 0.08) -> tuple[Any, Cloud, Array]:
    """Return seven points on a line through the plane, as an oracle and by hand, and the direction of the line."""
    along = np.array([0.8, 0.6])
    places = np.array([-1.1, -0.7, -0.1, 0.0, 0.6, 0.7, 1.4])
    points = np.array([0.2, -0.3]) + places[:, None] * along
    model = noised(ms.PointCloud(points), ms.BrownianMotion())
    return model, Cloud.at(points, np.ones(len(points)), brownian(), t), along


def draw(data: dict[str, Array]) -> object:
    from .figures_smoothing import affine

    return affine(data)


CLAIM = Claim(
    name="fphdp-proposition-3.1",
    title="Affine supports: normal noise does nothing",
    statement="E log p̂_t(x+ξ) = E log p̂_t(x+Pξ) - E|Aξ|²/2σ_t² exactly: the smoothed scores with ξ and Pξ are "
    "the same, the normalised densities are the same, and their Rényi divergence of every order is 0.",
    hypothesis="The data lie in {y : Ay = b}, A with orthonormal rows, P = I - AᵀA; ξ is centred, of finite variance "
    "and independent of x; any weights, any process.",
    source="Farghly et al., Diffusion models and the manifold hypothesis, arXiv:2510.02305, Proposition 3.1.",
    measure=measure,
    draw=draw,
)
