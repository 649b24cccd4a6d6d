"""Questions as Dask arrays, by stand-ins: the messages do not need Dask."""

import numpy as np

import manifold_scores as ms

NOISED = ms.NoisedMeasure(ms.Circle().uniform(), ms.OrnsteinUhlenbeck())


class DaskArray:
    """What a Dask array says about itself."""

    __module__ = "dask.array.core"

    def __init__(self, shape, dtype=float):
        self.shape, self.ndim, self.dtype, self._meta = shape, len(shape), np.dtype(dtype), np.empty((0,), dtype)

    def __dask_graph__(self):
        raise AssertionError("computed")


class Traced:
    """What jax hands to a function that it traces."""

    def __array__(self, dtype=None, copy=None):
        raise type("TracerArrayConversionError", (TypeError,), {})


CASES = [
    (
        "traced by jax",
        lambda: NOISED.score(Traced(), 1.0),
        TypeError,
        r"x is traced by jax \(jit, grad or vmap\), which the exact oracle cannot follow; "
        r"call it through jax\.pure_callback",
    ),
    (
        "chunks of unknown size",
        lambda: NOISED.score(DaskArray((np.nan, 2)), 1.0),
        ValueError,
        r"x must have chunks of known sizes; call x\.compute_chunk_sizes\(\) first",
    ),
    (
        "lazy, another dimension",
        lambda: NOISED.score(DaskArray((5, 3)), 1.0),
        ValueError,
        r"x has last dimension 3 but the measure lives in R\^2",
    ),
    (
        "lazy and complex",
        lambda: NOISED.score(DaskArray((5, 2), complex), 1.0),
        TypeError,
        "x must be an array of real numbers; got dtype complex128",
    ),
    (
        "lazy, t negative",
        lambda: NOISED.score(DaskArray((5, 2)), -1.0),
        ValueError,
        r"t must be positive and finite; got -1\.0",
    ),
    (
        "lazy, t of another shape",
        lambda: NOISED.score(DaskArray((5, 2)), DaskArray((4,))),
        ValueError,
        r"t of shape \(4,\) does not broadcast against x\.shape\[:-1\] = \(5,\)",
    ),
    (
        "lazy, variance zero",
        lambda: NOISED.measure.tilt(DaskArray((5, 2)), 0.0),
        ValueError,
        r"variance must be positive and finite; got 0\.0",
    ),
    (
        "lazy, return_error a text",
        lambda: ms.SmoothedScore(NOISED, ms.GaussianKernel(0.1), nodes=16).score(
            DaskArray((5, 2)), 1.0, return_error="yes"
        ),
        TypeError,
        "return_error must be True or False; got 'yes'",
    ),
]
