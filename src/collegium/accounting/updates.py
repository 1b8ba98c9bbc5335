"""What a clipped and noised update costs, by how far other data would have moved it."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache

import msgspec

from collegium.accounting.adaptive import SHRINK
from collegium.accounting.conversion import Charge, charge_of
from collegium.accounting.orders import MICRO, exactly
from collegium.accounting.skellam import skellam_rdp
from collegium.accounting.terms import PrivacyTerms

LEAST_BOUND = 64
"""The least clip in steps of an update's encoding: below, integers tell more than is charged."""


@lru_cache(maxsize=64)
def charge_of_update(noise: int, *, moves: int, followed: bool) -> Charge:
    """Return what a noised update costs.

    Args:
        noise: the noise multiplier, in millionths.
        moves: by how many clips data move it: 1 or 2.
        followed: whether the clip follows the updates.
    """
    with exactly():
        multiplier = Decimal(noise) / MICRO / moves
        if followed:  # the update is longer by its indicator, and its noise is no larger
            multiplier *= SHRINK.sqrt()
    return charge_of(skellam_rdp(multiplier, LEAST_BOUND * moves))


def one_persons(terms: PrivacyTerms) -> PrivacyTerms:
    """Return terms whose charge is what a round costs one person of a site.

    A person more or less makes a site's rows other ones. Central noise is charged for a site that
    is left out, which moves a sum by one clip; other rows in its place move it by two.
    """
    if terms.mechanism != "central_skellam@1":
        return terms
    followed = isinstance(terms.clip, int)
    charge = charge_of_update(terms.noise, moves=2, followed=followed)
    return msgspec.structs.replace(terms, charge=charge)
