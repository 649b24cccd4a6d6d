"""Evaluations, and the assertion for test suites."""

import numpy as np

import manifold_scores as ms

CIRCLE = ms.Circle().uniform()
OU = ms.OrnsteinUhlenbeck()
NOISED = ms.NoisedMeasure(CIRCLE, OU)
POINT = ms.NoisedMeasure(ms.PointCloud([[0.0, 0.0]]), ms.BrownianMotion())


def evaluate(model=NOISED, noised=NOISED, times=0.5, n=4, **options):
    return lambda: ms.evaluate(model, noised, times, n=n, rng=0, **options)


def broken(x, t):
    return np.where(t[:, None] < 0.5, np.nan, x)


CASES = [
    (
        "compared with a measure",
        evaluate(noised=CIRCLE),
        TypeError,
        "noised must be a NoisedMeasure; got SphereLaw",
    ),
    (
        "times without signal for a score",
        evaluate(times=[1.0, 900.0]),
        ValueError,
        r"times must be where the signal is not lost in rounding; sigma/alpha at 900\.0 exceeds 1e\+08",
    ),
    (
        "no times",
        evaluate(times=[]),
        ValueError,
        r"times must be a non-empty vector; got shape \(0,\)",
    ),
    (
        "prediction unknown",
        evaluate(predicts="velocity"),
        ValueError,
        r"predicts must be one of \['posterior_mean', 'score', 'noise'\]; got 'velocity'",
    ),
    (
        "model a number",
        evaluate(3.0),
        TypeError,
        r"model must be a function of x and t or have a method score\(x, t\); got float",
    ),
    (
        "model a class",
        evaluate(ms.NoisedMeasure, predicts="noise"),
        TypeError,
        r"model must be a function of x and t or have a method noise\(x, t\); got NoisedMeasure",
    ),
    (
        "model of one argument",
        evaluate(lambda x: x),
        TypeError,
        r"model must be a function of 2 argument\(s\): too many positional arguments",
    ),
    (
        "model elsewhere",
        evaluate(ms.NoisedMeasure(ms.Sphere(3).uniform(), OU)),
        ValueError,
        r"model lives in R\^3 but the measure lives in R\^2",
    ),
    (
        "model of another shape",
        evaluate(lambda x, t: x[0]),
        ValueError,
        r"model must return an array of the shape of x, \(4, 2\); got \(2,\)",
    ),
    (
        "model not finite",
        evaluate(broken, times=[1.0, 0.1]),
        ValueError,
        r"model must be finite; it is not at t = 0\.1",
    ),
    (
        "like a list",
        evaluate(like=[1.0]),
        TypeError,
        "like must be an array of the kind the model takes; got list",
    ),
    (
        "like integers",
        evaluate(like=np.arange(3)),
        TypeError,
        "like must be an array of floating point numbers; got dtype int64",
    ),
    (
        "training points elsewhere",
        evaluate(training=np.ones((3, 3))),
        ValueError,
        r"training has last dimension 3 but the measure lives in R\^2",
    ),
    (
        "one sample",
        evaluate(samples=np.ones((1, 2))),
        ValueError,
        "samples must have at least 2 rows; got 1",
    ),
    (
        "samples twice",
        evaluate(samples=np.ones((4, 2)), sampling_times=[1.0, 0.1]),
        TypeError,
        "samples must be left out where sampling_times are given, or the other way round",
    ),
    (
        "manifold elsewhere",
        evaluate(samples=np.ones((4, 2)), manifold=ms.Sphere(3)),
        ValueError,
        r"manifold lives in R\^3 but the measure lives in R\^2",
    ),
    (
        "manifold a measure",
        evaluate(samples=np.ones((4, 2)), manifold=CIRCLE),
        TypeError,
        r"manifold must be a manifold, such as Circle\(\), or a function of points that returns their distances to it; "
        "got SphereLaw",
    ),
    (
        "distances of another shape",
        evaluate(samples=np.ones((4, 2)), manifold=lambda x: x),
        ValueError,
        r"manifold must return one distance for each sample, shape \(4,\); got \(4, 2\)",
    ),
    (
        "scores that differ",
        lambda: ms.assert_score_close(lambda x, t: -2.0 * x / t[:, None], POINT, [1.0, 0.25], 1e-3, n=3),
        AssertionError,
        r"the scores of 6 of 6 points are not close \(rtol = 0\.001, atol = 0\), at t = 1, 0\.25; the worst:\n"
        r"  t     = \S+\n  x     = \[\S+, \S+\]\n  model = \[\S+, \S+\]\n  exact = \[\S+, \S+\]\n"
        r"  error = \S+ = 1\.000e\+00 \|exact\|, allowed \S+",
    ),
]
