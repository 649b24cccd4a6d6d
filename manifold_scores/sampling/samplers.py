"""Samplers in reversed time: the reverse SDE and the probability flow.

A model is anything with `.score(x, t)` (the gradient of log p_t, numpy in and out) and `.process`: an exact oracle, a
smoothed score, a trained network.  Both samplers start from N(0, sigma_T^2 I) unless `initial` is given.

In the coordinates z = x/alpha, s = sigma^2/alpha^2 every process is Brownian motion, dz = dW run up to "time" s, and
the reverse SDE reads dz = delta ds/s + dW, the flow dz/ds = -delta/(2s), with delta = f - z = sigma^2 score/alpha.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any, Protocol

import numpy as np

from .. import arrays
from ..arrays import FloatArray
from ..processes import Process

__all__ = ["Model", "probability_flow", "reverse_sde"]

# A score gives the posterior mean to eps |x|/alpha, about eps sigma/alpha.  At this ratio, where p_t is N(0, sigma^2 I)
# to 1e-8 already, that is 2e-8; a sampler that starts beyond would only add rounding errors.
_LARGEST_NOISE_RATIO = 1e8


class Model(Protocol):
    """What a sampler needs: a score and the process it belongs to."""

    process: Process

    def score(self, x: Any, t: Any) -> Any:
        """Return grad log p_t(x)."""


Samples = FloatArray | tuple[FloatArray, dict[float, FloatArray]]


def reverse_sde(
    model: Model,
    times: Any,
    n_samples: int | None = None,
    rng: Any = None,
    *,
    method: str = "exponential",
    initial: Any = None,
    snapshots: Sequence[float] | None = None,
    progress: bool = False,
) -> Samples:
    """Sample by the reverse SDE from times[0] down to times[-1].

    Two methods, both of weak order one in the step:

    * "exponential": exact in everything linear, with only the posterior mean f frozen over a step.  In z-coordinates a
      step from s to s' < s is the Brownian bridge to f,
      z' = z + (1 - s'/s) (f - z) + sqrt(s' (s - s')/s) xi.  A step to t = 0 returns f itself.  Exact for a point mass.
    * "euler-maruyama": x' = x + (g^2 score - drift)(t - t') + g sqrt(t - t') xi, coefficients at t.

    Parameters
    ----------
    model : has `.score(x, t)` and `.process`.
    times : decreasing, positive, starting where sigma/alpha <= 1e8; the last one may be 0.
    n_samples : number of samples; needs `model.ambient_dimension`.  Leave out if `initial` is given.
    rng : a seed or a numpy Generator; the same seed gives the same bits.
    method : "exponential" or "euler-maruyama".
    initial : samples at times[0], shape (n, d), instead of N(0, sigma_T^2 I).
    snapshots : times at which to keep the samples too; they are added to the grid and must lie within it.
    progress : show a progress bar.

    Returns
    -------
    samples (n, d) at times[-1]; with `snapshots`, the pair (samples, {t: samples at t}).

    Raises
    ------
    ValueError, TypeError : times not decreasing, unknown method, snapshot outside the grid, wrong shapes.
    """
    steps = {"exponential": _exponential_step, "euler-maruyama": _euler_maruyama_step}
    if method not in list(steps):  # a list compares, so what cannot be hashed gets the same message
        raise ValueError(f"method must be one of {sorted(steps)}; got {method!r}")
    rng = arrays.generator(rng)
    step = steps[method]
    return _run(
        model, times, n_samples, rng, initial, snapshots, progress, lambda x, t, t_next: step(model, x, t, t_next, rng)
    )


def probability_flow(
    model: Model,
    times: Any,
    n_samples: int | None = None,
    rng: Any = None,
    *,
    initial: Any = None,
    snapshots: Sequence[float] | None = None,
    progress: bool = False,
) -> Samples:
    """Transport samples from times[0] down to times[-1] by the probability-flow ODE with Heun's method (order two).

    The ODE is integrated as d(z/r)/d(1/r) = f, r = sqrt(s) the effective noise scale.  At large r the posterior mean f
    is linear in 1/r, at small r constant, so that steps may be long at both ends: one from r to q r is
    z' = q z + (1 - q)(f + f')/2, f' at the Euler step, and one to t = 0 lands on the posterior mean.
    Deterministic given the initial samples.  Arguments and results as in `reverse_sde`.
    """
    rng = arrays.generator(rng)
    return _run(
        model, times, n_samples, rng, initial, snapshots, progress, lambda x, t, t_next: _heun_step(model, x, t, t_next)
    )


def _exponential_step(model: Model, x: FloatArray, t: float, t_next: float, rng: np.random.Generator) -> FloatArray:
    alpha, s = _scales(model.process, t)
    alpha_next, s_next = _scales(model.process, t_next)
    shrink = s_next / s
    z = x / alpha + (1.0 - shrink) * _displacement(model, x, t)
    if s_next > 0.0:
        z += math.sqrt(s_next * (1.0 - shrink)) * rng.standard_normal(x.shape)
    return alpha_next * z


def _euler_maruyama_step(model: Model, x: FloatArray, t: float, t_next: float, rng: np.random.Generator) -> FloatArray:
    g = float(model.process.diffusion(t))
    drift = float(model.process.log_signal_rate(t)) * x
    step = t - t_next
    return x + (g * g * _score(model, x, t) - drift) * step + g * math.sqrt(step) * rng.standard_normal(x.shape)


def _heun_step(model: Model, x: FloatArray, t: float, t_next: float) -> FloatArray:
    alpha, s = _scales(model.process, t)
    alpha_next, s_next = _scales(model.process, t_next)
    shrink = math.sqrt(s_next / s)
    z = x / alpha
    displacement = _displacement(model, x, t)
    predicted = alpha_next * (z + (1.0 - shrink) * displacement)
    if s_next == 0.0:
        return predicted
    # q z + (1 - q)(f + f')/2 in terms of f - z and f' - z_predicted, which keep their digits near M.
    change = (2.0 - shrink) * displacement + _displacement(model, predicted, t_next)
    return alpha_next * (z + 0.5 * (1.0 - shrink) * change)


def _scales(process: Process, t: float) -> tuple[float, float]:
    """Return (alpha_t, s), with their limits (1, 0) at t = 0."""
    return (1.0, 0.0) if t == 0.0 else (float(process.signal_scale(t)), float(process.effective_variance(t)))


def _score(model: Model, x: FloatArray, t: float) -> FloatArray:
    score = np.asarray(model.score(x, t), dtype=np.float64)
    if score.shape != x.shape:
        raise ValueError(f"model.score must return an array of the shape of x, {x.shape}; got {score.shape}")
    if not np.isfinite(score).all():
        raise ValueError(f"model.score must be finite; it is not at t = {t!r}")
    return score


def _displacement(model: Model, x: FloatArray, t: float) -> FloatArray:
    """Return delta = f - z = sigma^2 score / alpha (Tweedie)."""
    ratio = float(model.process.noise_variance(t)) / float(model.process.signal_scale(t))
    return ratio * _score(model, x, t)


def _run(
    model: Model, times: Any, n_samples: int | None, rng: np.random.Generator, initial: Any,
    snapshots: Sequence[float] | None, progress: bool, step: Callable[[FloatArray, float, float], FloatArray],
) -> Samples:  # fmt: skip
    if not isinstance(getattr(model, "process", None), Process) or not callable(getattr(model, "score", None)):
        raise TypeError(f"model must have a method score(x, t) and a process; got {type(model).__name__}")
    grid, kept = _grid(model.process, times, snapshots)
    x = _initial(model, grid[0], n_samples, rng, initial)
    pictures = {grid[0]: x.copy()} if grid[0] in kept else {}
    for t, t_next in _steps(grid, progress):
        x = step(x, t, t_next)
        if t_next in kept:
            pictures[t_next] = x.copy()
    return x if snapshots is None else (x, {t: pictures[t] for t in kept})


def _grid(process: Process, times: Any, snapshots: Sequence[float] | None) -> tuple[list[float], list[float]]:
    """Return the decreasing grid, snapshot times included, and the snapshot times."""
    grid = arrays.vector("times", times)
    if grid.size < 2:
        raise ValueError(f"times must have at least 2 entries; got {grid.size}")
    if not (np.diff(grid) < 0.0).all():
        raise ValueError("times must be decreasing, from the largest to the smallest")
    if grid[-1] < 0.0:
        raise ValueError(f"times must not be negative; got {grid[-1]}")
    arrays.times("times", grid[:-1], process.end)
    if process.effective_variance(grid[0]) > _LARGEST_NOISE_RATIO**2:
        raise ValueError(
            f"times must start where the signal is not lost in rounding; "
            f"sigma/alpha at {grid[0]} exceeds {_LARGEST_NOISE_RATIO:g}"
        )
    wanted = arrays.real_array("snapshots", [] if snapshots is None else snapshots)
    if wanted.ndim != 1:
        raise ValueError(f"snapshots must be a vector; got shape {wanted.shape}")
    kept: list[float] = wanted.tolist()
    for t in kept:
        if not grid[-1] <= t <= grid[0]:
            raise ValueError(f"snapshots must lie within times, {grid[-1]} to {grid[0]}; got {t}")
    return sorted({*grid.tolist(), *kept}, reverse=True), kept


def _initial(model: Model, t: float, n_samples: int | None, rng: np.random.Generator, initial: Any) -> FloatArray:
    dimension: int | None = getattr(model, "ambient_dimension", None)
    if initial is not None:
        if n_samples is not None:
            raise TypeError("n_samples must be left out when initial is given; its rows are the samples")
        start = arrays.matrix("initial", initial)
        if dimension is not None and start.shape[1] != dimension:
            raise ValueError(f"initial has last dimension {start.shape[1]} but the model lives in R^{dimension}")
        return start
    if n_samples is None:
        raise TypeError("n_samples is needed unless initial is given")
    if dimension is None:
        raise TypeError("the model has no ambient_dimension, so its dimension is unknown; give initial")
    scale = math.sqrt(model.process.noise_variance(t))
    return scale * rng.standard_normal((arrays.count("n_samples", n_samples), dimension))


def _steps(grid: list[float], progress: bool) -> Iterator[tuple[float, float]]:
    pairs = list(pairwise(grid))
    if not progress:
        return iter(pairs)
    from tqdm.auto import tqdm

    return iter(tqdm(pairs, desc="sampling", unit="step"))
