"""The algebra between the three targets of a model at one point: posterior mean, score and noise."""

from __future__ import annotations

from typing import Any

__all__ = ["TARGETS", "converted"]

#: By the names of the methods of `NoisedMeasure`.
TARGETS = ("posterior_mean", "score", "noise")


def converted(prediction: Any, x: Any, alpha: Any, variance: Any, given: str, wanted: str) -> Any:
    """Return the prediction of one target as that of another, at the same (x, t).

    Exact for every process, whether or not the prediction is right:

        score = (alpha f - x)/sigma^2 = -noise/sigma,    f = (x + sigma^2 score)/alpha = (x - sigma noise)/alpha.

    Digits are lost where two terms cancel: f where alpha is small, the other two from f where sigma is.

    Parameters
    ----------
    prediction, x, alpha, variance : arrays of one namespace that broadcast; alpha_t and sigma_t^2.
    given, wanted : of `TARGETS`.
    """
    if given == wanted:
        return prediction
    sigma = variance**0.5
    if wanted == "posterior_mean":
        return (x - sigma * prediction) / alpha if given == "noise" else (x + variance * prediction) / alpha
    if given == "posterior_mean":
        pull = alpha * prediction - x
        return pull / variance if wanted == "score" else -pull / sigma
    return -prediction / sigma if given == "noise" else -sigma * prediction
