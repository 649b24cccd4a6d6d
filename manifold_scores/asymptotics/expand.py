"""The expansion of a measure at a point: which closed form or which chart, and the record made of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import arrays
from ..arrays import FloatArray
from ..measures import Embedded, Gaussian, ParametricLaw, PointCloud
from ..measures.box import BoxLaw, SegmentLaw
from ..measures.sphere import SphereLaw
from ..tilt import Measure
from . import closed_forms
from .charts import charts
from .closed_forms import Located
from .laplace import terms
from .record import Expansion

__all__ = ["expansion"]

#: A law and the function that locates its nearest points.
_KINDS: list[tuple[type[Any], Callable[[Any, FloatArray], Located]]] = [
    (SphereLaw, closed_forms.sphere),
    (SegmentLaw, closed_forms.segment),
    (BoxLaw, closed_forms.box),
    (Gaussian, closed_forms.gaussian),
    (PointCloud, closed_forms.cloud),
]


def expansion(measure: Measure, x: Any) -> Expansion:
    """Return the small-time expansion of f and of the score at one point, with its constants (theory 3).

    Parameters
    ----------
    measure : a law on a curve or a surface, on a sphere, a segment or a box, a Gaussian, a point cloud, or one of these
        moved by `Embedded`.
    x : one point, shape (d,).

    Returns
    -------
    Expansion
        Accuracy: derivatives of the embedding are exact for SymPy expressions, those of functions are good to 1e-9 of
        their scale at third order; log-densities that are not constant are differentiated as piecewise polynomials, to
        about 1e-12.  The density has to be differentiable at y_x.

    Raises
    ------
    ValueError, TypeError : a measure of another kind, x of the wrong shape, a density that vanishes at y_x, a focal
        point that is not a vertex of a curve.

    Examples
    --------
    >>> import manifold_scores as ms
    >>> e = ms.expansion(ms.Ellipse(2.0, 1.0).uniform(), [3.0, 0.0])
    >>> e.situation, e.point.tolist(), e.H.round(12).tolist()
    ('interior', [2.0, 0.0], [[3.0]])
    >>> e.c(0.5).round(12).tolist()  # of [LWB]: -score = (x - y_x)/t + c + O(t)
    [1.833333333333, 0.0]
    """
    given: Any = measure
    if not isinstance(given, Measure):
        hint = "; a manifold becomes a measure with .uniform()" if hasattr(given, "uniform") else ""
        raise TypeError(f"measure must be a measure; got {type(given).__name__}{hint}")
    point = arrays.vector("x", x, measure.ambient_dimension)
    return _record(measure, point, _located(measure, point))


def _located(measure: Measure, x: FloatArray) -> Located:
    if isinstance(measure, ParametricLaw):
        found, gap = charts(measure, x)
        return Located([terms(chart) for chart in found], gap, np.empty((0, x.size)), np.empty(0))
    if isinstance(measure, Embedded):
        return closed_forms.embedded(measure, _located(measure.measure, (x - measure.origin) @ measure.basis), x)
    for kind, function in _KINDS:
        if isinstance(measure, kind):
            return function(measure, x)
    raise TypeError(
        "measure must be a law on a curve, surface, sphere, segment or box, a Gaussian, a point cloud, or one of these "
        f"embedded; got {type(measure).__name__}"
    )


def _record(measure: Measure, x: FloatArray, located: Located) -> Expansion:
    # The least power of s carries all the mass; the nearest points that have it share it.
    found = sorted(located.terms, key=lambda term: term.power)
    leading = found[0].power
    points = np.array([term.point for term in found])
    weights = np.array([term.mass if term.power == leading else 0.0 for term in found])
    first, several = found[0], len(found) > 1
    normal_part = first.b - first.tangent @ (first.tangent.T @ first.b)
    nothing = np.full_like(x, np.nan)
    unknown = np.full_like(first.hessian, np.nan)
    return Expansion(
        measure=measure,
        x=x,
        situation="medial axis" if several else first.situation,
        point=first.point,
        parameter=first.parameter,
        v=first.offset,
        tangent_basis=first.tangent,
        H=first.hessian,
        b_normal=nothing if several else normal_part,
        b_tangential=nothing if several else first.b - normal_part,
        root=np.zeros_like(x) if several else first.root,
        drift=np.zeros_like(x) if several else first.sway * (first.sway @ x),
        nearest_points=points,
        weights=weights / weights.sum(),
        gap=located.gap,
        prefactor=located.shares @ (located.runners_up - first.point),
        _projection=unknown if several else first.projection,
        _spread=unknown if several else first.spread,
        _runners_up=located.runners_up,
        _shares=located.shares,
    )
