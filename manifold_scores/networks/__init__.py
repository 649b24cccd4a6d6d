"""Networks that learn a score: training targets and losses of [LWB], their networks, training that resumes (PyTorch).

Nothing else in the package imports this room.  `import manifold_scores.networks` raises an ImportError that names the
extra where torch is missing.
"""

try:
    import torch as _torch  # noqa: F401
except ImportError:
    raise ImportError('manifold_scores.networks needs torch: pip install "manifold-scores[torch]"') from None

from .losses import denoising_loss
from .mlp import MLP
from .predictions import TARGETS, convert, regression_target
from .score_network import ScoreNetwork
from .times import GridTimes, LogUniformTimes, UniformTimes
from .training import train

__all__ = [
    "MLP",
    "TARGETS",
    "GridTimes",
    "LogUniformTimes",
    "ScoreNetwork",
    "UniformTimes",
    "convert",
    "denoising_loss",
    "regression_target",
    "train",
]
