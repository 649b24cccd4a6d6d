"""Manifolds: geometry only.  `uniform()` hands over to the measures."""

from .affine import AffineSubspace, Box, Segment
from .curves import Curve, Ellipse, Helix, LimaBean, WavyCircle
from .manifold import Manifold
from .sphere import Circle, Sphere
from .surfaces import Surface, SwissRoll, Torus

__all__ = [
    "AffineSubspace",
    "Box",
    "Circle",
    "Curve",
    "Ellipse",
    "Helix",
    "LimaBean",
    "Manifold",
    "Segment",
    "Sphere",
    "Surface",
    "SwissRoll",
    "Torus",
    "WavyCircle",
]
