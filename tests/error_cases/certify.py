"""Certificates: what cannot be certified, and what is refused."""

import sys
from unittest import mock

import numpy as np
import pytest
import sympy as sp

import manifold_scores as ms
from manifold_scores import certify

OU = ms.OrnsteinUhlenbeck()
CIRCLE = ms.NoisedMeasure(ms.Circle().uniform(), OU)
U = sp.Symbol("u", real=True)
TURN = (U, 0, 2 * sp.pi)
RING = [sp.cos(U), sp.sin(U)]


class OwnProcess(ms.OrnsteinUhlenbeck):
    """Might compute anything."""


class OwnMeasure(ms.PointCloud):
    """Might compute anything."""


def enclosed(measure, t=1.0, **options):
    pytest.importorskip("flint", reason="certificates need python-flint")
    return certify.enclosure(ms.NoisedMeasure(measure, OU), np.full(measure.ambient_dimension, 0.5), t, **options)


def without_flint():
    with mock.patch.dict(sys.modules, {"flint": None}):
        certify.enclosure(CIRCLE, [0.5, 0.5], 1.0)


def refused(noised, **options):
    pytest.importorskip("flint", reason="certificates need python-flint")
    return certify.enclosure(noised, [0.5, 0.5], 1.0, **options)


CASES = [
    (
        "flint missing",
        without_flint,
        ImportError,
        r'certificates need python-flint: pip install "manifold-scores\[certify\]"',
    ),
    (
        "enclosure of a measure",
        lambda: refused(CIRCLE.measure),
        TypeError,
        "noised must be a NoisedMeasure; got SphereLaw",
    ),
    (
        "enclosure for an own process",
        lambda: refused(ms.NoisedMeasure(CIRCLE.measure, OwnProcess())),
        TypeError,
        "process cannot be certified: nothing rigorous is known of OwnProcess",
    ),
    (
        "enclosure for an own measure",
        lambda: enclosed(ms.Mixture([OwnMeasure([[0.0]]), ms.PointCloud([[1.0]])])),
        TypeError,
        "measure cannot be certified: nothing rigorous is known of OwnMeasure",
    ),
    (
        "digits a float",
        lambda: refused(CIRCLE, digits=5.0),
        TypeError,
        r"digits must be an integer; got 5\.0 \(float\)",
    ),
    ("digits zero", lambda: refused(CIRCLE, digits=0), ValueError, "digits must be at least 1; got 0"),
    (
        "digits immense",
        lambda: refused(CIRCLE, digits=100_000),
        ArithmeticError,
        r"digits = 100000 could not be certified at t = 1\.0 with 131072 bits of working precision",
    ),
    (
        "result of another dimension",
        lambda: refused(CIRCLE).contains(score=[1.0, 2.0, 3.0]),
        ValueError,
        "score must have 2 entries; got 3",
    ),
    (
        "negative tolerance",
        lambda: refused(CIRCLE).contains(score=[1.0, 2.0], tolerance=-1.0),
        ValueError,
        r"tolerance must not be negative; got -1\.0",
    ),
    (
        "covariance indefinite beyond the noise",
        lambda: enclosed(ms.Gaussian([0.0, 0.0], [[1.0, 1.0 + 2.0**-52], [1.0 + 2.0**-52, 1.0]]), 1e-17),
        ArithmeticError,
        r"the covariance of the Gaussian, taken as exact, has a negative eigenvalue beyond -s \(s the effective "
        r"variance\): no such law exists",
    ),
    (
        "enclosure on a surface",
        lambda: enclosed(ms.Torus(2.0, 0.5).uniform()),
        TypeError,
        "measure cannot be certified: rigorous integration covers curves, not surfaces",
    ),
    (
        "enclosure on a curve from Python",
        lambda: enclosed(ms.Curve(lambda u: np.stack([u, u**2], axis=1), (-1.0, 1.0)).uniform()),
        TypeError,
        "measure cannot be certified: its curve is a Python function, not a SymPy expression",
    ),
    (
        "enclosure of a density from Python",
        lambda: enclosed(ms.Curve(RING, TURN).measure(lambda u: 2.0 + np.cos(u))),
        TypeError,
        "measure cannot be certified: its density is a Python function, not a SymPy expression",
    ),
    (
        "enclosure of a kinked density",
        lambda: enclosed(ms.Curve(RING, TURN).measure(1 + sp.Abs(sp.sin(U)))),
        ValueError,
        r"Abs\(sin\(u\)\) cannot be certified: rigorous integration needs real analytic expressions, built from "
        r"numbers, powers, acos, asin, atan, cos, cosh, cot, csc, erf, exp, log, sec, sin, sinh, tan, tanh",
    ),
    (
        "enclosure of a density with a root at an end",
        lambda: enclosed(ms.Curve([U, U**2], (U, 0, 1)).measure(sp.sqrt(U))),
        ArithmeticError,
        r"the integral over the curve could not be enclosed: near u = \S+ the curve or its density is not analytic, or "
        r"varies too fast",
    ),
]
