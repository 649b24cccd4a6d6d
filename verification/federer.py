"""Claim: |<v, x - y>| <= |v| |x - y|^2/(2 reach) for x, y on M and v normal at x; an equality on circles and spheres.

Hypothesis: M without boundary, or x not on it.
Source: Lemma D.3 of Farghly et al., arXiv:2510.02305 (Federer 1959, Theorem 4.8).
"""

from __future__ import annotations

from typing import Any

import numpy as np

import manifold_scores as ms

from .rates import Array
from .reach import all_charts
from .record import Claim, Evidence, Oracle, Tolerance

#: size -> (random pairs, the same in R^4096)
SIZES = {"quick": (2_000, 100), "default": (20_000, 400), "full": (200_000, 2_000)}

#: The patch's northern edge is more curved than the sphere: points of its interior do not see the reach.
SET_BY_BOUNDARY = ("patch of S²",)

#: Moves of every pair in a round of the search.
MOVES = 8

#: A reach this much too long has to be found out.
WRONG = 1.2

ROUNDING_TOLERANCE = Tolerance(
    1e-8, "pairs at least 1e-3 of the reach apart: rounding of x - y, a few eps times the size of M, over |x - y|^2"
)
WRONG_TOLERANCE = Tolerance(0.0, "a pair either violates the inequality for 1.2 times the reach or it does not")


def measure(size: str, noised: Oracle, evidence: Evidence) -> None:
    del noised  # geometry alone
    n, images = SIZES[size]
    evidence.parameters |= {"pairs": n, "pairs in R^4096": images, "wrong reach": f"{WRONG} times the reach"}
    rng = np.random.default_rng([3507, 700])
    names, clouds, worst = [], [], []
    for name, manifold in _manifolds():
        ratio, apart = _ratios(manifold, images if manifold.ambient_dimension > 9 else n, rng)
        evidence.check(
            f"inequality, {name}", "max of 2 reach |P_N (x - y)|/|x - y|^2 over pairs, P_N onto the normal space at x",
            ratio.max(), 1.0, ROUNDING_TOLERANCE, one_sided=True, reach=float(manifold.reach),
        )  # fmt: skip
        if name not in SET_BY_BOUNDARY:
            evidence.check(
                f"fails for {WRONG} reach, {name}", "1 over that maximum: the factor by which the reach may be longer",
                1.0 / ratio.max(), WRONG, WRONG_TOLERANCE, one_sided=True,
            )  # fmt: skip
        if isinstance(manifold, (ms.Circle, ms.Sphere)):
            evidence.check(f"equality, {name}", "min of the same over pairs", ratio.min(), 1.0, ROUNDING_TOLERANCE)
        names.append(name)
        shown = rng.permutation(len(ratio))[:400]
        clouds.append(np.resize(np.stack([apart[shown] / manifold.reach, ratio[shown]], axis=1), (400, 2)))
        worst.append(ratio.max())
    evidence.data |= {"names": np.array(names), "pairs": np.array(clouds), "worst": np.array(worst)}


def _manifolds() -> list[tuple[str, Any]]:
    simple = [("circle", ms.Circle(0.7)), ("sphere S⁴", ms.Sphere(5, 1.5))]
    return simple + [(chart.name, chart.build()) for chart in all_charts()]


def _ratios(manifold: Any, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return 2 reach |P_N (x - y)|/|x - y|^2 and |x - y| at pairs: independent ones, close ones, and ones that a search
    from the best of these has found.
    """
    reach = float(manifold.reach)
    x = manifold.sample(n, rng)
    y = manifold.sample(n, rng)
    close = np.arange(n) % 2 == 0
    step = 10.0 ** rng.uniform(-2.0, 0.0, (n, 1)) * reach * _unit(rng.standard_normal(x.shape))
    y[close] = manifold.project(x[close] + step[close])
    ratio, apart = _ratio(manifold, x, y, reach)
    keep, rounds = (4, 6) if manifold.ambient_dimension > 9 else (16, 20)
    best = np.argsort(ratio)[-keep:]
    ratios, aparts = [ratio], [apart]
    x, y, top = x[best], y[best], ratio[best]
    scale = 0.3 * reach
    for _ in range(rounds):
        shape = (MOVES, *x.shape)
        near = [manifold.project(p + scale * _unit(rng.standard_normal(shape))) for p in (x, y)]
        moved = [points.reshape(-1, x.shape[1]) for points in near]
        ratio, apart = (part.reshape(MOVES, -1) for part in _ratio(manifold, *moved, reach))
        ratios.append(ratio.ravel())
        aparts.append(apart.ravel())
        first, column = ratio.argmax(axis=0), np.arange(len(x))
        better = ratio.max(axis=0) > top
        x = np.where(better[:, None], near[0][first, column], x)
        y = np.where(better[:, None], near[1][first, column], y)
        top = np.maximum(top, ratio.max(axis=0))
        scale *= 0.001 ** (1.0 / rounds)
    return np.concatenate(ratios), np.concatenate(aparts)


def _ratio(manifold: Any, x: Array, y: Array, reach: float) -> tuple[Array, Array]:
    away = y - x
    basis = manifold.tangent_basis(x)
    normal = away - np.einsum("ndm,nm->nd", basis, np.einsum("ndm,nd->nm", basis, away))
    apart = np.linalg.norm(away, axis=1)
    far = apart > 1e-3 * reach
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = 2.0 * reach * np.linalg.norm(normal, axis=1) / apart**2
    return np.where(far, ratio, 1.0 if isinstance(manifold, (ms.Circle, ms.Sphere)) else 0.0), apart


def _unit(v: Array) -> Array:
    return np.asarray(v / np.linalg.norm(v, axis=-1, keepdims=True))


def draw(data: dict[str, Array]) -> object:
    from .figures_geometry import federer

    return federer(data, WRONG)


CLAIM = Claim(
    name="federer",
    title="Normal vectors and the reach",
    statement="|⟨v, x - y⟩| ≤ |v| |x - y|²/(2τ) for x, y ∈ M, v normal to M at x and τ the reach; an equality on "
    "circles and spheres; false for 1.2 τ on every manifold where the reach is not set by the boundary.",
    hypothesis="M without boundary, or x in its interior.",
    source="Farghly et al., Diffusion models and the manifold hypothesis, arXiv:2510.02305, Lemma D.3; Federer, Trans. "
    "AMS 93 (1959), Theorem 4.8.",
    measure=measure,
    draw=draw,
)
