"""The targets of a diffusion model from the tilted moments (theory.md, section 1)."""

from typing import NamedTuple

from mpmath import mp, mpf

from .arithmetic import add_matrices, dot, identity, magnitude, scale, scale_matrix, trace, working_digits


class Targets(NamedTuple):
    """Scalars and vectors at one (x, t)."""

    log_density: mpf
    score: list
    noise: list
    posterior_mean: list
    displacement: list


class Matrices(NamedTuple):
    """What needs the covariance of the tilted law."""

    posterior_covariance: list
    score_jacobian: list
    score_divergence: mpf
    local_dimension: mpf


def change_of_variables(process, x, t):
    """z = x / alpha and s = sigma^2 / alpha^2."""
    alpha = process.signal_scale(t)
    return scale(1 / alpha, x), process.effective_variance(t)


def digits(process, x, t):
    """Working digits for the targets at x, t."""
    with mp.workdps(60):
        time_scale = magnitude(1 / abs(process.noise_variance(t)))
        return working_digits(*change_of_variables(process, x, t)) + time_scale


def targets_from(tilt, process, x, t):
    """Algebra from the tilted moments to the targets."""
    alpha, variance = process.signal_scale(t), process.noise_variance(t)
    score = scale(alpha / variance, tilt.displacement)
    return Targets(
        tilt.log_mass - mpf(len(x)) / 2 * mp.log(2 * mp.pi * variance),
        score,
        scale(-mp.sqrt(variance), score),
        tilt.mean,
        tilt.displacement,
    )


def targets(measure, process, x, t):
    """Log-density, score, noise, posterior mean and displacement, at the precision in force."""
    return targets_from(measure.tilt(*change_of_variables(process, x, t)), process, x, t)


def matrices(measure, process, x, t):
    """Covariance, Jacobian, divergence and local dimension, at the precision in force."""
    z, s = change_of_variables(process, x, t)
    d, variance = len(x), process.noise_variance(t)
    covariance = measure.covariance(z, s)
    displacement = measure.tilt(z, s).displacement
    jacobian = add_matrices(scale_matrix(1 / (s * variance), covariance), identity(d, -1 / variance))
    total = trace(covariance)
    return Matrices(
        covariance,
        jacobian,
        (total / s - d) / variance,
        (total + dot(displacement, displacement)) / s,
    )


def log_density_unit(measure, process, x, t):
    """max(1, |log p|, (d/2) |log 2 pi sigma^2|), where p runs over the parts of a mixture that carry mass."""
    z, s = change_of_variables(process, x, t)
    gauge = mpf(len(x)) / 2 * mp.log(2 * mp.pi * process.noise_variance(t))
    total = measure.tilt(z, s).log_mass - gauge
    return max(mpf(1), abs(total), abs(gauge), measure.log_scale(z, s))
