"""Certificates: intervals that provably contain the exact answer (extra `certify`, python-flint).

Only `enclosures` is imported here; everything that needs python-flint is imported on first use.
"""

from .enclosures import Enclosure, enclosure

__all__ = ["Enclosure", "enclosure"]
