"""What enclosures on curves rest on: bounds over panels and ellipses, Gauss rules, Taylor coefficients."""

import numpy as np
import pytest
import sympy as sp
from mpmath import mp, mpf

flint = pytest.importorskip("flint", reason="certificates need python-flint")
arb, acb = flint.arb, flint.acb

U = sp.Symbol("u", real=True)


def integral_over(place, density, domain, eta, lam):
    """The integrator for a curve, and its integrand at a complex parameter with |y|."""
    from manifold_scores.certify.curve_integral import CurveIntegral
    from manifold_scores.certify.expressions import Program

    program = Program([*place, density], U)
    integral = CurveIntegral(program, domain[0], domain[1] - domain[0], eta, lam)

    def integrand(u):
        *y, rho = program(u, 2)
        phase = sum((e - lam * v[0] / 2) * v[0] for e, v in zip(eta, y, strict=True))
        speed = sum(v[1] * v[1] for v in y).sqrt()
        return abs((phase - integral._shift).exp() * rho[0] * speed), sum(v[0].abs_upper() ** 2 for v in y).sqrt()

    return integral, integrand


def working(bits):
    from manifold_scores.certify.targets import _working

    return _working(bits)


WAVY = [(1 + sp.Rational(13, 100) * sp.sin(8 * U)) * f(U) for f in (sp.cos, sp.sin)]


@pytest.mark.parametrize("lam", [0.5, 400.0, 1e9])
def test_bounds_on_panels_and_ellipses_hold(lam):
    """The integrand at random points of panels, and of ellipses around them, against the bounds used for them."""
    rng, apex = np.random.default_rng(0), 2 * np.pi * 10_001 / 2**15  # the center of a panel at level 14
    nearest = [float(v.subs(U, apex)) for v in WAVY]
    with working(200):
        eta = [arb(lam * v) for v in nearest]
        integral, integrand = integral_over(WAVY, 2 + sp.cos(U), (arb(0), 2 * arb.pi()), eta, arb(lam))
        for level, index in [(4, 3), (6, 7), (9, 500), (14, 5000), (20, 900_000)]:
            integral._add(level, index)
            panel = next(each for *_, each in integral._waiting if each.level == level)
            on_panel = [integrand(panel.center + panel.half * v)[0] * 2 * panel.half for v in rng.uniform(-1, 1, 50)]
            assert all(value < panel.bound or not panel.bound.is_finite() for value in on_panel)
            for rho in (1.25, 2.0, 3.5):
                bound, reach = integral._over_ellipse(panel, rho)
                turned = [acb(rho * np.cos(v), rho * np.sin(v)) for v in np.append(rng.uniform(0, 6, 50), np.pi / 2)]
                found = [integrand(panel.center + panel.half * (w + 1 / w) / 2) for w in turned]
                assert all(value < bound and y < reach for value, y in found) or not bound.is_finite()
                if level == 14:  # where the exponent is a parabola, and the top of the ellipse the worst place
                    assert bound < 2 * found[-1][0]


def test_bounds_contain_what_taylor_polynomials_leave_out():
    """An exponent 50 u^12, all of which is in the remainder of order 12 at 0."""
    with working(100):
        domain = arb(-1), arb(1)
        integral, integrand = integral_over([U**12, U], sp.Integer(1), domain, [arb(50), arb(0)], arb(0))
        integral._add(0, 0)
        panel = next(each for *_, each in integral._waiting if each.level == 0)
        assert panel.center.contains(0)
        assert integrand(arb(0.999))[0] * 2 < panel.bound
    with flint.ctx.workprec(100):  # with series cut off before that order
        integral._add(0, 0)
        assert not all(each.bound.is_finite() for *_, each in integral._waiting if each.level == 0)


@pytest.mark.parametrize("rho", [1.5, 2.0, 3.5])
@pytest.mark.parametrize("n", [8, 24, 64])
def test_the_bound_of_a_gauss_rule_holds_and_is_sharp(n, rho):
    """For the Chebyshev polynomial of degree 2n, the first even one that n nodes do not integrate."""
    from manifold_scores.certify.quadrature import nodes, nodes_needed, remainder

    with flint.ctx.workprec(200):
        largest = (arb(rho) ** (2 * n) + arb(rho) ** (-2 * n)) / 2  # on the ellipse
        found = sum(weight * node.chebyshev_t(2 * n) for node, weight in nodes(n))
        error, bound = abs(found - arb(2) / (1 - 4 * n * n)), remainder(n, rho, largest)
        assert bound / 8 < error < bound
        bits = float((largest / bound).log() / arb(2).log())
        assert nodes_needed(rho, bits) in (n, n + 8)


FUNCTIONS = [sp.sin, sp.cos, sp.tan, sp.cot, sp.sec, sp.csc, sp.exp, sp.log, sp.sinh, sp.cosh, sp.tanh]
FUNCTIONS += [sp.asin, sp.acos, sp.atan, sp.erf, sp.sqrt]
POWERS = [U**-3, (1 + U) ** sp.Rational(-5, 2), (2 + U) ** sp.pi, sp.pi * sp.E ** (U / 2), 3**U, sp.Float(0.1) * U]


@pytest.mark.parametrize("expression", [f(U / 3) for f in FUNCTIONS] + POWERS, ids=str)
def test_expressions_and_their_derivatives(expression):
    """Taylor coefficients about 1/2 against SymPy's derivatives; those about a ball around 1/2 contain them."""
    from manifold_scores.certify.expressions import Program

    program, spread = Program([expression], U), "0.01"
    with flint.ctx.workdps(50), mp.workdps(50):
        place = arb(1) / 2
        points = [program(place, 4)[0], program(acb(place), 4)[0]]
        boxes = [program(place + arb(0, spread), 4)[0], program(acb(place + arb(0, spread), arb(0, spread)), 4)[0]]
        for k in range(4):
            derivative = (expression.diff(U, k) / sp.factorial(k)).subs(U, sp.Rational(1, 2))
            wanted = arb(mpf(sp.N(derivative, 50))) * (1 + arb(0, 1e-40))
            assert all(series[k].real.overlaps(wanted) for series in points + boxes)
            assert all(series[k].real.rad() < 1e-40 for series in points)
            assert all(series[k].real.is_finite() for series in boxes)


@pytest.mark.parametrize(
    ("expression", "singularity"),
    [
        (sp.sqrt(U), -1), (sp.log(U), 0), (1 / U, 0), (U ** sp.Rational(1, 3), -2), (sp.tan(U), sp.pi / 2),
        (sp.asin(U), 2), (sp.acos(U), -1), (sp.atan(U), 2 * sp.I), (sp.sqrt(1 + U**2), sp.I), (sp.cot(U), 0),
    ],
    ids=str,
)  # fmt: skip
def test_boxes_that_meet_a_branch_cut_or_a_pole_are_not_finite(expression, singularity):
    from manifold_scores.certify.expressions import Program

    at = complex(singularity)
    touching, clear = acb(arb(at.real, 0.125), arb(at.imag + 0.0625, 0.125)), acb(arb(0.5, 0.0625), arb(0.25, 0.0625))
    program = Program([expression], U)
    assert not program(touching, 2)[0][0].is_finite()
    assert program(clear, 2)[0][0].is_finite()
