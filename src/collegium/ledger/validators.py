"""The validators at one place of the log: whose cosignatures make what comes next final."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from collegium.canonical import from_text
from collegium.errors import FormatError
from collegium.ledger.contract.members import is_quorum
from collegium.ledger.contract.tables import MEMBERS, MemberRecord
from collegium.ledger.cosignature import cosignatures, cosigner_name
from collegium.ledger.keys import KEY_SIZE
from collegium.ledger.note import origin_of, split_note, with_lines
from collegium.ledger.state import State


@dataclass(frozen=True, slots=True)
class ValidatorSet:
    """The validators at one place of the log.

    Attributes:
        powers: voting power by member id.
        keys: public key by cosigner's name.
        names: cosigner's name by member id.
    """

    powers: Mapping[str, int]
    keys: Mapping[str, bytes]
    names: Mapping[str, str]

    def key_of(self, member: str) -> bytes | None:
        """Return a validator's public key, or None for anybody else."""
        return self.keys[self.names[member]] if member in self.names else None

    def cosigners(self, note: str) -> dict[str, int]:
        """Return which validators cosigned a note, and when; a line that does not hold counts not.

        A bad line must not spoil a note for those whose lines are good, so each stands alone.
        """
        found = {}
        for member, name in self.names.items():
            try:
                signed = cosignatures(note, {name: self.keys[name]})
            except FormatError:
                continue
            if name in signed:
                found[member] = signed[name]
        return found

    def power(self, members: Mapping[str, object]) -> int:
        """Return the power of some members together."""
        return sum(power for member, power in self.powers.items() if member in members)

    def suffices(self, members: Mapping[str, object]) -> bool:
        """Return whether some members have more than two thirds of the power."""
        return is_quorum(self.power(members), sum(self.powers.values()))

    def makes_final(self, note: str) -> bool:
        """Return whether enough validators cosigned a note, whoever signed it as the log."""
        return self.suffices(self.cosigners(note))


def validator_set_of(state: State, identity: bytes) -> ValidatorSet:
    """Return who judges the block after a state.

    Args:
        state: the contract's.
        identity: the ledger's genesis digest.
    """
    powers, keys, names = {}, {}, {}
    for member, record in state.records(MEMBERS, MemberRecord):
        if record.active and record.power:
            name = cosigner_name(origin_of(identity), member)
            powers[member] = record.power
            names[member] = name
            keys[name] = from_text(record.key, KEY_SIZE)
    return ValidatorSet(powers, keys, names)


def cosignature_of(member: str, note: str, judges: ValidatorSet) -> str | None:
    """Return the line by which a member cosigned a note, or None where there is none that holds."""
    for line in split_note(note)[1].splitlines(keepends=True):
        if member in judges.cosigners(with_lines(note, [line])):
            return line
    return None
