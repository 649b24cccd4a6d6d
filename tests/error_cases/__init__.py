"""Calls that must fail: (name, call, exception, the whole message as a regular expression)."""

from . import certify, objects, queries, sampling

CASES = [*queries.CASES, *objects.CASES, *sampling.CASES, *certify.CASES]

__all__ = ["CASES"]
