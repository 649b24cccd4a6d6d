"""Functions that users hand over: laws, kernels and maps as code."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

__all__ = ["call"]


def call(name: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """Return function(*arguments); TypeError that says `name` where it takes another number of arguments."""
    try:
        inspect.signature(function).bind(*arguments)
    except ValueError:  # some functions written in C do not say
        pass
    except TypeError as error:
        raise TypeError(f"{name} must be a function of {len(arguments)} argument(s): {error}") from None
    return function(*arguments)
