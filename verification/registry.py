"""The claims by name, in the order in which they are run."""

from __future__ import annotations

from . import (
    certified,
    federer,
    identities,
    lwb_theorem_3_5,
    lwb_theorem_3_7,
    memorisation,
    projection,
    reach,
    small_ball,
)
from .record import Claim

_MODULES = (
    lwb_theorem_3_5,
    lwb_theorem_3_7,
    identities,
    memorisation,
    projection,
    reach,
    federer,
    small_ball,
    certified,
)

CLAIMS: dict[str, Claim] = {module.CLAIM.name: module.CLAIM for module in _MODULES}
