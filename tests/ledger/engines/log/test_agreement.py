"""Members that are all honest, and a sequencer that is: what is submitted becomes final."""

from __future__ import annotations

from tests.ledger.engines.log.kit import MEMBERS, Consortium

from collegium.ledger.engines.log.connection import Ordered, Refused


def test_a_transaction_becomes_final_at_every_member(us: Consortium) -> None:
    answers = us.wires["ada"].submit([us.registration("one")])
    assert answers == [Ordered(0)]
    us.step()
    assert us.sizes() == dict.fromkeys(MEMBERS, (1, 1))
    assert {name: [one.index for one in told] for name, told in us.told.items()} == dict.fromkeys(
        MEMBERS, [0]
    )
    assert len({us.final_bytes(name) for name in MEMBERS}) == 1


def test_the_next_block_waits_until_the_last_one_is_final(us: Consortium) -> None:
    assert us.wires["ada"].submit([us.registration("one")]) == [Ordered(0)]
    (answer,) = us.wires["bo"].submit([us.registration("two", "bo")])
    assert isinstance(answer, Refused)
    assert answer.code == "waiting"
    us.step(rounds=1)
    assert us.wires["bo"].submit([us.registration("two", "bo")]) == [Ordered(1)]
    us.step()
    assert us.sizes() == dict.fromkeys(MEMBERS, (2, 2))
