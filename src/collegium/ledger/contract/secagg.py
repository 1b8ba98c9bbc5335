"""Secure aggregation: keys, deals, and what opens a sum.

Bonawitz et al. 2017; docs/spec pages 13 and 16. What the other phases need to know of it is in
`circle`.
"""

from __future__ import annotations

from collegium.canonical import from_text
from collegium.ledger.contract import circle, rounds
from collegium.ledger.contract.events import Event
from collegium.ledger.contract.groups import keys_commitment
from collegium.ledger.contract.phases import is_grouped
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.contract.tables import attempt_key, attempt_names, round_path
from collegium.ledger.contract.transactions import (
    SecaggBind,
    SecaggDeal,
    SecaggKeys,
    SharePost,
    SumOpen,
)
from collegium.ledger.genesis import ledger_of
from collegium.ledger.hashing import DIGEST_SIZE
from collegium.ledger.keys import KEY_SIZE, sound_exchange_key
from collegium.ledger.state import State


def bind(state: State, sender: str, tx: SecaggBind) -> list[Event]:
    """Record what binds a participant to the keys that it will advertise."""
    record, status, current = rounds.enter(state, tx, sender, "sa.bind")
    value = from_text(tx.commitment, DIGEST_SIZE, "a commitment")
    path = round_path(tx.study, tx.round, "sa_bound")
    state.put(path, attempt_key(tx.attempt, sender), value)
    return rounds.spoke(state, tx.study, record, status, current)


def advertise(state: State, sender: str, tx: SecaggKeys) -> list[Event]:
    """Record a participant's keys for one attempt.

    Raises:
        Rejected: a key has small order, was advertised before in this round, or is not the one
            that its sender bound itself to.
    """
    record, status, current = rounds.enter(state, tx, sender, "sa.keys")
    keys = [from_text(text, KEY_SIZE, "a key") for text in (tx.mask_key, tx.share_key)]
    if not all(map(sound_exchange_key, keys)):
        raise Rejected("malformed", "a key has small order")
    path = round_path(tx.study, tx.round, "sa_keys")
    earlier = [state.get(path, attempt_key(number, sender)) for number in range(1, tx.attempt)]
    used = {pair[at : at + KEY_SIZE] for pair in earlier if pair for at in (0, KEY_SIZE)}
    if keys[0] == keys[1] or not used.isdisjoint(keys):
        raise Rejected("refused", "every key is for one use in one attempt")
    if is_grouped(record.design):
        _require_bound(state, sender, tx, b"".join(keys))
    state.put(path, attempt_key(tx.attempt, sender), b"".join(keys))
    return rounds.spoke(state, tx.study, record, status, current)


def _require_bound(state: State, sender: str, tx: SecaggKeys, keys: bytes) -> None:
    """Refuse keys that their sender did not bind itself to before it saw others'."""
    bound = state.get(round_path(tx.study, tx.round, "sa_bound"), attempt_key(tx.attempt, sender))
    place = (ledger_of(tx.genesis), tx.study, tx.round, tx.attempt)
    if bound != keys_commitment(*place, sender, keys):
        raise Rejected("refused", f"{sender} bound itself to other keys, or to none")


def deal(state: State, sender: str, tx: SecaggDeal) -> list[Event]:
    """Record the blob in which a participant deals its shares.

    Raises:
        Rejected: it has advertised no keys.
    """
    record, status, current = rounds.enter(state, tx, sender, "sa.deal")
    key = attempt_key(tx.attempt, sender)
    if not state.has(round_path(tx.study, tx.round, "sa_keys"), key):
        raise Rejected("refused", f"{sender} has advertised no keys in this attempt")
    digest = from_text(tx.digest, DIGEST_SIZE, "a deal's digest")
    state.put(round_path(tx.study, tx.round, "sa_deals"), key, digest)
    return rounds.spoke(state, tx.study, record, status, current)


def share(state: State, sender: str, tx: SharePost) -> list[Event]:
    """Record the shares that a survivor posts, one of each dealer whose deal it called sound.

    Raises:
        Rejected: its update is not in the sum, or these are more or fewer shares.
    """
    record, status, current = rounds.enter(state, tx, sender, "share")
    key = attempt_key(tx.attempt, sender)
    if not state.has(round_path(tx.study, tx.round, "included"), key):
        raise Rejected("not-a-participant", f"{sender}'s update is not in the sum")
    count = len(circle.sound_for(state, tx.study, tx.round, tx.attempt, sender))
    shares = from_text(tx.shares, circle.SHARE_SIZE * count, "a list of shares")
    state.put(round_path(tx.study, tx.round, "shares"), key, shares)
    return rounds.spoke(state, tx.study, record, status, current)


def open_sum(state: State, sender: str, tx: SumOpen) -> list[Event]:
    """Record the blob of a survivor's share of the key of the survivors' sum.

    Raises:
        Rejected: its update is not in the sum, or it called a survivor's deal unsound.
    """
    record, status, current = rounds.enter(state, tx, sender, "open")
    key = attempt_key(tx.attempt, sender)
    included = attempt_names(state, round_path(tx.study, tx.round, "included"), tx.attempt)
    if sender not in included:
        raise Rejected("not-a-participant", f"{sender}'s update is not in the sum")
    sound = circle.sound_dealers(state, tx.study, tx.round, tx.attempt).get(sender, ())
    if not set(included).issubset(sound):
        raise Rejected("refused", f"{sender} was not dealt a part of every survivor's key")
    digest = from_text(tx.digest, DIGEST_SIZE, "a share's digest")
    state.put(round_path(tx.study, tx.round, "shares"), key, digest)
    return rounds.spoke(state, tx.study, record, status, current)
