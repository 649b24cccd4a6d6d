"""Closed forms as plain scalar functions of floats: no numba, no arrays but the quadrature tables handed in.

The CPU kernels compile them as they stand, and so can a device kernel; tests call them in pure Python.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .compilation import FloatArray

# exp(-45) = 3e-20: what lies beyond is below rounding for every moment taken here.
_CUTOFF = 45.0


def axial_moments(
    dimension: int, kappa: float, nodes: FloatArray, weights: FloatArray
) -> tuple[float, float, float, float]:
    """Moments of w = 1 - u, u the cosine to the axis, for the density ~ exp(kappa u) on the unit sphere of R^dimension.

    Returns (log integral of exp(-kappa w) over the angle measure sin^{k-2}, 1 - A, A / kappa, A') where
    A = I_{k/2}(kappa) / I_{k/2-1}(kappa) = E[u] and A' = Var[u], each to a few eps relative (the logarithm absolutely,
    or relative to k log kappa where that is large), for k >= 2 and 0 <= kappa < 1e300.

    Instead of Bessel functions: in the angle theta the density sin^{k-2}(theta) exp(-kappa (1 - cos theta)) is entire
    for every k, so one Gauss-Legendre rule on the window that holds the mass converges geometrically for all k and
    kappa.  Every moment is a sum of positive terms: 1 - A = E[w], A' = Var[w], and by parts A / kappa =
    E[w (2 - w)] / (k - 1).  The exponent is expanded about the mode theta_0, kappa sin^2 theta_0 = (k - 2) cos theta_0,
    where the linear terms cancel on paper rather than in floating point.
    """
    power = dimension - 2.0
    if power > 0.0:
        half = 0.5 * power
        root = math.hypot(half, kappa)
        cosine = kappa / (half + root)
        versine = half * (1.0 + half / (root + kappa)) / (half + root)  # 1 - cosine
        sine = math.sqrt(versine * (1.0 + cosine))
        mode = 2.0 * math.asin(math.sqrt(0.5 * versine))
        cotangent = cosine / sine
        width = 1.0 / math.sqrt(power / (sine * sine) + kappa * cosine)
        # Left of the mode the density falls faster than its Gaussian; right of it like exp(-phi^2/4 width^2) and then
        # slower where kappa (1 - cos theta) saturates: go on until it has fallen far enough, or to theta = pi.
        start = max(-mode, -9.5 * width)
        stop = min(math.pi - mode, 13.5 * width)
        fallen = False
        while not fallen and stop < math.pi - mode:
            versine_stop = 2.0 * math.sin(0.5 * stop) ** 2
            linear = cotangent * math.sin(stop)
            drop = power * (math.log1p(linear - versine_stop) - linear) - kappa * cosine * versine_stop
            fallen = drop < -_CUTOFF
            stop = stop if fallen else min(math.pi - mode, 1.25 * stop)
        log_sine = 0.5 * (math.log1p(-cosine * cosine) if cosine < 0.7 else math.log(versine * (1.0 + cosine)))
        log_peak = power * log_sine - kappa * versine
    else:
        cosine, versine, sine, mode, cotangent, log_peak = 1.0, 0.0, 0.0, 0.0, 0.0, 0.0
        start = 0.0
        stop = math.pi if 2.0 * kappa <= _CUTOFF else 2.0 * math.asin(math.sqrt(0.5 * _CUTOFF / kappa))
    scale = 0.5 * (stop - start)
    total, sum_w, sum_square, sum_sine2 = 0.0, 0.0, 0.0, 0.0
    for i in range(nodes.size):
        phi = start + scale * (1.0 + nodes[i])
        half_sine = math.sin(0.5 * phi)
        phi_versine = 2.0 * half_sine * half_sine
        phi_sine = 2.0 * half_sine * math.sqrt(1.0 - half_sine * half_sine)
        exponent = -kappa * cosine * phi_versine
        if power > 0.0:
            linear = cotangent * phi_sine
            exponent += power * (math.log1p(linear - phi_versine) - linear)
        term = weights[i] * math.exp(exponent)
        w = 2.0 * math.sin(0.5 * (mode + phi)) ** 2
        shift = cosine * phi_versine + sine * phi_sine  # w - versine
        total += term
        sum_w += term * w
        sum_square += term * shift * shift
        sum_sine2 += term * w * (2.0 - w)
    mean = sum_w / total
    variance = sum_square / total - (mean - versine) ** 2
    return math.log(scale * total) + log_peak, mean, sum_sine2 / total / (dimension - 1.0), variance


def truncated_normal(
    from_near: float, to_far: float, length: float, variance: float, nodes: FloatArray, weights: FloatArray
) -> tuple[float, bool, float, float, float]:
    """Tilted moments of the uniform law on an interval, for z at `from_near` inside its nearer end.

    `from_near` = distance from the nearer end to z, counted towards the inside (negative outside), `to_far` the same
    for the farther end, from_near <= to_far; from_near + to_far = length.  With s = `variance`, returns
    (log_rest, at_end, E[y - z], E[y - near end], Var y), the last three with a few eps relative error in every regime;
    directions point from the near end inwards.  log_rest is the logarithm of (1/L) integral of exp(-(y-z)^2/2s),
    without the term -from_near^2/2s if at_end.

    With u = distance from the near end in units of sqrt(s) the density is exp(-(u + a)^2 / 2) on [0, w].  Where the
    interval is narrow or z outside, moments about the near end are integrals of positive functions (Gauss-Legendre on
    the window that holds the mass).  Only in a wide interval, where nothing cancels, erf is used.
    """
    root = math.sqrt(variance)
    a = -from_near / root
    b = to_far / root
    w = length / root
    drop = -math.expm1(-0.5 * w * (b + a))  # 1 - density(far end)/density(near end)
    if a <= 1.0 and w > 6.0:
        if a <= 0.0:
            integral = math.erf(-a * math.sqrt(0.5)) + math.erf(b * math.sqrt(0.5))
        else:
            integral = math.erfc(a * math.sqrt(0.5)) - math.erfc(b * math.sqrt(0.5))
        integral *= math.sqrt(0.5 * math.pi)
        near, far = math.exp(-0.5 * a * a), math.exp(-0.5 * b * b)
        shift = near * drop / integral
        spread = 1.0 + (a * near - b * far) / integral - shift * shift
        return math.log(integral / w), False, root * shift, root * (shift - a), variance * spread
    # v = u * rate; the density relative to the near end is exp(-linear v - curvature v^2 / 2).
    if a > 1.0:
        rate, linear, curvature = a, 1.0, 1.0 / (a * a)
        decay = 2.0 * _CUTOFF / (1.0 + math.sqrt(1.0 + 2.0 * _CUTOFF * curvature))
        window = min(w * a, decay)
    else:
        rate, linear, curvature, window = 1.0, a, 1.0, w
    half = 0.5 * window
    total, first, second = 0.0, 0.0, 0.0
    for i in range(nodes.size):
        v = half * (1.0 + nodes[i])
        term = weights[i] * math.exp(-v * (linear + 0.5 * curvature * v))
        total += term
        first += term * v
    mean = first / total
    for i in range(nodes.size):
        v = half * (1.0 + nodes[i])
        term = weights[i] * math.exp(-v * (linear + 0.5 * curvature * v))
        second += term * (v - mean) ** 2
    integral = half * total / rate  # over u, relative to the density at the near end
    inside = mean / rate
    shift = inside + a if a > 1.0 else drop / integral
    return math.log(integral / w), True, root * shift, root * inside, variance * second / total / (rate * rate)
