"""The cases on which the numerical promise is tested, each with a name, drawn with fixed seeds."""

from . import clouds, combinations, flats, gaussians, spheres
from .laws import Case

EVERY_CASE = [case for family in (clouds, gaussians, spheres, flats, combinations) for case in family.cases()]
"""All cases, for a thorough run."""

WHOLE = ("near-circle", "extreme times")
"""Families of which the test suite runs every case; of the others it runs a quarter."""

STRIDE = 4
"""Prime to the 13 and 5 entries of the schedules, so that every time and process meets every measure."""

CASES = [case for i, case in enumerate(EVERY_CASE) if i % STRIDE == 0 or case.family in WHOLE]

__all__ = ["CASES", "EVERY_CASE", "Case"]
