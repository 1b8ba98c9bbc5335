"""Whose updates are aggregated: fixed by the contract from the validators' bitmaps."""

from __future__ import annotations

from collegium.ledger.contract import members
from collegium.ledger.contract.bitmaps import attested
from collegium.ledger.contract.context import RoundAt
from collegium.ledger.contract.rules import each
from collegium.ledger.contract.tables import attempt_key


def include(at: RoundAt) -> list[str]:
    """Fix who is included: revealed, and attested by more than two thirds of the power."""
    participants, voters = at.members("participants"), at.powers("validators")
    attesting = dict.fromkeys(participants, 0)
    behind: dict[bytes, int] = {}  # most validators attest the same
    for validator, bitmap in at.items("available"):
        behind[bitmap] = behind.get(bitmap, 0) + voters[validator]
    for bitmap, power in behind.items():
        for name in attested(bitmap, participants):
            attesting[name] += power
    included = [
        name
        for name, power in attesting.items()
        if members.is_quorum(power, at.current.total_power)
    ]
    for keep in each(at.record.modules, lambda rules: rules.includes):
        included = keep(at, included)
    entries = {attempt_key(at.attempt, name): b"1" for name in included}
    at.state.put_all(at.table("included"), entries)
    return included
