"""Reference evaluations in mpmath, at 50 digits and more, that share no code with the package under test.

Every number that comes in is a float64 taken as exact. Measures are small classes with the names of the package's own:
`tilt(z, s)`, `covariance(z, s)`, `log_scale(z, s)`, and `inputs(z, s)`, the ways in which their float64 inputs can
move, from which `condition` derives condition numbers. All of it works at the precision in force, which `digits` gives.
"""

from .arithmetic import exact, floats
from .clouds import PointCloud
from .combinators import Embedded, Mixture, Product
from .condition import VANISHING, condition, matrix_condition, matrix_scales
from .gaussians import Gaussian
from .intervals import Box, Segment
from .processes import BrownianMotion, LinearInterpolant, OrnsteinUhlenbeck, VariancePreserving
from .spheres import Sphere
from .targets import change_of_variables, digits, log_density_unit, matrices, targets

__all__ = [
    "VANISHING",
    "Box",
    "BrownianMotion",
    "Embedded",
    "Gaussian",
    "LinearInterpolant",
    "Mixture",
    "OrnsteinUhlenbeck",
    "PointCloud",
    "Product",
    "Segment",
    "Sphere",
    "VariancePreserving",
    "change_of_variables",
    "condition",
    "digits",
    "exact",
    "floats",
    "log_density_unit",
    "matrices",
    "matrix_condition",
    "matrix_scales",
    "targets",
]
