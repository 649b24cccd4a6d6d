"""The sweep that both claims on Renyi divergences look at: every case, with all that is measured there."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import renyi_grid, renyi_links
from .rates import Array
from .renyi_cases import Case, ellipse, lattice, limit, ring, scattered, wavy
from .renyi_grid import Grid
from .renyi_harmonics import BallLaw, GaussianLaw
from .renyi_links import Links
from .renyi_zonal import COARSE, FINE

#: Finite orders q, in ascending order.
ORDERS = (1.0, 1.1, 1.5, 2.0, 4.0)
NOISE, BANDWIDTH = 0.1, 0.03
#: Under the theorem's own hypotheses K_max < tau/96 and q <= 1 + tau/(96 K).
SMALL = 96.0
#: Points x, besides those of the extremes, at which the chain is looked at.
EXTRA = 1


@dataclass(frozen=True)
class Measured:
    """What was found in one case.

    Attributes
    ----------
    divergences : D_q for ORDERS, over all of the grid; `errors`, their relative change from a coarser quadrature.
    tube : the same for the laws restricted to the tube, then D_inf there; `tube_error` that of D_inf.
    oscillation : of Delta LSE in the tube.
    variances : E[(Delta - E Delta)^2] of Delta LSE and of its law, under p^{k^M}; `cumulants` of Delta LSE, 2 to 4.
    law_gap : E[(Delta - law)^2]^{1/2} over E[law^2]^{1/2}.
    highest, lowest, links : the chain at the largest and the smallest Delta LSE in the tube, and there and elsewhere.
    explicit : the largest gap of Delta LSE at these x between both ways to compute it, over the oscillation.
    """

    case: Case
    grid: Grid
    divergences: Array
    errors: Array
    tube: Array
    tube_error: float
    oscillation: float
    variances: tuple[float, float]
    cumulants: tuple[float, float, float]
    law_gap: float
    mass_error: float
    links: list[Links]
    explicit: float

    def order(self, q: float) -> float:
        return float(self.divergences[ORDERS.index(q)])

    @property
    def ratio(self) -> Array:
        """Divergences over the right-hand side of the theorem."""
        return np.asarray(self.divergences / self.case.right_side)

    @property
    def closed_form(self) -> float:
        """2^{3/2} (K/tau) [(1 + b) delta_N^2/2 sigma^2 + log N]/(1 - b), b the largest beta; NaN if b >= 1."""
        case = self.case
        if case.size is None:
            return math.nan
        beta = case.tube / case.reach + case.law.width / case.reach
        if beta >= 1.0:
            return math.nan
        inner = (1.0 + beta) * (case.gap / case.sigma) ** 2 / 2.0 + math.log(case.size)
        return 2.0**1.5 * case.deviation / case.reach * inner / (1.0 - beta)

    @property
    def within(self) -> Array:
        """Whether the hypotheses of the theorem hold, for ORDERS."""
        case = self.case
        bounded = isinstance(case.law, BallLaw) and case.law.width < case.reach / SMALL
        return bounded & (np.array(ORDERS) <= 1.0 + case.reach / (SMALL * case.deviation))


def measure_case(case: Case) -> Measured:
    """Return what is found in one case."""
    coarse, fine = case.grid(COARSE), case.grid(FINE)
    share = fine.shares()
    values, rough = (_divergences(grid, ORDERS) for grid in (fine, coarse))
    inner, rough_inner = fine.within(case.tube), coarse.within(case.tube)
    orders = (*ORDERS, math.inf)
    tube = _divergences(inner, orders)
    gap = renyi_grid.variance(share, fine.delta - fine.law)
    scale = renyi_grid.variance(share, fine.law)
    found, explicit = _chain(case, inner)
    return Measured(
        case=case,
        grid=fine,
        divergences=values,
        errors=np.abs(rough / values - 1.0),
        tube=tube,
        tube_error=abs(_divergences(rough_inner, orders[-1:])[0] / tube[-1] - 1.0),
        oscillation=inner.oscillation(),
        variances=(renyi_grid.variance(share, fine.delta), scale),
        cumulants=renyi_grid.cumulants(share, fine.delta),
        law_gap=math.sqrt(gap / scale),
        mass_error=fine.mass_error,
        links=found,
        explicit=explicit,
    )


def _divergences(grid: Grid, orders: tuple[float, ...]) -> Array:
    share = grid.shares()
    return np.array([renyi_grid.divergence(share, grid.delta, q) for q in orders])


def _chain(case: Case, inner: Grid) -> tuple[list[Links], float]:
    """Return the chain at the extremes of Delta LSE in the tube, next to M, and at some other x."""
    if case.size is None:
        return [], math.nan
    flat = inner.delta.ravel()
    rng = np.random.default_rng([2510, 2305, 37, case.size])
    near = int(inner.distance.argmin()) * inner.delta.shape[1]
    entries = [int(flat.argmax()), int(flat.argmin()), near, *rng.integers(0, flat.size, EXTRA).tolist()]
    found, gaps = [], []
    for entry in entries:
        row, foot = np.unravel_index(entry, inner.delta.shape)
        draws = case.draws(inner, int(row), int(foot))
        found.append(renyi_links.links(draws, case.points(), case.sigma, case.reach))
        gaps.append(abs(found[-1].delta - flat[entry]) / np.ptp(flat))
    return found, float(np.nan_to_num(max(gaps), nan=np.inf))


def sweep(size: str) -> list[Case]:
    """Return the cases of a run of this size."""
    return quick() if size == "quick" else [*families(size == "full")]


def _gaussian(family: str, x: float, sample: object, h: float, sigma: float, d: int = 2, **more: float) -> Case:
    return Case(f"{family} {x:g}", family, x, sample, GaussianLaw(h), sigma, d, **more)


def radius(family: str, r: float) -> Case:
    """The same spacing, noise and bandwidth on circles and spheres of growing radius."""
    if family == "radius, S²":
        return _gaussian(family, r, limit(r, 2), BANDWIDTH, NOISE, 3)
    count = 12 if family == "radius, sparse" else 40
    return _gaussian(family, r, ring(r, round(count * r)), BANDWIDTH, NOISE)


def balls() -> list[Case]:
    """Uniform kernels small enough for the hypotheses of the theorem."""
    samples = ((ring(1.0, 12), 2), (ring(1.0, 60), 2), (scattered(1.0, 20, 2, 5), 2), (limit(1.0, 2), 3))
    names = ("N = 12", "N = 60", "N = 20, random", "S², N = ∞")
    return [
        Case(f"ball kernel, {name}", "ball kernel", float(index), sample, BallLaw(0.01), NOISE, d)
        for index, (name, (sample, d)) in enumerate(zip(names, samples, strict=True))
    ]


def quick() -> list[Case]:
    """A few cases of every kind."""
    return [
        *(radius("radius, sparse", r) for r in (1.0, 4.0)),
        *(radius("radius, dense", r) for r in (1.0, 4.0)),
        *(_gaussian("bandwidth, sparse", h, ring(1.0, 12), h, NOISE) for h in (0.01, 0.1)),
        _gaussian("N, random", 24, scattered(1.0, 24, 2, 1), BANDWIDTH, NOISE),
        _gaussian("dimension", 3, limit(1.0, 3), BANDWIDTH, NOISE, 4),
        _gaussian("sphere S²", 60, lattice(1.0, 60), 0.05, 0.3, 3),
        _gaussian("ellipse 1.5 × 1.2", 12, ellipse(1.5, 1.2, 12), BANDWIDTH, NOISE, feet=100),
        _gaussian("OU", 12, ring(0.8, 12), BANDWIDTH, NOISE, alpha=0.8),
        *balls()[:2],
    ]


def families(deep: bool) -> list[Case]:
    """All sweeps; deep: more values of every parameter, and more samples."""
    radii = 2.0 ** np.arange(0.0, 5.5 if deep else 4.0, 0.5 if deep else 1.0)
    cases = [radius(family, float(r)) for family in ("radius, sparse", "radius, dense", "radius, S²") for r in radii]
    bandwidths = np.geomspace(0.003, 0.16, 14 if deep else 6)
    for name, n in (("sparse", 12), ("dense", 60)):
        cases += [_gaussian(f"bandwidth, {name}", float(h), ring(1.0, n), float(h), NOISE) for h in bandwidths]
    counts = (6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 64, 96, 128) if deep else (6, 8, 12, 16, 24, 32, 48, 96)
    cases += [_gaussian("N", n, ring(1.0, n), BANDWIDTH, NOISE) for n in counts]
    draws = [(n, seed) for n in (8, 16, 32, 64, 128) for seed in range(8 if deep else 1)]
    cases += [_gaussian("N, random", n, scattered(1.0, n, 2, 10 + seed), BANDWIDTH, NOISE) for n, seed in draws]
    noises = np.geomspace(0.03, 0.3, 12 if deep else 6)
    cases += [_gaussian("noise", float(s), ring(1.0, 16), 0.5 * BANDWIDTH, float(s)) for s in noises]
    cases += [_gaussian("dimension", m, limit(1.0, m), BANDWIDTH, NOISE, m + 1) for m in (1, 2, 3, 4, 6, 8)]
    counts = (12, 16, 24, 40) if deep else (12, 40)
    cases += [_gaussian("codimension 2", n, ring(1.0, n), BANDWIDTH, NOISE, 3) for n in counts]
    for n in (60, 100, 200) if deep else (60,):
        cases.append(_gaussian("sphere S²", n, lattice(1.0, n), 0.05, 0.3, 3))
    for n in (100, 200) if deep else (100,):
        cases.append(_gaussian("sphere S², random", n, scattered(1.0, n, 3, 3), 0.05, 0.3, 3))
    for a, b in ((1.5, 1.2), (2.0, 1.2), (1.2, 1.1), (1.5, 1.0)) if deep else ((1.5, 1.2),):
        cases.append(_gaussian(f"ellipse {a} × {b}", 12, ellipse(a, b, 12), BANDWIDTH, NOISE, feet=180))
        if deep:
            cases.append(_gaussian(f"ellipse {a} × {b}, random", 16, ellipse(a, b, 16, 4), BANDWIDTH, NOISE, feet=300))
    cases.append(_gaussian("wavy circle", 24, wavy(24), 0.02, 0.06, feet=140))
    cases.append(_gaussian("OU", 12, ring(0.8, 12), BANDWIDTH, NOISE, alpha=0.8))
    return cases + balls()


def fit(x: Array, y: Array) -> tuple[float, float]:
    """Return the least-squares slope of log y in log x and its standard error (NaN from two points)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        u, v = np.log(x), np.log(y)
    u, v = u - u.mean(), v - v.mean()
    slope = float(u @ v / (u @ u))
    rest = v - slope * u
    return slope, math.sqrt(float(rest @ rest) / ((len(u) - 2) * float(u @ u))) if len(u) > 2 else math.nan


@functools.lru_cache(1)
def measured(size: str) -> tuple[Measured, ...]:
    """Return all cases of a run, measured; both claims of one run share them."""
    return tuple(map(measure_case, sweep(size)))


def worst_of(values: dict[str, float]) -> tuple[float, str]:
    """Return the largest value and whose it is; NaN counts as inf."""
    name = max(values, key=lambda key: float(np.nan_to_num(values[key], nan=np.inf)))
    return float(np.nan_to_num(values[name], nan=np.inf)), name


def slopes_of(found: tuple[Measured, ...]) -> dict[str, Any]:
    """Return fitted log-slopes of D_2 with standard errors, sweep by sweep, and those of D_q in q."""
    table: dict[str, Any] = {}
    for family, text, power in (
        ("radius, sparse", "K/τ by the radius, sparse", -1.0),
        ("radius, dense", "K/τ by the radius, dense", -1.0),
        ("radius, S²", "K/τ by the radius, S²", -1.0),
        ("bandwidth, sparse", "K/τ by the bandwidth, sparse", 1.0),
        ("bandwidth, dense", "K/τ by the bandwidth, dense", 1.0),
        ("N", "N", 1.0),
        ("N, random", "N, random points", 1.0),
        ("noise", "ε", 1.0),
        ("dimension", "m", 1.0),
    ):
        items = [item for item in found if item.case.family == family]
        if len(items) > 2:
            x = np.array([item.case.x for item in items]) ** power
            y = np.array([item.order(2.0) for item in items])
            bound = np.array([item.case.right_side for item in items])
            (slope, error), (other, _) = fit(x, y), fit(x, bound)
            table[text] = {"slope of D_2": slope, "standard error": error, "slope of the right-hand side": other}
    each = [fit(np.array(ORDERS), item.divergences)[0] for item in found]
    table["q"] = {"slope of D_q": float(np.mean(each)), "standard deviation over the cases": float(np.std(each))}
    return table
