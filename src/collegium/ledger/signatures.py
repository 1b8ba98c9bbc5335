"""Checking many signatures at once, on the cores that this process may use.

A signature holds or not whatever the state is, so a block's are checked before its transactions
are applied.
"""

from __future__ import annotations

from collections.abc import Sequence

from collegium.cores import cores, spread
from collegium.ledger.keys import signature_holds

Check = tuple[bytes, bytes, bytes]
"""Public key, message, signature."""

FEWEST = 6
"""Signatures below which another thread costs more than it saves."""


def signatures_hold(checks: Sequence[Check]) -> list[bool]:
    """Return for each check, in order, whether its signature holds (rule of `keys`)."""
    helpers = min(cores() - 1, len(checks) // FEWEST)
    if helpers < 1:
        return [signature_holds(*one) for one in checks]
    held = [False] * len(checks)

    def check(place: int) -> None:
        held[place] = signature_holds(*checks[place])

    spread(len(checks), check, helpers)
    return held
