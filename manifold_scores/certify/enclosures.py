"""`enclosure`: rigorous balls for the targets at one (x, t), to as many digits as asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import arrays
from ..noised import NoisedMeasure

if TYPE_CHECKING:
    from flint import arb

__all__ = ["Enclosure", "enclosure"]


@dataclass(frozen=True, slots=True)
class Enclosure:
    """Balls that contain the exact targets at one (x, t).

    Attributes
    ----------
    log_density : an `arb`.
    score, noise, posterior_mean : d of them.
    width : the largest of the four radii relative to what they belong to (vectors in norm); absolute for a
        log-density that cannot be told from 0, relative to the size of the law and of x for such a vector.
    bits : working precision.
    """

    log_density: arb
    score: tuple[arb, ...]
    noise: tuple[arb, ...]
    posterior_mean: tuple[arb, ...]
    width: float
    bits: int

    def floats(self) -> dict[str, Any]:
        """Return the midpoints by name, rounded to float64: a float and three arrays (d,)."""
        vectors = {name: np.array([float(v) for v in getattr(self, name)]) for name in _VECTORS}
        return {"log_density": float(self.log_density), **vectors}

    def contains(
        self,
        *,
        log_density: Any = None,
        score: Any = None,
        noise: Any = None,
        posterior_mean: Any = None,
        tolerance: float = 0.0,
    ) -> bool:
        """Return whether the given float64 results can be right to `tolerance`.

        A result v of the exact g passes if |v - g| <= tolerance |g| holds for some g in the enclosure (Euclidean
        norm; tolerance max(1, |g|) for the log-density, and for a vector that may be 0).

        Parameters
        ----------
        log_density : a number.
        score, noise, posterior_mean : vectors (d,).
        tolerance : relative, at least 0.

        Raises
        ------
        ValueError, TypeError : a wrong shape, NaN or infinity.
        """
        import flint

        from .balls import exact, largest_norm, least_norm

        slack = arrays.non_negative("tolerance", tolerance)
        given = {"log_density": log_density, "score": score, "noise": noise, "posterior_mean": posterior_mean}
        with flint.ctx.workprec(self.bits):
            for name, value in given.items():
                if value is None:
                    continue
                balls = (self.log_density,) if name == "log_density" else getattr(self, name)
                result = np.ravel(arrays.real_array(name, value))
                if result.size != len(balls):
                    raise ValueError(f"{name} must have {len(balls)} entries; got {result.size}")
                size = largest_norm(balls)
                if name == "log_density" or not least_norm(balls) > 0:
                    size = max(size, flint.arb(1))
                if least_norm(ball - v for ball, v in zip(balls, exact(result), strict=True)) > slack * size:
                    return False
        return True


_VECTORS = ("score", "noise", "posterior_mean")


def enclosure(noised: NoisedMeasure, x: Any, t: Any, digits: int = 30) -> Any:
    """Return balls that provably contain log p_t(x), its gradient, the noise and the posterior mean.

    Exact are the float64 numbers x, t and those that the process and the measure hold: points and weights of a cloud as
    given, mean and covariance, radii, end points, and so on.  Where these describe an ideal object only up to rounding,
    that object is the nearest one: a mean direction is divided by its length, the basis of an embedding replaced by its
    polar factor, weights of a mixture by their sum; a singular covariance is taken entry by entry.  Parametric curves
    and densities are what their SymPy expressions say, decimal `Float`s being binary numbers.

    The working precision is doubled until every result has the digits asked for: relative to its size (vectors in
    norm), or, where it is 0 or cannot be told from it, absolutely for the log-density and relative to the size of the
    law and of x for vectors.  All arithmetic is that of Arb (Johansson, IEEE Trans. Comput. 66, 2017); moments are
    those of theory.md, section 2, and Gauss-Legendre quadrature with proven remainders on curves.

    Parameters
    ----------
    noised : point clouds, Gaussians, uniform laws on segments and boxes, uniform and von Mises-Fisher laws on spheres,
        laws on curves given by analytic SymPy expressions; products, mixtures and embeddings of these; noised by a
        process of this package.
    x : shape (d,), or (..., d) for a list of enclosures in that order.
    t : time, a scalar or broadcasting against x.shape[:-1].
    digits : decimal digits, at least 1.

    Returns
    -------
    An `Enclosure`, or a list of them.

    Raises
    ------
    ImportError : python-flint is missing.
    TypeError, ValueError : wrong arguments; a measure or a process that cannot be certified.
    ArithmeticError : the digits are not reached at 2^17 = 131072 bits of working precision, or cannot be.
    """
    try:
        import flint  # noqa: F401
    except ImportError:
        raise ImportError('certificates need python-flint: pip install "manifold-scores[certify]"') from None
    from .laws import certified
    from .targets import PROCESSES, search

    given: Any = noised
    if not isinstance(given, NoisedMeasure):
        raise TypeError(f"noised must be a NoisedMeasure; got {type(noised).__name__}")
    process = noised.process
    if type(process) not in PROCESSES:
        raise TypeError(f"process cannot be certified: nothing rigorous is known of {type(process).__name__}")
    digits = arrays.count("digits", digits, 1)
    rows = arrays.Rows("x", x, "t", arrays.times("t", t, process.end), noised.ambient_dimension)
    law = certified(noised.measure)
    found = [search(law, process, *row, digits) for row in zip(rows.points, rows.scalars, strict=True)]
    return found if rows.shape else found[0]
