"""The rule on a tube around a manifold."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import arrays
from ..arrays import FloatArray
from ..manifolds import Manifold
from .charts import Chart, chart
from .region import Densities, Region, grid
from .rules import AdaptiveRule, counts
from .tensor import Rule

__all__ = ["TubularQuadrature"]

#: By dimension of integration: nodes of a panel along M, nodes of one in the normal direction, and the width of those
#: in units of t where the offset is width * sinh(t).
ALONG, NORMAL, NORMAL_PANEL = {2: 8, 3: 6}, {2: 12, 3: 8}, {2: 4.0, 3: 2.5}
#: The width is looked for between the radius and this many halvings of it, at offsets with this ratio, ...
HALVINGS, STEP = 40, 0.25
#: ... on normals through this many points, as the offset at which a log density has changed by 1/2 (at most by 8).
PROBED, CHANGE, LARGEST_CHANGE = 3, 0.5, 8.0


class TubularQuadrature(AdaptiveRule):
    """Adaptive quadrature on the tube {y + v : y in M, v normal to M at y, |v| < radius}, radius below the reach.

    With A_v = <v, II> the shape operator, dx = det(I - A_v) dvol(y) dv (Weyl 1939, Amer. J. Math. 61).  The coordinates
    are those of the parametrisation of M, and t with v = width sinh(t) n for a hypersurface, v = width sinh(t)
    (cos a n_1 + sin a n_2) for a curve in R^3, so that panels in t are graded towards M: densities of width `width`
    around M cost little more when it is tiny.  Tensor Gauss-Legendre rules (in the plane 8 nodes along M and 12 across,
    in space 6 and 8) on boxes that are halved where the integrands of the divergences asked for, or of the
    normalisations, are not resolved.

    The divergences are those of the laws restricted to the tube.  Where M has a boundary the tube has flat ends: the
    points whose nearest point of M is a boundary point belong to it only if they are normal to M there.

    Parameters
    ----------
    manifold : a Circle, a Sphere in R^2 or R^3, a Segment or a Curve in R^2 or R^3, a Surface in R^3.
    radius : radius of the tube.
    width : distance from M over which the densities vary; None looks for it, at 126 points.
    tolerance, absolute_tolerance, max_evaluations : as for `BoxQuadrature`.
    panels : panels to start with along the parameters of M, a number or one for each; default 4 for a curve, 2 and 3
        for a surface.  Give as many as there are features.

    Raises
    ------
    ValueError, TypeError : the message names the argument.
    """

    def __init__(
        self, manifold: Manifold, radius: float, *, width: float | None = None, tolerance: float = 1e-3,
        absolute_tolerance: float = 0.0, max_evaluations: int = 500_000, panels: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(tolerance, absolute_tolerance, max_evaluations)
        self._chart = chart(manifold)
        self.manifold, self.ambient_dimension = manifold, manifold.ambient_dimension
        self.radius = arrays.positive("radius", radius)
        if not self.radius < manifold.reach:
            raise ValueError(f"radius must be below the reach {manifold.reach:g} of the manifold; got {self.radius!r}")
        self.width = None if width is None else arrays.positive("width", width)
        self.panels = counts("panels", panels, [4] if manifold.dimension == 1 else [2, 3])

    def __repr__(self) -> str:
        return f"TubularQuadrature({self.manifold!r}, radius={self.radius!r})"

    def region(self, densities: Densities) -> Region:
        """Return the tube in its coordinates, graded on `width`; looks for the width if none was given."""
        width = self._found(densities) if self.width is None else min(self.width, self.radius)
        tube = _Tube(self._chart, self.radius, width, self.ambient_dimension - self.manifold.dimension)
        edges = [
            np.linspace(low, high, number + 1)
            for low, high, number in zip(self._chart.lower, self._chart.upper, self.panels, strict=True)
        ]
        k = self.ambient_dimension
        nodes = [ALONG[k]] * self.manifold.dimension + [NORMAL[k]]
        normal = np.linspace(0.0, tube.reach, math.ceil(tube.reach / NORMAL_PANEL[k]) + 1)
        if tube.codimension == 1:
            edges.append(np.concatenate([-normal[:0:-1], normal]))
        else:
            edges += [normal, np.linspace(0.0, 2.0 * math.pi, 3)]
            nodes.append(ALONG[k])
        return Region(Rule(tuple(nodes)), *grid(edges), tube.points)

    def _found(self, densities: Densities) -> float:
        """Return the least offset at which a log density differs from its value near M by 1/2, or the radius."""
        offsets = self.radius * STEP ** np.arange(HALVINGS * math.log(0.5) / math.log(STEP) + 1.0)
        shares = np.linspace(0.13, 0.79, PROBED)[:, None]
        frames = self._chart.frames(self._chart.lower + shares * (self._chart.upper - self._chart.lower))
        lines = frames.points[:, None, None] + (
            np.array([1.0, -1.0])[:, None, None] * offsets[:, None] * frames.normals[:, None, None, 0]
        )
        width = self.radius
        for values in densities(lines.reshape(-1, self.ambient_dimension)):
            table = values.reshape(-1, len(offsets))
            near = table[:, -1:]
            with np.errstate(invalid="ignore"):
                change = np.fmin(np.abs(table - near), LARGEST_CHANGE)
            # Near M a log density is quadratic, or, at a kink, changes faster.
            there = offsets / np.sqrt(np.maximum(change, CHANGE) / CHANGE)
            width = min(width, float(np.where(change >= CHANGE, there, self.radius).min()))
        return width


@dataclass(frozen=True)
class _Tube:
    """Tubular coordinates (u, t), or (u, t, a) in codimension 2."""

    chart: Chart
    radius: float
    width: float
    codimension: int

    @property
    def reach(self) -> float:
        """The value of t at the radius."""
        return math.asinh(self.radius / self.width)

    def points(self, parameters: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return points (N, d) and the logarithms (N,) of the volume elements."""
        m = len(self.chart.lower)
        frames, t = self.chart.frames(parameters[:, :m]), parameters[:, m]
        offset = np.clip(self.width * np.sinh(t), -self.radius, self.radius)
        element = self.width * np.cosh(t) * frames.volumes
        coordinates = offset[:, None]
        if self.codimension == 2:
            angle = parameters[:, m + 1]
            coordinates = offset[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
            element = element * offset
        points, determinant = frames.offset(coordinates)
        with np.errstate(divide="ignore"):
            return points, np.log(element * np.maximum(determinant, 0.0))
