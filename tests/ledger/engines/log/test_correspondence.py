"""What a member lays out past the sequencer, and what it takes from others' letters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.ledger.contract.kit import four_equals, member, world_of
from tests.ledger.engines.log.kit import Consortium, consortium
from tests.ledger.engines.log.test_demands import id_of, seen, word

from collegium.ledger.contract.evidence import decode_transaction
from collegium.ledger.contract.transactions import MemberReturn
from collegium.ledger.engines.log.correspondence import (
    LAID_AFTER,
    NONCE_AFTER,
    SEEN_AFTER,
    Correspondence,
)
from collegium.ledger.engines.log.seen import open_seen
from collegium.ledger.envelope import decode_envelope
from collegium.ledger.ordering import Letter


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def us(tmp_path: Path) -> Iterator[Consortium]:
    made = consortium(tmp_path, world=four_equals(ordered_within=3))
    yield made
    made.close()


def letters(us: Consortium, who: str, clock: Callable[[], float]) -> Correspondence:
    replica = us.replicas[who]
    return Correspondence(who, replica.copy, replica.demands, us.key, clock)


def test_what_is_due_for_long_is_laid_out_as_long_as_it_is(us: Consortium, clock: Clock) -> None:
    ours, due = letters(us, "bo", clock), us.registration("kept", "bo")
    assert ours.exchange([due], {}) == Letter()
    clock.now = LAID_AFTER - 1
    assert ours.exchange([due], {}) == Letter()
    clock.now = LAID_AFTER
    assert ours.exchange([due], {}).envelopes == (due,)
    us.settle("kept")
    assert ours.exchange([due], {}).envelopes == (), "the contract refuses it now"
    other = us.registration("other", "bo")
    ours.exchange([other], {})
    ours.exchange([], {})
    clock.now += LAID_AFTER
    assert ours.exchange([other], {}).envelopes == (), "it was not due in between"


def test_a_validator_says_that_it_has_seen_what_it_handed_on_for_a_while(
    us: Consortium, clock: Clock
) -> None:
    us.settle("one")
    kept, theirs = us.registration("kept", "bo"), letters(us, "ada", clock)
    told = {"bo": Letter((kept,))}
    assert theirs.exchange([], told) == Letter()
    assert [(one.author, one.seen_by) for one in theirs.open()] == [("bo", ())]
    clock.now = SEEN_AFTER
    (note,) = theirs.exchange([], told).seen
    found = open_seen(note, us.world.identity, "ada", us.world.keys["ada"].public)
    assert (found.size, found.transaction) == (1, id_of(kept))
    assert theirs.exchange([], {}).seen == (note,), "once, and for as long as it is not ordered"
    us.settle("kept")
    assert theirs.exchange([], told) == Letter()
    assert theirs.open() == []


def test_a_letter_speaks_for_its_member_alone(us: Consortium, clock: Clock) -> None:
    theirs, kept = letters(us, "ada", clock), us.registration("kept", "bo")
    theirs.exchange([], {"cy": Letter((kept, b"", b"{}"))})
    assert theirs.open() == [], "another's transaction would take its author's places"
    stranger = us.registration("strange", "eve")
    theirs.exchange([], {"eve": Letter((stranger,))})
    assert theirs.open() == []
    theirs.exchange([], {"bo": Letter((kept,)), "cy": Letter((), (word(us, "di", kept, 0), "x"))})
    assert [one.seen_by for one in theirs.open()] == [()], "a word counts in its own letter alone"
    theirs.exchange([], {"di": Letter((), (word(us, "di", kept, 0),))})
    assert [one.seen_by for one in theirs.open()] == [("di",)]


def test_a_nonce_makes_the_log_grow_while_a_quorum_waits_and_nothing_comes(
    us: Consortium, clock: Clock
) -> None:
    ours, kept = letters(us, "ada", clock), us.registration("kept", "bo")
    ours.exchange([], {})
    clock.now = NONCE_AFTER
    assert ours.nonces() == [], "nobody waits"
    seen(us, kept, ("ada", "bo"))
    assert ours.nonces() == [], "too few wait"
    seen(us, kept)
    (nonce,) = ours.nonces()
    assert isinstance(decode_transaction(decode_envelope(nonce).payload), MemberReturn)
    assert ours.nonces() == [nonce], "until it has made the log grow"
    us.wires["ada"].submit([nonce])
    us.step()
    ours.exchange([], {})
    assert ours.nonces() == []
    clock.now += NONCE_AFTER
    assert ours.nonces() not in ([], [nonce])


def test_who_is_no_validator_lays_out_what_it_says_and_binds_nobody(
    tmp_path: Path, clock: Clock
) -> None:
    people = (*(member(name) for name in ("ada", "bo", "cy")), member("di", 0, ("owner", "site")))
    us = consortium(tmp_path, world=world_of(people, ordered_within=3))
    ours = letters(us, "di", clock)
    due, kept = us.registration("due", "di"), us.registration("kept", "bo")
    ours.exchange([due], {"bo": Letter((kept,))})
    seen(us, kept, ("ada", "bo", "cy"))
    clock.now = LAID_AFTER + SEEN_AFTER
    assert ours.exchange([due], {"bo": Letter((kept,))}) == Letter((due,))
    assert ours.nonces() == []
    us.close()
