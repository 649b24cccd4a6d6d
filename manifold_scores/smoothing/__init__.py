"""Score smoothing: kernels, and exact scores averaged over them."""

from .kernel import GaussianKernel, SampledKernel, SmoothingKernel
from .manifold_kernels import AdaptedKernel, TangentKernel, TranslatedManifoldKernel
from .score import SmoothedScore

__all__ = [
    "AdaptedKernel",
    "GaussianKernel",
    "SampledKernel",
    "SmoothedScore",
    "SmoothingKernel",
    "TangentKernel",
    "TranslatedManifoldKernel",
]
