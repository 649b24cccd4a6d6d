"""Where the mass of exp(-D/2s) lies in a parameter interval, and Gauss-Legendre panels on it, in ball arithmetic.

The parameter runs over [0, 1]. A window is what is left of it after cells have been discarded on which D provably
exceeds its least value by more than 2 s CUTOFF: proven by Taylor polynomials of D with remainders enclosed by balls, so
that no competing minimum is overlooked and flat directions cost no more than steep ones.
"""

from functools import cache
from itertools import pairwise
from math import ceil

from flint import arb, arb_series, ctx

PRECISION = 420
"""Bits of all ball arithmetic: 126 digits, of which |z|^2 / s <= 1e30 and difference quotients (1e-40) leave 50."""

CUTOFF = 90
"""Exponents this far above the least are left out: e^-90 = 1e-39 of the peak."""

TAYLOR = 8
"""Length of the Taylor polynomials: where D is constant a cell is settled at a width of s^(1/8)."""

SETTLED = 12
"""A cell on which the exponent varies by less is not divided any more; a window overshoots by no more than that."""

FIRST_CELLS = 16
DEEPEST = 70
"""Halvings of a first cell: 1e-22 of the domain, far below sqrt(s) = 1e-7."""


SLACK = 1e-6
"""By this fraction a panel may be wider than the widest."""


def variable(point, slope, length):
    """The parameter point + slope w as a power series in w."""
    return arb_series([point, slope], length)


def coefficients(series, length):
    """The first coefficients of a power series, padded with zeros."""
    found = series.coeffs() if isinstance(series, arb_series) else [series]
    return (found + [arb(0)] * length)[:length]


def ball(middle, half):
    """The interval middle +- half."""
    return middle + arb(0, half)


def windows(series, s):
    """Intervals of [0, 1] outside which D > min D + 2 s CUTOFF; series(w, n) is D(w + .) to the order n."""
    with ctx.workprec(PRECISION):
        ctx.cap = TAYLOR + 2
        half = arb(1) / (2 * FIRST_CELLS)
        cells = [((2 * i + 1) * half, half) for i in range(FIRST_CELLS)]
        least, kept = None, []
        for _ in range(DEEPEST):
            found = [(middle, half, *_spread(series, middle, half)) for middle, half in cells]
            values = [value for _, _, value, _ in found] + ([] if least is None else [least])
            least = min(values, key=lambda value: value.mid())
            cells = []
            for middle, half, value, spread in found:
                if value - spread > least + 2 * CUTOFF * s:
                    continue
                if spread < 2 * SETTLED * s:
                    kept.append((middle, half))
                else:
                    cells += [(middle - half / 2, half / 2), (middle + half / 2, half / 2)]
            if not cells:
                return _merged(kept)
        raise ArithmeticError(f"{len(cells)} cells are not settled after {DEEPEST} halvings")


def _spread(series, middle, half):
    """D at the middle of a cell, and a bound of how far it moves from there on the cell."""
    own = coefficients(series(middle, TAYLOR), TAYLOR)
    last = coefficients(series(ball(middle, half), TAYLOR + 1), TAYLOR + 1)[TAYLOR]
    bound = abs(last).upper()
    for value in reversed(own[1:]):
        bound = (bound * half + abs(value)).upper()
    return own[0], (bound * half).upper()


def _merged(cells):
    """Neighbouring cells as intervals (lower, upper); the ends are dyadic and exact."""
    intervals = []
    for middle, half in sorted(cells, key=lambda cell: cell[0]):
        lower, upper = middle - half, middle + half
        if intervals and intervals[-1][1] == lower:
            intervals[-1] = intervals[-1][0], upper
        else:
            intervals.append((lower, upper))
    return intervals


def panels(interval, breaks, widest, factor):
    """The interval cut at the breaks inside it, each piece into panels no wider than `widest`, times `factor`."""
    lower, upper = interval
    ends = [lower, *[each for each in breaks if lower < each < upper], upper]
    found = []
    for a, b in pairwise(ends):
        number = factor * max(1, ceil(float((b - a) / widest) - SLACK))
        cuts = [a + (b - a) * i / number for i in range(number + 1)]
        found += pairwise(cuts)
    return found


def nodes(pieces, order):
    """Gauss-Legendre nodes and weights on all panels."""
    points, weights = [], []
    for a, b in pieces:
        for root, weight in _rule(order):
            points.append(a + (b - a) * root)
            weights.append((b - a) * weight)
    return points, weights


@cache
def _rule(order):
    """Nodes and weights on [0, 1]."""
    with ctx.workprec(PRECISION):
        pairs = [arb.legendre_p_root(order, k, weight=True) for k in range(order)]
        return [((1 + root) / 2, weight / 2) for root, weight in pairs]
