"""Where arrays may be computed on, and the one error where there is no such device."""

from __future__ import annotations

__all__ = ["DEVICES", "PRECISIONS", "require_card"]

DEVICES = ("cpu", "cuda")
PRECISIONS = ("double", "single")


def require_card() -> None:
    """Raise RuntimeError unless numba can compute on an NVIDIA card here."""
    from .compute.cuda_memory import why_not  # numba is imported on first use

    reason = why_not()
    if reason is not None:
        raise RuntimeError(
            f"device 'cuda' needs an NVIDIA card, its driver and numba-cuda (extra manifold-scores[cuda]): {reason}"
        )
