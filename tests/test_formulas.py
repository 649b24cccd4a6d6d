"""The scalar formulas, called in plain Python, against mpmath and scipy."""

import math

import numpy as np
import pytest
import scipy.integrate
from mpmath import mp, mpf

from manifold_scores.compute import formulas, quadrature_rules

EPSILON = np.finfo(np.float64).eps

NODES, WEIGHTS = quadrature_rules.LEGENDRE_NODES, quadrature_rules.LEGENDRE_WEIGHTS


@pytest.mark.parametrize("n", [0, 1, 2, 7, 63, 126])
def test_the_quadrature_rule_is_exact_for_polynomials(n):
    with mp.workdps(40):
        total = mp.fsum(mpf(float(w)) * mpf(float(x)) ** n for x, w in zip(NODES, WEIGHTS, strict=True))
        exact = mpf(2) / (n + 1) if n % 2 == 0 else mpf(0)
        assert abs(total - exact) <= 4 * EPSILON  # each node and weight is rounded once


@pytest.mark.parametrize("k", [2, 3, 4, 5, 17, 100, 1000])
@pytest.mark.parametrize("kappa", [0.0, 1e-300, 1e-8, 0.3, 1.0, 7.5, 60.0, 1e3, 1e6, 1e12])
def test_axial_moments_agree_with_bessel_functions(k, kappa):
    log_integral, versine, ratio, slope = formulas.axial_moments(k, kappa, NODES, WEIGHTS)
    # Differences such as 1 - A lose log10(kappa^3) digits, and large orders need more.
    with mp.workdps(60):
        c, nu = mpf(kappa), mpf(k) / 2
        if kappa < 1e-7:
            A_over_kappa, exact_versine, exact_slope = 1 / mpf(k), 1 - c / k, 1 / mpf(k)  # up to kappa^2
            log_exact = mp.log(mp.beta(nu - mpf(1) / 2, mpf(1) / 2)) - c
        else:
            lower, upper = mp.besseli(nu - 1, c, maxterms=10**6), mp.besseli(nu, c, maxterms=10**6)
            A = upper / lower
            A_over_kappa, exact_versine, exact_slope = A / c, 1 - A, 1 - A * A - (k - 1) * A / c
            log_exact = mp.log(mp.sqrt(mp.pi) * mp.gamma(nu - mpf(1) / 2) * (2 / c) ** (nu - 1) * lower) - c
        # A dozen eps of the quadrature sums; the logarithm cancels terms of size k log kappa.
        size = k * (1 + abs(math.log(kappa))) if kappa else k
        assert abs(log_integral - log_exact) <= 16 * EPSILON * max(1, size)
        for value, exact in ((versine, exact_versine), (ratio, A_over_kappa), (slope, exact_slope)):
            assert abs(value - exact) <= 64 * EPSILON * exact


@pytest.mark.parametrize("from_near", [-1e4, -30.0, -1.0, -1e-3, 0.0, 1e-9, 0.2, 0.5])
@pytest.mark.parametrize("variance", [1e-12, 1e-4, 0.02, 1.0, 1e4, 1e12])
def test_truncated_normals_agree_with_mpmath(from_near, variance):
    length = 1.0
    log_rest, at_end, shift, inside, spread = formulas.truncated_normal(
        from_near, length - from_near, length, variance, NODES, WEIGHTS
    )
    with mp.workdps(80):
        z, s, L = mpf(from_near), mpf(variance), mpf(length)
        root = mp.sqrt(2 * s)
        # Integrals of u^n exp(-(u - z)^2 / 2s) by parts from erfc on the side where it is small.
        a, b = -z / root, (L - z) / root
        mass = mp.sqrt(mp.pi * s / 2) * (mp.erfc(a) - mp.erfc(b) if a > 0 else mp.erf(b) - mp.erf(a))
        near, far = mp.exp(-(a**2)), mp.exp(-(b**2))
        moved = s * (near - far) / mass
        second = s + z * (z + moved) - s * L * far / mass
        exact = mp.log(mass / L) + at_end * z * z / (2 * s), moved, z + moved, second - (z + moved) ** 2
        # The logarithm of a wide interval keeps its exponent, at most 1/2 where z is outside.
        assert abs(log_rest - exact[0]) <= 64 * EPSILON * max(1, abs(exact[0]))
        for value, wanted in zip((shift, inside, spread), exact[1:], strict=True):
            assert abs(value - wanted) <= 64 * EPSILON * abs(wanted) + 1e-300


def test_the_normalising_constant_agrees_with_adaptive_quadrature():
    def integrand(theta):
        return math.sin(theta) ** 5 * math.exp(-3.0 * (1 - math.cos(theta)))

    value = scipy.integrate.quad(integrand, 0, math.pi, epsrel=1e-13)[0]
    assert formulas.axial_moments(7, 3.0, NODES, WEIGHTS)[0] == pytest.approx(math.log(value), abs=1e-12)
