"""Oracles inside torch: what is refused is decided without it."""

import sys
from unittest import mock

import manifold_scores as ms
from manifold_scores.interop import differentials
from manifold_scores.interop.torch import oracle

NOISED = ms.NoisedMeasure(ms.Circle().uniform(), ms.OrnsteinUhlenbeck())
SMOOTHED = ms.SmoothedScore(NOISED, ms.GaussianKernel(0.1), nodes=16)
MOVED = ms.SmoothedScore(NOISED, ms.TangentKernel(ms.GaussianKernel(0.1), ms.Circle()), nodes=16)


def without_torch():
    with mock.patch.dict(sys.modules, {"torch": None}):
        return oracle(NOISED)


CASES = [
    (
        "oracle of a measure",
        lambda: oracle(NOISED.measure),
        TypeError,
        "model must be a NoisedMeasure or a SmoothedScore; got SphereLaw",
    ),
    (
        "oracle of another target",
        lambda: oracle(NOISED, "velocity"),
        ValueError,
        r"target must be one of \['score', 'posterior_mean', 'noise', 'log_density'\]; got 'velocity'",
    ),
    (
        "no torch",
        without_torch,
        ImportError,
        r'oracles inside torch need torch: pip install "manifold-scores\[torch\]"',
    ),
    (
        "oracle of a list",
        lambda: differentials.require_tensor([1.0, 2.0]),
        TypeError,
        "x must be a torch tensor; got list",
    ),
    (
        "gradient in t",
        lambda: differentials.refuse_gradients(NOISED, "noise", False, True),
        TypeError,
        "t requires grad, but the derivative of noise in t needs third moments of the data, which measures do not "
        r"offer \(that of log_density is exact\); pass t\.detach\(\)",
    ),
    (
        "gradient of a smoothed score",
        lambda: differentials.refuse_gradients(SMOOTHED, "score", True, False),
        TypeError,
        "x requires grad, but the derivative of score in x needs the Jacobian of a smoothed score, which is not "
        r"offered \(that of log_density is\); pass x\.detach\(\)",
    ),
    (
        "gradient of a log-density smoothed by more than shifts",
        lambda: differentials.refuse_gradients(MOVED, "log_density", True, False),
        TypeError,
        "x requires grad, but the derivative of log_density in x is the smoothed score only for a kernel that shifts x "
        r"by independent noise, not TangentKernel\(.*\); pass x\.detach\(\)",
    ),
    (
        "gradient of a smoothed log-density in t",
        lambda: differentials.refuse_gradients(SMOOTHED, "log_density", True, True),
        TypeError,
        r"t requires grad, but the derivative of a smoothed log_density in t is not offered; pass t\.detach\(\)",
    ),
    (
        "second gradient",
        lambda: differentials.refuse_more("x", "the Jacobian of score"),
        TypeError,
        "x requires grad, but the derivative of the Jacobian of score in x needs third moments of the data, which "
        r"measures do not offer; take one derivative less, or pass x\.detach\(\)",
    ),
    (
        "second tangent",
        differentials.refuse_second_tangent,
        TypeError,
        r"x carries two forward tangents, of which torch loses one \(pytorch issue 197867\); take one of the "
        r"derivatives backward, such as torch\.func\.jacfwd of torch\.func\.jacrev",
    ),
]
