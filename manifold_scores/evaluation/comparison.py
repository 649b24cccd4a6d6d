"""The evaluation of a model against an oracle."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import arrays
from ..arrays import FloatArray
from ..noised import NoisedMeasure
from ..sampling import reverse_sde
from .errors import TargetErrors
from .predictions import TARGETS, Predictor, Targets, check_noised, check_times, exact
from .record import Evaluation
from .samples import SampleErrors, judge

__all__ = ["evaluate"]


def evaluate(
    model: Any,
    noised: NoisedMeasure,
    times: Any,
    *,
    n: int = 1000,
    rng: Any = None,
    predicts: str = "score",
    like: Any = None,
    points: Any = None,
    samples: Any = None,
    sampling_times: Any = None,
    n_samples: int = 1000,
    manifold: Any = None,
    training: Any = None,
    sigma_min: float | None = None,
    pollution_factor: float = 3.0,
    batch_size: int = 4096,
) -> Evaluation:
    """Compare a model with the exact targets: errors of f, score and noise under p_t, and where its samples lie.

    What the model predicts is turned into the posterior mean f = E[X_0 | X_t], the score and the noise by

        score = (alpha f - x)/sigma^2,    noise = -sigma score,    f = (x + sigma^2 score)/alpha,

    and each of them is compared with its exact value at n points x ~ p_t, independent for every time.  `TargetErrors`
    and `SampleErrors` say what is reported; standard errors are those of n.  The errors have no other source than the
    model and rounding: an oracle against itself differs by a few eps (1 + |x|/sigma).

    Parameters
    ----------
    model : an object with a method of the name `predicts`, such as `score(x, t)`, or a function (x, t): x of shape
        (m, d), t of shape (m,), returning (m, d).  Oracles, smoothed scores, `ScoreNetwork`, torch modules, functions
        of any array namespace.  It is called as it is: in the mode (train or eval) it is in, with gradients recorded
        and thrown away.
    noised : the exact answer.
    times : positive times at which to compare, (T,), where sigma/alpha <= 1e8.
    n : points a time, at least 2.
    rng : a seed or a numpy Generator, for the points, the samples and the points of the law they are compared with.
    predicts : "score" (always grad log p_t), "posterior_mean" or "noise".
    like : an array of the namespace, dtype and device that the model takes, such as `torch.empty(0)`; x and t are
        handed over so, and x is rounded to the dtype for both sides.  By default what the parameters of a torch module
        are (float64 if it has none), and numpy in float64 for everything else.
    points : fixed points, (k, d), at which errors are reported too.
    samples : samples of the model, (m, d), m >= 2, to be judged.
    sampling_times : instead of `samples`: a decreasing grid on which n_samples are drawn from the model by
        `reverse_sde`.
    n_samples : how many, at least 2.
    manifold : M, a `Manifold` or a function of points (m, d) that returns their distances to it, (m,).  Curves,
        surfaces, spheres, segments and boxes are known by their uniform laws and densities; for a point cloud M is the
        points.
    training : training points (N, d), to which distances of samples are reported; by default those of a point cloud.
    sigma_min : noise scale by which pollution is measured; by default sigma_t at the smallest positive time of
        `sampling_times`, or of `times`.
    pollution_factor : samples farther than pollution_factor sigma_min from M count as pollution.
    batch_size : rows that the model gets at once.

    Raises
    ------
    ValueError, TypeError : a model of another kind, or that answers with another shape or numbers that are not finite;
        times outside the range of the process; wrong shapes.
    """
    noised = check_noised(noised)
    predictor = Predictor(model, noised, predicts, like, batch_size)
    grid, rng = check_times(noised, times), arrays.generator(rng)
    n, n_samples = arrays.count("n", n, 2), arrays.count("n_samples", n_samples, 2)
    d = noised.ambient_dimension
    fixed = np.empty((0, d)) if points is None else _rows("points", points, d)
    training = None if training is None else _rows("training", training, d)
    factor = arrays.positive("pollution_factor", pollution_factor)
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in TARGETS}
    for t in grid.tolist():
        x = predictor.rounded(noised.sample(n, t, rng))
        known = predictor.rounded(fixed)
        (difference, truth), (there, _) = (
            _differences(predictor, noised, x, t),
            _differences(predictor, noised, known, t),
        )
        for name, rows in found.items():
            parts = (getattr(each, name) for each in (difference, truth, there))
            rows.append(TargetErrors.at_one_time(x, *parts))
    judged = _samples(
        predictor, noised, grid, rng, samples, sampling_times, n_samples, manifold, training, sigma_min, factor
    )
    targets = {name: TargetErrors.of(found[name]) for name in TARGETS}
    return Evaluation(
        model=_name(model), noised=repr(noised), predicts=predictor.predicts, n=n, times=grid, points=fixed,
        samples=judged, **targets,
    )  # fmt: skip


def _differences(predictor: Predictor, noised: NoisedMeasure, x: FloatArray, t: float) -> tuple[Targets, Targets]:
    """Return prediction - truth, and the truth."""
    predicted, truth = predictor.targets(x, t), exact(noised, x, t)
    if not all(np.isfinite(each).all() for each in predicted):
        raise ValueError(f"model must be finite; it is not at t = {t!r}")
    return Targets(*(each - true for each, true in zip(predicted, truth, strict=True))), truth


def _samples(
    predictor: Predictor, noised: NoisedMeasure, grid: FloatArray, rng: np.random.Generator, samples: Any,
    sampling_times: Any, n_samples: int, manifold: Any, training: FloatArray | None, sigma_min: Any, factor: float,
) -> SampleErrors | None:  # fmt: skip
    """Return what is to be said of samples, given or drawn; None without any."""
    if samples is None and sampling_times is None:
        return None
    smallest = float(grid.min())
    if samples is None:
        drawn: Any = reverse_sde(predictor, sampling_times, n_samples, rng)
        steps = arrays.vector("sampling_times", sampling_times)
        rows, smallest = drawn, float(steps[steps > 0.0].min())
    elif sampling_times is None:
        rows = _rows("samples", samples, noised.ambient_dimension, 2)
    else:
        raise TypeError("samples must be left out where sampling_times are given, or the other way round")
    scale = math.sqrt(noised.process.noise_variance(smallest))
    if sigma_min is not None:
        scale = arrays.positive("sigma_min", sigma_min)
    return judge(noised, rows, manifold, training, scale, factor, rng)


def _rows(name: str, value: Any, dimension: int, least: int = 1) -> FloatArray:
    """Return points (k, d) as a float64 matrix."""
    array = arrays.matrix(name, value)
    if array.shape[1] != dimension:
        raise ValueError(f"{name} has last dimension {array.shape[1]} but the measure lives in R^{dimension}")
    if len(array) < least:
        raise ValueError(f"{name} must have at least {least} rows; got {len(array)}")
    return array


def _name(model: Any) -> str:
    """Return a short text for the model."""
    text = getattr(model, "__name__", None) or repr(model)
    return text if "\n" not in text and len(text) <= 200 else type(model).__name__
