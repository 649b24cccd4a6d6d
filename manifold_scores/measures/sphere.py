"""Uniform and von Mises-Fisher laws on a centred sphere."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import arrays
from ..arrays import FloatArray
from ..tilt import Measure, Tilt

__all__ = ["SphereLaw"]


class SphereLaw(Measure):
    """The law with density ~ exp(c <m, y> / R) on the sphere of radius R in R^k; c = 0 is the uniform law.

    With n = z/|z|, kappa = R|z|/s, eta = kappa n + c m and A = I_{k/2}/I_{k/2-1}:

        log Z = -(|z|-R)^2/2s + (|eta|-kappa-c) + log G(|eta|) - log G(c),
        f = R A(|eta|) eta/|eta|,    Cov = R^2 A' along eta, R^2 A/|eta| across.

    Every combination that cancels is evaluated in a form that does not; accuracy a few eps (1 + kappa_condition) for
    k from 2 to 10 000 and |eta| from 1e-300 to 1e300, c up to 1e300.

    Built by `Sphere.uniform`, `Circle.uniform` and `Sphere.von_mises_fisher`.

    Parameters
    ----------
    ambient_dimension : k >= 2.
    radius : R > 0.
    mean_direction : m, any non-zero vector of R^k (normalised here); None for the uniform law.
    concentration : 0 <= c <= 1e300.
    """

    def __init__(
        self, ambient_dimension: int, radius: float, mean_direction: Any = None, concentration: float = 0.0
    ) -> None:
        self.ambient_dimension = arrays.count("ambient_dimension", ambient_dimension, 2)
        self.dimension = self.ambient_dimension - 1
        self.radius = arrays.positive("radius", radius)
        self.concentration = arrays.non_negative("concentration", concentration)
        if mean_direction is None:
            if self.concentration > 0.0:
                raise ValueError("mean_direction is needed for a positive concentration; got None")
            self.mean_direction = np.zeros(self.ambient_dimension)
            self.mean_direction[0] = 1.0
        else:
            self.mean_direction = arrays.unit_vector("mean_direction", mean_direction, self.ambient_dimension)
        self._log_constant: float | None = None

    def __repr__(self) -> str:
        law = "uniform" if self.concentration == 0.0 else f"von Mises-Fisher, concentration {self.concentration!r}"
        return f"SphereLaw({law}, radius {self.radius!r} in R^{self.ambient_dimension})"

    def tilt_rows(self, centers: FloatArray, variances: FloatArray) -> Tilt:
        from ..compute.cpu_sphere import log_axial_integral, sphere_first_moments  # numba on first use
        from ..compute.threads import spread

        if self._log_constant is None:
            self._log_constant = float(log_axial_integral(self.ambient_dimension, self.concentration))
        out = self._empty(centers)
        spread(
            sphere_first_moments, len(centers), self.mean_direction, self.radius, self.concentration,
            self._log_constant, centers, variances, out.log_mass, out.mean, out.displacement, out.anchor, out.log_rest,
        )  # fmt: skip
        return out

    def covariance_rows(self, centers: FloatArray, variances: FloatArray) -> FloatArray:
        axes, along, across = self._principal(centers, variances)
        covariance = (along - across)[:, None, None] * axes[:, :, None] * axes[:, None, :]
        index = np.arange(self.ambient_dimension)
        covariance[:, index, index] += across[:, None]
        return covariance

    def covariance_trace_rows(self, centers: FloatArray, variances: FloatArray) -> FloatArray:
        _, along, across = self._principal(centers, variances)
        return along + (self.ambient_dimension - 1) * across

    def _principal(self, centers: FloatArray, variances: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        from ..compute.cpu_sphere import sphere_second_moments
        from ..compute.threads import spread

        axes, along, across = np.empty_like(centers), np.empty(len(centers)), np.empty(len(centers))
        spread(
            sphere_second_moments,
            len(centers),
            self.mean_direction,
            self.radius,
            self.concentration,
            centers,
            variances,
            axes,
            along,
            across,
        )
        return axes, along, across

    def sample_rows(self, n: int, rng: np.random.Generator) -> FloatArray:
        if self.concentration == 0.0:
            normal = rng.standard_normal((n, self.ambient_dimension))
            return np.asarray(self.radius * normal / np.linalg.norm(normal, axis=1, keepdims=True))
        cosine, sine = _sample_cosine(self.ambient_dimension, self.concentration, n, rng)
        normal = rng.standard_normal((n, self.ambient_dimension))
        for _ in range(2):  # once leaves a component along the mean direction where the draw is nearly parallel to it
            normal -= (normal * self.mean_direction).sum(axis=1, keepdims=True) * self.mean_direction
            normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        return self.radius * (cosine[:, None] * self.mean_direction + sine[:, None] * normal)


def _sample_cosine(k: int, c: float, n: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Draw the cosine to the mean direction, and its sine, by Wood's rejection (Comm. Statist. 23, 1994).

    The envelope is that of u = (1 - (1+b) Z) / (1 - (1-b) Z), Z ~ Beta((k-1)/2, (k-1)/2).  Its versine
    1 - u = 2 b Z / (1 - (1-b) Z) is what is kept, so concentrated laws keep their digits.
    """
    p = k - 1.0
    b = p / (2.0 * c + math.hypot(2.0 * c, p))
    x0, y0 = (1.0 - b) / (1.0 + b), 2.0 * b / (1.0 + b)  # y0 = 1 - x0
    slack = 4.0 * b / (1.0 + b) ** 2  # 1 - x0^2
    versine = np.empty(0)
    while versine.size < n:
        size = 2 * (n - versine.size) + 16
        beta = rng.beta(0.5 * p, 0.5 * p, size)
        candidate = 2.0 * b * beta / (1.0 - (1.0 - b) * beta)
        bound = c * (y0 - candidate) + p * np.log((y0 + x0 * candidate) / slack)
        accepted = candidate[bound >= -rng.exponential(size=size)]
        versine = np.concatenate([versine, accepted])
    versine = versine[:n]
    return 1.0 - versine, np.sqrt(versine * (2.0 - versine))
