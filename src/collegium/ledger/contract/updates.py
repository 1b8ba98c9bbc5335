"""Updates: commit, reveal, and the validators' word on what is available."""

from __future__ import annotations

import msgspec

from collegium.canonical import from_text
from collegium.ledger.contract import budgets, circle, members, rounds
from collegium.ledger.contract.bitmaps import read_bitmap
from collegium.ledger.contract.events import Event
from collegium.ledger.contract.phases import is_masked
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.contract.tables import Reveal, attempt_key, attempt_names, round_path
from collegium.ledger.contract.transactions import UpdateAvailable, UpdateCommit, UpdateReveal
from collegium.ledger.genesis import ledger_of
from collegium.ledger.hashing import DIGEST_SIZE, lp, tagged_hash, u64
from collegium.ledger.state import State
from collegium.study.compression import sent_coordinates


def commitment(
    genesis: bytes, study: str, number: int, attempt: int, member: str, digest: bytes, salt: bytes
) -> bytes:
    """Return what binds a member to an update, and to nobody else's place or time."""
    return tagged_hash(
        "commitment", genesis, lp(study.encode()), u64(number), u64(attempt), lp(member.encode()),
        digest, salt,
    )  # fmt: skip


def commit(state: State, sender: str, tx: UpdateCommit) -> list[Event]:
    """Record a commitment, and which deals are sound for its sender.

    Raises:
        Rejected: it says that where there are no deals, has dealt nothing where there are, or
            leaves out the point that the study asks for.
    """
    record, status, current = rounds.enter(state, tx, sender, "commit")
    value = from_text(tx.commitment, DIGEST_SIZE, "a commitment")
    circle.take_soundness(state, tx, sender, record)
    circle.take_point(state, tx, sender, record)
    path = round_path(tx.study, tx.round, "commits")
    state.put(path, attempt_key(tx.attempt, sender), value)
    return rounds.spoke(state, tx.study, record, status, current)


def reveal(state: State, sender: str, tx: UpdateReveal) -> list[Event]:
    """Record a reveal that opens the member's commitment.

    Raises:
        Rejected: nothing was committed, or something else.
    """
    record, status, current = rounds.enter(state, tx, sender, "reveal")
    key = attempt_key(tx.attempt, sender)
    committed = state.get(round_path(tx.study, tx.round, "commits"), key)
    if committed is None:
        raise Rejected("refused", f"{sender} has committed nothing in this attempt")
    opening = commitment(
        ledger_of(tx.genesis), tx.study, tx.round, tx.attempt, sender,
        from_text(tx.digest, DIGEST_SIZE, "an update's digest"),
        from_text(tx.salt, DIGEST_SIZE, "a salt"),
    )  # fmt: skip
    if opening != committed:
        raise Rejected("refused", "digest and salt do not open the commitment")
    budgets.require_same_update(state, record, tx, sender)
    if is_masked(record.design) and (tx.peak or tx.saturated or tx.sealed is not msgspec.UNSET):
        raise Rejected("malformed", "a masked update shows no indicators, and is not sealed")
    if tx.saturated > sent_coordinates(record.parameters, record.keep):
        raise Rejected("malformed", "more coordinates are saturated than there are")
    if isinstance(tx.sealed, str):
        from_text(tx.sealed, DIGEST_SIZE, "a sealed update's digest")
        _fix_recipients(state, tx)
    value = Reveal(digest=tx.digest, peak=tx.peak, saturated=tx.saturated, sealed=tx.sealed)
    state.put(round_path(tx.study, tx.round, "reveals"), key, value)
    return rounds.spoke(state, tx.study, record, status, current)


def _fix_recipients(state: State, tx: UpdateReveal) -> None:
    """Let an attempt's first sealed reveal fix to which keys all of them are to be sealed.

    So validators agree which sealed updates are for all of them, also where a key is rotated
    while the attempt goes on.
    """
    table = round_path(tx.study, tx.round, "recipients")
    if attempt_names(state, table, tx.attempt):
        return
    for name in state.keys(round_path(tx.study, tx.round, "validators")):
        member = members.active_member(state, name)
        if member is not None:
            state.put(table, attempt_key(tx.attempt, name), member.key.encode())


def available(state: State, sender: str, tx: UpdateAvailable) -> list[Event]:
    """Record which updates a validator holds and found well-formed.

    Raises:
        Rejected: the bitmap has another length, or names somebody who revealed nothing.
    """
    record, status, current = rounds.enter(state, tx, sender, "available")
    participants = state.names(round_path(tx.study, tx.round, "participants"))
    revealed = attempt_names(state, round_path(tx.study, tx.round, "reveals"), tx.attempt)
    bitmap = read_bitmap(tx.bitmap, participants, revealed)
    path = round_path(tx.study, tx.round, "available")
    state.put(path, attempt_key(tx.attempt, sender), bitmap)
    return rounds.spoke(state, tx.study, record, status, current)
