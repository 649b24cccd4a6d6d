"""The claims by name, in the order in which they are run."""

from __future__ import annotations

from . import (
    certified,
    commutation,
    decomposition,
    error_transfer,
    federer,
    fphdp_corollary_3_7,
    fphdp_proposition_3_1,
    fphdp_proposition_3_8,
    fphdp_theorem_3_6,
    fphdp_theorem_4_1,
    identities,
    lse_stability,
    lwb_theorem_3_5,
    lwb_theorem_3_7,
    memorisation,
    projection,
    reach,
    renyi_sharp,
    small_ball,
    target_conditioning,
)
from .record import Claim

_MODULES = (
    lwb_theorem_3_5,
    lwb_theorem_3_7,
    identities,
    error_transfer,
    target_conditioning,
    memorisation,
    projection,
    reach,
    federer,
    small_ball,
    fphdp_proposition_3_1,
    lse_stability,
    decomposition,
    commutation,
    fphdp_theorem_3_6,
    renyi_sharp,
    fphdp_corollary_3_7,
    fphdp_proposition_3_8,
    fphdp_theorem_4_1,
    certified,
)

CLAIMS: dict[str, Claim] = {module.CLAIM.name: module.CLAIM for module in _MODULES}
