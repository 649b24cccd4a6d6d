"""The smoothed score: an exact score averaged over a kernel, with the error of the average."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np

from .. import arrays
from ..arrays import FloatArray
from ..blockwise import blockwise
from ..measures import PointCloud
from ..noised import NoisedMeasure, Query, query
from . import nodes as node_rules
from .averages import LOG_MASS, MEAN, TRACE, Averages, Rule
from .cloud import CloudNodes, CloudQuadrature, Shifts
from .kernel import GaussianKernel, SmoothingKernel
from .ladder import Ladder
from .oracle import OracleNodes
from .reduction import ReducedCloud

__all__ = ["SmoothedScore"]

RULES = ("auto", "quadrature", "qmc", "monte-carlo")
DEFAULT_TOLERANCE = 1e-9
_LOOSE = 1e-4
DEFAULT_NODES = 4096
#: Independent randomisations of a Sobol sequence, and batches of plain samples, from which errors are estimated.
REPLICATES = 16


class SmoothedScore:
    """The score of p_t averaged over a kernel, s_k(x, t) = integral of grad log p_t(y) k_x(dy) ([FPHDP] section 2).

    If k_x is the law of x + xi with xi independent of x, s_k is the gradient of the smoothed log-density
    integral of log p_t(y) k_x(dy).  The average of a point cloud is taken in its affine hull, of dimension at most
    min(d, N - 1): noise orthogonal to it never enters ([FPHDP] Proposition 3.1), so 16 images of 4096 pixels need 15
    dimensions.  The *effective dimension* is the number of independent Gaussians that do.

    Rules
    -----
    "quadrature" : deterministic, for a Gaussian kernel on a point cloud with effective dimension <= 2: one direction is
        integrated by proven panels, the other adaptively, to the relative `tolerance` (1e-9) in norm.  Milliseconds per
        query in two dimensions; the error returned is an estimate of the same kind as QUADPACK's.
    "qmc" : 16 independent scrambled Sobol sequences of nodes/16 points, `nodes` (4096) together.  The error returned is
        a standard error: mean +- 1.96 errors covers 95 % (Student's quantile is included).  For a Gaussian kernel on a
        cloud it includes a bound on what is too rare for the nodes to have met; in general it cannot.
    "monte-carlo" : `nodes` (4096) independent draws, as in [FPHDP]; standard error from 16 batches of them.
    "auto" : "quadrature" where it applies (in two dimensions only for tolerances below 1e-4, above which nodes are
        cheaper), else "qmc", or "monte-carlo" for a kernel given by a function.  A kernel given by displacements is
        summed over all of them, and where the effective dimension is 0 (a single point, a kernel orthogonal to the
        hull) there is nothing to average: both have no error but rounding, and are called "exact".  The attribute
        `rule` says what was chosen.

    With a `tolerance`, "qmc" and "monte-carlo" take as many nodes as every query needs, from 1024 to 2**20, until the
    standard error is below the tolerance relative to the norm of the score; with `nodes`, or neither, always as many.
    Nodes are common to all x and t, and fixed by rng: with a fixed number of them the smoothed score is one smooth
    function.  Every method returns the pair (value, error), both of one shape, if it is called with return_error=True.

    Parameters
    ----------
    noised : the unsmoothed oracle; any measure, any process.
    kernel : any `SmoothingKernel`, in the space of x.
    rule : "auto", "quadrature", "qmc" or "monte-carlo".
    nodes : how many; rounded up, for "qmc" to 16 times a power of two.
    rng : a seed or a numpy Generator, for the nodes.
    tolerance : relative to the norm of the score; for log-densities to max(1, |log p|), for divergences to
        max(d, tr Cov/s)/sigma^2.
    fresh_nodes : draw new nodes for every call instead of common ones.

    Raises
    ------
    ValueError, TypeError : unknown rule, a rule that does not apply, kernel and measure in different dimensions.
    """

    def __init__(
        self, noised: NoisedMeasure, kernel: SmoothingKernel, rule: str = "auto", nodes: int | None = None,
        rng: Any = None, *, tolerance: float | None = None, fresh_nodes: bool = False,
    ) -> None:  # fmt: skip
        if not isinstance(noised, NoisedMeasure):
            raise TypeError(f"noised must be a NoisedMeasure; got {type(noised).__name__}")
        if not isinstance(kernel, SmoothingKernel):
            raise TypeError(
                f"kernel must be a smoothing kernel, such as GaussianKernel(0.1); got {type(kernel).__name__}"
            )
        if kernel.ambient_dimension not in (None, noised.ambient_dimension):
            raise ValueError(
                f"kernel lives in R^{kernel.ambient_dimension} but the measure lives in R^{noised.ambient_dimension}"
            )
        if isinstance(noised.measure, PointCloud) and noised.measure.device != "cpu":
            raise TypeError(
                "noised must have a measure on the CPU, where smoothed scores are computed; pass measure.to('cpu')"
            )
        rule = arrays.choice("rule", rule, RULES)
        fresh_nodes = arrays.flag("fresh_nodes", fresh_nodes)
        self.noised, self.kernel = noised, kernel
        self.process, self.ambient_dimension = noised.process, noised.ambient_dimension
        #: The tolerance asked for; for "quadrature" the one it works to.
        self.tolerance = None if tolerance is None else arrays.positive("tolerance", tolerance)
        self._rng = arrays.generator(rng)
        self._cloud: ReducedCloud | None = None
        self._loadings: FloatArray = np.zeros((0, 0))
        #: Number of independent Gaussians that enter; None where the kernel is not Gaussian or the measure no cloud.
        self.effective_dimension: int | None = None
        if isinstance(noised.measure, PointCloud) and kernel.shifts_only:
            self._cloud = ReducedCloud(noised.measure)
            if isinstance(kernel, GaussianKernel):
                self._loadings = kernel.loadings(self._cloud)
                self.effective_dimension = self._loadings.shape[1]
        self.rule = self._choose(rule)
        #: The number of nodes; None where there are none, or as many as the tolerance needs.
        self.nodes = self._node_count(nodes)
        #: The nodes of all answers; None where each draws its own.
        self._common: Rule | None = None if fresh_nodes else self._build()

    def __repr__(self) -> str:
        how = "" if self.tolerance is None else f", tolerance={self.tolerance:g}"
        how += "" if self.nodes is None else f", nodes={self.nodes}"
        return f"SmoothedScore({self.noised!r}, {self.kernel!r}, rule={self.rule!r}{how})"

    @blockwise(1)
    def score(self, x: Any, t: Any, *, return_error: bool = False) -> Any:
        """Return s_k = integral of grad log p_t(y) k_x(dy), shape (..., d); `tolerance` is relative to its norm.

        With return_error=True the pair (score, error), error (..., d) for every component.
        """
        q, return_error = self._query(x, t), arrays.flag("return_error", return_error)
        found = self._averages(q, MEAN, return_error)
        pull = q.pull(found.mean, found.pull)
        error = q.alpha[:, None] * found.errors[0]
        return self._result(q, pull / q.sigma2[:, None], error / q.sigma2[:, None], return_error)

    @blockwise(1)
    def posterior_mean(self, x: Any, t: Any, *, return_error: bool = False) -> Any:
        """Return (x + sigma^2 s_k)/alpha, shape (..., d): the average of E[X_0 | X_t = y] if the kernel is centred."""
        q, return_error = self._query(x, t), arrays.flag("return_error", return_error)
        found = self._averages(q, MEAN, return_error)
        return self._result(q, found.mean, found.errors[0], return_error)

    @blockwise(0)
    def log_density(self, x: Any, t: Any, *, return_error: bool = False) -> Any:
        """Return integral of log p_t(y) k_x(dy), shape (...): the smoothed log-density before it is normalised.

        Its gradient is the score if the kernel shifts only.
        """
        q, return_error = self._query(x, t), arrays.flag("return_error", return_error)
        found = self._averages(q, LOG_MASS, return_error)
        constant = 0.5 * self.ambient_dimension * np.log(2.0 * math.pi * q.sigma2)
        return self._result(q, found.log_mass - constant, found.errors[1], return_error)

    def score_divergence(self, x: Any, t: Any, *, return_error: bool = False) -> Any:
        """Return div s_k = (E tr Cov/s - d)/sigma^2, shape (...), for kernels that shift only.

        Raises TypeError for other kernels, whose divergence involves the derivative of k_x in x.
        """
        if not self.kernel.shifts_only:
            raise TypeError(f"score_divergence needs a kernel that shifts x by independent noise; got {self.kernel!r}")
        return self._divergence(x, t, return_error=return_error)

    @blockwise(0)
    def _divergence(self, x: Any, t: Any, *, return_error: bool) -> Any:
        q, return_error = self._query(x, t), arrays.flag("return_error", return_error)
        found = self._averages(q, TRACE, return_error)
        values = (found.trace / q.s - self.ambient_dimension) / q.sigma2
        return self._result(q, values, found.errors[2] / (q.s * q.sigma2), return_error)

    def _query(self, x: Any, t: Any) -> Query:
        return query(self.process, self.ambient_dimension, x, t)

    def _frozen(self) -> SmoothedScore:
        """Return a model that answers all blocks of a question with the same nodes, as one call would."""
        if self._common is not None:
            return self
        frozen = copy.copy(self)
        frozen._common = self._build()
        return frozen

    def _averages(self, q: Query, part: int, with_errors: bool) -> Averages:
        rule = self._build() if self._common is None else self._common
        return rule.average(q.z, q.s, q.resolved, part, with_errors)

    @staticmethod
    def _result(q: Query, value: FloatArray, error: FloatArray, return_error: bool) -> Any:
        return (q.rows.restore(value), q.rows.restore(error)) if return_error else q.rows.restore(value)

    def _choose(self, rule: str) -> str:
        dimension, kernel = self.effective_dimension, self.kernel
        small = dimension is not None and dimension <= 2
        if rule == "quadrature" and not small:
            what = f"effective dimension {dimension}" if dimension else f"{self.noised.measure!r} and {kernel!r}"
            raise ValueError(
                "rule 'quadrature' needs a point cloud and a Gaussian kernel of effective dimension at most 2; "
                f"got {what}"
            )
        if rule == "qmc" and not kernel.takes_sobol:
            raise ValueError(f"rule 'qmc' needs a kernel that a Sobol sequence can be mapped to; got {kernel!r}")
        if dimension == 0 or (rule == "auto" and kernel.support is not None):
            return "exact"
        if rule != "auto":
            return rule
        cheaper = dimension == 2 and self.tolerance is not None and self.tolerance >= _LOOSE
        return "quadrature" if small and not cheaper else "qmc" if kernel.takes_sobol else "monte-carlo"

    def _node_count(self, nodes: int | None) -> int | None:
        if self.rule in ("quadrature", "exact"):
            if nodes is not None and self.effective_dimension != 0:
                raise ValueError(f"nodes must be left out for the rule {self.rule!r}, which has no sampling error")
            if self.rule == "quadrature" and self.tolerance is None:
                self.tolerance = DEFAULT_TOLERANCE
            return None
        if self.tolerance is not None:
            if nodes is not None:
                raise ValueError(
                    f"nodes must be left out where a tolerance is given; got {nodes} and {self.tolerance:g}"
                )
            return None
        return arrays.count("nodes", DEFAULT_NODES if nodes is None else nodes, 1)

    def _build(self) -> Rule:
        cloud, tolerance = self._cloud, self.tolerance
        if self.rule in ("qmc", "monte-carlo"):
            if self.nodes is None and tolerance is not None:
                return Ladder(self._with_nodes, tolerance)
            return self._with_nodes(self.nodes or DEFAULT_NODES)
        if cloud is None:
            return OracleNodes(self.noised.measure, self.kernel, [self.kernel.support])
        if isinstance(self.kernel, GaussianKernel):
            shifts = Shifts(np.zeros(self.ambient_dimension), self.kernel.trace(self.ambient_dimension))
            if self.rule == "quadrature" and tolerance is not None:
                return CloudQuadrature(cloud, shifts, self._loadings, tolerance)
            return CloudNodes(cloud, shifts, np.zeros((1, 0)), self._loadings, 1)
        given = self._support()
        return CloudNodes(cloud, Shifts.of(given), cloud.project(given), cloud.coordinates, 1)

    def _with_nodes(self, nodes: int) -> Rule:
        """Return the average over 16 sets of nodes, together not fewer than asked for."""
        kernel, cloud, d, sobol = self.kernel, self._cloud, self.ambient_dimension, self.rule == "qmc"
        each = -(-nodes // REPLICATES)
        each = node_rules.power_of_two(each) if sobol else each
        if cloud is not None and isinstance(kernel, GaussianKernel):
            shifts, k = Shifts(np.zeros(d), kernel.trace(d)), self._loadings.shape[1]
            sets = [node_rules.normals(k, each, self._rng, sobol) for _ in range(REPLICATES)]
            return CloudNodes(cloud, shifts, np.concatenate(sets), self._loadings, REPLICATES, gaussian=True)
        sets = [kernel.draw_nodes(d, each, self._rng, sobol) for _ in range(REPLICATES)]
        if cloud is None:
            return OracleNodes(self.noised.measure, kernel, sets)
        # The first moments of given displacements are known, also where nodes are drawn from them.
        factors = cloud.project(np.concatenate(sets))
        return CloudNodes(cloud, Shifts.of(self._support()), factors, cloud.coordinates, REPLICATES)

    def _support(self) -> FloatArray:
        support = self.kernel.support
        return np.zeros((1, self.ambient_dimension)) if support is None else support
