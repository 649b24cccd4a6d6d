"""Calls that must fail: (name, call, exception, the whole message as a regular expression)."""

from . import objects, queries, sampling

CASES = [*queries.CASES, *objects.CASES, *sampling.CASES]

__all__ = ["CASES"]
