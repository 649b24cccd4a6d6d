"""Condition numbers: how far the targets move, relative to themselves, when the float64 inputs move so.

kappa = sum over the inputs of |input| ||d g / d input|| / |g|, by one-sided difference quotients with a step of 1e-50
of the input. The operator norm is taken over the directions that an input offers, so where these do not span its space
kappa is a lower bound: a test against it is then stricter than the promise, never looser.
"""

import numpy as np
from mpmath import mpf

from .arithmetic import add, floats, identity, norm, scale, subtract
from .records import Input
from .targets import change_of_variables, matrices, targets, targets_from

STEP = mpf(10) ** -50
"""Relative step; the working precision holds 50 more digits and a reserve for the slope, up to 1e30."""

VANISHING = mpf(10) ** -290
"""Below this a norm counts as zero and the bound is absolute: float64 numbers have no relative precision there."""

ALL_COLUMNS = 12
"""Up to this dimension x moves along every axis; beyond, along chosen directions."""

POWER_STEPS = 3
"""Power iterations towards the widest direction of the covariance in high dimension."""

START_ENTRIES = 32
"""Non-zero entries of the first vector of that iteration: a box then has few new coordinates to integrate over."""


def condition(measure, process, x, t, log_unit):
    """Condition numbers of the targets.

    Returns
    -------
    dict
        name of the target -> (kappa over all inputs, kappa over x, t and the parameters of the process).
    """
    z, s = change_of_variables(process, x, t)
    base = targets(measure, process, x, t)
    scales = {name: _size(name, value, log_unit) for name, value in base._asdict().items()}

    def at(x=x, t=t, process=process):
        return targets(measure, process, x, t)

    def with_measure(moved_measure):
        return targets_from(moved_measure.tilt(z, s), process, x, t)

    own = _quotients(_center_input(at, base, x), base, scales)
    clock = [Input("t", t, [lambda h: at(t=t + h)])]
    clock += [
        Input(each.name, each.size, [lambda h, move=move: at(process=move(h)) for move in each.moves])
        for each in process.inputs()
    ]
    clock = _total(_quotients(each, base, scales) for each in clock)
    variance = Input("s", s, [lambda h: targets_from(measure.tilt(z, s + h), process, x, t)])
    variance = _quotients(variance, base, scales)
    rest = _total(
        _quotients(
            each._replace(moves=[lambda h, move=move: with_measure(move(h)) for move in each.moves]), base, scales
        )
        for each in measure.inputs(z, s)
    )
    # The displacement is a function of z and s themselves; x moves it exactly as z does.
    clock["displacement"] = variance["displacement"]
    near = {name: own[name] + clock[name] for name in scales}
    return {name: (near[name] + rest.get(name, 0.0), near[name]) for name in scales}


def matrix_condition(measure, process, x, t):
    """Condition numbers of covariance, Jacobian and their traces.

    The Jacobian and the divergence are taken against 1/sigma^2 and d/sigma^2, the covariance against its own norm, the
    local dimension against itself or d, whichever is larger.
    """
    base = matrices(measure, process, x, t)
    d = len(x)
    scales = dict(zip(base._fields, matrix_scales(base, process, t, d), strict=True))
    inputs = [
        Input("x", norm(x), [lambda h, e=e: matrices(measure, process, add(x, scale(h, e)), t) for e in identity(d)]),
        Input("t", t, [lambda h: matrices(measure, process, x, t + h)]),
    ]
    inputs += [
        Input(each.name, each.size, [lambda h, move=move: matrices(measure, move(h), x, t) for move in each.moves])
        for each in process.inputs()
    ]
    inputs += [
        each._replace(moves=[lambda h, move=move: matrices(move(h), process, x, t) for move in each.moves])
        for each in measure.inputs(*change_of_variables(process, x, t))
    ]
    return _total(_quotients(each, base, scales) for each in inputs)


def matrix_scales(base, process, t, d):
    """What the errors of covariance, Jacobian, divergence and local dimension are measured in."""
    variance = process.noise_variance(t)
    largest = mpf(float(np.linalg.norm(_relative(base.posterior_covariance), 2))) * _largest(base.posterior_covariance)
    return [largest or mpf(1), 1 / variance, d / variance, max(mpf(d), base.local_dimension)]


def _size(name, value, log_unit):
    if name == "log_density":
        return log_unit
    size = norm(value)
    return size if size > VANISHING else mpf(1)


def _center_input(at, base, x):
    """x, moved along all axes or, in high dimension, along the likeliest directions to matter."""
    d = len(x)
    if d <= ALL_COLUMNS:
        return Input("x", norm(x), [lambda h, e=e: at(x=add(x, scale(h, e))) for e in identity(d)])
    directions = [vector for vector in (x, base.displacement) if norm(vector)]
    rng = np.random.default_rng(7)
    direction = [mpf(0)] * d
    for i in rng.choice(d, min(d, START_ENTRIES), replace=False):
        direction[i] = mpf(rng.standard_normal())
    h = STEP * (norm(x) or mpf(1))
    for _ in range(POWER_STEPS):
        direction = scale(1 / norm(direction), direction)
        directions.append(direction)
        # The mean moves by Cov/s times a positive factor, so its differences are the power iteration of Cov.
        direction = subtract(at(x=add(x, scale(h, direction))).posterior_mean, base.posterior_mean)
        if not norm(direction):
            break
    unit = [scale(1 / norm(v), v) for v in directions]
    return Input("x", norm(x), [lambda h, e=e: at(x=add(x, scale(h, e))) for e in unit], orthogonal=False)


def _quotients(each, base, scales):
    """|input| ||d g / d input|| / |g| for every target g, 0.0 where the input is zero or offers no direction."""
    if not each.size or not each.moves:
        return dict.fromkeys(scales, 0.0)
    h = each.size * STEP
    columns = {name: [] for name in scales}
    for move in each.moves:
        for name, value in move(h)._asdict().items():
            factor = 1 / (STEP * scales[name])
            before = getattr(base, name)
            change = [factor * (p - q) for p, q in zip(_flat(value), _flat(before), strict=True)]
            columns[name].append(floats(change))
    result = {}
    for name, found in columns.items():
        if each.orthogonal and len(found) > 1:
            result[name] = float(np.linalg.norm(found, 2))
        else:
            result[name] = max(float(np.linalg.norm(column)) for column in found)
    return result


def _flat(value):
    if not isinstance(value, list):
        return [value]
    return value if not isinstance(value[0], list) else [v for row in value for v in row]


def _largest(matrix):
    return max(abs(v) for v in _flat(matrix))


def _relative(matrix):
    """A matrix over its largest entry, in float64."""
    largest = _largest(matrix)
    return floats([[v / largest if largest else v for v in row] for row in matrix])


def _total(parts):
    result = {}
    for part in parts:
        for name, value in part.items():
            result[name] = result.get(name, 0.0) + value
    return result
