"""What an attempt fixes of deals, and what a vote tells of hidden updates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from collegium.ledger.contract.bitmaps import attested
from collegium.ledger.contract.context import RoundAt
from collegium.ledger.keys import KEY_SIZE
from collegium.mechanisms.dealing.terms import MECHANISM, Indicators
from collegium.resolving.seam import Found, Resolving
from collegium.secrecy.sum_setup import PublicKeys


def _fixes(at: RoundAt, participants: tuple[str, ...]) -> Mapping[str, Any]:
    pairs, sound = at.items("sa_keys"), at.items("sound")
    return {
        "keys": {name: PublicKeys(pair[:KEY_SIZE], pair[KEY_SIZE:]) for name, pair in pairs},
        "deals": dict(at.items("sa_deals")),
        "sound": {name: attested(bitmap, participants) for name, bitmap in sound},
        "shares": dict(at.items("shares")),
    }


def _tells(found: Found) -> Indicators | None:
    if found.summed is None:
        return None
    return Indicators(saturated=found.summed.saturated, small=found.summed.small)


RESOLVING = Resolving(MECHANISM, fixes=_fixes, tells=_tells)
