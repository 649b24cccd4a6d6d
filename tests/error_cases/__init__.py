"""Calls that must fail: (name, call, exception, the whole message as a regular expression)."""

from . import asymptotics, certify, curves, objects, parametric, queries, sampling

CASES = [
    *queries.CASES,
    *objects.CASES,
    *sampling.CASES,
    *curves.CASES,
    *parametric.CASES,
    *certify.CASES,
    *asymptotics.CASES,
]

__all__ = ["CASES"]
