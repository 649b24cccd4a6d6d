"""The races by name, in the order in which they are run."""

from __future__ import annotations

from . import (
    covariances,
    first_use,
    growth,
    high,
    log_densities,
    low_dimension,
    memory,
    middle,
    scale,
    shapes,
    smoothing_bump,
    smoothing_figure_1,
    threads,
)
from .record import Race

_RACES = (
    low_dimension.RACE,
    middle.RACE,
    high.HIGH_DENSE,
    high.HIGH_SPARSE,
    scale.RACE,
    growth.RACE,
    shapes.RACE,
    covariances.RACE,
    log_densities.RACE,
    threads.RACE,
    memory.RACE,
    first_use.RACE,
    smoothing_figure_1.RACE,
    smoothing_bump.RACE,
)

RACES: dict[str, Race] = {race.name: race for race in _RACES}
