"""The cases on which the numerical promise is tested, each with a name, drawn with fixed seeds."""

from . import clouds, combinations, extremes, flats, gaussians, spheres
from .laws import Case

EVERY_CASE = [case for family in (clouds, gaussians, spheres, flats, combinations, extremes) for case in family.cases()]
"""All cases, for a thorough run."""

WHOLE = ("near-circle", "far on M", "tails", "extreme times")
"""Families of which the test suite runs every case; of the others it runs one in seven."""

STRIDE = 7
"""Prime to the 13 and 5 entries of the schedules, so that every time and process meets every measure."""

CASES = [case for i, case in enumerate(EVERY_CASE) if i % STRIDE == 0 or case.family in WHOLE]

__all__ = ["CASES", "EVERY_CASE", "Case"]
