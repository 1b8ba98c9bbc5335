"""What contradicts the log reaches the sequencer alone: it tells the members, who can prove it."""

from __future__ import annotations

import pytest
from tests.ledger.contract.kit import envelope
from tests.ledger.contract.moves import TERMS
from tests.ledger.engines.log.kit import MEMBERS, Consortium

from collegium.canonical import to_text
from collegium.ledger.contract.transactions import EvidenceConflict, StudyRegister
from collegium.ledger.engines.log.connection import PresentFirst
from collegium.ledger.ordering import Ordered, Refused


def registrations(us: Consortium) -> tuple[bytes, bytes]:
    """Two registrations by ada under one id, in the order of their payloads."""
    other = envelope(us.world, "ada", StudyRegister, **{**TERMS, "study": "heart", "rounds": 9})
    return us.registration("heart"), other


def contradicted(us: Consortium) -> tuple[bytes, bytes]:
    first, second = registrations(us)
    us.settle("heart")
    (answer,) = us.wires["ada"].submit([second])
    assert isinstance(answer, Refused)
    assert answer.code == "already"
    return first, second


def test_every_member_is_told_until_it_is_on_record(us: Consortium) -> None:
    pair = contradicted(us)
    for name in MEMBERS:
        (conflict,) = us.wires[name].conflicts()
        assert set(conflict) == set(pair)
    first, second = map(to_text, conflict)
    posted = envelope(us.world, "bo", EvidenceConflict, first=first, second=second)
    assert us.wires["bo"].submit([posted]) == [Ordered(1)]
    us.step()
    assert us.wires["cy"].conflicts() == []


def test_a_sequencer_that_was_started_again_knows_what_is_in_its_log(us: Consortium) -> None:
    first, second = registrations(us)
    us.settle("heart")
    us.sequencers[0].copy.close()
    us.connect(us.sequencer())
    us.step()
    us.wires["ada"].submit([second])
    (conflict,) = us.wires["di"].conflicts()
    assert set(conflict) == {first, second}


def test_the_same_bytes_again_contradict_nothing(us: Consortium) -> None:
    us.settle("heart")
    us.wires["ada"].submit([us.registration("heart")])
    assert us.wires["bo"].conflicts() == []


def test_who_has_not_presented_itself_is_asked_to(us: Consortium) -> None:
    us.sequencers[0].copy.close()
    us.connect(us.sequencer())
    with pytest.raises(PresentFirst):
        us.wires["ada"].conflicts()
