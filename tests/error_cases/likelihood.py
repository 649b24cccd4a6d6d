"""Likelihoods."""

import numpy as np

import manifold_scores as ms

OU = ms.OrnsteinUhlenbeck()
NOISED = ms.NoisedMeasure(ms.Circle().uniform(), OU)
MEMBERS = {"process": OU, "score": lambda self, x, t: -x, "score_divergence": lambda self, x, t: -np.ones(len(x))}


def model(**members):
    return type("Model", (), MEMBERS | members)()


def likelihood(*args, **kwargs):
    return lambda: ms.log_likelihood(NOISED, *args, **kwargs)


X = np.ones((3, 2))

CASES = [
    (
        "no divergence",
        lambda: ms.log_likelihood(model(score_divergence=None), X, (0.1, 1.0)),
        TypeError,
        r"model must have methods score\(x, t\) and score_divergence\(x, t\) and a process; got Model",
    ),
    (
        "divergence of another shape",
        lambda: ms.log_likelihood(model(score_divergence=lambda self, x, t: x), X, (0.1, 1.0)),
        ValueError,
        r"model\.score_divergence must return an array with one number for each row of x, \(3,\); got \(3, 2\)",
    ),
    (
        "divergence not finite",
        lambda: ms.log_likelihood(model(score_divergence=lambda self, x, t: x[:, 0] * np.inf), X, (0.25, 1.0)),
        ValueError,
        r"model\.score_divergence must be finite; it is not at t = 0\.25",
    ),
    ("one time of a likelihood", likelihood(X, [1.0]), ValueError, "times must have at least 2 entries; got 1"),
    ("times back and forth", likelihood(X, [1.0, 2.0, 0.5]), ValueError, "times must be increasing or decreasing"),
    ("likelihood at t = 0", likelihood(X, [1.0, 0.0]), ValueError, r"times must be positive and finite; got 0\.0"),
    (
        "likelihood without noise",
        lambda: ms.log_likelihood(ms.NoisedMeasure(ms.Circle().uniform(), ms.LinearInterpolant()), X, (1e-200, 0.5)),
        ValueError,
        "times must not be so small that there is no noise; got 1e-200",
    ),
    (
        "likelihood elsewhere",
        likelihood(np.ones((3, 4)), (0.1, 1.0)),
        ValueError,
        r"x has last dimension 4 but the model lives in R\^2",
    ),
    (
        "tolerance of a likelihood",
        likelihood(X, (0.1, 1.0), tolerance=1e-15),
        ValueError,
        r"tolerance must lie between 1e-12 and 0\.01; got 1e-15",
    ),
    (
        "terminal no function",
        likelihood(X, (0.1, 1.0), terminal=3.0),
        TypeError,
        "terminal must be a function of the points at the last time; got float",
    ),
    (
        "terminal without arguments",
        likelihood(X, (0.1, 1.0), terminal=lambda: 0.0),
        TypeError,
        r"terminal must be a function of 1 argument\(s\): too many positional arguments",
    ),
    (
        "error asked for by an array",
        likelihood(X, (0.1, 1.0), return_error=np.zeros(2)),
        TypeError,
        "return_error must be True or False; got ndarray",
    ),
    (
        "terminal of another shape",
        likelihood(X, (0.1, 1.0), terminal=lambda x: x),
        ValueError,
        r"terminal must return one number for each point, shape \(3,\); got \(3, 2\)",
    ),
    (
        # The score turns within 1e-20, which no step of the flow can resolve.
        "too far off the data",
        lambda: ms.log_likelihood(
            ms.NoisedMeasure(ms.PointCloud([[-1.0], [1.3]]), OU), [[-1.0], [0.3]], (1e-20, 6.0), tolerance=1e-3
        ),
        ValueError,
        r"x has a point, number 1, whose flow cannot be followed from t = 1e-20: it lies too many sigma/alpha away "
        r"from the data; take a larger first time, or return_error=True",
    ),
]
