"""Claim: LSE(r+e) - LSE(r) = integral over 0 < u < 1 of Sum_i e_i softmax_i(r+u e) du, which lies in [min e, max e].

Hypothesis: none; r and e are any vectors of R^N.
Source: Lemma D.1 of Farghly et al., arXiv:2510.02305; the Gibbs inequality (proof of Theorem 3.6).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .by_hand import EPS, log_sum_exp, softmax
from .line_integrals import crossings, integrate, panels
from .rates import Array, slopes
from .record import Claim, Evidence, Oracle, Tolerance

#: size -> (pairs of vectors, of them in 50 digits, spectra, clouds)
SIZES = {"quick": (150, 10, 500, 12), "default": (1500, 60, 10_000, 100), "full": (20_000, 400, 200_000, 1000)}

KINDS = ("normal", "heavy tails", "ties", "parabola")
LARGEST, LARGEST_PARABOLA = 1000, 40
LEVELS = (2, 3, 10, 100, 1000, 100_000)

IDENTITY_TOLERANCE = Tolerance(
    16.0,
    "a unit is eps max|e| (1 + number of steps) + the gap of the two rules + rounding of the integrand: rounding of "
    "two sums over N <= 1000 (pairwise: 2 * 10/2 eps), of exponentials and of the logarithm, 4 more",
)
QUADRATURE_TOLERANCE = Tolerance(
    1e-13, "a hundred panels, each good to 1e-15 (max e - min e): an identity in 13 digits"
)
INTERVAL_TOLERANCE = Tolerance(16.0, "the interval holds exactly; units and rounding as for the identity")
DIGITS_TOLERANCE = Tolerance(
    16.0, "rounding of a sum over N <= 1000, an exponential and a logarithm, eps max|e| the unit"
)
SHIFT_TOLERANCE = Tolerance(4.0, "r + c is rounded once, and log-sum-exp subtracts and adds the maximum: two more")
SLOPE_TOLERANCE = Tolerance(
    1e-3, "1 - (LSE(r+e) - LSE(r)) = (1 - 1/e) e^-G (1 + O(e^-G)): 1e-4 at G = 10, on a slope of 1"
)
GIBBS_TOLERANCE = Tolerance(1e-12, "the inequality holds exactly; sums over N <= 100000 lose 1e-14")


def difference(r: Array, e: Array) -> float:
    """Return LSE(r+e) - LSE(r), good to a few eps max|e| even where |r| is huge."""
    floor = float(e.min())
    rise, level = e - floor, r - r.max()
    if rise.max() < 1.0:
        return floor + float(np.log1p(softmax(level) @ np.expm1(rise)))
    return floor + float(log_sum_exp(level - log_sum_exp(level) + rise))


def integral(r: Array, e: Array) -> tuple[float, float]:
    """Return the integral of Sum_i e_i softmax_i(r+u e) over 0 < u < 1, and its error, quadrature and rounding."""
    floor = float(e.min())
    rise, level = e - floor, r - r.max()
    top = float(rise.max())

    def mean(u: Array) -> tuple[Array, Array]:
        found = softmax(level + u[:, None] * rise) @ rise
        return found, np.full_like(found, EPS * top)

    value, gap, rounding = integrate(mean, panels(level, rise), top)
    return floor + value, gap + rounding


def draw_pair(index: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return r and e of sizes 1e-8 to 1e8, N up to 1000."""
    kind = KINDS[index % len(KINDS)]
    largest = LARGEST_PARABOLA if kind == "parabola" else LARGEST
    n = int(np.exp(rng.uniform(np.log(2.0), np.log(largest + 1.0))))
    sizes = 10.0 ** rng.uniform(-8.0, 8.0, 2)
    if kind == "normal":
        draws = rng.standard_normal((2, n))
    elif kind == "heavy tails":
        draws = rng.standard_t(1.0, (2, n))
    elif kind == "ties":
        draws = rng.integers(-2, 3, (2, n)).astype(float)
        draws[1, 0] += 0.5  # not all the same
    else:  # the tangents of a parabola: every line of the envelope has its turn
        places = np.linspace(0.0, 1.0, n)
        draws = np.stack([-0.5 * places**2, places])
        sizes[1] = sizes[0]
    return sizes[0] * draws[0], sizes[1] * draws[1]


def measure(size: str, noised: Oracle, evidence: Evidence) -> None:
    from . import lse_clouds

    pairs, digits, spectra, clouds = SIZES[size]
    evidence.parameters |= {
        "pairs": pairs, "kinds": list(KINDS), "largest N": LARGEST, "sizes": [1e-8, 1e8], "spectra": spectra,
        "clouds": clouds,
    }  # fmt: skip
    rng = np.random.default_rng([2510, 2305, 41])
    drawn = [draw_pair(index, rng) for index in range(pairs)]
    _identity(drawn, evidence)
    _digits(drawn[:: max(1, pairs // digits)], evidence)
    _shift(drawn, rng, evidence)
    _sharp(evidence)
    _gibbs(spectra, rng, evidence)
    lse_clouds.measure(clouds, noised, evidence)


def _identity(drawn: list[tuple[Array, Array]], evidence: Evidence) -> None:
    rows = []
    for r, e in drawn:
        left = difference(r, e)
        right, error = integral(r, e)
        largest = float(np.abs(e).max())
        unit = EPS * largest * (1 + len(crossings(r - r.max(), e - e.min())))
        excess = max(left - e.max(), e.min() - left, right - e.max(), e.min() - right)
        place = (left - e.min()) / np.ptp(e)
        rows.append(
            [abs(left - right) / (unit + error), excess / unit, error / largest, place, largest, np.abs(r).max()]
        )
    table = np.array(rows)
    evidence.check(
        "identity", "|LSE(r+ε) - LSE(r) - ∫ Σ ε_i softmax_i(r+uε) du|, worst pair in units of rounding and quadrature",
        table[:, 0].max(), 0.0, IDENTITY_TOLERANCE, one_sided=True, median=float(np.median(table[:, 0])),
    )  # fmt: skip
    evidence.check(
        "quadrature", "error of the integral, quadrature and rounding, over max|ε|; worst pair", table[:, 2].max(), 0.0,
        QUADRATURE_TOLERANCE, one_sided=True,
    )  # fmt: skip
    evidence.check(
        "interval", "excess of LSE(r+ε) - LSE(r), and of the integral, over [min ε, max ε], the worst pair in units of "
        "eps max|ε| (negative: inside)", table[:, 1].max(), 0.0, INTERVAL_TOLERANCE, one_sided=True,
    )  # fmt: skip
    evidence.data |= {"pairs": table, "identity_tolerance": np.array(IDENTITY_TOLERANCE.value)}


def _digits(drawn: list[tuple[Array, Array]], evidence: Evidence) -> None:
    """The left side once more, in 50 digits."""
    import mpmath as mp

    worst = 0.0
    with mp.workdps(50):
        for r, e in drawn:
            gap = abs(_exact(mp, r, e) - _exact(mp, r) - difference(r, e))
            worst = max(worst, float(gap) / (EPS * float(np.abs(e).max())))
    evidence.check(
        "fifty digits", "|LSE(r+ε) - LSE(r)| in float64 against 50 digits, the worst pair in units of eps max|ε|",
        worst, 0.0, DIGITS_TOLERANCE, one_sided=True, pairs=len(drawn),
    )  # fmt: skip


def _exact(mp: Any, *vectors: Array) -> Any:
    total = [mp.fsum(map(mp.mpf, entries)) for entries in zip(*(v.tolist() for v in vectors), strict=True)]
    top = max(total)
    return top + mp.log(mp.fsum(mp.exp(entry - top) for entry in total))


def _shift(drawn: list[tuple[Array, Array]], rng: np.random.Generator, evidence: Evidence) -> None:
    worst = 0.0
    for r, _ in drawn:
        c = 10.0 ** rng.uniform(-8.0, 8.0) * rng.choice([-1.0, 1.0])
        gap = abs(float(log_sum_exp(r + c)) - (float(log_sum_exp(r)) + c))
        worst = max(worst, gap / (EPS * (abs(c) + float(np.abs(r).max()) + np.log(len(r)))))
    evidence.check(
        "common shift", "|LSE(r+c) - LSE(r) - c|, the worst pair in units of eps (|c| + max|r| + log N)", worst, 0.0,
        SHIFT_TOLERANCE, one_sided=True,
    )  # fmt: skip


def _sharp(evidence: Evidence) -> None:
    """Both ends of the interval are attained: by constant e, and in the limit where one r_i is far above all others."""
    rng = np.random.default_rng([2510, 2305, 42])
    constant = [
        (size * rng.standard_normal(20), np.full(20, c)) for size in (1e-8, 1.0, 1e8) for c in (-3e8, 1e-8, 0.7)
    ]
    worst = max(abs(difference(r, e) - e[0]) / (EPS * abs(e[0])) for r, e in constant)
    evidence.check(
        "equality, constant ε", "|LSE(r+c) - LSE(r) - c| in units of eps |c|", worst, 0.0, DIGITS_TOLERANCE,
        one_sided=True,
    )  # fmt: skip
    gaps = np.linspace(10.0, 24.0, 15)
    for name, e in (("max", np.array([1.0, 0.0])), ("min", np.array([-1.0, 0.0]))):
        left = np.array([abs(e[0] - difference(np.array([0.0, -gap]), e)) for gap in gaps])
        slope = float(slopes(np.exp(gaps), left[:, None])[0])
        evidence.check(
            f"{name} ε attained in the limit", "slope of log|ε_1 - (LSE(r+ε) - LSE(r))| in G, r = (0, -G), ε = (±1, 0)",
            slope, -1.0, SLOPE_TOLERANCE,
        )  # fmt: skip


def _gibbs(count: int, rng: np.random.Generator, evidence: Evidence) -> None:
    """The mean energy against the least one; with n levels the excess over T is at most W((n-1)/e).

    For a given weight p of the lowest level Sum p_i log(p/p_i) is largest where the others are equal; the best p is
    that of E/T = 1 + W((n-1)/e), W Lambert's function.
    """
    from scipy.special import lambertw

    ratios, sharp, counts = [], [], []
    for index in range(count):
        n = int(np.exp(rng.uniform(np.log(2.0), np.log(LARGEST + 1.0))))
        temperature, best = 10.0 ** rng.uniform(-8.0, 8.0), float(lambertw((n - 1) / np.e).real)
        if index % 2:
            energies = temperature * (1.0 + best) * rng.uniform(0.5, 1.5) * rng.uniform(0.9, 1.1, n)
            energies[0] = 0.0
        else:
            energies = 10.0 ** rng.uniform(-8.0, 8.0) * rng.standard_t(2.0, n)
        ratio = _excess(energies, temperature)
        ratios.append(ratio / np.log(n))
        sharp.append(ratio / best)
        counts.append(n)
    evidence.check(
        "Gibbs inequality", "the largest of (Σ softmax_i(-E/T) E_i - min E)/(T log N)", max(ratios), 1.0,
        GIBBS_TOLERANCE, one_sided=True, at_N=counts[int(np.argmax(ratios))],
    )  # fmt: skip
    evidence.check(
        "Gibbs inequality, sharp", "the largest of (Σ softmax_i(-E/T) E_i - min E)/(T W((N-1)/e)), W of Lambert",
        max(sharp), 1.0, GIBBS_TOLERANCE, one_sided=True,
    )  # fmt: skip
    tight = []
    for n in LEVELS:
        best = float(lambertw((n - 1) / np.e).real)
        tight.append(_excess(np.append(0.0, np.full(n - 1, 1.0 + best)), 1.0) / best)
    evidence.check(
        "Gibbs inequality, attained", "the same for one level at 0 and N - 1 at T (1 + W((N-1)/e)), the worst of "
        f"N = {', '.join(map(str, LEVELS))}", tight[int(np.abs(np.array(tight) - 1.0).argmax())], 1.0, GIBBS_TOLERANCE,
        ratio_to_log_N=[float(value * lambertw((n - 1) / np.e).real / np.log(n))
                        for value, n in zip(tight, LEVELS, strict=True)],
    )  # fmt: skip
    shown = slice(0, 4000)
    evidence.data |= {"gibbs_n": np.array(counts[shown]), "gibbs": np.array(ratios[shown])}


def _excess(energies: Array, temperature: float) -> float:
    """Return (Sum_i softmax_i(-E/T) E_i - min E)/T."""
    above = (energies - energies.min()) / temperature
    return float(softmax(-above) @ above)


def draw(data: dict[str, Array]) -> object:
    from .figures_smoothing import stability

    return stability(data)


CLAIM = Claim(
    name="lse-stability",
    title="Stability of log-sum-exp",
    statement="LSE(r+ε) - LSE(r) = ∫₀¹ Σ_i ε_i softmax_i(r+uε) du ∈ [min ε, max ε], LSE(r+c) = LSE(r) + c, and "
    "Σ_i softmax_i(-E/T) E_i ≤ min E + T log N; the ends are attained, and the sharp constant is W((N-1)/e) for log N.",
    hypothesis="None: any vectors. For noised point clouds they are the logits at two points x and x+v.",
    source="Farghly et al., Diffusion models and the manifold hypothesis, arXiv:2510.02305, Lemma D.1 and the proof of "
    "Theorem 3.6.",
    measure=measure,
    draw=draw,
)
