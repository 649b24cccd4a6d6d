"""The cases on which the numerical promise is tested, each with a name, drawn with fixed seeds."""

from . import clouds, combinations, flats, gaussians, spheres
from .laws import Case

CASES = [case for family in (clouds, gaussians, spheres, flats, combinations) for case in family.cases()]

__all__ = ["CASES", "Case"]
