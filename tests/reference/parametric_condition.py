"""Condition numbers of the targets of a parametric law, from moments over its quadrature nodes.

kappa is what condition.py defines. When an input moves, the tilted law changes by the logarithmic derivative g of the
integrand, and the nodes by dy, so that with all means under the tilted law and c = y - f

    dlog Z = E g,    df = E dy + E[c g],    dCov = E[c c' (g - E g)] + E[dy c' + c dy'],

where g = <y - z, dz>/s for z, |y - z|^2 ds/2s^2 for s, and a difference quotient for a parameter of the manifold.
The points of M count as inputs, like those of a cloud: all of them moving together by a relative step, without which
the mean of a symmetric law seen from its centre would have to be a zero of full relative accuracy; and each of them on
its own where the package has them from a function in float64 (`law.rounded`).

Nodes are centred in ball arithmetic; from there float64 is far more than kappa needs.
"""

from functools import cache, cached_property
from typing import NamedTuple

import numpy as np
from flint import arb, ctx

from .arithmetic import floats
from .condition import STEP as TIME_STEP
from .condition import VANISHING, matrix_scales
from .parametric import MATRIX_DIMENSION, products, squared_distances
from .parametric_panels import PRECISION
from .targets import change_of_variables, matrices, targets

PARAMETER_STEP = arb(2) ** -130
"""Relative step in the parameters of a manifold, 1e-39; the balls hold 80 digits more."""


VECTORS = ("log_density", "score", "noise", "posterior_mean", "displacement")
MATRICES = ("posterior_covariance", "score_jacobian", "score_divergence", "local_dimension")


class Direction(NamedTuple):
    """An input of norm `size`, moving: E g, df, g - E g (n,), dy (d, n) or 0, and the speeds of z, alpha, sigma^2."""

    size: float
    log_mass: float
    mean: np.ndarray
    slope: np.ndarray
    points: np.ndarray | float = 0.0
    center: np.ndarray | float = 0.0
    alpha: float = 0.0
    sigma2: float = 0.0


def conditions(law, process, x, t, log_unit):
    """Name of the target -> (kappa over all inputs, kappa over x, t and the process); matrices if they are formed."""
    state = _State(law, process, x, t, log_unit)
    own = state.along_x()
    points = state.along_apart() if law.rounded else state.along_together()
    variance = state.quotients(state.along_variance)
    near = _total([own, *[state.quotients(each) for each in state.along_clock()]])
    # The displacement is a function of z and s; x moves it exactly as z does.
    near["displacement"] = own["displacement"] + variance["displacement"]
    full = _total([near, points, *[state.quotients(each) for each in state.along_parameters()]])
    return {name: (full[name], near[name]) for name in full}


class _State:
    """Everything at one (x, t): base values, their scales, and centred nodes with their shares of the mass."""

    def __init__(self, law, process, x, t, log_unit):
        self.law, self.process, self.x, self.t = law, process, x, t
        z, s = change_of_variables(process, x, t)
        base = targets(law, process, x, t)
        self.alpha, self.sigma2, self.s = float(process.signal_scale(t)), float(process.noise_variance(t)), float(s)
        self.z, self.displacement = floats(z), floats(base.displacement)
        sizes = {name: np.linalg.norm(floats(value)) for name, value in base._asdict().items()}
        self.scales = {name: size if size > VANISHING else 1.0 for name, size in sizes.items()}
        self.scales["log_density"] = float(log_unit)
        if len(x) <= MATRIX_DIMENSION:
            matrix = matrices(law, process, x, t)
            self.local_dimension, self.covariance = float(matrix.local_dimension), floats(matrix.posterior_covariance)
            scales = matrix_scales(matrix, process, t, len(x))
            self.scales |= {name: float(v) for name, v in zip(matrix._fields, scales, strict=True)}
        self.moments = law.moments(z, s)
        with ctx.workprec(PRECISION):
            self.center, self.variance = [arb(v) for v in z], arb(s)
            self.columns, self.weights = law.points(self.moments.plan)
            self.features = [[arb(1)] * len(self.weights), *self.columns]
            self.squares = squared_distances(self.columns, self.center)
            self.shares = rounded(self.moments.shares)
            centred = [[y - m for y in each] for each, m in zip(self.columns, self.moments.mean, strict=True)]
            self.centred = np.array([rounded(column) for column in centred])

    def along_x(self):
        """Quotients for x."""
        return self._divided(np.linalg.norm(self.z), self.along_z())

    def along_z(self):
        """Operator norms of the derivatives in z alone."""
        spectrum, pull = self._spectrum()
        norms = self._from_pull(np.linalg.norm(self.displacement) / self.s, spectrum.max(), pull)
        if len(self.x) <= MATRIX_DIMENSION:
            columns = [self.changes(self._along_z(e)) for e in np.eye(len(self.x))]
            for name in set(columns[0]) - set(norms):
                norms[name] = np.linalg.norm([np.ravel(column[name]) for column in columns], 2)
        return norms

    def along_together(self):
        """Quotients for all points of M moving together: the same but for the mean, which moves along."""
        norms = self.along_z() | {"posterior_mean": self._spectrum()[1]}
        length = float((self.moments.trace + sum(m * m for m in self.moments.mean)).sqrt())
        return self._divided(length, norms)

    def along_apart(self):
        """Quotients for all points of M, each moving by its own relative step, in any direction."""
        lengths = np.array([float(sum(y * y for y in row).sqrt()) for row in zip(*self.columns, strict=True)])
        pulls = rounded(q.sqrt() for q in self.squares) / self.s
        spreads = np.linalg.norm(self.centred, axis=0)
        shares = self.shares * lengths
        pull = shares @ (1 + spreads * pulls)
        norms = self._from_pull(shares @ pulls, pull, pull)
        if len(self.x) <= MATRIX_DIMENSION:
            size = np.linalg.norm(self.covariance)
            change = shares @ (2 * spreads + (spreads**2 + size) * pulls)
            drift = np.sqrt(len(self.x)) * change + 2 * np.linalg.norm(self.displacement) * pull
            jacobian = change / (self.s * self.sigma2)
            found = change, jacobian, np.sqrt(len(self.x)) * jacobian, drift / self.s
            norms |= dict(zip(MATRICES, found, strict=True))
        return self._divided(1.0, norms)

    def _spectrum(self):
        """Eigenvalues of Cov/s, and the norm of Cov/s - I."""
        root = np.sqrt(self.shares) * self.centred
        spectrum = np.linalg.eigvalsh(root @ root.T if len(root) <= root.shape[1] else root.T @ root) / self.s
        return spectrum, max(1.0 if len(spectrum) < len(self.x) else 0.0, abs(spectrum - 1).max())

    def _from_pull(self, log_mass, mean, pull):
        """Norms of the vector targets from those of log Z, f and delta."""
        score = self.alpha * pull / self.sigma2
        return dict(zip(VECTORS, (log_mass, score, score * np.sqrt(self.sigma2), mean, pull), strict=True))

    def _divided(self, size, norms):
        return {name: size * value / self.scales[name] for name, value in norms.items()}

    @cached_property
    def along_variance(self):
        """The variance s alone, z fixed."""
        with ctx.workprec(PRECISION):
            factor = 1 / (2 * self.variance * self.variance)
            return Direction(self.s, *self._split([factor * q for q in self.squares]))

    def along_clock(self):
        """The time, and the parameters of the process."""
        t, process = self.t, self.process
        speeds = [(float(t), _speeds(process, t, process, t * (1 + TIME_STEP), t * TIME_STEP))]
        for each in process.inputs():
            h = each.size * TIME_STEP
            speeds += [(float(each.size), _speeds(process, t, move(h), t, h)) for move in each.moves]
        for size, (alpha, sigma2, variance) in speeds:
            by_center, by_variance = self._along_z(-self.z * alpha / self.alpha), self.along_variance
            both = [a + variance * b for a, b in zip(by_center[1:4], by_variance[1:4], strict=True)]
            yield Direction(size, *both, center=by_center.center, alpha=alpha, sigma2=sigma2)

    def along_parameters(self):
        """The parameters of the manifold, on fixed nodes of the unit interval."""
        law = self.law
        for i, parameter in enumerate(law.parameters):
            with ctx.workprec(PRECISION):
                h = abs(parameter) * PARAMETER_STEP
                moved = _moved(law, i, h)
                columns, weights = moved.points(self.moments.plan)
                squares = squared_distances(columns, self.center)
                pairs = zip(self.weights, weights, self.squares, squares, strict=True)
                slopes = [(w / v - 1) / h - (q - p) / (2 * self.variance * h) for v, w, p, q in pairs]
                log_mass, mean, slope = self._split(slopes)
                log_mass -= _norm_slope(law, i)
                pairs = zip(self.columns, columns, strict=True)
                points = [[(b - a) / h for a, b in zip(old, new, strict=True)] for old, new in pairs]
                mean = mean + rounded(products([self.moments.shares], points)[0])
            yield Direction(float(parameter), log_mass, mean, slope, np.array([rounded(row) for row in points]))

    def quotients(self, along):
        """|input| ||d g/d input|| / |g| for every target g."""
        return {
            name: abs(along.size) * float(np.linalg.norm(np.ravel(change))) / self.scales[name]
            for name, change in self.changes(along).items()
        }

    def changes(self, along):
        """First-order changes of all targets."""
        alpha, sigma2, s, pull = self.alpha, self.sigma2, self.s, self.displacement
        moved = along.mean - along.center
        relative = along.sigma2 / sigma2
        found = {
            "log_density": along.log_mass - len(pull) / 2 * relative,
            "score": (alpha * moved + along.alpha * pull - alpha * relative * pull) / sigma2,
            "noise": (alpha * moved + along.alpha * pull - alpha * relative * pull / 2) / np.sqrt(sigma2),
            "posterior_mean": along.mean,
            "displacement": moved,
        }
        if len(pull) <= MATRIX_DIMENSION:
            weighted = self.shares * self.centred
            change = weighted * along.slope @ self.centred.T
            if np.ndim(along.points):
                across = weighted @ along.points.T
                change = change + across + across.T
            variance = s * (relative - 2 * along.alpha / alpha)
            jacobian = (change - self.covariance * (variance / s)) / (s * sigma2)
            jacobian -= relative * (self.covariance / s - np.eye(len(pull))) / sigma2
            spread = np.trace(change) + 2 * pull @ moved - self.local_dimension * variance
            found |= {
                "posterior_covariance": change,
                "score_jacobian": jacobian,
                "score_divergence": np.trace(jacobian),
                "local_dimension": spread / s,
            }
        return found

    def _along_z(self, step):
        """The centre z moving by `step`, without size."""
        slope = step @ self.centred / self.s
        mean = (self.shares * self.centred) @ slope
        return Direction(0.0, self.displacement @ step / self.s, mean, slope, center=step)

    def _split(self, slopes):
        """E g, E[c g] and g - E g of balls g over the nodes, in float64: means of symmetric laws cancel."""
        shares = self.moments.shares
        mean, *moments = products([[p * g for p, g in zip(shares, slopes, strict=True)]], self.features)[0]
        change = [total - mean * f for total, f in zip(moments, self.moments.mean, strict=True)]
        return float(mean), rounded(change), rounded(g - mean for g in slopes)


def _moved(law, i, h):
    """The law with its i-th parameter moved by h."""
    return law.with_parameters([p + h if j == i else p for j, p in enumerate(law.parameters)])


@cache
def _norm_slope(law, i):
    """Logarithmic derivative of the integral of the density in the i-th parameter."""
    h = abs(law.parameters[i]) * PARAMETER_STEP
    return float((sum(_moved(law, i, h).points(law.norm_plan)[1]) / law.norm - 1) / h)


def rounded(balls):
    """Float64 array of the midpoints."""
    return np.array([float(v) for v in balls])


def _speeds(process, t, moved, later, h):
    """Derivatives of alpha, sigma^2 and s."""
    names = ("signal_scale", "noise_variance", "effective_variance")
    return [float((getattr(moved, name)(later) - getattr(process, name)(t)) / h) for name in names]


def _total(parts):
    return {name: sum(part[name] for part in parts) for name in parts[0]}
