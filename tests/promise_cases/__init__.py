"""The cases on which the numerical promise is tested, each with a name, drawn with fixed seeds."""

from . import clouds, combinations, curves, extremes, flats, gaussians, spheres, surfaces
from .laws import Case

CLOSED = [case for family in (clouds, gaussians, spheres, flats, combinations, extremes) for case in family.cases()]
"""Laws with closed forms."""

PARAMETRIC = [case for family in (curves, surfaces) for case in family.cases()]
"""Laws on parametric manifolds, whose references take tenths of a second each."""

EVERY_CASE = CLOSED + PARAMETRIC
"""All cases, for a thorough run."""

WHOLE = ("near-circle", "far on M", "tails", "extreme times")
"""Families of which the test suite runs every case; of the others it runs one in seven."""

STRIDE = 7
"""Prime to the 13 and 5 entries of the schedules, so that every time and process meets every measure."""

LONG_STRIDE = 19
"""The same for parametric manifolds: prime to the 8 and 6 entries of their schedules, and to their halves."""

CASES = [case for i, case in enumerate(CLOSED) if i % STRIDE == 0 or case.family in WHOLE] + PARAMETRIC[::LONG_STRIDE]

__all__ = ["CASES", "EVERY_CASE", "Case"]
