"""Renyi divergences between laws on R^d whose densities are known up to a constant."""

from .renyi import renyi_divergence
from .rules import BoxQuadrature
from .samples import renyi_divergence_samples
from .tubes import TubularQuadrature

__all__ = ["BoxQuadrature", "TubularQuadrature", "renyi_divergence", "renyi_divergence_samples"]
