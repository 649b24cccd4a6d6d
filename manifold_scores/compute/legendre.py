"""Gauss-Legendre rules of up to 44 nodes, to the last bit where `numpy.longdouble` is wider than float64."""

from __future__ import annotations

from typing import Any

import numpy as np

from .compilation import FloatArray

LARGEST_RULE = 44


def _gauss_legendre() -> tuple[FloatArray, FloatArray]:
    """Return nodes and weights (45, 44) of the rules by their number of nodes: Newton's method, extended precision."""
    nodes = np.zeros((LARGEST_RULE + 1, LARGEST_RULE))
    weights = np.zeros((LARGEST_RULE + 1, LARGEST_RULE))
    for n in range(1, LARGEST_RULE + 1):
        x: Any = np.polynomial.legendre.leggauss(n)[0].astype(np.longdouble)
        for _ in range(3):
            before, value = np.ones_like(x), x
            for k in range(2, n + 1):
                before, value = value, ((2 * k - 1) * x * value - (k - 1) * before) / k
            slope = n * (before - x * value) / (1 - x * x)
            x = x - value / slope
        nodes[n, :n] = x
        weights[n, :n] = 2 / ((1 - x * x) * slope * slope)
    return nodes, weights


NODES, WEIGHTS = _gauss_legendre()
