"""The claims by name, in the order in which they are run."""

from __future__ import annotations

from . import (
    certified,
    commutation,
    decomposition,
    federer,
    fphdp_proposition_3_1,
    identities,
    lse_stability,
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
    fphdp_proposition_3_1,
    lse_stability,
    decomposition,
    commutation,
    certified,
)

CLAIMS: dict[str, Claim] = {module.CLAIM.name: module.CLAIM for module in _MODULES}
