"""Frames, fundamental forms and the coefficients in them, of an embedding given by SymPy expressions."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import FloatArray

__all__ = ["SHORT", "Geometry", "entry_symbol", "inverse", "tidy"]

#: Expressions with more operations than this are left as they come: SymPy would simplify them for minutes.
SIMPLIFIED = 100
LARGEST_MULTIPLE = 4
#: The same for what is made of simplified parts, whose form says more unless it is very short.
SHORT = 16


class Geometry:
    """Frames of an embedding, and the coefficients in them."""

    def __init__(self, y: Any, parameters: tuple[Any, ...], lower: FloatArray, upper: FloatArray) -> None:
        import sympy

        m, d = len(parameters), len(y)
        self.y, self.parameters = y, parameters
        self.first = [y.diff(u) for u in parameters]
        self.metric = tidy(sympy.Matrix(m, m, lambda i, j: self.first[i].dot(self.first[j])))
        self.combine = _gram_schmidt(self.metric).applyfunc(lambda entry: _without_abs(entry, parameters, lower, upper))
        self.tangents = tuple(tidy(self._sum(self.combine[i, j] * self.first[j] for j in range(m))) for i in range(m))
        self.curvature = sympy.Integer(0)
        self.normals = self._normals(d)
        self.framed = len(self.normals) == d - m  # else the coordinate axes stand for a frame
        numbered = [f"n_{k + 1}" if self.framed else f"v_{k + 1}" for k in range(len(self.normals))]
        names = ["n"] if d - m == 1 else numbered
        while set(names) & {u.name for u in parameters}:
            names = [f"{name}'" for name in names]
        self.coordinates = tuple(sympy.Symbol(name, real=True) for name in names)
        self.v = self._sum(n * axis for n, axis in zip(self.coordinates, self.normals, strict=True))

    def _sum(self, vectors: Any) -> Any:
        import sympy

        return sum(vectors, sympy.zeros(len(self.y), 1))

    def _normals(self, d: int) -> tuple[Any, ...]:
        """Return the normal frame; sets `curvature`, signed, for curves in two and three dimensions."""
        import sympy

        tangent = self.tangents[0]
        if d == 3 and len(self.tangents) == 2:
            return (tidy(tangent.cross(self.tangents[1])),)
        if d <= 3 and len(self.tangents) == 1:
            turn = tidy(self._along(tangent))
            if d == 2:
                normal = sympy.Matrix([tangent[1], -tangent[0]])
                self.curvature = tidy(turn.T * normal)[0]
                return (normal,)
            self.curvature = sympy.sqrt(tidy(turn.T * turn)[0])
            if self.curvature != 0:
                normal = tidy(turn / self.curvature)
                return normal, tidy(tangent.cross(normal))
        return tuple(sympy.eye(d)[:, k] for k in range(d))

    def _along(self, value: Any) -> Any:
        """Return the derivative by arc length, for a curve."""
        return value.diff(self.parameters[0]) * self.combine[0, 0]

    def normal_part(self, w: Any) -> Any:
        """Return the components of the normal part of w along the normals."""
        import sympy

        inside = w if self.framed else w - self._sum(e.dot(w) * e for e in self.tangents)
        return sympy.Matrix([axis.dot(inside) for axis in self.normals])

    def framed_terms(self, log_density: Any) -> tuple[Any, Any, Any]:
        """Return H, b_N, b_T with a frame of the normal space; of b in terms of symbols for the entries of H."""
        import sympy

        m = len(self.parameters)
        form, cubic = self._curve_forms() if m == 1 else self._surface_forms()
        H = tidy(sympy.eye(m) - self._combination(self.coordinates, form))
        gradient = sympy.Matrix([log_density.diff(u) for u in self.parameters])
        slope = tidy(self.combine * gradient)
        symbols = sympy.Matrix(m, m, lambda i, j: entry_symbol(i, j, m) if H[i, j] != 0 else 0)
        inverted = inverse(symbols)
        pairs = [(k, i) for k in range(m) for i in range(m)]
        b_N = sympy.Matrix([sum(inverted[k, i] * f[k, i] for k, i in pairs) / 2 for f in form])
        terms = list(zip(self.coordinates, cubic, strict=True))
        q = sympy.Matrix([
            slope[j] + sum(inverted[k, i] * n * c[j][k, i] for k, i in pairs for n, c in terms) / 2
            for j in range(m)
        ])  # fmt: skip
        return H, b_N, inverted * q

    def _curve_forms(self) -> tuple[list[Any], list[Any]]:
        """Return <N_k, II(T, T)> and <N_k, (nabla II)(T, T, T)>: k, 0 and k', k w, w the torsion."""
        import sympy

        k = self.curvature
        forms, cubics = [k], [self._along(k)]
        if len(self.normals) == 2:
            forms.append(sympy.Integer(0))
            cubics.append(k * (self.normals[1].dot(self._along(self.normals[0]))))
        return [sympy.Matrix([[f]]) for f in forms], [[tidy(sympy.Matrix([[c]]))] for c in cubics]

    def _surface_forms(self) -> tuple[list[Any], list[Any]]:
        """Return <N, II(e_i, e_j)> and <N, (nabla II)(e_i, e_j, e_k)> on a surface in R^3, from Christoffel symbols."""
        import sympy

        m, u = len(self.parameters), self.parameters
        second = [[one.diff(w) for w in u] for one in self.first]
        h = tidy(sympy.Matrix(m, m, lambda i, j: self.normals[0].dot(second[i][j])))
        raised = tidy(inverse(self.metric))
        gamma = [
            tidy(raised * sympy.Matrix(m, m, lambda i, j, a=a: self.first[i].dot(second[a][j]))) for a in range(m)
        ]  # gamma[a][e, b] = Gamma^e_ab
        nabla = [tidy(h.diff(u[a]) - gamma[a].T * h - h * gamma[a]) for a in range(m)]
        combine = self.combine
        turned = [tidy(combine * matrix * combine.T) for matrix in nabla]
        cubic = [tidy(self._combination(combine[j, :], turned)) for j in range(m)]
        return [tidy(combine * h * combine.T)], [cubic]

    @staticmethod
    def _combination(row: Any, matrices: list[Any]) -> Any:
        total = 0 * matrices[0]
        for factor, matrix in zip(row, matrices, strict=True):
            total += factor * matrix
        return total

    def general_terms(self, log_density: Any) -> tuple[Any, Any, Any]:
        """Return H, b_N, b_T by the formula of `laplace`."""
        import sympy

        m, v, first, metric = len(self.parameters), self.v, self.first, self.metric
        second = [[tidy(one.diff(u)) for u in self.parameters] for one in first]
        K = tidy(sympy.Matrix(m, m, lambda i, j: metric[i, j] - v.dot(second[i][j])))
        inverted, back = inverse(K), inverse(self.combine)

        def change(j: int, k: int, i: int) -> Any:
            """Return d_j K_ki at fixed x."""
            third = second[k][i].diff(self.parameters[j])
            return metric[k, i].diff(self.parameters[j]) + first[j].dot(second[k][i]) - v.dot(third)

        log_weight = log_density + sympy.log(metric.det()) / 2
        pairs = [(k, i) for k in range(m) for i in range(m)]
        q = sympy.Matrix([
            sympy.diff(log_weight, self.parameters[j]) - sum(inverted[k, i] * change(j, k, i) for k, i in pairs) / 2
            for j in range(m)
        ])  # fmt: skip
        direct = self._sum(inverted[k, i] * second[k][i] for k, i in pairs) / 2
        b_T = sympy.Matrix([e.dot(direct) for e in self.tangents]) + back.T * (inverted * q)
        return tidy(self.combine * K * self.combine.T), tidy(self.normal_part(direct)), tidy(b_T)


def _gram_schmidt(metric: Any) -> Any:
    """Return C with e_i = sum_j C_ij d_j y orthonormal."""
    import sympy

    length = sympy.sqrt(metric[0, 0])
    if metric.rows == 1:
        return sympy.Matrix([[1 / length]])
    area = sympy.sqrt(tidy(sympy.Matrix([[metric.det()]]))[0])
    return tidy(sympy.Matrix([[1 / length, 0], [-metric[0, 1] / (length * area), length / area]]))


def _without_abs(expression: Any, parameters: tuple[Any, ...], lower: FloatArray, upper: FloatArray) -> Any:
    """Replace |w| by w or -w where w has one sign on a grid of the domain: lengths |R + r cos v| come out so."""
    import sympy

    grid = np.meshgrid(*[np.linspace(a, b, 65) for a, b in zip(lower, upper, strict=True)])
    for absolute in expression.atoms(sympy.Abs):
        values = np.asarray(sympy.lambdify(parameters, absolute.args[0], "numpy")(*grid), dtype=float)
        if (values > 0.0).all() or (values < 0.0).all():
            expression = expression.xreplace({absolute: absolute.args[0] * int(np.sign(values.flat[0]))})
    return expression


def inverse(matrix: Any) -> Any:
    """Return the inverse of a matrix of one or two rows, without the simplification that SymPy tries."""
    import sympy

    if matrix.rows == 1:
        return sympy.Matrix([[1 / matrix[0, 0]]])
    (a, b), (c, d) = matrix.tolist()
    return sympy.Matrix([[d, -b], [-c, a]]) / (a * d - b * c)


def entry_symbol(i: int, j: int, m: int) -> Any:
    """Return the symbol that stands for H_ij."""
    import sympy

    return sympy.Symbol("H" if m == 1 else f"H_{min(i, j) + 1}{max(i, j) + 1}", real=True)


def tidy(matrix: Any, longest: int = SIMPLIFIED) -> Any:
    """Simplify the entries of a matrix where there is hope."""
    import sympy

    def one(entry: Any) -> Any:
        if sympy.count_ops(entry) > longest or entry.has(sympy.Float):
            return entry
        # Multiple angles are expanded first, which takes minutes and makes things longer.
        if any(angle.args[0].as_coeff_Mul()[0] > LARGEST_MULTIPLE for angle in entry.atoms(sympy.sin, sympy.cos)):
            return entry
        return min(entry, sympy.simplify(entry), key=sympy.count_ops)

    return matrix.applyfunc(one)
