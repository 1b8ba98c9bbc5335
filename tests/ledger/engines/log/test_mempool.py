"""Nobody crowds others out: quotas a member, a bounded pool, one place for the same bytes."""

from __future__ import annotations

from collegium.ledger.engines.log.mempool import (
    A_BLOCK,
    A_MEMBER,
    A_MEMBER_AND_BLOCK,
    REMEMBERED,
    Mempool,
)
from collegium.ledger.ordering import NotYet, Ordered


def many(who: str, count: int) -> list[bytes]:
    return [f"{who} {number}".encode() for number in range(count)]


def test_a_batch_is_in_the_order_of_arrival() -> None:
    pool = Mempool()
    for who, what in (("ada", b"1"), ("bo", b"2"), ("ada", b"3")):
        pool.add(who, [what])
    assert [item.envelope for item in pool.batch()] == [b"1", b"2", b"3"]
    assert len(pool) == 0


def test_a_spammer_takes_its_share_of_a_block_and_no_more() -> None:
    pool = Mempool()
    pool.add("mallory", many("mallory", A_MEMBER))
    pool.add("ada", [b"due"])
    batch = pool.batch()
    assert sum(item.member == "mallory" for item in batch) == A_MEMBER_AND_BLOCK
    assert batch[-1].envelope == b"due"
    assert len(pool) == A_MEMBER - A_MEMBER_AND_BLOCK


def test_who_has_too_many_waiting_is_told_so_and_the_others_are_not() -> None:
    pool = Mempool()
    sent = many("mallory", A_MEMBER + 1)
    answers = pool.add("mallory", sent).answers()
    assert {answer.code for answer in answers if isinstance(answer, NotYet)} == {"waiting", "busy"}
    assert isinstance(answers[-1], NotYet)
    assert answers[-1].code == "busy"
    assert not pool.add("ada", [b"due"]).decided
    pool.batch()
    assert not pool.add("mallory", [sent[-1]]).decided, "there is room again"


def test_a_block_is_bounded() -> None:
    pool = Mempool()
    for number in range(A_BLOCK // A_MEMBER_AND_BLOCK + 2):
        pool.add(f"member{number}", many(f"member{number}", A_MEMBER_AND_BLOCK))
    assert len(pool.batch()) == A_BLOCK


def test_the_same_bytes_wait_once_whoever_hands_them_over() -> None:
    pool = Mempool()
    first, second = pool.add("ada", [b"one"]), pool.add("bo", [b"one"])
    assert len(pool) == 1
    pool.batch()[0].answer = Ordered(7)
    assert first.answers() == second.answers() == [Ordered(7)]


def test_what_is_in_the_log_is_remembered_for_a_while() -> None:
    pool = Mempool()
    pool.remember([(b"one", 0), (b"two", 1)])
    assert pool.add("ada", [b"one"]).answers() == [Ordered(0)]
    pool.forget(1)
    assert pool.add("ada", [b"one"]).answers() == [Ordered(0)]
    assert not pool.add("ada", [b"two"]).decided
    pool.remember((b"%d" % number, number) for number in range(REMEMBERED))
    assert not pool.add("ada", [b"one"]).decided
