"""What `print` shows of an expansion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays import FloatArray
from ..measures import ParametricLaw
from ..measures.sphere import SphereLaw

if TYPE_CHECKING:
    from .record import Expansion

__all__ = ["text"]

#: Vectors beyond this length and formulas beyond this many characters are not printed.
LONGEST_VECTOR, LONGEST_FORMULA = 6, 240
#: Nearest points that are listed.
MOST_POINTS = 8
#: Entries below this share of the largest are printed as 0.
ROUNDING = 1e-12

_LAWS = {
    "interior": "f = y_x + s b + O(s^2)",
    "end": "f = y_x + s b + O(s^2), b = tau/D, D = -<x - y_x, tau>, tau the inner tangent",
    "side": "f = y_x + s b + O(s^2), the projection stays on the boundary",
    "corner": "f = y_x + s b + O(s^2), the projection stays at the corner",
    "edge": "f = y_x + sqrt(s) r + O(s), r the mean of N(0, H^-1) cut to the inward directions",
    "focal": "f = y_x + sqrt(s) r + O(s), |x - y|^2 is of fourth order along the curve",
    "medial axis": "f -> sum_i w_i y_i, w_i ~ rho(y_i) det(H_i)^(-1/2) e^(a <x, y_i>)",
    "point cloud": "f = y_x + p e^(-gap/s)",
}


def text(e: Expansion) -> str:
    """Return a few lines with formulas and numbers."""
    where = "" if e.parameter is None else f" at u = {_numbers(np.asarray(e.parameter))}"
    lines = [
        f"{e.situation}: x = {_numbers(e.x)}, y_x = {_numbers(e.point)}{where}, |x - y_x| = {np.linalg.norm(e.v):.6g}",
        f"  {_LAWS[e.situation]}",
    ]
    if e.situation == "medial axis":
        pairs = zip(e.weights[:MOST_POINTS], e.nearest_points[:MOST_POINTS], strict=True)
        lines += [f"  w = {weight:.6g} (a = 0) at y = {_numbers(point)}" for weight, point in pairs]
    elif e.situation == "point cloud":
        lines.append(f"  gap = {e.gap:.6g}, p = {_numbers(e.prefactor)}")
    else:
        if len(e.H):
            lines.append(f"  H = I - <x - y_x, II>: eigenvalues {_numbers(e.eigenvalues)}")
        if e.root.any():
            size = float(np.abs(e.root).max())
            drift = f" + a {_numbers(e.drift, size)}" if np.abs(e.drift).max() > ROUNDING * size else ""
            lines.append(f"  r = {_numbers(e.root)}{drift}")
        else:
            size = float(np.abs(e.b).max())
            lines.append(f"  b = b_N + b_T = {_numbers(e.b_normal, size)} + {_numbers(e.b_tangential, size)}")
            lines.append(f"  -score = (x - y_x)/t + c + O(t), c = a {_numbers(e.x - e._moved)} - b")
    return "\n".join([*lines, *_formulas(e)])


def _formulas(e: Expansion) -> list[str]:
    law = e.measure
    if isinstance(law, SphereLaw):
        turned = f", b_T = {law.concentration:.6g}/r (m - <m, N> N)" if law.concentration else ""
        return [f"  with x = r N: H = r/{law.radius:.6g}, b_N = -{0.5 * law.dimension:.6g}/r N{turned}"]
    symbolic = isinstance(law, ParametricLaw) and law.manifold.symbolic is not None and law.symbolic_density is not None
    if e.situation != "interior" or not symbolic:
        return []
    f = e.formula()
    shown: list[tuple[str, Any]] = []
    m = len(f.tangents)
    axes = [""] if m == 1 else [f"_{i + 1}" for i in range(m)]
    for i, row in enumerate(axes):
        shown += [(f"H{row}{axes[j][1:]}", f.H[i, j]) for j in range(i, m) if i == j or f.H[i, j] != 0]
    shown += [(f"<b_N, {name}>", value) for name, value in zip(_names(f), f.short_normal, strict=True)]
    shown += [(f"<b_T, e{axis}>", value) for axis, value in zip(axes, f.short_tangential, strict=True)]
    if any(len(str(value)) > LONGEST_FORMULA for _, value in shown) or len(shown) > 2 * LONGEST_VECTOR:
        return ["  (its formulas are long: see `.formula()`)"]
    frame = " + ".join(f"{n} {name}" for n, name in zip(f.coordinates, _names(f), strict=True))
    return [f"  with x = y({', '.join(map(str, f.parameters))}) + {frame}:", *(f"    {n} = {v}" for n, v in shown)]


def _names(f: Any) -> list[str]:
    return ["N"] if len(f.normals) == 1 else [f"N_{k + 1}" for k in range(len(f.normals))]


def _numbers(values: FloatArray, size: float = 0.0) -> str:
    """Return a vector in brackets, a number without."""
    values = np.asarray(values)
    if values.size > LONGEST_VECTOR:
        return f"(vector of {values.size}, norm {np.linalg.norm(values):.6g})"
    floor = ROUNDING * max(float(np.abs(values).max(initial=0.0)), size)
    shown = [f"{value:.6g}" if abs(value) > floor else "0" for value in values.flat]
    return shown[0] if values.ndim == 0 else f"({', '.join(shown)})"
