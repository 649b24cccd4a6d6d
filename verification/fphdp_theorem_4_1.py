"""Claim: data off M add K Delta_M/sigma_eps^2 to the bound of D(p^k || p^{k^M}); kernels select among manifolds.

For points on a wavy circle, D_1(p^k || p^{k^M}) is the smaller for M the wavy circle if the bandwidth is small, for M
its base circle if it is large; the bandwidth where they cross falls as the waves grow, and levels off for deep ones.

Hypothesis: the links of the proof hold for every kernel and bandwidth; the theorem itself needs small normal smoothing.
Source: Theorem 4.1 of Farghly et al., arXiv:2510.02305.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

import manifold_scores as ms

from .rates import Array
from .record import Claim, Evidence, Oracle, Tolerance
from .selection import Adapted, Candidate, Places, adapted, chain, cloud, divergences, places

#: size -> (amplitudes, bandwidths, angles and radii of x, fineness of the kernel's nodes)
SIZES: dict[str, tuple[tuple[float, ...], tuple[float, ...], int, int, float]] = {
    "quick": ((0.1, 0.15), (0.05, 0.25, 0.6), 3, 18, 0.72),
    "default": ((0.075, 0.1, 0.13, 0.165), (0.05, 0.1, 0.17, 0.27, 0.4, 0.6), 4, 18, 0.8),
    "full": (
        (0.075, 0.085, 0.1, 0.115, 0.13, 0.145, 0.165), (0.03, 0.05, 0.08, 0.12, 0.17, 0.22, 0.3, 0.4, 0.5, 0.6),
        5, 20, 1.0,
    ),
}  # fmt: skip

VARIANCE = 0.01
#: (amplitude, bandwidth) where the links, and the package, are looked at, at this many x.
LOOKED_AT, LOOKED = ((0.13, 0.1), (0.08, 0.3)), 4
REPLICATES, DISPLACEMENTS = 16, 256

PACKAGE_TOLERANCE = Tolerance(
    8.0,
    "standard errors from 16 independent sets of displacements: Student's law with 15 degrees is beyond 8 once in 1e6",
)
EXACT_TOLERANCE = Tolerance(1e-10, "the same average of the same displacements: rounding of sums of numbers up to 1e3")
RENYI_TOLERANCE = Tolerance(
    1e-7, "the same nodes and weights: log ratios of order 0.1, exact to 1e-13 of |log p| <= 1e2"
)
LINK_TOLERANCE = Tolerance(1e-9, "an inequality for every node; rounding of numbers of order 1")
SELECTED_TOLERANCE = Tolerance(0.0, "both differ by 20 % or more there, the quadrature is good to a few per cent")
CROSSING_TOLERANCE = Tolerance(
    0.1,
    "divergences good to 10 % with the coarser nodes; their quotient grows at least like the bandwidth at the crossing",
)


def candidates(amplitude: float) -> tuple[Candidate, Candidate]:
    """Return the wavy circle and its base circle."""
    return Candidate("wavy circle", amplitude), Candidate("base circle", 0.0)


@dataclass(frozen=True)
class Cell:
    """D_1 and D_2 (2, 2) and right sides (2,) for both candidates, and the waviness of the ridge over that of M."""

    divergence: Array
    right: Array
    scale: Array
    waviness: float
    at: Places
    found: tuple[Adapted, Adapted]

    @property
    def balance(self) -> float:
        """Return log D_1 for the wavy circle less that for the base circle: negative where the wavy one is selected."""
        return float(np.log(self.divergence[0, 0] / self.divergence[1, 0]))


def cell(amplitude: float, h: float, angles: int, radii: int, fineness: float, noised: Oracle) -> Cell:
    """Return what is known at one amplitude and bandwidth."""
    points = cloud(amplitude)
    model = noised(ms.PointCloud(points), ms.BrownianMotion())
    rough = ms.SmoothedScore(model, ms.GaussianKernel(h), rule="qmc", nodes=1024, rng=0)
    at = places(lambda x: rough.log_density(x, VARIANCE), amplitude, h, float(np.sqrt(VARIANCE)), angles, radii)
    pair = candidates(amplitude)
    one, two = (adapted(model, candidate, at.x, h, VARIANCE, fineness) for candidate in pair)
    table = np.array([divergences(part.log_smoothed, part.delta, at.weights) for part in (one, two)])
    scale = np.array([part.scale.max() for part in (one, two)])
    right = np.array([
        k / c.reach * (1.0 + c.covering(points) ** 2 / VARIANCE) + k * c.off(points) / VARIANCE
        for k, c in zip(scale, pair, strict=True)
    ])  # fmt: skip
    waves = np.sin(8.0 * at.angles)
    waviness = float(np.polyfit(waves, at.ridge, 1)[0]) / amplitude
    return Cell(table, right, scale, waviness, at, (one, two))


def measure(size: str, noised: Oracle, evidence: Evidence) -> None:
    amplitudes, widths, *resolution = SIZES[size]
    evidence.parameters |= {
        "amplitudes": amplitudes, "bandwidths": widths, "sigma_eps^2": VARIANCE, "points": 32, "frequency": 8,
        "x": resolution[0] * resolution[1], "fineness": resolution[2],
    }  # fmt: skip
    for amplitude, h in LOOKED_AT[: 1 if size == "quick" else 2]:
        _links(amplitude, h, noised, evidence)
    cells = []
    for amplitude in amplitudes:
        cells.append([cell(amplitude, h, *resolution, noised) for h in widths])
        evidence.tick(f"waviness {amplitude:g}")
    _phases(amplitudes, widths, cells, evidence)
    crossings = [
        _crossing(amplitude, widths, row, resolution, noised) for amplitude, row in zip(amplitudes, cells, strict=True)
    ]
    _crossings(np.array(amplitudes), np.array(crossings), evidence)
    evidence.data |= {
        "amplitudes": np.array(amplitudes), "widths": np.array(widths), "crossings": np.array(crossings),
        "divergence": np.array([[c.divergence for c in row] for row in cells]),
        "right": np.array([[c.right for c in row] for row in cells]),
        "waviness": np.array([[c.waviness for c in row] for row in cells]),
        "reach": np.array([Candidate("", a).reach for a in amplitudes]),
    }  # fmt: skip


def _links(amplitude: float, h: float, noised: Oracle, evidence: Evidence) -> None:
    """The links of the proof, and the package against the quadrature by hand."""
    points = cloud(amplitude)
    model = noised(ms.PointCloud(points), ms.BrownianMotion())
    here = cell(amplitude, h, 2, 10, 0.8, noised)
    where = f"A = {amplitude:g}, σ = {h:g}"
    chosen = np.argsort(here.found[0].log_smoothed)[:: -(len(here.at.x) // LOOKED)][:LOOKED]
    x = here.at.x[chosen]
    rng = np.random.default_rng([2510, 2305, 41])
    draws = rng.standard_normal((REPLICATES, DISPLACEMENTS // 2, 2))
    kernels = [ms.SampledKernel(h * np.concatenate([xi, -xi])) for xi in draws]
    smoothed = [ms.SmoothedScore(model, kernel) for kernel in kernels]
    shifts = np.asarray(kernels[0].support)
    gap = smoothed[0].score(x, VARIANCE) - model.score(x[:, None] + shifts, VARIANCE).mean(axis=1)
    evidence.check(
        f"oracle, {where}", "the score of SmoothedScore against the mean of the oracle's at the draws, times σ_ε",
        np.abs(np.nan_to_num(gap, nan=np.inf)).max() * np.sqrt(VARIANCE), 0.0, EXACT_TOLERANCE, one_sided=True,
    )  # fmt: skip
    log_smoothed = np.stack([part.log_density(x, VARIANCE) for part in smoothed])
    for candidate, found in zip(candidates(amplitude), here.found, strict=True):
        package = log_smoothed - np.stack([
            ms.SmoothedScore(model, ms.AdaptedKernel(kernel, candidate.manifold)).log_density(x, VARIANCE)
            for kernel in kernels
        ])  # fmt: skip
        error = package.std(axis=0, ddof=1) / np.sqrt(REPLICATES)
        evidence.check(
            f"AdaptedKernel, {candidate.name}, {where}", "log p̂^k - log p̂^{k^M} of the package, 16 × 256 displaced "
            "points, against quadrature by hand, in standard errors",
            (np.abs(package.mean(axis=0) - found.delta[chosen]) / error).max(), 0.0, PACKAGE_TOLERANCE,
            one_sided=True, largest=float(np.abs(found.delta[chosen]).max()),
        )  # fmt: skip
        links = chain(points, candidate, here.at.x, h, VARIANCE, 0.5)
        evidence.check(
            f"Δ_i off M, {candidate.name}, {where}", "the largest |Δ_i|/(|ζ| (|Π(Y) - π(x_i)|²/τ + 2Δ_M))",
            links.federer, 1.0, LINK_TOLERANCE, one_sided=True, Delta_M=candidate.off(points), reach=candidate.reach,
        )  # fmt: skip
        evidence.check(
            f"ΔLSE, {candidate.name}, {where}", "the largest |ΔLSE|/(E ∫ Σ softmax_i |Δ_i| du/2σ_ε²) over x",
            (links.shift / links.average).max(), 1.0, LINK_TOLERANCE, one_sided=True,
        )  # fmt: skip
        log_p, log_q = found.log_smoothed, found.log_smoothed - found.delta
        p, q = (here.at.weights * np.exp(value - value.max()) for value in (log_p, log_q))
        bound = float(p @ links.bound / p.sum() + q @ links.bound / q.sum())
        own = divergences(log_p, found.delta, here.at.weights)
        evidence.check(
            f"D_1, {candidate.name}, {where}", "D_1 over its bound, the mean of E|ζ|∫Σ softmax_i(|Π(Y) - π(x_i)|²/τ "
            "+ 2Δ_M) du/2σ_ε² under p̂^k and under p̂^{k^M}, added", own[0] / bound, 1.0, LINK_TOLERANCE,
            one_sided=True, D_1=own[0], bound=bound,
        )  # fmt: skip
        renyi = ms.renyi_divergence(log_p, log_q, np.array([1.0, 2.0]), (here.at.x, here.at.weights))
        evidence.check(
            f"renyi_divergence, {candidate.name}, {where}", "D_1 and D_2 of the package over those by hand, the worst",
            max((renyi / own).tolist(), key=lambda value: abs(value - 1.0)), 1.0, RENYI_TOLERANCE,
        )  # fmt: skip


def _phases(amplitudes: Any, widths: Any, cells: list[list[Cell]], evidence: Evidence) -> None:
    balance = np.array([[c.balance for c in row] for row in cells])
    evidence.check(
        "small bandwidths select the wavy circle", f"D_1 for the wavy circle over that for its base, σ = {widths[0]:g}"
        ", the largest over the amplitudes", np.exp(balance[:, 0].max()), 1.0, SELECTED_TOLERANCE, one_sided=True,
    )  # fmt: skip
    evidence.check(
        "large bandwidths select the base circle", f"D_1 for the base circle over that for the wavy one at σ = "
        f"{widths[-1]:g}, the largest over the amplitudes", np.exp(-balance[:, -1].min()), 1.0, SELECTED_TOLERANCE,
        one_sided=True,
    )  # fmt: skip
    second = np.array([[c.divergence[:, 1] / c.right for c in row] for row in cells])
    evidence.observe(
        "D_2 over the right side", "the largest D_2/((K/τ)(m + δ_N²/σ_ε²) + KΔ_M/σ_ε²), no constants", second.max(),
        1.0, "K is not below τ/96; the divergence is quadratic in the right side and far below it",
    )  # fmt: skip
    right = np.array([[c.right[0] < c.right[1] for c in row] for row in cells])
    evidence.observe(
        "agreement of right sides and divergences", "share of (A, σ) at which the smaller right side belongs to the "
        "manifold with the smaller divergence", float((right == (balance < 0.0)).mean()), 1.0,
        "both right sides are K times something that does not depend on σ: without their constants they cannot cross",
        wavy_by_the_right_side=float(right.mean()),
    )  # fmt: skip
    waviness = np.array([[c.waviness for c in row] for row in cells])
    for column, text, expected in ((0, "small", 1.0), (-1, "large", 0.0)):
        evidence.observe(
            f"waviness, {text} bandwidth", f"waviness of the ridge of p̂^k over that of the data, σ = {widths[column]:g}"
            f", A = {amplitudes[-1]:g}", waviness[-1, column], expected,
            "the ridge follows the manifold that is selected",
        )  # fmt: skip


def _crossing(
    amplitude: float, widths: Any, row: list[Cell], resolution: Any, noised: Oracle
) -> tuple[float, float]:  # fmt: skip
    """Return the bandwidth of equal divergences, and its error: the last of two secant steps, two resolutions."""
    balance = np.array([c.balance for c in row])
    up = np.flatnonzero((balance[:-1] < 0.0) & (balance[1:] >= 0.0))
    if len(up) == 0:
        return float("nan"), float("nan")
    i = int(up[0])
    logs = np.log([widths[i], widths[i + 1]])
    ends = [(logs[0], balance[i]), (logs[1], balance[i + 1])]
    for _ in range(2):
        guess = ends[0][0] - ends[0][1] * (ends[1][0] - ends[0][0]) / (ends[1][1] - ends[0][1])
        fine = cell(amplitude, float(np.exp(guess)), *resolution, noised).balance
        ends[int(fine > 0.0)] = (guess, fine)
    slope = (ends[1][1] - ends[0][1]) / (ends[1][0] - ends[0][0])
    angles, radii, fineness = resolution
    coarse = cell(amplitude, float(np.exp(guess)), max(2, angles - 1), radii - 4, 0.75 * fineness, noised).balance
    found = guess - fine / slope
    return float(np.exp(found)), float(np.exp(found) * (abs(fine - coarse) / slope + abs(found - guess)))


def _crossings(amplitudes: Array, crossings: Array, evidence: Evidence) -> None:
    where, error = crossings.T
    evidence.check(
        "crossing, errors", "the largest relative error of the bandwidth at which both divergences are equal, from the "
        "last secant step and from coarser nodes", (error / where).max(), 0.0, CROSSING_TOLERANCE, one_sided=True,
        crossings=where.tolist(), errors=error.tolist(),
    )  # fmt: skip
    evidence.check(
        "crossing, order", "the largest quotient of successive crossings as the amplitude grows",
        (where[1:] / where[:-1]).max(), 1.0, Tolerance(float((error[1:] / where[1:] + error[:-1] / where[:-1]).max()),
        "the errors of both crossings, estimated from coarser nodes and the last secant step"), one_sided=True,
    )  # fmt: skip
    evidence.check(
        "crossing, whole range", "the crossing at the largest amplitude over that at the smallest: more waves, earlier",
        where[-1] / where[0], 1.0, SELECTED_TOLERANCE, one_sided=True,
    )  # fmt: skip
    reach = np.array([Candidate("", a).reach for a in amplitudes.tolist()])
    quotient = where / reach
    evidence.observe(
        "crossing over the reach", "bandwidth of the crossing over the reach of the wavy circle, mean over amplitudes",
        quotient.mean(), 1.0, "the bandwidth from which the wavy circle is not selected grows with its reach",
        least=float(quotient.min()), largest=float(quotient.max()),
    )  # fmt: skip
    evidence.observe(
        "crossing, exponent", "log-log slope of the bandwidth of the crossing in the amplitude",
        np.polyfit(np.log(amplitudes), np.log(where), 1)[0], -1.0,
        "the reach goes like 1/64 A for A >> 1/64; no power law: it drops near A = 0.09 and levels off beyond 0.13",
    )  # fmt: skip


def draw(data: dict[str, Array]) -> object:
    from .figures_tails import selection

    return selection(data)


CLAIM = Claim(
    name="fphdp-theorem-4.1",
    title="Which manifold a kernel selects",
    statement="With data off M, |Δ_i| ≤ |ζ|(|Π(Y) - π(x_i)|²/τ + 2Δ_M), which adds KΔ_M/σ_ε² to the bound of "
    "D_q(p̂^k‖p̂^{k^M}). For points on a wavy circle the measured D_1 selects the wavy circle at small and the base "
    "circle at large bandwidths.",
    hypothesis="The links hold for any kernel and any data; the theorem needs K_max < τ/96. 32 points on the circle "
    "with eight waves, Brownian noise, Gaussian kernels.",
    source="Farghly et al., Diffusion models and the manifold hypothesis, arXiv:2510.02305, Theorem 4.1.",
    measure=measure,
    draw=draw,
)
