"""What is asked: points, times, variances."""

import numpy as np

import manifold_scores as ms

CIRCLE = ms.Circle().uniform()
OU = ms.OrnsteinUhlenbeck()
NOISED = ms.NoisedMeasure(CIRCLE, OU)


class Tensor:
    """Looks like an array of another library."""

    def __init__(self, device="cpu", requires_grad=False):
        self.device, self.requires_grad = device, requires_grad

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("not on this machine")


CASES = [
    # Arrays
    ("string", lambda: NOISED.score("ab", 1.0), TypeError, "x must be an array of real numbers; got dtype <U2"),
    ("None", lambda: NOISED.score(None, 1.0), TypeError, "x must be an array of real numbers; got dtype object"),
    ("bool", lambda: NOISED.score([True, False], 1.0), TypeError, "x must be an array of real numbers; got dtype bool"),
    (
        "complex",
        lambda: NOISED.score([1j, 0], 1.0),
        TypeError,
        "x must be an array of real numbers; got dtype complex128",
    ),
    (
        "ragged",
        lambda: ms.PointCloud([[1.0], [1.0, 2.0]]),
        TypeError,
        r"points must be an array of real numbers; got list \(setting an array element with a sequence\..*\)",
    ),
    (
        "NaN",
        lambda: NOISED.score([0.0, np.nan], 1.0),
        ValueError,
        r"x must be finite; got 1 value\(s\) that are not, the first is nan",
    ),
    (
        "inf",
        lambda: ms.PointCloud([[np.inf, 0.0], [-np.inf, 1.0]]),
        ValueError,
        r"points must be finite; got 2 value\(s\) that are not, the first is inf",
    ),
    (
        "masked",
        lambda: NOISED.score(np.ma.masked_array([1.0, 0.0], [True, False]), 1.0),
        TypeError,
        "x must not be a masked array; fill it or leave the masked entries out",
    ),
    (
        "longdouble",
        lambda: NOISED.score(np.array([1, 0], dtype=np.longdouble) * np.longdouble("1e4000"), 1.0),
        ValueError,
        r"x must be finite; got 1 value\(s\) that are not, the first is inf",
    ),
    (
        "too large",
        lambda: NOISED.score([1e51, 0.0], 1.0),
        ValueError,
        r"x must not exceed 1e\+50 in absolute value; got 1e\+51",
    ),
    (
        "on a device",
        lambda: NOISED.score(Tensor(device="cuda:0"), 1.0),
        TypeError,
        "x lives on cuda:0; arrays are read on the CPU: move x there first",
    ),
    (
        "requires grad",
        lambda: NOISED.score(Tensor(requires_grad=True), 1.0),
        TypeError,
        r"x requires grad, which the exact oracle does not track; pass x\.detach\(\)",
    ),
    (
        "broken array",
        lambda: NOISED.score(Tensor(), 1.0),
        TypeError,
        r"x must be an array of real numbers; got Tensor \(not on this machine\)",
    ),
    # Shapes of queries
    ("scalar x", lambda: NOISED.score(1.0, 1.0), ValueError, r"x must have shape \(\.\.\., d\); got a single number"),
    (
        "wrong space",
        lambda: NOISED.score([1.0, 2.0, 3.0], 1.0),
        ValueError,
        r"x has last dimension 3 but the measure lives in R\^2",
    ),
    (
        "wrong space, tilt",
        lambda: CIRCLE.tilt([[1.0]], 1.0),
        ValueError,
        r"center has last dimension 1 but the measure lives in R\^2",
    ),
    (
        "wrong space, manifold",
        lambda: ms.Circle().project([1.0, 2.0, 3.0]),
        ValueError,
        r"x has last dimension 3 but the manifold lives in R\^2",
    ),
    (
        "broadcast",
        lambda: NOISED.score(np.zeros((3, 2)), [1.0, 2.0]),
        ValueError,
        r"t of shape \(2,\) does not broadcast against x\.shape\[:-1\] = \(3,\)",
    ),
    (
        "broadcast, tilt",
        lambda: CIRCLE.tilt(np.zeros((3, 2)), [1.0, 2.0]),
        ValueError,
        r"variance of shape \(2,\) does not broadcast against center\.shape\[:-1\] = \(3,\)",
    ),
    (
        "no coordinates",
        lambda: OU.drift(np.zeros((3, 0)), 1.0),
        ValueError,
        r"x must have at least one coordinate; got shape \(3, 0\)",
    ),
    # Times and variances
    ("t negative", lambda: NOISED.score([0.0, 1.0], -1.0), ValueError, r"t must be positive and finite; got -1\.0"),
    ("t zero", lambda: OU.signal_scale([0.5, 0.0]), ValueError, r"t must be positive and finite; got 0\.0"),
    (
        "t NaN",
        lambda: NOISED.score([0.0, 1.0], np.nan),
        ValueError,
        r"t must be finite; got 1 value\(s\) that are not, the first is nan",
    ),
    (
        "t at the end",
        lambda: ms.NoisedMeasure(CIRCLE, ms.LinearInterpolant()).score([0.0, 1.0], 1.0),
        ValueError,
        r"t must be below 1, where this process ends; got 1\.0",
    ),
    (
        "t too large",
        lambda: OU.signal_scale(1e101),
        ValueError,
        r"t must not exceed 1e\+100; got 1e\+101",
    ),
    (
        "t too small",
        lambda: NOISED.score([0.0, 1.0], 1e-200),
        ValueError,
        "t must give an effective variance of at least 1e-100; got t = 1e-200",
    ),
    ("t not a number", lambda: OU.signal_scale("now"), TypeError, "t must be an array of real numbers; got dtype <U3"),
    (
        "t an array",
        lambda: NOISED.sample(3, [0.1, 0.2], 0),
        ValueError,
        r"t must be a single time; got an array of shape \(2,\)",
    ),
    (
        "variance zero",
        lambda: CIRCLE.tilt([0.0, 1.0], 0.0),
        ValueError,
        r"variance must be positive and finite; got 0\.0",
    ),
    (
        "variance too small",
        lambda: CIRCLE.tilt_covariance([0.0, 1.0], 1e-101),
        ValueError,
        r"variance must lie between 1e-100 and 1e\+290; got 1e-101 to 1e-101",
    ),
    (
        "center too far for its variance",
        lambda: CIRCLE.tilt([0.0, 1e60], 1.0),
        ValueError,
        r"center must not exceed 1e\+50 max\(1, sqrt\(variance\)\); got 1e\+60",
    ),
    (
        "variance too large",
        lambda: CIRCLE.tilt_covariance_trace([0.0, 1.0], 1e291),
        ValueError,
        r"variance must lie between 1e-100 and 1e\+290; got 1e\+291 to 1e\+291",
    ),
]
