"""Fourier modes of the log-sum-exp of points on a circle, tabulated as functions of the distance from its centre.

For S(k, phi) = log mean_i exp(k (cos(phi - theta_i) - 1)), which `log_mean` of a `CircleSmoothing` evaluates.
"""

from __future__ import annotations

import numpy as np

LEGENDRE = np.polynomial.legendre.leggauss(16)
"""Rule of a panel."""

CHEBYSHEV = 24
"""Nodes of a panel in k."""

RATIO = 1.5
"""Ratio of the ends of a panel in k: as a function of k, S has no singularity to the right of the imaginary axis when
two points count, and few near it otherwise."""

CENTRAL = 2.0
"""Length of the panels about k = 0, where S varies with k itself."""

FADED = 1e-15
"""Share of its largest that the last mode of S may have."""

NOTHING = 1e-17
"""Modes of S below this are left out, and those that follow."""

DENSE = 2e7
"""Largest matrix of a graded rule, angles times modes."""


class Table:
    """Fourier modes of S as functions of k, piecewise polynomial, on the panels that hold the values asked for."""

    def __init__(self, circle, values, last):
        edges = panel_edges(float(np.min(values)), float(np.max(values)))
        self.low, self.high = edges[:-1], edges[1:]
        turn = np.pi * (np.arange(CHEBYSHEV) + 0.5) / CHEBYSHEV
        self._x, self._sign = np.cos(turn), np.sin(turn) * (-1.0) ** np.arange(CHEBYSHEV)
        self._rows = {int(p): self._panel(circle, p, last) for p in np.unique(self._panel_of(values))}
        self.count = max(rows.shape[1] for rows in self._rows.values())

    def _panel_of(self, k):
        """Numbers of the panels of values of k."""
        return np.clip(np.searchsorted(self.high, k), 0, len(self.high) - 1)

    def _panel(self, circle, panel, last):
        """Modes at the nodes of a panel, up to the last one that is not nothing."""
        low, high = self.low[panel], self.high[panel]
        nodes = 0.5 * (low + high) + 0.5 * (high - low) * self._x
        largest = max(abs(low), abs(high))
        # A wall between points a chord c apart is 1 / (k c) wide in the angle: modes fade as exp(-pi n / k c).
        own = int(12.0 * largest * circle.chord + 9.0 * np.sqrt(largest) + 40.0) // circle.order + 1
        last = min(last, own)
        size = 1 << int(np.ceil(np.log2(own + last + 16)))
        phi, weights = _graded(circle, largest, last, low < 0)
        if len(phi) < size / 4 and len(phi) * (last + 1) < DENSE:
            waves = np.exp(-1j * np.outer(phi - circle.start, circle.order * np.arange(last + 1)))
            waves *= weights[:, None] * circle.order / (2 * np.pi)
            rows = np.stack([circle.log_mean(k, phi) for k in nodes]) @ waves
        else:
            rows = _transformed(circle, nodes, size, last)
        kept = np.nonzero(np.max(np.abs(rows), axis=0) > NOTHING)[0]
        return rows[:, : int(kept[-1]) + 1 if len(kept) else 1]

    def at(self, k):
        """Modes at the values k (n,): barycentric interpolation in the panel of each."""
        panel = self._panel_of(k)
        place = (2 * k - self.low[panel] - self.high[panel]) / (self.high[panel] - self.low[panel])
        gap = place[:, None] - self._x
        exact = gap == 0.0
        quotient = self._sign / np.where(exact, 1.0, gap)
        quotient = np.where(np.any(exact, axis=1)[:, None], exact, quotient)
        quotient /= np.sum(quotient, axis=1, keepdims=True)
        result = np.zeros((len(k), self.count), dtype=np.complex128)
        for p in np.unique(panel):
            mine, rows = panel == p, self._rows[int(p)]
            result[mine, : rows.shape[1]] = quotient[mine] @ rows
        return result


def _transformed(circle, nodes, size, last):
    """Modes 0..last at each of the values of k, by transforms of `size` and more values of S."""
    while True:
        phi = circle.start + 2 * np.pi / circle.order * np.arange(size) / size
        rows = np.empty((len(nodes), min(last, size // 2 - 1) + 1), dtype=np.complex128)
        aliased = 0.0
        for i, k in enumerate(nodes):
            modes = np.fft.rfft(circle.log_mean(k, phi)) / size
            # What is folded onto mode n comes from mode size - n.
            beyond = modes[-1:] if rows.shape[1] > size // 4 else modes[-size // 8 :]
            aliased = max(aliased, float(np.max(np.abs(beyond)) / max(1.0, np.max(np.abs(modes)))))
            rows[i] = modes[: rows.shape[1]]
        if aliased <= FADED:
            return rows
        size *= 2


def _graded(circle, largest, last, mirrored):
    """Nodes and weights of a period of S: panels graded at the walls, and short enough for the last mode."""
    period = 2 * np.pi / circle.order
    gaps = np.diff(np.append(circle.angles, circle.angles[0] + 2 * np.pi))
    walls, chords = circle.angles + gaps / 2, 2 * np.abs(np.sin(gaps / 2))
    if circle.order > 1:
        walls, chords = walls[:1], chords[:1]
    longest = min(period / 4, 12.0 / (circle.order * last + 1))
    edges = [np.linspace(0.0, period, int(np.ceil(period / longest)) + 1)]
    for wall, chord in zip(walls, chords, strict=True):
        width = 4.0 / max(largest * chord, 1.0)
        steps = width * 2.0 ** np.arange(max(0, int(np.log2(period / width)) + 1))
        for centre in (wall, wall + np.pi) if mirrored else (wall,):
            edges.append(np.mod(centre - circle.start + np.concatenate([-steps, [0.0], steps]), period))
    edges = np.unique(np.concatenate(edges))
    half = np.diff(edges)[:, None] / 2
    half, left = half[half[:, 0] > 1e-15], edges[:-1][half[:, 0] > 1e-15]
    phi = circle.start + left[:, None] + half + half * LEGENDRE[0]
    return phi.ravel(), (half * LEGENDRE[1]).ravel()


def panel_edges(low, high):
    """Ends of panels that cover [low, high]: of fixed length about 0, of fixed ratio further out."""
    ends = {0.0}
    for sign, far in ((1.0, high), (-1.0, -low)):
        end = 0.0
        while end < far:
            end += max(CENTRAL, (RATIO - 1.0) * end)
            ends.add(sign * end)
    ends = np.array(sorted(ends))
    first, last = np.searchsorted(ends, low, side="right") - 1, np.searchsorted(ends, high, side="left")
    return ends[max(first, 0) : max(last, first + 1) + 1]
