"""Exact diffusion scores on low-dimensional data: scores, conditional expectations and densities of noised measures."""

from . import certify as certify
from .asymptotics import Expansion, expansion
from .divergences import BoxQuadrature, TubularQuadrature, renyi_divergence, renyi_divergence_samples
from .evaluation import assert_score_close, evaluate
from .manifolds import (
    AffineSubspace,
    Box,
    Circle,
    Curve,
    Ellipse,
    Helix,
    LimaBean,
    Manifold,
    Segment,
    Sphere,
    Surface,
    SwissRoll,
    Torus,
    WavyCircle,
)
from .measures import Embedded, Gaussian, Mixture, ParametricLaw, PointCloud, Product
from .noised import NoisedMeasure
from .processes import BrownianMotion, LinearInterpolant, OrnsteinUhlenbeck, Process, VariancePreserving
from .sampling import exponential_times, geometric_times, log_likelihood, probability_flow, reverse_sde
from .smoothing import (
    AdaptedKernel,
    GaussianKernel,
    SampledKernel,
    SmoothedScore,
    SmoothingKernel,
    TangentKernel,
    TranslatedManifoldKernel,
)
from .tilt import Measure, Tilt
from .warmup import warmup

__version__ = "0.1.0"

__all__ = [
    "AdaptedKernel",
    "AffineSubspace",
    "Box",
    "BoxQuadrature",
    "BrownianMotion",
    "Circle",
    "Curve",
    "Ellipse",
    "Embedded",
    "Expansion",
    "Gaussian",
    "GaussianKernel",
    "Helix",
    "LimaBean",
    "LinearInterpolant",
    "Manifold",
    "Measure",
    "Mixture",
    "NoisedMeasure",
    "OrnsteinUhlenbeck",
    "ParametricLaw",
    "PointCloud",
    "Process",
    "Product",
    "SampledKernel",
    "Segment",
    "SmoothedScore",
    "SmoothingKernel",
    "Sphere",
    "Surface",
    "SwissRoll",
    "TangentKernel",
    "Tilt",
    "Torus",
    "TranslatedManifoldKernel",
    "TubularQuadrature",
    "VariancePreserving",
    "WavyCircle",
    "assert_score_close",
    "evaluate",
    "expansion",
    "exponential_times",
    "geometric_times",
    "log_likelihood",
    "probability_flow",
    "renyi_divergence",
    "renyi_divergence_samples",
    "reverse_sde",
    "warmup",
]
