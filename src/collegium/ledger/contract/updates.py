"""Updates: commit, reveal, and the validators' word on what is available."""

from __future__ import annotations

from functools import lru_cache

import msgspec

from collegium.canonical import from_text
from collegium.ledger.contract import members, rounds
from collegium.ledger.contract.bitmaps import read_bitmap
from collegium.ledger.contract.context import RoundAt
from collegium.ledger.contract.declared import used
from collegium.ledger.contract.encoding import LARGEST_UPDATE
from collegium.ledger.contract.events import Event
from collegium.ledger.contract.preconditions import enter
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.contract.rules import acting, sent_of
from collegium.ledger.contract.tables import RevealRecord
from collegium.ledger.contract.transactions import UpdateAvailable, UpdateCommit, UpdateReveal
from collegium.ledger.genesis import ledger_of
from collegium.ledger.hashing import DIGEST_SIZE, lp, tagged_hash, u64
from collegium.ledger.state import State

_COMMITS, _REVEALS = acting(lambda rules: rules.commits), acting(lambda rules: rules.reveals)


def commitment(
    genesis: bytes, study: str, number: int, attempt: int, member: str, digest: bytes, salt: bytes
) -> bytes:
    """Return what binds a member to an update, and to nobody else's place or time."""
    return tagged_hash(
        "commitment", genesis, lp(study.encode()), u64(number), u64(attempt), lp(member.encode()),
        digest, salt,
    )  # fmt: skip


def commit(state: State, sender: str, tx: UpdateCommit) -> list[Event]:
    """Record a commitment, and what the round's mechanisms take with it.

    Raises:
        Rejected: a part is missing, malformed, or of a mechanism that the round does not use.
    """
    at = enter(state, tx, sender, "commit")
    value = from_text(tx.commitment, DIGEST_SIZE, "a commitment")
    if tx.parts is not msgspec.UNSET:
        require_used(tx.parts, at.record.modules, "a commitment")
    for takes in _COMMITS(at.record.modules):
        takes(at, tx, sender)
    at.put("commits", sender, value)
    return rounds.spoke(at)


@lru_cache(maxsize=256)
def _fields(modules: tuple[str, ...]) -> frozenset[str]:
    return frozenset(one.field for one in used(modules))


def require_used(parts: msgspec.Struct, modules: tuple[str, ...], what: str) -> None:
    """Refuse parts of mechanisms that are not used, and none at all in the place of none.

    Raises:
        Rejected: there are such parts.
    """
    known = _fields(modules)
    given = [
        name for name in parts.__struct_fields__ if getattr(parts, name) is not msgspec.UNSET
    ]  # fmt: skip
    if not given or not known.issuperset(given):
        named = ", ".join(sorted({*given} - known)) or "nothing"
        raise Rejected("malformed", f"{what} speaks of {named}, which has no place in it")


def reveal(state: State, sender: str, tx: UpdateReveal) -> list[Event]:
    """Record a reveal that opens the member's commitment.

    Raises:
        Rejected: nothing was committed, or something else.
    """
    at = enter(state, tx, sender, "reveal")
    committed = at.get("commits", sender)
    if committed is None:
        raise Rejected("refused", f"{sender} has committed nothing in this attempt")
    opening = commitment(
        ledger_of(tx.genesis), tx.study, tx.round, tx.attempt, sender,
        from_text(tx.digest, DIGEST_SIZE, "an update's digest"),
        from_text(tx.salt, DIGEST_SIZE, "a salt"),
    )  # fmt: skip
    if opening != committed:
        raise Rejected("refused", "digest and salt do not open the commitment")
    for check in _REVEALS(at.record.modules):
        check(at, tx, sender)
    if tx.peak > LARGEST_UPDATE and members.contract_version(state) < 2:
        raise Rejected("malformed", f"a coordinate of {tx.peak} is beyond {LARGEST_UPDATE}")
    if tx.saturated > sent_of(at.record):
        raise Rejected("malformed", "more coordinates are saturated than there are")
    if isinstance(tx.sealed, str):
        from_text(tx.sealed, DIGEST_SIZE, "a sealed update's digest")
        _fix_recipients(at)
    value = RevealRecord(digest=tx.digest, peak=tx.peak, saturated=tx.saturated, sealed=tx.sealed)
    at.put("reveals", sender, value)
    return rounds.spoke(at)


def _fix_recipients(at: RoundAt) -> None:
    """Let an attempt's first sealed reveal fix to which keys all of them are to be sealed.

    So validators agree which sealed updates are for all of them, also where a key is rotated
    while the attempt goes on.
    """
    if at.names("recipients"):
        return
    for name in at.members("validators"):
        member = members.active_member(at.state, name)
        if member is not None:
            at.put("recipients", name, member.key.encode())


def available(state: State, sender: str, tx: UpdateAvailable) -> list[Event]:
    """Record which updates a validator holds and found well-formed.

    Raises:
        Rejected: the bitmap has another length, or names somebody who revealed nothing.
    """
    at = enter(state, tx, sender, "available")
    bitmap = read_bitmap(tx.bitmap, at.members("participants"), at.names("reveals"))
    at.put("available", sender, bitmap)
    return rounds.spoke(at)
