"""Images of bumps pixel by pixel, against which their figures are tested."""

import math

import numpy as np

from paper_figures import bump_charts

HULL = 1e-9
"""Singular values below 1e-10 of the largest are left out; the largest is that of hundreds of images, of norm 11."""


def by_hand(centres):
    """Images (n, 4096) of bumps, pixel by pixel."""
    line = np.linspace(-1.0, 1.0, 64)
    x, y = np.meshgrid(line, line, indexing="ij")
    squares = (x - centres[:, 0, None, None]) ** 2 + (y - centres[:, 1, None, None]) ** 2
    return np.exp(-squares / (2.0 * 0.2**2)).reshape(len(centres), -1)


def ring(u):
    return 0.5 * np.stack([np.cos(u), np.sin(u)], axis=-1)


def data_centres(name):
    return ring(2.0 * math.pi * np.arange(16) / 16) if name == "circle" else bump_charts.triangular_lattice(0.1)
