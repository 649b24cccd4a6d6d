"""Claim: the exact identities of noised measures hold for every measure and every process, up to rounding.

Hypothesis: none beyond a probability measure and a linear noising process.
Source: the change of variables z = x/alpha, s = sigma^2/alpha^2 (Tweedie; Kamkari et al. 2024 for the local dimension).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from . import identities_between, identities_pointwise
from .clocks import Clock, all_clocks
from .laws import Array, Law, laws
from .record import Claim, Evidence, Oracle, Tolerance
from .rounding import Probes, draw_probes

#: size -> points per law and process
SIZES = {"quick": 8, "default": 100, "full": 1000}

#: Smallest s: for algebra far below every length; differences of log p_t need s/reach^2 well above rounding.
EARLIEST, EARLIEST_DIFFERENCE = 1e-8, 2e-3

UNITS_TOLERANCE = Tolerance(
    1.0, "the deviation may reach its bound: 100 eps (1 + kappa), kappa by Cauchy-Schwarz, plus the truncation estimate"
)
SHARPNESS_TOLERANCE = Tolerance(
    1e-5, "a bound must be far below the terms compared, or it would hide a wrong identity, a fault of O(1)"
)
PROCESS_TOLERANCE = Tolerance(
    16.0, "each of alpha, sigma^2, s, drift and g^2 is a handful of operations, on both sides; 1/(1 - t) adds up to 4"
)
MASS_TOLERANCE = Tolerance(
    1e-11, "rounding of log p_t, 100 eps of at most 100; aliasing of the trapezoidal rule e^-40 and tails e^-40"
)
DIMENSION_TOLERANCE = Tolerance(
    5e-4, "at s = 1e-8 the remainder is O(sqrt(s)) = 1e-4 at a boundary, with a factor of at most 5; O(s) elsewhere"
)

#: An identity takes probes and returns (deviation, bound, size of the terms compared), each (n,).
Identity = Callable[[Probes], tuple[Array, Array, Array]]

STATEMENTS: dict[str, tuple[str, Identity, float]] = {
    "score is a gradient": ("⟨score, u⟩ = d/dh log p_t(x + h u)", identities_pointwise.gradient, EARLIEST_DIFFERENCE),
    "Jacobian": ("⟨v, J u⟩ = d/dh ⟨v, score(x + h u)⟩", identities_pointwise.jacobian, EARLIEST_DIFFERENCE),
    "Fokker-Planck": (
        "∂_t ℓ = ½g²(Δℓ + |∇ℓ|²) - (α'/α)(d + x·∇ℓ)", identities_pointwise.fokker_planck, EARLIEST_DIFFERENCE
    ),
    "local dimension, derivative": (
        "E_Q|y - z|²/s = 2s ∂_s log Z", identities_pointwise.dimension_derivative, EARLIEST_DIFFERENCE
    ),
    "local dimension, algebra": (
        "E_Q|y - z|²/s = d + σ²(Δℓ + |∇ℓ|²)", identities_pointwise.dimension_algebra, EARLIEST
    ),
    "Tweedie": ("score = (α f - x)/σ²", identities_pointwise.tweedie, EARLIEST),
    "noise": ("noise = -σ score", identities_pointwise.noise, EARLIEST),
    "covariance": ("J = (Cov/s - I)/σ², div score = tr J", identities_pointwise.covariance, EARLIEST),
    "convex hull": ("⟨u, f⟩ ≤ max over M of ⟨u, y⟩, for 40 random u", identities_pointwise.hull, EARLIEST),
    "equivariance": (
        "moving the law moves f, turns the score, keeps log p_t", identities_between.equivariance, EARLIEST
    ),
    "error transfer": (
        "Δscore = (α/σ²) Δf, Δnoise = -(α/σ) Δf between two laws", identities_between.error_transfer, EARLIEST
    ),
    "semigroup": ("noising for t, then t' (quadrature) = noising for t + t'", identities_between.semigroup, 0.1),
}  # fmt: skip


def measure(size: str, noised: Oracle, evidence: Evidence) -> None:
    n = SIZES[size]
    catalogue, clocks = laws(), all_clocks()
    evidence.parameters |= {
        "points per law and process": n, "laws": [law.name for law in catalogue], "processes": [c.name for c in clocks],
    }  # fmt: skip
    table = np.full((len(STATEMENTS) + 1, len(catalogue)), np.nan)
    sharpness = {}
    for row, (name, (statement, identity, earliest)) in enumerate(STATEMENTS.items()):
        worst, bluntest, where = 0.0, 0.0, "none"
        for column, law in enumerate(catalogue):
            for number, clock in enumerate(clocks):
                rng = np.random.default_rng([2301, row, column, number])
                units, blunt = _evaluate(identity, draw_probes(law, clock, noised, n, earliest, rng))
                if np.isnan(units):
                    continue
                table[row, column] = np.fmax(table[row, column], units)
                bluntest = max(bluntest, blunt)
                if units > worst:
                    worst, where = units, f"{law.name}, {clock.name}"
        sharpness[name] = bluntest
        evidence.check(
            name, f"{statement}; largest deviation in units of its bound, over all laws and processes", worst, 0.0,
            UNITS_TOLERANCE, one_sided=True, worst=where, largest_bound_relative_to_terms=bluntest, smallest_s=earliest,
        )  # fmt: skip
    bluntest = max(sharpness, key=sharpness.__getitem__)
    evidence.check(
        "sharpness of the bounds", "largest bound relative to the terms compared, over all identities",
        sharpness[bluntest], 0.0, SHARPNESS_TOLERANCE, one_sided=True, worst=bluntest,
    )  # fmt: skip
    table[-1, :] = identities_between.closed_semigroups(noised, catalogue, evidence, n, UNITS_TOLERANCE)
    _masses(catalogue, clocks, noised, evidence)
    _processes(clocks, noised, evidence)
    _limits(catalogue, noised, evidence)
    evidence.data |= {
        "identities": np.array([*STATEMENTS, "semigroup, closed form"]),
        "laws": np.array([law.name for law in catalogue]), "units": table,
    }  # fmt: skip


def _evaluate(identity: Identity, probes: Probes) -> tuple[float, float]:
    """Return the largest deviation/bound and the largest bound/terms; infinity where a number is not finite."""
    deviation, bound, terms = identity(probes)
    if deviation.size == 0:
        return float("nan"), 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        units, blunt = deviation / bound, bound / terms
    return float(np.nan_to_num(units, nan=np.inf).max()), float(np.nan_to_num(blunt, nan=np.inf).max())


def _masses(catalogue: list[Law], clocks: list[Clock], noised: Oracle, evidence: Evidence) -> None:
    """The integral of p_t at s = 1, by the trapezoidal rule, spectrally accurate on mixtures of N(., sigma^2)."""
    found = {
        f"{law.name}, {clock.name}": identities_between.mass(law, clock, noised)
        for law in catalogue if law.measure.ambient_dimension <= 3
        for clock in clocks
    }  # fmt: skip
    worst = max(found, key=lambda name: np.nan_to_num(abs(found[name] - 1.0), nan=np.inf))
    evidence.check(
        "total mass", "∫ p_t(x) dx = 1 at s = 1, d ≤ 3, the worst of all laws and processes", found[worst], 1.0,
        MASS_TOLERANCE, worst=worst,
    )  # fmt: skip


def _processes(clocks: list[Clock], noised: Oracle, evidence: Evidence) -> None:
    """The process inside the oracle against the table of alpha, sigma^2, s, drift and g^2."""
    law = laws()[2].measure
    worst, where = 0.0, "none"
    for clock in clocks:
        process = noised(law, clock.process).process
        t = np.geomspace(1e-14, clock.latest, 200)
        x = np.stack([t, 1.0 + t], axis=1)
        pairs = {
            "signal scale": (process.signal_scale(t), clock.alpha(t)),
            "noise variance": (process.noise_variance(t), clock.sigma2(t)),
            "effective variance": (process.effective_variance(t), clock.variance(t)),
            "drift": (process.drift(x, t)[:, 1], clock.drift(t) * x[:, 1]),
            "diffusion": (process.diffusion(t) ** 2, clock.diffusion2(t)),
        }
        unit = np.finfo(float).eps * (1.0 + np.abs(np.log(clock.alpha(t))))  # the exponent carries a relative eps
        for name, (found, expected) in pairs.items():
            ratio = float(np.max(np.abs(found - expected) / (unit * np.where(expected == 0.0, 1.0, np.abs(expected)))))
            if not ratio <= worst:  # a NaN counts as infinite, and stays
                worst, where = float(np.nan_to_num(ratio, nan=np.inf)), f"{name}, {clock.name}"
    evidence.check(
        "process", "α, σ², s, drift and g² against the table, t from 1e-14; in units of eps (1 - log α)", worst, 0.0,
        PROCESS_TOLERANCE, one_sided=True, worst=where,
    )  # fmt: skip


def _limits(catalogue: list[Law], noised: Oracle, evidence: Evidence) -> None:
    """The local dimension tends to m on M, boundary points included, and grows like dist^2/s off M."""
    s = np.array([1e-8])
    on, off = [], []
    for law in catalogue:
        for clock in all_clocks():
            t = clock.time(s)
            model = noised(law.measure, clock.process)
            on.append(np.abs(model.local_dimension(clock.alpha(t) * law.on, t) - law.dimensions).max())
            if law.closest > 0.0:
                growth = model.local_dimension(clock.alpha(t) * law.off, t)[0] * s[0]
                off.append(abs(growth / law.closest**2 - 1.0))
    evidence.check(
        "local dimension on M", "|local dimension - m| at s = 1e-8, worst over points of M and its boundary",
        np.max(on), 0.0, DIMENSION_TOLERANCE, one_sided=True,
    )  # fmt: skip
    evidence.check(
        "local dimension off M", "|s (local dimension)/dist² - 1| at s = 1e-8, worst over all laws and processes",
        np.max(off), 0.0, DIMENSION_TOLERANCE, one_sided=True,
    )  # fmt: skip


def draw(data: dict[str, Array]) -> object:
    from .figures_identities import deviations

    return deviations(data)


CLAIM = Claim(
    name="identities",
    title="Identities of noised measures",
    statement="Fokker-Planck, the semigroup, Tweedie, score = ∇log p_t, its Jacobian, the convex hull, equivariance, "
    "the local dimension and the transfer of errors between targets hold for every measure and process up to rounding.",
    hypothesis="A probability measure on R^d and a linear noising process; nothing else.",
    source="Lu, Wang, Bal, arXiv:2301.07882 (targets and their weights); Kamkari et al., NeurIPS 2024 (local "
    "dimension); elementary calculus with z = x/α, s = σ²/α².",
    measure=measure,
    draw=draw,
)
