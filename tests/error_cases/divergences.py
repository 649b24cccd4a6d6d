"""Renyi divergences: orders, values of log-densities, rules, tubes, samples."""

import numpy as np

import manifold_scores as ms

NODES, WEIGHTS = np.linspace(-1.0, 1.0, 12)[:, None], np.ones(12)
RULE = ms.BoxQuadrature([-1.0], [1.0])


class Unreadable:
    def __array__(self, dtype=None, copy=None):
        raise ValueError("cannot be read")


def flat(x):
    return np.zeros(len(x))


def pair(log_p=flat, order=2.0, nodes=NODES, weights=WEIGHTS, log_q=flat, **options):
    return lambda: ms.renyi_divergence(log_p, log_q, order, (nodes, weights), **options)


def on_rule(log_p=flat, rule=RULE, **options):
    return lambda: ms.renyi_divergence(log_p, flat, 2.0, rule, **options)


def box(lower=(-1.0,), upper=(1.0,), **options):
    return lambda: ms.BoxQuadrature(lower, upper, **options)


def tube(manifold=None, radius=0.5, **options):
    return lambda: ms.TubularQuadrature(manifold or ms.Circle(), radius, **options)


def samples(log_p=flat, log_q=flat, order=2.0, points=NODES, law="p"):
    return lambda: ms.renyi_divergence_samples(log_p, log_q, order, points, law=law)


def half(x):
    return np.where(x[:, 0] > 0.0, 0.0, -np.inf)


CASES = [
    ("order zero", pair(order=0.0), ValueError, r"order must be positive, inf included; got 0\.0"),
    ("order NaN", pair(order=[1.0, np.nan]), ValueError, "order must be positive, inf included; got nan"),
    ("order huge", pair(order=1e31), ValueError, r"order must be at most 1e\+30 or inf; got 1e\+31"),
    ("order empty", pair(order=[]), ValueError, "order must not be empty"),
    ("order text", pair(order="KL"), TypeError, "order must be an array of real numbers; got dtype <U2"),
    (
        "log-density of another shape",
        pair(lambda x: x),
        ValueError,
        r"log_p\(x\) must have shape \(12,\), one value a point; got \(12, 1\)",
    ),
    (
        "log-density array of another shape",
        pair(log_q=np.zeros(3)),
        ValueError,
        r"log_q must have shape \(12,\), one value a point; got \(3,\)",
    ),
    (
        "log-density complex",
        pair(lambda x: 1j * flat(x)),
        TypeError,
        r"log_p\(x\) must be an array of real numbers; got dtype complex128",
    ),
    (
        "log-density unreadable",
        pair(Unreadable()),
        TypeError,
        r"log_p must be an array of real numbers; got Unreadable \(cannot be read\)",
    ),
    (
        "log-density NaN",
        on_rule(lambda x: np.log(x[:, 0], where=x[:, 0] > 0, out=np.full(len(x), np.nan))),
        ValueError,
        r"log_p\(x\) must be finite or -inf; got 16 value\(s\) that are not, the first is nan",
    ),
    (
        "log-density infinite",
        pair(log_q=np.full(12, np.inf)),
        ValueError,
        r"log_q must be finite or -inf; got 12 value\(s\) that are not, the first is inf",
    ),
    (
        "density zero at the nodes",
        pair(np.full(12, -np.inf)),
        ValueError,
        "log_p is -inf at every node: the density must not vanish everywhere",
    ),
    (
        "density zero on the box",
        on_rule(lambda x: np.full(len(x), -np.inf)),
        ValueError,
        "log_p is -inf at every node of the first round: the density must not vanish everywhere",
    ),
    ("weights negative", pair(weights=-WEIGHTS), ValueError, r"quadrature weights must be non-negative; got -1\.0"),
    (
        "weights missing",
        pair(weights=WEIGHTS[1:]),
        ValueError,
        r"quadrature weights must have shape \(12,\); got \(11,\)",
    ),
    (
        "nodes not rows",
        pair(nodes=np.zeros(12)),
        ValueError,
        r"quadrature nodes must be a non-empty matrix; got shape \(12,\)",
    ),
    (
        "error of a pair",
        pair(return_error=True),
        ValueError,
        r"return_error needs a quadrature that estimates errors; a pair \(nodes, weights\) does not",
    ),
    (
        "no quadrature",
        on_rule(rule=None),
        TypeError,
        r"quadrature must be a TubularQuadrature, a BoxQuadrature or a pair \(nodes, weights\); got NoneType",
    ),
    (
        "values with a rule",
        on_rule(np.zeros(3)),
        TypeError,
        r"log_p must be a function of points \(n, d\) where the quadrature chooses them; got ndarray",
    ),
    # Rules
    (
        "tolerance",
        box(tolerance=1e-12),
        ValueError,
        r"tolerance must lie between 1e-10 and 0\.5; got 1e-12",
    ),
    ("box in R^4", box(np.zeros(4), np.ones(4)), ValueError, "lower must have at most 3 entries; got 4"),
    ("box upside down", box([0.0, 1.0], [1.0, 1.0]), ValueError, "lower must be below upper in every coordinate"),
    (
        "panels of another dimension",
        box(panels=[2, 2]),
        ValueError,
        "panels must be a number or have 1 entries; got 2",
    ),
    ("panels without end", box(panels=10**6), ValueError, "panels must give at most 100000 cells; got 1000000"),
    (
        "no evaluations",
        on_rule(rule=ms.BoxQuadrature([-1.0], [1.0], max_evaluations=10)),
        ValueError,
        "max_evaluations must be at least 32, what the first round of this quadrature takes",
    ),
    (
        "tolerance not reached",
        on_rule(lambda x: np.where(x[:, 0] > 0.1, 0.0, -1.0), ms.BoxQuadrature([-1.0], [1.0], max_evaluations=64)),
        ValueError,
        r"quadrature did not reach its tolerance 0\.001 within max_evaluations = 64; raise one of them, or take the "
        r"error with return_error=True",
    ),
    # Tubes
    (
        "tube beyond the reach",
        tube(radius=1.0),
        ValueError,
        r"radius must be below the reach 1 of the manifold; got 1\.0",
    ),
    (
        "tube in R^4",
        tube(ms.Sphere(4)),
        ValueError,
        r"manifold must be a curve in R\^2 or R\^3 or a surface in R\^3; got dimension 3 in R\^4",
    ),
    (
        "tube around a plane",
        tube(ms.AffineSubspace([[1.0], [0.0]])),
        TypeError,
        "manifold must be a sphere, a segment, a curve or a surface; got AffineSubspace",
    ),
    # Samples
    (
        "supremum from samples",
        samples(order=np.inf),
        ValueError,
        "order must be finite: samples say nothing about a supremum; use renyi_divergence",
    ),
    ("law of samples", samples(law="P"), ValueError, r"law must be one of \['p', 'q'\]; got 'P'"),
    ("few samples", samples(points=NODES[:5]), ValueError, "samples must have at least 10 rows; got 5"),
    (
        "sample where its law vanishes",
        samples(half),
        ValueError,
        "log_p must be finite at samples of its own law; it is -inf at some",
    ),
    (
        "other density vanishes at the samples",
        samples(lambda x: np.full(len(x), -np.inf), law="q"),
        ValueError,
        "log_p is -inf at every sample: the density must not vanish everywhere",
    ),
]
