"""Lemma D.1 for the oracle: its log-densities at x and x+v differ by the integral of <v, score> over the way between.

The logits of a noised cloud are r_i = log w_i - |x - alpha x_i|^2/2 sigma^2; moving x by v adds
e_i = alpha <v, x_i>/sigma^2 and a common term, (|x|^2 - |x+v|^2)/2 sigma^2.
"""

from __future__ import annotations

import numpy as np

import manifold_scores as ms

from .by_hand import Cloud
from .clocks import all_clocks
from .line_integrals import integrate, panels
from .rates import Array
from .record import Evidence, Oracle, Tolerance

ORACLE_TOLERANCE = Tolerance(
    100.0,
    "promised by the package: errors below 100 eps (1 + kappa); a unit is eps kappa at both ends and along the way",
)
QUADRATURE_TOLERANCE = Tolerance(1.0, "the quadrature must not hide what rounding does not explain")
GIBBS_TOLERANCE = Tolerance(1e-9, "the inequality holds exactly; the local dimension is good to 1e-10 and better")


def measure(count: int, noised: Oracle, evidence: Evidence) -> None:
    """Compare the oracle with itself at two points, with the interval, and with the Gibbs inequality."""
    rng = np.random.default_rng([2510, 2305, 43])
    rows = []
    for index in range(count):
        d, n = int(rng.integers(1, 6)), int(np.exp(rng.uniform(np.log(2.0), np.log(200.0))))
        clock = all_clocks()[index % 5]
        points, weights = rng.standard_normal((n, d)), np.exp(rng.uniform(-50.0, 50.0, n) * rng.choice([0.01, 1.0]))
        s = np.exp(rng.uniform(np.log(1e-6), np.log(min(1e4, clock.variance(clock.latest)))))
        t = float(clock.time(s))
        cloud = Cloud.at(points, weights, clock, t)
        x = cloud.alpha * rng.standard_normal(d) * rng.choice([1.0, 3.0])
        v = cloud.alpha * 10.0 ** rng.uniform(-6.0, 1.0) * rng.standard_normal(d)
        model = noised(ms.PointCloud(points, weights), clock.process)
        equal = noised(ms.PointCloud(points), clock.process)
        rows.append([*_compare(model, cloud, x, v, t), _gibbs(equal, cloud, t, rng)])
    table = np.nan_to_num(np.array(rows), nan=np.inf)
    evidence.check(
        "oracle, identity", "|log p(x+v) - log p(x) - ∫ ⟨v, ∇log p(x+uv)⟩ du|, worst cloud in units of "
        "rounding and quadrature", table[:, 0].max(), 0.0, ORACLE_TOLERANCE,
        one_sided=True, median=float(np.median(table[:, 0])),
    )  # fmt: skip
    evidence.check(
        "oracle, quadrature", "gap of the two quadrature rules over the rounding, worst cloud", table[:, 2].max(), 0.0,
        QUADRATURE_TOLERANCE, one_sided=True,
    )  # fmt: skip
    evidence.check(
        "oracle, interval", "excess of log p(x+v) - log p(x) + (|x+v|² - |x|²)/2σ² over [min, max] of "
        "α⟨v, x_i⟩/σ², the worst cloud in units of rounding (negative: inside)", table[:, 1].max(), 0.0,
        ORACLE_TOLERANCE, one_sided=True,
    )  # fmt: skip
    evidence.check(
        "oracle, Gibbs inequality", "the largest of (local dimension/2 - min E)/log N, equal weights; "
        "E_i = |x - αx_i|²/2σ² and the local dimension is twice their softmax mean", table[:, 3].max(), 1.0,
        GIBBS_TOLERANCE, one_sided=True,
    )  # fmt: skip


def _compare(model: ms.NoisedMeasure, cloud: Cloud, x: Array, v: Array, t: float) -> list[float]:
    ends = np.stack([x, x + v])
    first, second = model.log_density(ends, t)
    slope = cloud.alpha * cloud.points @ v / cloud.sigma2
    common = -0.5 * float(v @ (2.0 * x + v)) / cloud.sigma2

    def along(u: Array) -> tuple[Array, Array]:
        y = x + u[:, None] * v
        lost = np.linalg.norm(v) * cloud.units(y)[1]
        return model.score(y, t) @ v, lost

    value, gap, rounding = integrate(along, panels(cloud.logits(x), slope), float(np.ptp(slope)))
    unit = float(cloud.units(ends)[0].sum()) + rounding
    excess = max(second - first - common - slope.max(), slope.min() - (second - first - common))
    return [abs(second - first - value) / (unit + gap), excess / unit, gap / unit]


def _gibbs(model: ms.NoisedMeasure, cloud: Cloud, t: float, rng: np.random.Generator) -> float:
    """Return the largest ratio at points that are a few sigma from a point of the cloud, with equal weights."""
    n, d = cloud.points.shape
    x = cloud.alpha * cloud.points[rng.integers(n, size=20)] + np.sqrt(cloud.sigma2) * rng.standard_normal((20, d))
    least = cloud.squares(x).min(axis=1) / (2.0 * cloud.sigma2)
    return float(np.max((0.5 * model.local_dimension(x, t) - least) / np.log(n)))
