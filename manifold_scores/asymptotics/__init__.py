"""Small-time asymptotics: what score and conditional expectation do at one point x as the noise goes to zero.

`expansion(measure, x)` gives the coefficients of theory 3 with their constants, `Expansion.formula` the formulas behind
them where the manifold is given by SymPy expressions.
"""

from .expand import expansion
from .record import Expansion, RemainderRate
from .symbolic import Formula

__all__ = ["Expansion", "Formula", "RemainderRate", "expansion"]
