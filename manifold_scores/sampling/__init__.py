"""Schedules, the reverse SDE, the probability flow and likelihoods."""

from .likelihood import log_likelihood
from .models import Model
from .samplers import probability_flow, reverse_sde
from .schedules import exponential_times, geometric_times

__all__ = ["Model", "exponential_times", "geometric_times", "log_likelihood", "probability_flow", "reverse_sde"]
