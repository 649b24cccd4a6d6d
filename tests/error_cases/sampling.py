"""Schedules and samplers."""

import numpy as np

import manifold_scores as ms

CIRCLE = ms.Circle().uniform()
OU = ms.OrnsteinUhlenbeck()
NOISED = ms.NoisedMeasure(CIRCLE, OU)
MEMBERS = {"process": OU, "score": lambda self, x, t: x}


def model(**members):
    return type("Model", (), MEMBERS | members)()


def sample(*args, **kwargs):
    return lambda: ms.reverse_sde(NOISED, *args, **kwargs)


CASES = [
    # Schedules
    (
        "times upside down",
        lambda: ms.geometric_times(2.0, 1.0, 5),
        ValueError,
        r"t_min must be below t_max = 1\.0; got 2\.0",
    ),
    (
        "times that coincide",
        lambda: ms.geometric_times(1.0, np.nextafter(1.0, 2.0), 5),
        ValueError,
        r"t_min must be so far below t_max that 5 times differ; got 1\.0 and 1\.0000000000000002",
    ),
    ("one time", lambda: ms.geometric_times(0.1, 1.0, 1), ValueError, "n must be at least 2; got 1"),
    ("steep", lambda: ms.exponential_times(1.0, 10, rate=1000.0), ValueError, r"rate must be at most 100; got 1000\.0"),
    # Samplers
    (
        "method",
        sample([1.0, 0.5], 3, method="magic"),
        ValueError,
        r"method must be one of \['euler-maruyama', 'exponential'\]; got 'magic'",
    ),
    (
        "method a list",
        sample([1.0, 0.5], 3, method=[]),
        ValueError,
        r"method must be one of \['euler-maruyama', 'exponential'\]; got list",
    ),
    (
        "method an array",
        sample([1.0, 0.5], 3, method=np.array(["exponential", "exponential"])),
        ValueError,
        r"method must be one of \['euler-maruyama', 'exponential'\]; got ndarray",
    ),
    (
        "final noise an array",
        sample([1.0, 0.5], 3, final_noise=np.zeros(2)),
        TypeError,
        "final_noise must be True or False; got ndarray",
    ),
    ("progress a number", sample([1.0, 0.5], 3, progress=1), TypeError, "progress must be True or False; got 1"),
    (
        "times increasing",
        sample([0.5, 1.0], 3),
        ValueError,
        "times must be decreasing, from the largest to the smallest",
    ),
    ("times single", sample([0.5], 3), ValueError, "times must have at least 2 entries; got 1"),
    ("times negative", sample([0.5, -1.0], 3), ValueError, r"times must not be negative; got -1\.0"),
    (
        "times past the end",
        lambda: ms.probability_flow(ms.NoisedMeasure(CIRCLE, ms.LinearInterpolant()), [1.0, 0.5], 3),
        ValueError,
        r"times must be below 1, where this process ends; got 1\.0",
    ),
    (
        "times without signal",
        sample([900.0, 0.5], 3),
        ValueError,
        r"times must start where the signal is not lost in rounding; sigma/alpha at 900\.0 exceeds 1e\+08",
    ),
    (
        "snapshots outside",
        sample([1.0, 0.5], 3, snapshots=[0.7, 2.0]),
        ValueError,
        r"snapshots must lie within times, 0\.5 to 1\.0; got 2\.0",
    ),
    (
        "snapshot a number",
        sample([1.0, 0.5], 3, snapshots=0.7),
        ValueError,
        r"snapshots must be a vector; got shape \(\)",
    ),
    ("no number of samples", sample([1.0, 0.5]), TypeError, "n_samples is needed unless initial is given"),
    (
        "two numbers of samples",
        sample([1.0, 0.5], 3, initial=[[0.0, 1.0]]),
        TypeError,
        "n_samples must be left out when initial is given; its rows are the samples",
    ),
    (
        "initial elsewhere",
        sample([1.0, 0.5], initial=[[0.0, 1.0, 2.0]]),
        ValueError,
        r"initial has last dimension 3 but the model lives in R\^2",
    ),
    (
        "unknown dimension",
        lambda: ms.reverse_sde(model(), [1.0, 0.5], 3),
        TypeError,
        "the model has no ambient_dimension, so its dimension is unknown; give initial",
    ),
    (
        "score of another shape",
        lambda: ms.reverse_sde(model(score=lambda self, x, t: x[0]), [1.0, 0.5], initial=np.zeros((3, 2))),
        ValueError,
        r"model\.score must return an array of the shape of x, \(3, 2\); got \(2,\)",
    ),
    (
        "score not finite",
        lambda: ms.probability_flow(model(score=lambda self, x, t: x + np.nan), [1.0, 0.5], initial=[[0.0]]),
        ValueError,
        r"model\.score must be finite; it is not at t = 1\.0",
    ),
    (
        "no model",
        lambda: ms.reverse_sde(None, [1.0, 0.5], 3),
        TypeError,
        r"model must have a method score\(x, t\) and a process; got NoneType",
    ),
    (
        "corrector steps",
        sample([1.0, 0.5], 3, corrector_steps=-1),
        ValueError,
        "corrector_steps must be at least 0; got -1",
    ),
    (
        "unstable corrector",
        sample([1.0, 0.5], 3, corrector_step_size=2.0),
        ValueError,
        r"corrector_step_size must be below 2, where Langevin steps become unstable; got 2\.0",
    ),
]
