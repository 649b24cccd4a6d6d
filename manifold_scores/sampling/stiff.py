"""The implicit method for points that slide along the walls of a score."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import FloatArray
from .transport import LONGEST_STEP, Flow, Transport

__all__ = ["finish"]

# In tests on clouds and circles an error per step of 1e-6 left 1e-9 of the log-likelihood; looser ones lose the wall
# and cost more.
_LOOSEST, _TIGHTEST = 1e-6, 1e-12

# Enough for a wall that is 1e4 wider than the noise; at 1e5 the layer in which the score turns is so thin that the
# rounding of x decides.
_MOST_EVALUATIONS = 40_000


def finish(flow: Flow, row: int, reached: Transport, tolerance: float, estimate: bool) -> bool:
    """Take one point from where it is to the end with Radau IIA of order 5 (scipy), and return whether it arrived.

    With `estimate` its error grows by the change from a second run, ten times less precise, and by half the error that
    is allowed.  The Jacobian is that of the model, -Cov/s = -(1 + sigma^2 score_jacobian), where it has one, and finite
    differences elsewhere; the row of the integral, on which nothing depends, is left at zero.
    """
    relative = min(max(10.0 * tolerance, _TIGHTEST), _LOOSEST)
    theta, state = float(reached.theta[row]), reached.state[row]
    end = _run(flow, row, theta, state, relative)
    if end is None:
        return False
    if estimate:
        rough = _run(flow, row, theta, state, 10.0 * relative)
        if rough is None:
            return False
        slope = flow.derivative(np.array([flow.span]), end[None], np.array([row]))[0, :-1]
        weight = max(1.0, float(np.linalg.norm(slope / flow.rate(np.array([flow.end])) + end[:-1])))
        change = abs(end[-1] - rough[-1]) + weight * float(np.linalg.norm(end[:-1] - rough[:-1]))
        reached.error[row] += change + 0.05 * relative * max(reached.scale[row], abs(end[-1]))
    reached.theta[row], reached.state[row] = flow.span, end
    return True


def _run(flow: Flow, row: int, theta: float, state: FloatArray, relative: float) -> FloatArray | None:
    from scipy.integrate import Radau

    def derivative(theta: float, state: FloatArray) -> FloatArray:
        columns = state.reshape(state.shape[0], -1)
        count = columns.shape[1]
        slopes = flow.derivative(np.full(count, theta), columns.T, np.full(count, row))
        return np.ascontiguousarray(slopes.T).reshape(state.shape)

    def jacobian(theta: float, state: FloatArray) -> FloatArray:
        t = flow.times(np.array([theta]))
        x, variance = flow.points(t, state[None], np.array([row])), flow.model.process.noise_variance(t)
        result = np.zeros((state.size, state.size))
        result[:-1, :-1] = -variance * np.asarray(flow.model.score_jacobian(x, t))[0] - np.eye(state.size - 1)
        return np.asarray(flow.rate(t) * result)

    exact: Any = jacobian if callable(getattr(flow.model, "score_jacobian", None)) else None
    solver: Any = Radau(
        derivative, theta, state, flow.span, max_step=LONGEST_STEP, rtol=relative, atol=relative, jac=exact,
        vectorized=True,
    )  # fmt: skip
    while solver.status == "running" and solver.nfev < _MOST_EVALUATIONS:
        solver.step()
    return np.asarray(solver.y) if solver.status == "finished" else None
