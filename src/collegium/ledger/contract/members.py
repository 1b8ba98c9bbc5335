"""Members, their keys and powers: who may speak, and how loudly."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from types import MappingProxyType

import msgspec

from collegium.canonical import from_text
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.contract.tables import (
    CONTRACT,
    KEYS,
    MEMBERS,
    MODULES,
    RETURNS,
    THE_ONE,
    MemberRecord,
)
from collegium.ledger.genesis import Genesis, Member, Role
from collegium.ledger.keys import KEY_SIZE, key_id
from collegium.ledger.state import Path, State

LOG_KEY_HOLDER = b"*log"  # no member's id: the log's key signs checkpoints, never transactions
SPEAKS_IN_CONSENSUS = b"*consensus"  # neither: such a key signs votes


def found(state: State, genesis: Genesis) -> None:
    """Write the genesis's members, modules and version into an empty state."""
    for member in genesis.members:
        admit(state, member)
    if isinstance(genesis.log, str):
        state.put(KEYS, key_name(genesis.log), LOG_KEY_HOLDER)
    for module in genesis.modules:
        state.put(MODULES, module, b"1")
    if genesis.contract > 1:
        state.put(CONTRACT, THE_ONE, str(genesis.contract).encode())
    state.accept()


def contract_version(state: State) -> int:
    """Return the version of the contract's rules that a ledger's genesis names.

    A rule that changed asks this, so that ledgers of older versions mean what they meant.
    """
    stored = state.get(CONTRACT, THE_ONE)
    return 1 if stored is None else int(stored)


def admit(state: State, member: Member) -> None:
    """Add a member and its key."""
    record = MemberRecord(
        active=True, consensus=member.consensus, key=member.key, power=member.power,
        roles=member.roles,
    )  # fmt: skip
    state.put(MEMBERS, member.id, record)
    state.put(KEYS, key_name(member.key), member.id.encode())
    if isinstance(member.consensus, str):
        state.put(KEYS, consensus_address(member.consensus), SPEAKS_IN_CONSENSUS)


@lru_cache(maxsize=4096)
def public_key(key: str) -> bytes:
    """Return the public key behind its text.

    Raises:
        FormatError: it is not the canonical text of a key.
    """
    return from_text(key, KEY_SIZE, "a key")


@lru_cache(maxsize=4096)
def key_name(key: str) -> str:
    """Return the hex key id under which a public key is found; a key is never used twice."""
    return key_id(public_key(key)).hex()


@lru_cache(maxsize=4096)
def consensus_address(key: str) -> str:
    """Return the hex name of a consensus key: the first 20 bytes of its SHA-256, as in CometBFT."""
    return sha256(public_key(key)).hexdigest()[:40]


class Sender(msgspec.Struct, frozen=True):
    """A member who signed: its name, its record at that time, and the public key in it."""

    name: str
    member: MemberRecord
    key: bytes


def sender_of(state: State, identifier: bytes) -> Sender:
    """Return who has the key with this id.

    Raises:
        Rejected: as `member_of_key`.
    """
    name, member = member_of_key(state, identifier)
    return Sender(name, member, public_key(member.key))


def unchanged(state: State, sender: Sender) -> bool:
    """Whether a member's record is the very one that it was: then its key is as well."""
    return state.record(MEMBERS, sender.name, MemberRecord) is sender.member


def member_of_key(state: State, identifier: bytes) -> tuple[str, MemberRecord]:
    """Return the active member whose current key has this id.

    Raises:
        Rejected: nobody has it, it was rotated away, or the member was expelled.
    """
    named = identifier.hex()
    owner = state.get(KEYS, named)
    if owner is None:
        raise Rejected("unknown-member", "no member has the key that signed this")
    name = owner.decode()
    member = state.record(MEMBERS, name, MemberRecord)
    if member is None or not member.active:
        raise Rejected("unknown-member", f"{name} is no longer a member")
    if key_name(member.key) != named:
        raise Rejected("unknown-member", f"{name} has replaced the key that signed this")
    return name, member


def require_role(member: MemberRecord, role: Role, action: str) -> None:
    """Refuse what a member without the role asks for."""
    if role not in member.roles:
        raise Rejected("role", f"only a member with the role {role} may {action}")


def active_member(state: State, name: str) -> MemberRecord | None:
    """Return a member that is active, or None."""
    member = state.record(MEMBERS, name, MemberRecord)
    return member if member is not None and member.active else None


def active_members(state: State) -> frozenset[str]:
    """Return the ids of all active members."""
    return state.derived(MEMBERS, MemberRecord, _active)


def _active(found: Mapping[str, MemberRecord]) -> frozenset[str]:
    return frozenset(name for name, member in found.items() if member.active)


def validator_powers(state: State) -> Mapping[str, int]:
    """Return the current validators' powers, in order of their ids."""
    return state.derived(MEMBERS, MemberRecord, _powers)


def _powers(found: Mapping[str, MemberRecord]) -> Mapping[str, int]:
    powers = {name: one.power for name, one in found.items() if one.active and one.power}
    return MappingProxyType(powers)


def consensus_keys(state: State) -> Mapping[str, bytes]:
    """Return the consensus keys of the current validators that have one, in order of their ids."""
    return state.derived(MEMBERS, MemberRecord, _consensus_keys)


def _consensus_keys(found: Mapping[str, MemberRecord]) -> Mapping[str, bytes]:
    keys = {
        name: public_key(one.consensus) for name, one in found.items()
        if one.active and one.power and isinstance(one.consensus, str)
    }  # fmt: skip
    return MappingProxyType(keys)


def is_quorum(yes: int, total: int) -> bool:
    """Return whether a power is more than two thirds of the total."""
    return 3 * yes > 2 * total


def comes_back(state: State, sender: str, nonce: str) -> None:
    """Note that a member began to cosign anew; a nonce comes once, whoever repeats it.

    Raises:
        Rejected: it did, or the ledger is of contract 1.
    """
    if contract_version(state) < 2:
        raise Rejected("malformed", "a ledger of contract 1 knows no return")
    if has_come_back(state, sender, nonce):
        raise Rejected("already", f"{sender} has returned by this nonce")
    state.put(RETURNS, f"{sender}/{nonce}", b"1")


def has_come_back(state: State, member: str, nonce: str) -> bool:
    """Return whether a member's return by a nonce is in the log."""
    return state.has(RETURNS, f"{member}/{nonce}")


def vote_counts(state: State, table: Path, prefix: str, sender: str, said: str) -> bool:
    """Record a validator's vote under a prefix; return whether the votes there are a quorum.

    Who has voted may say so again only where that brings the quorum: expulsions may have turned
    the votes on record into one, and then nobody else may be left to set it off.

    Raises:
        Rejected: the sender has voted, and there is no quorum.
    """
    key = f"{prefix}/{sender}"
    repeated = state.has(table, key)
    state.put(table, key, b"1")
    current = validator_powers(state)
    yes = sum(power for name, power in current.items() if state.has(table, f"{prefix}/{name}"))
    if is_quorum(yes, sum(current.values())):
        return True
    if repeated:
        raise Rejected("already", f"{sender} has {said}")
    return False
