"""Calls that must fail: (name, call, exception, the whole message as a regular expression)."""

from . import (
    asymptotics,
    cards,
    certify,
    curves,
    dask,
    divergences,
    evaluation,
    likelihood,
    networks,
    objects,
    parametric,
    queries,
    sampling,
    smoothing,
    torch_oracles,
)

CASES = [
    *queries.CASES,
    *objects.CASES,
    *sampling.CASES,
    *likelihood.CASES,
    *curves.CASES,
    *parametric.CASES,
    *certify.CASES,
    *asymptotics.CASES,
    *dask.CASES,
    *divergences.CASES,
    *smoothing.CASES,
    *networks.CASES,
    *torch_oracles.CASES,
    *evaluation.CASES,
    *cards.CASES,
]

__all__ = ["CASES"]
