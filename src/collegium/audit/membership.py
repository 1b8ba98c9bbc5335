"""Who the members are at some length of the log, and which of them stand behind a checkpoint."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from collegium.canonical import from_text
from collegium.ledger.contract.events import Event, MembershipChanged
from collegium.ledger.contract.members import is_quorum
from collegium.ledger.contract.transactions import Action, Admit, Expel, Rotate
from collegium.ledger.cosignature import cosignatures, cosigner_name
from collegium.ledger.genesis import Genesis, Member
from collegium.ledger.keys import KEY_SIZE


def members_after(genesis: Genesis, events: Iterable[Event]) -> dict[str, Member]:
    """Return the members by id, with their keys and powers, after these events of the log."""
    members = {member.id: member for member in genesis.members}
    for event in events:
        if isinstance(event, MembershipChanged):
            _change(members, event.action)
    return members


def members_ever(genesis: Genesis, events: Iterable[Event]) -> list[Member]:
    """Return every member that these events know of, once with each key that it has had."""
    members = {member.id: member for member in genesis.members}
    ever = list(genesis.members)
    for event in events:
        if isinstance(event, MembershipChanged):
            changed = _change(members, event.action)
            ever += [] if changed is None else [changed]
    return ever


def _change(members: dict[str, Member], action: Action) -> Member | None:
    """Carry out a change; return the member that came of it, or None where none did."""
    if isinstance(action, Expel):
        members.pop(action.member, None)
        return None
    if not isinstance(action, Admit | Rotate):
        return None  # of rules, or what a mechanism lets members propose
    changed = action.member if isinstance(action, Admit) else members.get(action.member)
    if isinstance(action, Rotate) and changed is not None:
        changed = msgspec.structs.replace(changed, key=action.key)
        if isinstance(action.consensus, str):
            changed = msgspec.structs.replace(changed, consensus=action.consensus)
    if changed is not None:
        members[changed.id] = changed
    return changed


@dataclass(frozen=True, slots=True)
class CosigningPower:
    """Which validators cosigned a checkpoint, when (seconds since 1970), and their power."""

    cosigners: dict[str, int]
    power: int
    total: int

    @property
    def quorum(self) -> bool:
        """Whether they have more than two thirds of the power."""
        return is_quorum(self.power, self.total)


def backing(note: str, origin: str, members: Mapping[str, Member]) -> CosigningPower:
    """Return which of the members that validate cosigned a note.

    Raises:
        FormatError: it is no note, or a line under a validator's key does not hold.
    """
    validators = {name: member for name, member in members.items() if member.power}
    keys = {
        cosigner_name(origin, name): from_text(member.key, KEY_SIZE, "a key")
        for name, member in validators.items()
    }
    times = cosignatures(note, keys)
    cosigners = {
        name: times[cosigner_name(origin, name)]
        for name in validators
        if cosigner_name(origin, name) in times
    }
    power = sum(validators[name].power for name in cosigners)
    return CosigningPower(cosigners, power, sum(member.power for member in validators.values()))
