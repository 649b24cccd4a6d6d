"""One line for somebody else's test suite."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import arrays
from ..arrays import FloatArray
from ..noised import NoisedMeasure
from .errors import norms
from .predictions import Predictor, check_noised, check_times, exact

__all__ = ["assert_score_close"]

_COORDINATES = 6  # of vectors in a message


def assert_score_close(
    model: Any,
    noised: NoisedMeasure,
    times: Any,
    rtol: float = 1e-6,
    *,
    atol: float = 0.0,
    n: int = 100,
    rng: Any = 0,
    predicts: str = "score",
    like: Any = None,
    batch_size: int = 4096,
) -> None:
    """Raise AssertionError unless |score - exact score| <= rtol |exact score| + atol/sigma_t at points drawn from p_t.

    For tests of a sampler, of a port of an oracle or of a trained network, under pytest or without it:

    >>> import manifold_scores as ms
    >>> noised = ms.NoisedMeasure(ms.PointCloud([[0.0, 0.0]]), ms.BrownianMotion())
    >>> ms.assert_score_close(lambda x, t: -x / t[:, None], noised, [1.0, 0.01], rtol=1e-12)

    The message names the time and the point where the error is the most above what is allowed, the value and the truth.

    Parameters
    ----------
    model, noised, times : as in `evaluate`.
    rtol : relative tolerance, not negative; for float32 at least 1e-6 max(1, |x|/sigma_t).
    atol : absolute tolerance in units of 1/sigma_t, not negative: near a zero of the score nothing is close relative
        to it.
    n : points drawn from p_t, for every time.
    rng : a seed or a numpy Generator; the same points in every run by default.
    predicts, like, batch_size : as in `evaluate`; a posterior mean or noise is turned into the score first.

    Raises
    ------
    AssertionError : the scores differ, or the model answers NaN or infinity.
    ValueError, TypeError : as from `evaluate`.
    """
    noised = check_noised(noised)
    predictor = Predictor(model, noised, predicts, like, batch_size)
    rtol, atol = arrays.non_negative("rtol", rtol), arrays.non_negative("atol", atol)
    grid, rng, n = check_times(noised, times), arrays.generator(rng), arrays.count("n", n, 1)
    worst, message, failed, at = -1.0, "", 0, []
    for t in grid.tolist():
        x = predictor.rounded(noised.sample(n, t, rng))
        found, truth = predictor.targets(x, t).score, exact(noised, x, t).score
        finite = np.asarray(np.isfinite(found).all(axis=1))
        error, size = norms(np.where(finite[:, None], found - truth, 0.0)), norms(truth)
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            allowed = rtol * size + atol / math.sqrt(noised.process.noise_variance(t))
            excess = np.where(error > allowed, error / allowed, 0.0)
        excess[~finite] = math.inf
        bad = int((excess > 0.0).sum())
        failed += bad
        at += [f"{t:g}"] if bad else []
        row = int(np.argmax(excess))
        if bad and excess[row] > worst:
            worst = float(excess[row])
            message = _message(t, x[row], found[row], truth[row], error[row], size[row], allowed[row])
    if failed:
        raise AssertionError(
            f"the scores of {failed} of {n * len(grid)} points are not close (rtol = {rtol:g}, atol = {atol:g}), at "
            f"t = {', '.join(at)}; the worst:\n{message}"
        )


def _message(
    t: float, x: FloatArray, found: FloatArray, truth: FloatArray, error: float, size: float, allowed: float
) -> str:
    """Return what there is to say of one point."""
    if not np.isfinite(found).all():
        off = "not finite"
    else:
        off = f"{error:.3e}" + (f" = {error / size:.3e} |exact|" if size > 0.0 else "") + f", allowed {allowed:.3e}"
    rows = (("t", repr(t)), ("x", _shown(x)), ("model", _shown(found)), ("exact", _shown(truth)), ("error", off))
    return "\n".join(f"  {name:<5} = {value}" for name, value in rows)


def _shown(vector: FloatArray) -> str:
    text = ", ".join(f"{value:.9g}" for value in vector[:_COORDINATES])
    more = f", ... ({len(vector)} coordinates)" if len(vector) > _COORDINATES else ""
    return f"[{text}{more}]"
