"""Schedules, the reverse SDE and the probability flow."""

from .samplers import Model, probability_flow, reverse_sde
from .schedules import exponential_times, geometric_times

__all__ = ["Model", "exponential_times", "geometric_times", "probability_flow", "reverse_sde"]
