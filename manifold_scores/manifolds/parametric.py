"""What curves and surfaces share: everything that follows from a parametrisation."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import arrays
from ..arrays import FloatArray
from ..fitting import fit
from ..measures import ParametricLaw
from ..measures.parametric import DEFAULT_TOLERANCE
from ..panels import LongArray, Panels
from . import frames
from .crossings import refuse_crossings
from .densities import parametric_law
from .manifold import Manifold
from .maps import NumericMap, Symbolic, SymbolicMap, parametrisation
from .projection import Foot, Nearest, find
from .regularity import affine_hull, closes, refuse_corners, refuse_degenerate

__all__ = ["Parametric"]


class Parametric(Manifold):
    """A manifold given by an embedding of an interval or a rectangle; `Curve` and `Surface` are the two kinds.

    Attributes
    ----------
    symbolic : the embedding as SymPy expressions, or None for a Python function.
    lower, upper : ends of the parameter domain, (m,).
    closed : which directions of the domain are closed; boundary : whether some is not.
    """

    def __init__(self, embedding: Any, domains: Sequence[Any], closed: Sequence[bool | None]) -> None:
        self._map: SymbolicMap | NumericMap = parametrisation(embedding, domains)
        self.dimension = len(domains)
        self.ambient_dimension = self._map.ambient_dimension
        self.symbolic: Symbolic | None = self._map.symbolic
        self.lower, self.upper = self._map.lower, self._map.upper
        self._basis, self._origin = affine_hull(self._map.values, self.dimension, self.ambient_dimension)
        self._panels: Panels = fit(self._reduced, self.dimension, self._rank, self._map.tolerance)
        arrays.length_scale("embedding", self._panels.center)
        refuse_degenerate(self._panels, self.lower, self.upper)
        refuse_corners(self._panels, self.lower, self.upper)
        self.closed: tuple[bool, ...] = tuple(closes(self._panels, axis, given) for axis, given in enumerate(closed))
        self.boundary = not all(self.closed)
        refuse_crossings(self._panels, self.closed, self._parameters)

    @property
    def _rank(self) -> int:
        return self.ambient_dimension if self._basis is None else int(self._basis.shape[1])

    def _reduced(self, v: LongArray) -> LongArray:
        """Return the map in the coordinates of the affine hull."""
        values = self._map.values(v)
        if self._basis is None or self._origin is None:
            return values
        return arrays.multiply(np.asarray(values, dtype=np.float64) - self._origin, self._basis)

    def _embed(self, u: FloatArray) -> FloatArray:
        return self.derivative(u[..., 0] if self.dimension == 1 else u, (0,) * self.dimension)  # type: ignore[no-any-return]

    def derivative(self, u: Any, orders: int | tuple[int, ...]) -> Any:
        """Return the partial derivative of the embedding of these orders in u, shape (..., d).

        Exact to rounding for SymPy expressions; for a Python function it is that of the piecewise polynomials, good to
        about 1e-13, 1e-11, 1e-9 of the scale for total order 1, 2, 3.
        """
        if not isinstance(orders, (tuple, list)):
            orders = (orders,)
        orders = tuple(arrays.count("orders", order) for order in orders)
        if len(orders) != self.dimension:
            raise ValueError(f"orders must have {self.dimension} entries, one for each parameter; got {len(orders)}")
        v, shape = self.unit_parameters(u)
        return arrays.restore(self._derivative(v, orders).reshape(*shape, self.ambient_dimension), u)

    def _derivative(self, v: FloatArray, orders: tuple[int, ...]) -> FloatArray:
        """Return the partial derivative in u at v (N, m) in the unit domain: (N, d)."""
        if isinstance(self._map, SymbolicMap):
            return self._map.derivative(v, orders)
        if not any(orders):
            return self._map.values(v)
        slope = self._panels.evaluate(v, orders) / np.prod((self.upper - self.lower) ** np.array(orders))
        return slope if self._basis is None else arrays.multiply(slope, self._basis.T)

    def _points(self, v: FloatArray) -> FloatArray:
        return self._derivative(v, (0,) * self.dimension)

    def unit_parameters(self, u: Any) -> tuple[FloatArray, tuple[int, ...]]:
        """Return v (N, m) in the unit domain of parameters u, closed directions wrapped, and the shape of the batch."""
        parameters = arrays.real_array("u", u)
        if self.dimension == 1:
            parameters = parameters[..., None]
        if parameters.ndim == 0 or parameters.shape[-1] != self.dimension:
            raise ValueError(f"u must have shape (..., {self.dimension}); got {parameters.shape}")
        rows = parameters.reshape(-1, self.dimension)
        v = (rows - self.lower) / (self.upper - self.lower)
        for axis in range(self.dimension):
            if self.closed[axis]:
                inside = (v[:, axis] >= 0.0) & (v[:, axis] <= 1.0)
                v[:, axis] = np.where(inside, v[:, axis], v[:, axis] - np.floor(v[:, axis]))
            elif len(v) and not -1e-15 <= v[:, axis].min() <= v[:, axis].max() <= 1.0 + 1e-15:
                raise ValueError(
                    f"u must lie in [{self.lower[axis]}, {self.upper[axis]}]; got {rows[:, axis].min()} to "
                    f"{rows[:, axis].max()}"
                )
        return np.clip(v, 0.0, 1.0), parameters.shape[:-1]

    def _parameters(self, v: FloatArray) -> FloatArray:
        return np.asarray(self.lower + (self.upper - self.lower) * v)

    @functools.cached_property
    def _patches(self) -> Any:
        return self._panels.patches(self.closed, np.zeros(self._rank))

    def _coordinates(self, x: FloatArray) -> FloatArray:
        if self._basis is None or self._origin is None:
            return x
        return arrays.multiply(x - self._origin, self._basis)

    def _search(self, x: FloatArray, runner_up: bool) -> Foot:
        return find(self._patches, self._panels, self._coordinates(x), runner_up)

    def nearest(self, x: Any) -> Nearest:
        """Return the global nearest point of every x (..., d), and the second lowest local minimum of the distance.

        Found by branch and bound over the whole domain with bounds on the squared distance and its third derivatives,
        so that no minimum is missed; improvements of |x - y|^2 below 4 eps |M| |x - y| are given up.  Where the
        distance is constant along the manifold (the centre of a circle) any nearest point is returned, and `unique`
        is False.

        Raises
        ------
        ValueError, TypeError : wrong shape, NaN or infinity.
        """
        rows = self._rows("x", x)
        found = self._search(rows.points, True)
        point = self._points(found.nearest)
        distance = np.linalg.norm(rows.points - point, axis=1)
        other = np.full_like(rows.points, np.nan)
        there = np.isfinite(found.gap)
        if there.any():
            other[there] = self._points(found.other[there])
        other_distance = np.where(there, np.sqrt(distance**2 + found.gap), np.inf)
        unique = found.unique(rows.points, distance, self._patches.magnitude[0])
        u = self._parameters(found.nearest)
        parameter = u[:, 0] if self.dimension == 1 else u
        return Nearest(*map(rows.restore, (point, parameter, distance, other, other_distance, unique)))

    def parameter(self, y: Any) -> Any:
        """Return the parameter u of the projection of y, shape (...) for a curve, (..., 2) for a surface."""
        rows = self._rows("y", y)
        u = self._parameters(self._search(rows.points, False).nearest)
        return rows.restore(u[:, 0] if self.dimension == 1 else u)

    def _project(self, x: FloatArray, unique: bool) -> tuple[FloatArray, NDArray[np.bool_] | None]:
        found = self._search(x, unique)
        point = self._points(found.nearest)
        if not unique:
            return point, None
        return point, found.unique(x, np.linalg.norm(x - point, axis=1), self._patches.magnitude[0])

    def metric(self, u: Any) -> Any:
        """Return the metric g_ij = <d_i y, d_j y> in the parameters, shape (..., m, m)."""
        v, shape = self.unit_parameters(u)
        first = self._first(v)
        metric = np.einsum("nid,njd->nij", first, first)
        return arrays.restore(metric.reshape(*shape, self.dimension, self.dimension), u)

    def volume_element(self, u: Any) -> Any:
        """Return sqrt(det g), the volume per du, shape (...)."""
        v, shape = self.unit_parameters(u)
        return arrays.restore(frames.volume(self._first(v)).reshape(shape), u)

    def _first(self, v: FloatArray) -> FloatArray:
        """Return the first derivatives in u at v, (N, m, d)."""
        return np.stack([self._derivative(v, unit) for unit in self._units], axis=1)

    @property
    def _units(self) -> list[tuple[int, ...]]:
        return [tuple(int(k == axis) for k in range(self.dimension)) for axis in range(self.dimension)]

    def _second(self, v: FloatArray) -> FloatArray:
        """Return the second derivatives in u at v, (N, m, m, d)."""
        rows = [
            np.stack([self._derivative(v, tuple(np.add(one, other))) for other in self._units], axis=1)
            for one in self._units
        ]
        return np.stack(rows, axis=1)

    def _foot(self, y: FloatArray) -> FloatArray:
        """Return v in the unit domain of the projections of y."""
        return self._search(y, False).nearest

    def _tangent_basis(self, y: FloatArray) -> FloatArray:
        return np.moveaxis(frames.tangent_basis(self._first(self._foot(y)))[0], 1, 2)

    def _normal_basis(self, y: FloatArray) -> FloatArray:
        return np.asarray(np.linalg.qr(self._tangent_basis(y), mode="complete").Q[:, :, self.dimension :])

    def _second_fundamental_form(self, y: FloatArray) -> FloatArray:
        v = self._foot(y)
        return frames.second_fundamental_form(self._first(v), self._second(v))

    def principal_curvatures(self, y: Any, normal: Any = None) -> Any:
        """Return the eigenvalues of the shape operator <n, II> at the projection of y, ascending, shape (..., m).

        Parameters
        ----------
        y : points, shape (..., d).
        normal : direction n (..., d), normalised here; its tangential part does not matter.  May be left out for
            hypersurfaces, where it is the column of `normal_basis`.
        """
        rows = self._rows("y", y)
        if normal is None:
            if self.ambient_dimension - self.dimension != 1:
                raise ValueError("normal is needed where there is more than one: the manifold is not a hypersurface")
            n = self._normal_basis(rows.points)[:, :, 0]
        else:
            given, shape = self._rows("normal", normal), (*rows.shape, self.ambient_dimension)
            try:
                n = np.broadcast_to(given.points.reshape(*given.shape, shape[-1]), shape).reshape(rows.points.shape)
            except ValueError:
                raise ValueError(
                    f"normal must broadcast against y; got {given.shape} and {rows.shape} points"
                ) from None
            basis = self._tangent_basis(rows.points)
            n = n - np.einsum("ndm,nem,ne->nd", basis, basis, n)
            length = np.linalg.norm(n, axis=1, keepdims=True)
            if not (length > 0.0).all():
                raise ValueError("normal must not be tangent to the manifold")
            n = n / length
        form = self._second_fundamental_form(rows.points)
        return rows.restore(np.linalg.eigvalsh(np.einsum("nijd,nd->nij", form, n)))

    @functools.cached_property
    def reach_bounds(self) -> tuple[float, float]:
        """A certified lower and an attained upper bound of the reach; `reach.reach_bounds` says what they rest on."""
        from .reach import reach_bounds

        return reach_bounds(self)

    @functools.cached_property
    def reach(self) -> float:  # type: ignore[override]
        """The attained upper bound of the reach: exact to 1e-6 for curves and 1e-3 for surfaces, see `reach_bounds`."""
        return self.reach_bounds[1]

    # Measures.

    def uniform(self) -> ParametricLaw:
        """Return the uniform law, with respect to volume."""
        return self._uniform

    @functools.cached_property
    def _uniform(self) -> ParametricLaw:
        return self.measure(1)

    @functools.cached_property
    def volume(self) -> float:  # type: ignore[override]
        """Length of the curve or area of the surface, to about 1e-15 (1e-13 for an embedding by a function)."""
        return self._uniform.total

    def measure(self, density: Any, *, tolerance: float = DEFAULT_TOLERANCE) -> ParametricLaw:
        """Return the probability measure with a density with respect to volume; it need not be normalised.

        Parameters
        ----------
        density : a number, a SymPy expression in the symbols of the embedding, or a function of the parameter(s),
            vectorised: arrays of shape (n,) to (n,).  Non-negative and bounded; it may have jumps, kinks and zeros
            along a curve, on a surface it has to be smooth.
        tolerance : relative accuracy asked of the quadrature, 1e-15 to 1e-3.

        Raises
        ------
        ValueError, TypeError : the density is negative, not finite or unbounded somewhere, vanishes everywhere, or is
            not resolved by 4096 polynomials.
        """
        hull = self._basis, self._origin
        return parametric_law(self, density, tolerance, self._volume_in_unit_domain, self._reduced, hull)

    def _volume_in_unit_domain(self, v: LongArray) -> LongArray:
        if isinstance(self._map, SymbolicMap):
            first = [self._map.values(v, unit) for unit in self._units]
            return frames.volume(np.stack(first, axis=1)) * np.prod(self.upper - self.lower)
        first = [self._panels.evaluate(np.asarray(v, dtype=np.float64), unit) for unit in self._units]
        return frames.volume(np.stack(first, axis=1))
