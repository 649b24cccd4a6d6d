"""Samplers in reversed time: the reverse SDE and the probability flow.

A model is anything with `.score(x, t)` (the gradient of log p_t, numpy in and out) and `.process`: an exact oracle, a
smoothed score, a trained network.  Both samplers start from N(0, sigma_T^2 I) unless `initial` is given.

The steps themselves, and the coordinates they are taken in, are in `steps`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from .. import arrays
from ..arrays import FloatArray
from ..processes import Process
from . import models, steps
from .models import Model

__all__ = ["probability_flow", "reverse_sde"]

# A score gives the posterior mean to eps |x|/alpha, about eps sigma/alpha.  At this ratio, where p_t is N(0, sigma^2 I)
# to 1e-8 already, that is 2e-8; a sampler that starts beyond would only add rounding errors.
_LARGEST_NOISE_RATIO = 1e8


Samples = FloatArray | tuple[FloatArray, dict[float, FloatArray]]


def reverse_sde(
    model: Model,
    times: Any,
    n_samples: int | None = None,
    rng: Any = None,
    *,
    method: str = "exponential",
    final_noise: bool = True,
    corrector_steps: int = 0,
    corrector_step_size: float = 0.05,
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

    Without `final_noise` the last step of the grid leaves its xi out: "exponential" lands on the conditional mean
    E[X_t' | X_t = x] = alpha' (z + (1 - s'/s)(f - z)), exact, "euler-maruyama" on x + (g^2 score - drift)(t - t').
    (An exponential step to t = 0 has no noise in any case.)

    After each of these predictor steps, `corrector_steps` steps of the unadjusted Langevin algorithm at the time
    reached (predictor-corrector, Song et al. 2021, arXiv:2011.13456, Algorithms 2 and 3) pull the samples towards p_t,
    x' = x + c sigma^2 score + sqrt(2c) sigma xi,  c = `corrector_step_size`.
    There are none at t = 0, nor after a last step without noise, which they would put back.  The Hessian of log p_t is
    (Cov/s - I)/sigma^2 >= -I/sigma^2, so that x + c sigma^2 score contracts normal to M, by 1 - c, for c < 2 and does
    not overshoot for c <= 1; where p_t is not log-concave it expands, as the dynamics themselves do.  The bias is of
    order c: a direction in which p_t is normal with variance v is left with v / (1 - c sigma^2/2v), at most
    v / (1 - c/2).  The default is the signal-to-noise ratio 0.16 of the paper, for which c = 2 0.16^2.

    Parameters
    ----------
    model : has `.score(x, t)` and `.process`.
    times : decreasing, positive, starting where sigma/alpha <= 1e8; the last one may be 0.
    n_samples : number of samples; needs `model.ambient_dimension`.  Leave out if `initial` is given.
    rng : a seed or a numpy Generator; the same seed gives the same bits.
    method : "exponential" or "euler-maruyama".
    final_noise : whether the last step of the grid adds its noise.
    corrector_steps : Langevin steps after each step of the method.
    corrector_step_size : c, in units of sigma_t^2, below 2.
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
    methods = {"exponential": steps.exponential, "euler-maruyama": steps.euler_maruyama}
    predict = methods[arrays.choice("method", method, sorted(methods))]
    final_noise = arrays.flag("final_noise", final_noise)
    corrections = arrays.count("corrector_steps", corrector_steps)
    size = arrays.positive("corrector_step_size", corrector_step_size)
    if size >= 2.0:
        raise ValueError(f"corrector_step_size must be below 2, where Langevin steps become unstable; got {size!r}")
    rng = arrays.generator(rng)

    def step(x: FloatArray, t: float, t_next: float, last: bool) -> FloatArray:
        noise = final_noise or not last
        x = predict(model, x, t, t_next, rng, noise)
        for _ in range(corrections if noise and t_next > 0.0 else 0):
            x = steps.langevin(model, x, t_next, size, rng)
        return x

    return _run(model, times, n_samples, rng, initial, snapshots, progress, step)


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

    def step(x: FloatArray, t: float, t_next: float, last: bool) -> FloatArray:
        return steps.heun(model, x, t, t_next)

    return _run(model, times, n_samples, rng, initial, snapshots, progress, step)


def _run(
    model: Model, times: Any, n_samples: int | None, rng: np.random.Generator, initial: Any,
    snapshots: Sequence[float] | None, progress: bool, step: Callable[[FloatArray, float, float, bool], FloatArray],
) -> Samples:  # fmt: skip
    models.require(model, "score")
    progress = arrays.flag("progress", progress)
    grid, kept = _grid(model.process, times, snapshots)
    x = _initial(model, grid[0], n_samples, rng, initial)
    pictures = {grid[0]: x.copy()} if grid[0] in kept else {}
    for t, t_next in _pairs(grid, progress):
        x = step(x, t, t_next, t_next == grid[-1])
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
    every = sorted({*grid.tolist(), *kept}, reverse=True)
    models.require_noise(process, np.array(every))
    return every, kept


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


def _pairs(grid: list[float], progress: bool) -> Iterator[tuple[float, float]]:
    pairs = list(pairwise(grid))
    if not progress:
        return iter(pairs)
    from tqdm.auto import tqdm

    return iter(tqdm(pairs, desc="sampling", unit="step"))
