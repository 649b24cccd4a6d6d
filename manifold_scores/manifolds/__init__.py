"""Manifolds: geometry only.  `uniform()` hands over to the measures."""

from .affine import AffineSubspace, Box, Segment
from .manifold import Manifold
from .sphere import Circle, Sphere

__all__ = ["AffineSubspace", "Box", "Circle", "Manifold", "Segment", "Sphere"]
