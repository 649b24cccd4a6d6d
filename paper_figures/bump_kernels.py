"""Scores of bumps smoothed with the two kernels of [FPHDP]'s experiments; the adapted one without any projection."""

from __future__ import annotations

from typing import Any

import numpy as np

import manifold_scores as ms

from .bumps import Family, interpolated_lines

#: Pairs of a point and a kernel node that are worked on at a time: what they need fits into the cache.
_PAIRS = 8192
_ROUNDS = 3
DRAWS = 64


def memorising(family: Family, centres: np.ndarray) -> ms.NoisedMeasure:
    """Return the unsmoothed law of the data, in coordinates of the hull."""
    return ms.NoisedMeasure(ms.PointCloud(family.coordinates_of(centres)), ms.BrownianMotion())


def isotropic(
    family: Family, centres: np.ndarray, scale: float, nodes: int, seed: int, plain: bool = False
) -> ms.SmoothedScore:
    """Return the score smoothed over N(x, scale^2 I)."""
    rule = "monte-carlo" if plain else "qmc"
    noised = memorising(family, centres)
    return ms.SmoothedScore(noised, ms.GaussianKernel(scale), rule=rule, nodes=nodes, rng=seed)


class _AdaptedScore:
    """The score smoothed over y = x + p' - p, p the nearest bump of x and p' that of p + xi, xi ~ N(0, scale^2 I).

    What `ms.SmoothedScore` with `ms.TranslatedManifoldKernel` is, for families of bumps: a model for `ms.reverse_sde`.
    p is exact; how p' is found is up to the class.  Weights are taken in single precision: it moves the walls between
    the data by 1e-6, whatever the time.
    """

    def __init__(self, family: Family, centres: np.ndarray) -> None:
        self.family, self.process, self.ambient_dimension = family, ms.BrownianMotion(), family.rank
        self.data = family.coordinates_of(centres)
        self._squares = 0.5 * (self.data**2).sum(axis=1)
        # <c(a, b), c(a_i, b_i)> = <g(a), g(a_i)> <g(b), g(b_i)>
        self._lines = [np.ascontiguousarray(interpolated_lines(column).T) for column in centres.T]
        self.nodes = 0

    def moved(self, feet: np.ndarray) -> np.ndarray:
        """Return the parameters (n, nodes, m) of the bumps p', for p with parameters feet (n, m)."""
        raise NotImplementedError

    def score(self, x: Any, t: Any) -> np.ndarray:
        """Return the smoothed score (n, rank) at x (n, rank) and one time t."""
        return self.pull(np.asarray(x), float(t)) / float(t)

    def pull(self, x: np.ndarray, t: float) -> np.ndarray:
        """Return E[f(Y) - Y], Y ~ k_x, (n, rank): t times the score."""
        feet = self.family.project(x)
        step = max(1, _PAIRS // self.nodes)
        starts = range(0, len(x), step)
        return np.concatenate([self._pull(x[k : k + step], feet[k : k + step], t) for k in starts])

    def _pull(self, x: np.ndarray, feet: np.ndarray, t: float) -> np.ndarray:
        apart = x - self.family.embed(feet)
        centres = self.family.chart.centres(self.moved(feet))  # (n, Q, 2)
        n, count = centres.shape[:2]
        a, b = (interpolated_lines(centres[..., i].ravel()) for i in range(2))
        logits = a @ self._lines[0]
        logits *= b @ self._lines[1]
        logits = logits.reshape(n, count, -1)
        logits += (apart @ self.data.T - self._squares)[:, None].astype(np.float32)
        logits -= logits.max(axis=2, keepdims=True)
        logits /= np.float32(t)
        weights = np.exp(logits, out=logits)
        shares = ((1.0 / weights.sum(axis=2))[:, None] @ weights).astype(np.float64) / count
        a, b = a.reshape(n, count, -1), b.reshape(n, count, -1)
        mean = (a.transpose(0, 2, 1) @ b).reshape(n, -1).astype(np.float64) @ self.family.rotation / count
        return shares[:, 0] @ self.data - mean - apart


class TranslatedScore(_AdaptedScore):
    """The adapted score of any family: common xi, and for every x and xi a search for p' in tables.

    p' is the best of the coarse nodes of the chart, then Newton steps with derivatives from tables at all of its nodes,
    so that a pair (x, xi) costs some additions.

    Parameters
    ----------
    family : M; coordinates of x are those of its hull.
    centres : (N, 2), the centres of the data.
    scale : of the kernel.
    nodes : the number of xi, common to all x and t: a scrambled Sobol sequence, or plain samples as in the paper.
    """

    def __init__(
        self, family: Family, centres: np.ndarray, scale: float, nodes: int, seed: int, plain: bool = False
    ) -> None:
        super().__init__(family, centres)
        rng = np.random.default_rng(seed)
        self.nodes = nodes
        self.displacements = ms.GaussianKernel(scale).draw_nodes(family.rank, nodes, rng, sobol=not plain)
        self._noise = family.tables(self.displacements)  # (Q, J, K)
        self._coarse = np.ascontiguousarray(self._noise[:, family.chart.coarse, 0])

    def moved(self, feet: np.ndarray) -> np.ndarray:
        """Return the parameters of the nearest bumps p' of p + xi for all xi."""
        family, chart = self.family, self.family.chart
        # <p + xi, c> - |c|^2/2 is largest at p'.
        own = family.tables(family.embed(feet)) - family.halves.astype(np.float32)
        values = np.ascontiguousarray(own[:, chart.coarse, 0])
        at = chart.coarse[np.stack([(row + self._coarse).argmax(axis=1) for row in values])]
        rows, nodes = np.arange(len(feet))[:, None], np.arange(self.nodes)
        for left in reversed(range(_ROUNDS)):
            v = chart.nodes[at]
            reach = (3.0 if left else 1.0) * chart.spacing
            v = chart.settle(v + np.clip(family.ascent(v, own[rows, at] + self._noise[nodes, at]), -reach, reach))
            if left:
                at = chart.snap(v)
        return v


class OrbitScore(_AdaptedScore):
    """The adapted score of bumps on the circle, which are an orbit of rotations but for what pixels make of them.

    So the law of the angle D from p to p' is the same everywhere, and symmetric.  It is sampled once, at the angle 0,
    by DRAWS xi for every node; nodes are +-|D|, one value from every stratum of equal probability.  `orbit_error` says
    by how much the family is no orbit.

    Parameters
    ----------
    as in TranslatedScore; nodes : an even number.
    """

    def __init__(self, family: Family, centres: np.ndarray, scale: float, nodes: int, seed: int) -> None:
        super().__init__(family, centres)
        self.nodes = nodes
        rng = np.random.default_rng(seed)
        sizes = np.sort(np.abs(offsets(family, scale, DRAWS * nodes, rng))).reshape(nodes // 2, -1)
        chosen = sizes[np.arange(nodes // 2), rng.integers(sizes.shape[1], size=nodes // 2)]
        self.offsets = np.concatenate([-chosen[::-1], chosen])

    def moved(self, feet: np.ndarray) -> np.ndarray:
        """Return the angles (n, nodes, 1) of p'."""
        return feet[:, None] + self.offsets[:, None]


def offsets(family: Family, scale: float, count: int, rng: np.random.Generator, at: float = 0.0) -> np.ndarray:
    """Return the angles (count,) in [-pi, pi] from the bump at angle `at` to the nearest ones of its noisy copies.

    The best node of the chart and a Newton step from there, good to 1e-5.
    """
    p = family.embed(np.array([[at]]))
    noise = ms.GaussianKernel(scale).draw_nodes(family.rank, count, rng, sobol=True)
    found = []
    for part in np.array_split(noise, max(1, count // 2048)):
        y = p + part
        best = family.best_nodes(y)
        v = family.chart.nodes[best]
        found.append((v + family.ascent(v, family.jets_at(y, best)))[:, 0] - at)
    return np.mod(np.concatenate(found) + np.pi, 2.0 * np.pi) - np.pi


def orbit_error(family: Family) -> float:
    """Return the largest variation of <c(u), c(u + D)> with u, relative to |c|^2, over the nodes of a circle."""
    gram = family.values @ family.values.T
    turned = np.stack([np.roll(row, -i) for i, row in enumerate(gram)])
    return float(np.ptp(turned, axis=0).max() / gram[0, 0])
