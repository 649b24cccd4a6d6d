"""What smoothing needs of a measure: kernel averages of its tilted moments, with errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..arrays import FloatArray

__all__ = ["LOG_MASS", "MEAN", "TRACE", "Averages", "Rule"]

#: The parts that can be asked for, in the order of the kernels' results.
MEAN, LOG_MASS, TRACE = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Averages:
    """Averages over Y ~ k_x at M queries (z, s) = (x/alpha, sigma^2/alpha^2); f, Z and Cov are those at Y/alpha.

    Attributes
    ----------
    pull : E[f - Y/alpha], (M, d); mean : z + pull, (M, d), accumulated as such: E f where E Y = x.
    log_mass : E log Z, (M,); trace : E tr Cov, (M,).
    errors : of the mean (M, d), which is that of the pull, log_mass (M,) and trace (M,): those of the part asked for.
    """

    mean: FloatArray
    pull: FloatArray
    log_mass: FloatArray
    trace: FloatArray
    errors: tuple[FloatArray, FloatArray, FloatArray]

    @staticmethod
    def join(parts: list[Averages]) -> Averages:
        """Return the averages of consecutive queries as one record."""
        if len(parts) == 1:
            return parts[0]
        joined = [np.concatenate([getattr(part, name) for part in parts]) for name in Averages.__slots__[:4]]
        errors = tuple(np.concatenate([part.errors[i] for part in parts]) for i in range(3))
        return Averages(joined[0], joined[1], joined[2], joined[3], (errors[0], errors[1], errors[2]))

    def replace(self, rows: NDArray[np.int64], other: Averages) -> None:
        """Put the averages of another record in place of those rows."""
        for name in Averages.__slots__[:4]:
            getattr(self, name)[rows] = getattr(other, name)
        for mine, theirs in zip(self.errors, other.errors, strict=True):
            mine[rows] = theirs


class Rule(Protocol):
    """A way to average: nodes, quadrature, all displacements."""

    def average(self, z: FloatArray, s: FloatArray, alpha: FloatArray, part: int, with_errors: bool) -> Averages:
        """Return the averages at z = x/alpha, s; the `part` asked for is filled, errors only if they are asked for."""
