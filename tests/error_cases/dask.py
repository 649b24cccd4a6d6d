"""Questions and clouds as Dask arrays, by stand-ins: the messages do not need Dask."""

import pathlib
import sys
import tempfile
import types
from unittest import mock

import numpy as np

import manifold_scores as ms
from manifold_scores.interop import dask as interop
from manifold_scores.interop import npy, partial_sums

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


def with_modules(call, **modules):
    """Call while these modules stand for dask or distributed."""

    def case():
        with mock.patch.dict(sys.modules, {name.replace("_", "."): module for name, module in modules.items()}):
            return call()

    return case


QUERIES = partial_sums.Queries(np.ones((1, 2)), np.ones(1))
STANDING_IN = types.ModuleType("dask")
PERSISTED = types.ModuleType("distributed")
PERSISTED.futures_of = lambda collections: ["a future"]


def file(content, ask=npy.NpyFile):
    """Ask for an .npy file with this content."""

    def case():
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "x.npy"
            if isinstance(content, bytes):
                path.write_bytes(content)
            else:
                np.save(path, content)
            return ask(path)

    return case


def overwritten(path):
    opened = npy.NpyFile(path)
    np.save(path, np.ones(7))
    return opened[:2]


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
    # Clouds in Dask arrays
    (
        "cloud not lazy",
        with_modules(lambda: interop.DistributedCloud(np.ones((3, 2))), dask=STANDING_IN, dask_array=STANDING_IN),
        TypeError,
        r"points must be a Dask array; got ndarray \(PointCloud takes points in memory\)",
    ),
    (
        "no dask",
        with_modules(lambda: interop.DistributedCloud(np.ones((3, 2))), dask=None, dask_array=None),
        ImportError,
        r'arrays larger than memory need dask: pip install "manifold-scores\[dask\]"',
    ),
    (
        "no dask for files",
        with_modules(lambda: interop.from_npy("x.npy"), dask=None, dask_array=None),
        ImportError,
        r'arrays larger than memory need dask: pip install "manifold-scores\[dask\]"',
    ),
    (
        "lazy cloud of words",
        lambda: interop.DistributedCloud(DaskArray((5, 3), "U3")),
        TypeError,
        "points must be an array of real numbers; got dtype <U3",
    ),
    (
        "lazy cloud a vector",
        lambda: interop.DistributedCloud(DaskArray((5,))),
        ValueError,
        r"points must be a non-empty \(N, d\) array; got shape \(5,\)",
    ),
    (
        "lazy cloud of unknown size",
        lambda: interop.DistributedCloud(DaskArray((np.nan, 3))),
        ValueError,
        r"points must have chunks of known sizes; call points\.compute_chunk_sizes\(\) first",
    ),
    (
        "lazy weights of another size",
        lambda: interop.DistributedCloud(DaskArray((5, 3)), DaskArray((4,))),
        ValueError,
        r"weights must have shape \(5,\); got \(4,\)",
    ),
    (
        "weights of a lazy cloud negative",
        lambda: interop.DistributedCloud(DaskArray((2, 3)), [1.0, -1.0]),
        ValueError,
        r"weights must be non-negative; got -1\.0",
    ),
    (
        "ordered a number",
        with_modules(
            lambda: interop.DistributedCloud(DaskArray((5, 3)), ordered=1), dask=STANDING_IN, dask_array=STANDING_IN
        ),
        TypeError,
        "ordered must be True or False; got 1",
    ),
    (
        "weights of a chunk negative",
        lambda: partial_sums.weigh(np.array([1.0, -2.0])),
        ValueError,
        r"weights must be non-negative; got -2\.0",
    ),
    (
        "weights of all chunks zero",
        lambda: partial_sums.in_one_unit([partial_sums.weigh(np.zeros(3)), partial_sums.weigh(np.zeros(0))]),
        ValueError,
        "weights must not all be zero",
    ),
    (
        "points of a chunk not finite",
        lambda: partial_sums.partial_sums(
            np.full((3, 2), np.nan), None, (np.ones((1, 2)), np.ones(1)), "first", 1, True
        ),
        ValueError,
        r"points must be finite; got 6 value\(s\) that are not, the first is nan",
    ),
    (
        "points on a cluster, lazy questions",
        with_modules(lambda: interop.refuse_futures(None), distributed=PERSISTED),
        ValueError,
        "points and weights must not be persisted on the cluster where x is a Dask array; "
        "pass x as a numpy array, or points that are read from disk",
    ),
    # Files
    (
        "file of words",
        file(np.array(["a"])),
        TypeError,
        r"path must lead to an array of real numbers; got shape \(1,\), dtype <U1",
    ),
    (
        "file of one number",
        file(np.array(1.0)),
        TypeError,
        r"path must lead to an array of real numbers; got shape \(\), dtype float64",
    ),
    (
        "file of objects",
        file(np.array([None])),
        ValueError,
        r"path must lead to an \.npy file of numbers; .*x\.npy: .*",
    ),
    (
        "another file",
        file(b"x, y\n1, 2\n"),
        ValueError,
        r"path must lead to an \.npy file of numbers; .*x\.npy: .*",
    ),
    (
        "file changed",
        file(np.ones(3), overwritten),
        ValueError,
        r".*x\.npy has changed since it was opened; open it again",
    ),
]
