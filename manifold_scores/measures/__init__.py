"""Probability measures that know their tilted moments."""

from .box import BoxLaw, SegmentLaw
from .combinators import Embedded, Mixture, Product
from .gaussian import Gaussian
from .parametric import ParametricLaw
from .point_cloud import PointCloud
from .sphere import SphereLaw

__all__ = [
    "BoxLaw",
    "Embedded",
    "Gaussian",
    "Mixture",
    "ParametricLaw",
    "PointCloud",
    "Product",
    "SegmentLaw",
    "SphereLaw",
]
