"""Transactions are handed over until they are answered, each as often as it must be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from threading import Semaphore
from time import monotonic, sleep

import pytest

from collegium.errors import RunError
from collegium.ledger.ordering import Answer, NotYet, Ordered, Refused
from collegium.node import sender as module
from collegium.node.sender import AnsweredTransaction, Sender


class Desk:
    """An ordering that answers as a test tells it."""

    def __init__(self) -> None:
        self.asked: list[list[bytes]] = []
        self.replies: list[list[Answer] | None] = []
        self.may = Semaphore(0)

    def submit(self, envelopes: Sequence[bytes]) -> list[Answer]:
        self.asked.append(list(envelopes))
        assert self.may.acquire(timeout=10)
        reply = self.replies.pop(0)
        if reply is None:
            raise RunError("transport.unreachable", "nobody", "answers", "wait")
        return reply

    def reply(self, *answers: Answer | None) -> None:
        given = [one for one in answers if one is not None]
        self.replies.append(given if given else None)
        self.may.release()


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr(module, "WAITS", (0.01,))
    return Desk()


@pytest.fixture
def sender(desk: Desk) -> Iterator[Sender]:
    sender = Sender(desk)
    yield sender
    sender.close()


def never(envelope: bytes) -> bool:
    """Nothing is past."""
    return False


def asked(desk: Desk, times: int) -> None:
    """Wait until something was handed over so often."""
    until = monotonic() + 10
    while len(desk.asked) < times:
        assert monotonic() < until
        sleep(0.002)


def answers(sender: Sender, count: int) -> list[AnsweredTransaction]:
    """So many answers, as soon as they are there."""
    found: list[AnsweredTransaction] = []
    until = monotonic() + 10
    while len(found) < count and monotonic() < until:
        found += sender.answers()
        sleep(0.002)
    return found


def test_what_is_offered_is_handed_over_and_answered(desk: Desk, sender: Sender) -> None:
    sender.offer([b"one", b"two"], 0, never)
    desk.reply(Ordered(0), Refused("already", "said"))
    assert answers(sender, 2) == [
        AnsweredTransaction(b"one", Ordered(0)),
        AnsweredTransaction(b"two", Refused("already", "said"), 1),
    ]
    assert sender.waiting == 0


def test_what_waits_is_not_taken_twice(desk: Desk, sender: Sender) -> None:
    for _ in range(3):
        sender.offer([b"one"], 0, never)
    assert sender.waiting == 1
    desk.reply(Ordered(0))
    answers(sender, 1)
    assert desk.asked == [[b"one"]]


def test_what_is_in_the_log_rests_until_the_member_has_replayed_it(
    desk: Desk, sender: Sender
) -> None:
    sender.offer([b"one"], 3, never)
    desk.reply(Ordered(5))
    answers(sender, 1)
    for size in (3, 4, 5):
        sender.offer([b"one"], size, never)
        assert sender.waiting == 0
    sender.offer([b"one"], 6, never)
    assert sender.waiting == 1, "replayed and still due: it is said again"
    desk.reply(Ordered(5))
    answers(sender, 1)


def test_what_was_acknowledged_and_is_not_seen_is_handed_over_again(
    desk: Desk, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collegium.node.sender.RESTS", 0.05)
    sender.offer([b"one"], 3, never)
    desk.reply(Ordered(5))
    answers(sender, 1)
    sender.offer([b"one"], 3, never)
    assert sender.waiting == 0
    sleep(0.06)
    sender.offer([b"one"], 3, never)
    assert sender.waiting == 1, "a sequencer that was moved may lack it"
    desk.reply(Ordered(3))
    answers(sender, 1)
    sender.drop()
    sender.offer([b"one"], 3, never)
    assert sender.waiting == 1
    desk.reply(Ordered(3))
    answers(sender, 1)


def test_a_refusal_stands_until_the_ledger_has_grown(desk: Desk, sender: Sender) -> None:
    sender.offer([b"one"], 3, never)
    desk.reply(Refused("early", "not yet"))
    answers(sender, 1)
    sender.offer([b"one"], 3, never)
    assert sender.waiting == 0
    sender.offer([b"one"], 4, never)
    assert sender.waiting == 1
    desk.reply(Ordered(4))
    answers(sender, 1)


def test_an_absent_or_busy_sequencer_is_asked_again(desk: Desk, sender: Sender) -> None:
    sender.offer([b"one", b"two"], 0, never)
    desk.reply(None)
    desk.reply(None)
    desk.reply(Ordered(0), NotYet("busy", "full"))
    desk.reply(Ordered(1))
    found = answers(sender, 2)
    assert [one.answer for one in found] == [Ordered(0), Ordered(1)]
    assert desk.asked == [[b"one", b"two"]] * 3 + [[b"two"]]
    assert sender.trouble is None


def test_a_bug_on_the_way_is_told_and_the_rest_goes_on(
    desk: Desk, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(envelopes: Sequence[bytes]) -> list[Answer]:
        raise LookupError("unforeseen")

    with monkeypatch.context() as patched:
        patched.setattr(desk, "submit", fail)
        sender.offer([b"one"], 0, never)
        until = monotonic() + 10
        while sender.trouble is None:
            assert monotonic() < until
            sleep(0.002)
    assert "unforeseen" in sender.trouble.why
    desk.reply(Ordered(0))
    assert len(answers(sender, 1)) == 1


def test_what_is_dropped_can_be_offered_again(desk: Desk, sender: Sender) -> None:
    sender.offer([b"one"], 0, never)
    while not desk.asked:
        sleep(0.002)
    sender.drop()
    assert sender.waiting == 0
    desk.reply(Ordered(0))
    answers(sender, 1)
    sender.offer([b"one"], 1, never)
    assert sender.waiting == 1
    desk.reply(Ordered(0))
    answers(sender, 1)


def test_what_is_refused_again_and_again_rests_longer_each_time(
    desk: Desk, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr(module, "monotonic", lambda: now)
    for size in range(module.RESTS_FROM):
        sender.offer([b"one"], size, never)
        desk.reply(Refused("bad-signature", "of another ledger"))
        (found,) = answers(sender, 1)
        assert found.times == size + 1
    sender.offer([b"one"], 100, never)
    assert sender.waiting == 0, "the ledger has grown, and it is not tried again at once"
    now += 1.5
    sender.offer([b"one"], 101, never)
    assert sender.waiting == 1
    desk.reply(Refused("bad-signature", "of another ledger"))
    answers(sender, 1)
    now += 1.5
    sender.offer([b"one"], 102, never)
    assert sender.waiting == 0, "twice as long"
    sender.offer([], 103, never)
    sender.offer([b"one"], 104, never)
    assert sender.waiting == 1, "what was no longer due begins anew"
    desk.reply(Ordered(104))
    answers(sender, 1)


def test_what_is_never_decided_keeps_nothing_newer_from_being_handed_over(
    desk: Desk, sender: Sender
) -> None:
    stuck = [bytes([number]) for number in range(module.MOST)]
    sender.offer(stuck, 0, never)
    desk.reply(*[NotYet()] * module.MOST)
    asked(desk, 2)
    sender.offer([*stuck, b"newer"], 0, never)
    desk.reply(*[NotYet()] * module.MOST)  # this batch was made before the newer one came
    desk.reply(Ordered(0), *[NotYet()] * (module.MOST - 1))
    assert answers(sender, 1) == [AnsweredTransaction(b"newer", Ordered(0))]
    for number in range(3):
        asked(desk, 4 + number)
        desk.reply(*[NotYet()] * module.MOST)
    assert {one for batch in desk.asked[3:] for one in batch} == set(stuck), "they are not lost"


def test_what_is_newer_does_not_wait_for_the_next_try_of_what_is_never_decided(
    desk: Desk, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WAITS", (100.0,))
    sender.offer([b"stuck"], 0, never)
    desk.reply(NotYet())
    asked(desk, 1)
    sender.offer([b"stuck", b"newer"], 0, never)
    desk.reply(Ordered(0), NotYet())
    assert answers(sender, 1) == [AnsweredTransaction(b"newer", Ordered(0))]


def test_what_is_due_no_more_is_dropped_once_the_ledger_will_never_take_it(
    desk: Desk, sender: Sender
) -> None:
    gone = {b"due", b"of an attempt that is over"}
    everything = [b"due", b"of an attempt that is over", b"of a timer"]
    sender.offer(everything, 3, gone.__contains__)
    asked(desk, 1)
    desk.reply(NotYet(), NotYet(), NotYet())
    asked(desk, 2)
    sender.offer([b"due"], 3, gone.__contains__)
    assert sender.waiting == 3, "the ledger is where it was"
    sender.offer([b"due"], 4, gone.__contains__)
    assert sender.waiting == 2, "what is due is kept, and what the ledger may take yet"
    desk.reply(NotYet(), NotYet(), NotYet())
    asked(desk, 3)
    assert set(desk.asked[2]) == {b"due", b"of a timer"}
    desk.reply(Ordered(4), Ordered(5))
    answers(sender, 2)
