"""The claims by name, in the order in which they are run."""

from __future__ import annotations

from . import identities, lwb_theorem_3_5, lwb_theorem_3_7, memorisation
from .record import Claim

CLAIMS: dict[str, Claim] = {
    module.CLAIM.name: module.CLAIM for module in (lwb_theorem_3_5, lwb_theorem_3_7, identities, memorisation)
}
