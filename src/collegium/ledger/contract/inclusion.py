"""Whose updates are aggregated: fixed by the contract from the validators' bitmaps."""

from __future__ import annotations

from collegium.ledger.contract import members
from collegium.ledger.contract.bitmaps import attested
from collegium.ledger.contract.groups import groups_of
from collegium.ledger.contract.tables import (
    RoundRecord,
    StudyStatus,
    attempt_items,
    attempt_key,
    powers,
    round_path,
)
from collegium.ledger.state import State


def include(state: State, study: str, status: StudyStatus, current: RoundRecord) -> list[str]:
    """Fix who is included: revealed, and attested by more than two thirds of the power."""
    participants = state.names(round_path(study, status.round, "participants"))
    voters = powers(state, round_path(study, status.round, "validators"))
    attesting = dict.fromkeys(participants, 0)
    bitmaps = attempt_items(state, round_path(study, status.round, "available"), current.attempt)
    behind: dict[bytes, int] = {}  # most validators attest the same
    for validator, bitmap in bitmaps:
        behind[bitmap] = behind.get(bitmap, 0) + voters[validator]
    for bitmap, power in behind.items():
        for name in attested(bitmap, participants):
            attesting[name] += power
    grouped = groups_of(state, study, status.round, current.attempt)
    included = [
        name
        for name, power in attesting.items()
        if members.is_quorum(power, current.total_power) and (name in grouped or not grouped)
    ]
    entries = {attempt_key(current.attempt, name): b"1" for name in included}
    state.put_all(round_path(study, status.round, "included"), entries)
    return included
