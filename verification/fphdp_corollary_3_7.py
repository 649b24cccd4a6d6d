"""Claim: under the smoothed density the distance to M_eps has Gaussian tails at the rate of the unsmoothed one.

-log P(dist >= r) grows like r^2/2 sigma_eps^2 + O(kappa r/sigma_eps), kappa = m sigma^2/(sigma_eps R), sigma the
bandwidth; the ridge moves inwards to the minimum of r(x)^2 = E dist(Y, M)^2, by sigma^2/2 times the mean curvature.
A kernel density estimate, which smooths p instead of log p, has the rate of sigma_eps^2 + sigma^2.

Hypothesis: M without boundary, normal smoothing small: kappa << 1.
Source: Corollary 3.7 of Farghly et al., arXiv:2510.02305.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import manifold_scores as ms

from .circle_smoothing import CircleSmoothing
from .radial_laws import Shell, Smoothed, Tail, chi_tail, level_squared, panels, shells
from .rates import Array
from .record import Claim, Evidence, Oracle, Tolerance

#: size -> (nodes of a panel, bandwidths for the ridge, angles of a random cloud, kappas outside)
SIZES = {"quick": (4, 3, 0, 4), "default": (4, 6, 160, 9), "full": (8, 12, 512, 17)}

#: sigma_eps^2, and the bandwidth over sigma_eps: the KDE has (1 + 4) sigma_eps^2.
VARIANCE, RATIO = 4e-4, 2.0
#: u = r^2/2v at which rates are fitted, v the variance that the tail should have; panels go on to the last.
WINDOW, LAST, CLOUD_LAST = (2.0, 30.0), 60.0, 45.0
RIDGE_VARIANCE, RIDGE_BANDWIDTHS = 1e-4, (0.004, 0.03)
EQUISPACED, RANDOM = 64, 100
ELLIPSE, ELLIPSE_BANDWIDTH = (2.0, 1.0), 0.02

RESOLUTION_TOLERANCE = Tolerance(
    1e-4, "four nodes on panels over which the exponent changes by at most 1.5 + 2 kappa: remainder of Gauss-Legendre"
)
PACKAGE_TOLERANCE = Tolerance(1e-9, "the relative tolerance of the package's quadrature, of values up to a few hundred")
SLOPE_TOLERANCE = Tolerance(
    0.004, "the next order is 7 sigma^2/4R^2 and at most 2 (sphere): 1.8e-3 at sigma = 0.03, a slope of twice that"
)
CONSTANT_TOLERANCE = Tolerance(
    6e-4, "2 sigma^2/R^2 = 3e-5 at sigma = 0.004, R >= 0.89, and 2 (m + 1) sigma_eps^2/R^2 <= 6e-4 from the density"
)
ELLIPSE_TOLERANCE = Tolerance(
    0.02,
    "the next order is (sigma^2 + sigma_eps^2) times squares of curvature (<= 4) and of its rates (<= 6), 7/4 of them",
)


def rate(u: Array, log_probability: Array, codimension: int, share: float = 1.0) -> float:
    """Return the fitted d(-log P)/du, corrected for the prefactor of a normal tail with the rate `share`."""
    scaled = share * u
    window = (WINDOW[0] <= scaled) & (scaled <= WINDOW[1])
    excess = -log_probability[window] + chi_tail(codimension, scaled[window])
    return share + float(np.polyfit(u[window], excess, 1)[0])


def allowed(kappa: float, m: int, relative: float, scale: float = 1.0) -> Tolerance:
    """Return what a tilt e^{kappa v/2 sigma_eps} and the volume may do to a rate; relative = sigma^2/R^2 + m v/R^2."""
    tilt = kappa / (np.sqrt(2.0) * sum(map(np.sqrt, WINDOW)))
    return Tolerance(
        scale * (tilt + m * relative) + 1e-5,
        "log cosh of the tilt kappa sqrt(u/2) grows by at most kappa/(sqrt 2 (sqrt u1 + sqrt u2)) per u; curvature of "
        "r(x)^2 and volume (1 + v/R)^{m/2} of both sides change the rate by m (sigma^2 + sigma_eps^2)/R^2",
    )


def measure(size: str, noised: Oracle, evidence: Evidence) -> None:
    nodes, bandwidths, angles, count = SIZES[size]
    h = RATIO * np.sqrt(VARIANCE)
    evidence.parameters |= {
        "sigma_eps^2": VARIANCE, "bandwidth": h, "window of u": WINDOW, "R": 1.0, "random points": RANDOM,
        "equispaced points": EQUISPACED, "ridge: sigma_eps^2, bandwidths": (RIDGE_VARIANCE, RIDGE_BANDWIDTHS),
    }  # fmt: skip
    names, curves = [], []
    for shell in shells(VARIANCE):
        names.append(shell.name)
        curves.append(_shell(shell, h, nodes, noised, evidence))
    for name, turns in _clouds()[: 1 if size == "quick" else 2]:
        names.append(name)
        curves.append(_cloud(name, turns, h, nodes, angles, noised, evidence))
    ridges = _ridges(bandwidths, noised, evidence)
    _ellipse(1 if size == "quick" else 3, noised, evidence)
    kappas = np.geomspace(0.04, 4.0, count)
    rates = np.array([_outside(kappa, nodes, noised, evidence) for kappa in kappas])
    evidence.data |= {
        "names": np.array(names), "tails": np.array(curves), "kappas": kappas, "rates": rates,
        "share": np.array(1.0 / (1.0 + RATIO**2)), "window": np.array(WINDOW),
    } | ridges  # fmt: skip


def _shell(shell: Shell, h: float, nodes: int, noised: Oracle, evidence: Evidence) -> Array:
    """Rates for a uniform law; returns u and -log P: unsmoothed, smoothed, and by the law of r(x)^2 (codimension 1)."""
    s, radius, m = shell.variance, shell.radius, shell.m
    found, laws = [], []
    for count in (nodes, nodes + 2):
        tail = Tail(shell, s, LAST, count)
        smoothed = Smoothed(shell, noised, h, float(tail.r[-1]))
        plain = smoothed.oracle.log_density(shell.place(tail.rho, tail.z), shell.t)
        values = [plain, smoothed.log_density(tail.rho, tail.z)]
        if tail.codimension == 1:
            square = level_squared(shell.k, tail.rho, h, radius)
            values.append(plain - (square - (tail.rho - radius) ** 2) / (2.0 * s))
        laws = [tail.log_probability(value) for value in values]
        u = tail.r[:-1] ** 2 / (2.0 * s)
        found.append([rate(u, law, tail.codimension) for law in laws[:2]])
    kappa, small = m * h * h / (np.sqrt(s) * radius), (h * h + s) / radius**2
    where = {"kappa": kappa, "sigma_eps": float(np.sqrt(s)), "bandwidth": h, "radius": radius}
    codimension = shell.d - m
    evidence.check(
        f"resolution, {shell.name}", "the smoothed rate with two nodes fewer in every panel less that with all",
        found[0][1] - found[1][1], 0.0, RESOLUTION_TOLERANCE,
    )  # fmt: skip
    for text, value, tilt, relative in (
        ("unsmoothed", found[1][0], 0.0, s / radius**2), ("smoothed", found[1][1], kappa, small),
    ):  # fmt: skip
        evidence.check(
            f"rate, {text}, {shell.name}", "fitted slope of -log P(dist ≥ r) against r²/2σ_ε², corrected for the "
            "prefactor of the normal law on R^codimension", value, 1.0, allowed(tilt, m, relative),
            codimension=codimension, **where,
        )  # fmt: skip
    if codimension == 1:
        last = float(np.sqrt(2.0 * s * WINDOW[1]))
        window = u <= WINDOW[1]
        evidence.check(
            f"law of r(x)², {shell.name}", "log P against that of p(x) exp(-(r(x)² - dist²)/2σ_ε²), the "
            "largest difference for r²/2σ_ε² ≤ 30; r(x)² in closed form", np.abs(laws[1] - laws[2])[window].max(), 0.0,
            Tolerance(
                (m * (m - 1) + 10.0 * s / radius**2) * h * h * last / radius**3,
                "the rest of log p is -(m/2) log |x| + O(s/|x|R), harmonic in the plane: its average changes along v "
                "by m (m-1) sigma^2 v/R^3 and by the same of the next term, v the end of the window",
            ), one_sided=True, **where,
        )  # fmt: skip
    if shell.clock.process.__class__ is ms.BrownianMotion:
        share = s / (s + h * h)
        tail = Tail(shell, s / share, LAST, nodes + 2)
        law = tail.log_probability(smoothed.oracle.log_density(shell.place(tail.rho, tail.z), s / share))
        evidence.data[f"kde_{shell.k}_{shell.d}"] = np.array([tail.r[:-1] ** 2 / (2.0 * s), -law])
        evidence.check(
            f"rate of the KDE, {shell.name}", "the same slope for the kernel density estimate with the same bandwidth",
            rate(tail.r[:-1] ** 2 / (2.0 * s), law, codimension, share), share,
            allowed(0.0, m, s / share / radius**2, share), **where,
        )  # fmt: skip
    rows = [u, -laws[0], -laws[1], -laws[2] if codimension == 1 else np.full_like(u, np.nan)]
    return np.array([*rows, np.full_like(u, codimension)])


def _clouds() -> list[tuple[str, Array]]:
    rng = np.random.default_rng([2510, 2305, 37])
    steps = rng.permutation((np.arange(RANDOM) + 0.5) / RANDOM)  # gaps of an exponential law by its quantiles, shuffled
    gaps = -np.log1p(-steps)
    return [
        (f"{EQUISPACED} equispaced points", 2.0 * np.pi * np.arange(EQUISPACED) / EQUISPACED),
        (f"{RANDOM} random points", 2.0 * np.pi * np.cumsum(gaps) / gaps.sum()),
    ]


def _cloud(
    name: str, turns: Array, h: float, nodes: int, angles: int, noised: Oracle, evidence: Evidence
) -> Array:  # fmt: skip
    """Rates for points on the circle: log-densities by Fourier series, which the package is compared with."""
    shell = Shell(name, 2, 2, shells(VARIANCE)[0].clock, VARIANCE)
    series = CircleSmoothing(turns, 1.0, VARIANCE, h)
    low, high = series.sector
    if name.startswith(str(EQUISPACED)):
        phi, weights = panels(low, high, high - low, 12)
    else:
        phi, weights = low + (high - low) * np.arange(angles) / angles, np.ones(angles)
    tail = Tail(shell, VARIANCE, CLOUD_LAST, nodes, 10)
    radii = np.unique(tail.rho)
    order = np.searchsorted(radii, tail.rho)
    smoothed = series.log_smoothed(radii, phi)
    laws = []
    for value in (series.log_density(radii, phi), smoothed):
        top = value.max()
        laws.append(tail.log_probability(np.log(np.exp(value - top) @ weights)[order]))
    u = tail.r[:-1] ** 2 / (2.0 * VARIANCE)
    points = np.stack([np.cos(turns), np.sin(turns)], axis=1)
    model = noised(ms.PointCloud(points), shell.clock.process)
    row, column = np.array([len(radii) // 3, (2 * len(radii)) // 3]), np.array([2, len(phi) // 2])
    x = radii[row, None] * np.stack([np.cos(phi[column]), np.sin(phi[column])], axis=1)
    package, by_hand = ms.SmoothedScore(model, ms.GaussianKernel(h)).log_density(x, VARIANCE), smoothed[row, column]
    evidence.check(
        f"SmoothedScore, {name}", "log_density of the package against Fourier series by hand, relatively, at two x",
        (np.abs(package - by_hand) / np.maximum(1.0, np.abs(by_hand))).max(), 0.0, PACKAGE_TOLERANCE, one_sided=True,
    )  # fmt: skip
    delta = 0.5 * float(np.diff(np.append(np.sort(turns), turns.min() + 2.0 * np.pi)).max())
    for text, law, tilt in (("unsmoothed", laws[0], 0.0), ("smoothed", laws[1], h * h)):
        kappa = (tilt + delta**2) / np.sqrt(VARIANCE)
        evidence.check(
            f"rate, {text}, {name}", "fitted slope of -log P(dist ≥ r) against r²/2σ_ε², corrected for the prefactor",
            rate(u, law, 1), 1.0, allowed(kappa, 1, tilt + VARIANCE), kappa=kappa, covering_radius=delta,
        )  # fmt: skip
    return _resampled(u, -laws[0], -laws[1])


def _resampled(u: Array, *curves: Array) -> Array:
    """Return curves at the radii of the other laws, so that all are one array."""
    fine = LAST * np.linspace(0.0, 1.0, 29)[:-1] ** 2
    rows = [np.where(fine <= u[-1], np.interp(fine, u, curve), np.nan) for curve in curves]
    return np.array([fine, *rows, np.full_like(fine, np.nan), np.ones_like(fine)])


def _ridges(count: int, noised: Oracle, evidence: Evidence) -> dict[str, Any]:
    """The zero of the radial score, and how far a kernel moves it."""
    from scipy.optimize import brentq

    widths = np.geomspace(*RIDGE_BANDWIDTHS, count)
    shifts = []
    for shell in shells(RIDGE_VARIANCE):
        oracle, radius = shell.oracle(noised), shell.radius
        ends = (0.99 * radius, 1.01 * radius)
        start = brentq(shell.radial_score, *ends, (oracle, shell.t), xtol=1e-15)
        moved = [
            brentq(Smoothed(shell, noised, h, 0.01 * radius).radial_score(), *ends, xtol=1e-15) for h in widths
        ]  # fmt: skip
        shift = start - np.array(moved)
        shifts.append(2.0 * radius * shift / (shell.m * widths**2))
        slope = np.polyfit(np.log(widths), np.log(shift), 1)[0]
        evidence.check(
            f"ridge, slope, {shell.name}", "log-log slope of the shift of the ridge towards the centre in σ", slope,
            2.0, SLOPE_TOLERANCE,
        )  # fmt: skip
        evidence.check(
            f"ridge, constant, {shell.name}", "the shift over m σ²/2R, at the least σ", shifts[-1][0], 1.0,
            CONSTANT_TOLERANCE, radius=radius, m=shell.m,
        )  # fmt: skip
        if shell.clock.process.__class__ is ms.BrownianMotion:
            wide = RIDGE_VARIANCE + widths[-1] ** 2
            kde = brentq(shell.radial_score, *ends, (oracle, wide), xtol=1e-15)
            evidence.observe(
                f"ridge of the KDE, {shell.name}", "its shift over m σ²/2R at the largest σ",
                2.0 * radius * (start - kde) / (shell.m * widths[-1] ** 2), 1.0,
                "dense data: the ridge of p itself is at -m σ_ε²/2R, so the KDE's moves as far; its tails differ",
            )  # fmt: skip
    return {"bandwidths": widths, "shifts": np.array(shifts)}


def _ellipse(places: int, noised: Oracle, evidence: Evidence) -> None:
    """The ridge of a smoothed ellipse: -sigma^2/2 times the curvature, at vertices and between."""
    from scipy.optimize import brentq

    from .quadrature import normal_rule

    a, b = ELLIPSE
    oracle = noised(ms.Ellipse(a, b).uniform(), ms.BrownianMotion())
    xi, weights = normal_rule(14, 2)
    for name, u in (("vertex", 0.0), ("between", 0.7), ("co-vertex", 0.5 * np.pi))[:places]:
        foot, velocity = np.array([a * np.cos(u), b * np.sin(u)]), np.array([-a * np.sin(u), b * np.cos(u)])
        speed = float(np.linalg.norm(velocity))
        inward = np.array([-velocity[1], velocity[0]]) / speed
        curvature = a * b / speed**3

        def pull(v: float, h: float, foot: Array = foot, inward: Array = inward) -> float:
            return float(weights @ oracle.score(foot + v * inward + h * xi, RIDGE_VARIANCE) @ inward)

        expected = 0.5 * curvature * ELLIPSE_BANDWIDTH**2
        ends = (-2.0 * expected, 3.0 * expected)
        start, moved = (brentq(pull, *ends, args=(h,), xtol=1e-9) for h in (0.0, ELLIPSE_BANDWIDTH))
        evidence.check(
            f"ridge, ellipse 2 × 1, {name}", "the shift of the ridge inwards over κσ²/2", (moved - start) / expected,
            1.0, ELLIPSE_TOLERANCE, curvature=curvature, bandwidth=ELLIPSE_BANDWIDTH,
        )  # fmt: skip


def _outside(kappa: float, nodes: int, noised: Oracle, evidence: Evidence) -> list[float]:
    """Return the rate for a larger bandwidth, and that of the KDE."""
    shell = shells(VARIANCE)[0]
    h = float(np.sqrt(kappa * np.sqrt(VARIANCE)))
    tail = Tail(shell, VARIANCE, LAST, nodes)
    smoothed = Smoothed(shell, noised, h, float(tail.r[-1]))
    u = tail.r[:-1] ** 2 / (2.0 * VARIANCE)
    found = rate(u, tail.log_probability(smoothed.log_density(tail.rho, tail.z)), 1)
    if kappa > 0.3:
        evidence.observe(
            f"rate, κ = {kappa:.2g}", "slope of -log P(dist ≥ r) where σ² is not small against σ_ε R", found, 1.0,
            "the ridge is κσ_ε/2 off the circle, r no longer the distance to where the mass is", bandwidth=h,
        )  # fmt: skip
    return [found, VARIANCE / (VARIANCE + h * h)]


def draw(data: dict[str, Array]) -> object:
    from .figures_tails import tails

    return tails(data)


CLAIM = Claim(
    name="fphdp-corollary-3.7",
    title="Smoothed densities keep their Gaussian tails",
    statement="Under p̂^k_ε, -log P(dist(x, M_ε) ≥ r) grows like r²/2σ_ε², as it does without smoothing, up to a tilt "
    "κ = mσ²/σ_εR; log P is that of the law exp(-r(x)²/2σ_ε²); the ridge moves to the minimum of r(x)², by mσ²/2R on a "
    "sphere and κσ²/2 on a curve. A KDE with the same bandwidth has the rate σ_ε²/(σ_ε² + σ²).",
    hypothesis="M closed, σ² ≪ σ_ε R; uniform laws, dense points.",
    source="Farghly et al., Diffusion models and the manifold hypothesis, arXiv:2510.02305, Corollary 3.7.",
    measure=measure,
    draw=draw,
)
