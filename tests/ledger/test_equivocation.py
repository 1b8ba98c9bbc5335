"""The witness proves that one member signed two things where it may say one."""

from __future__ import annotations

import pytest

from collegium.canonical import to_text
from collegium.federation.identity import Identity, identity
from collegium.ledger import equivocation as witness_module
from collegium.ledger.application import AcceptedTransaction, Outcome
from collegium.ledger.contract.evidence import decode_transaction
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.contract.results import ModelResult
from collegium.ledger.contract.transactions import EvidenceConflict, RoundVote
from collegium.ledger.envelope import decode_envelope
from collegium.ledger.equivocation import EquivocationDetector

VA = identity("va", bytes(32), b"1" * 32)
CLEVELAND = identity("cleveland", bytes(32), b"2" * 32)
ALREADY = Rejected("already", "said before")


def vote(model: int, number: int = 1, who: Identity = VA) -> bytes:
    name = to_text(bytes([model]) * 32)
    result = ModelResult(model=name)
    return who.sign(RoundVote, study="heart", round=number, attempt=1, result=result)


def accepted(envelope: bytes) -> AcceptedTransaction:
    return AcceptedTransaction(0, decode_transaction(decode_envelope(envelope).payload), "va", ())


def watched(*blocks: list[tuple[bytes, Outcome]]) -> list[tuple[bytes, bytes]]:
    """The conflicts that a new witness finds in the last of some blocks."""
    witness = EquivocationDetector()
    found: tuple[tuple[bytes, bytes], ...] = ()
    for block in blocks:
        found = witness.watch([data for data, _ in block], [outcome for _, outcome in block])
    return list(found)


def ordered(*envelopes: bytes) -> tuple[bytes, bytes]:
    first, second = sorted(envelopes, key=lambda data: decode_envelope(data).payload)
    return first, second


def evidence(pair: tuple[bytes, bytes]) -> bytes:
    first, second = map(to_text, pair)
    return CLEVELAND.sign(EvidenceConflict, first=first, second=second)


def test_a_second_vote_for_another_model_is_a_conflict() -> None:
    first, second = vote(1), vote(2)
    pair = ordered(first, second)
    assert watched([(first, accepted(first)), (second, ALREADY)]) == [pair]
    assert watched([(second, accepted(second))], [(first, ALREADY)]) == [pair]
    assert watched([(first, accepted(first))], [(second, Rejected("stale", "past"))]) == [pair]


@pytest.mark.parametrize(
    "second",
    [
        pytest.param(vote(1), id="the same again"),
        pytest.param(vote(2, number=2), id="another round"),
        pytest.param(vote(2, who=CLEVELAND), id="another member"),
        pytest.param(b"{}", id="no envelope"),
    ],
)
def test_nothing_else_is_one(second: bytes) -> None:
    first = vote(1)
    assert watched([(first, accepted(first))], [(second, ALREADY)]) == []


def test_only_a_refusal_after_the_signature_was_checked_proves_anything() -> None:
    first, second = vote(1), vote(2)
    for code in ("signature", "malformed", "early", "refused"):
        assert watched([(first, accepted(first)), (second, Rejected(code, ""))]) == []


def test_without_the_first_there_is_nothing_to_contradict() -> None:
    assert watched([(vote(2), ALREADY)]) == []


def test_what_was_accepted_before_its_time_can_be_told_it() -> None:
    first, second = vote(1), vote(2)
    witness = EquivocationDetector()
    witness.recall([first, vote(3, number=2)])
    assert witness.watch([second], [ALREADY]) == (ordered(first, second),)


def test_it_remembers_the_latest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(witness_module, "REMEMBERED", 3)
    votes = [vote(1, number) for number in range(1, 6)]
    block: list[tuple[bytes, Outcome]] = [(one, accepted(one)) for one in votes]
    assert watched(block, [(vote(2, number=1), ALREADY)]) == []
    assert len(watched(block, [(vote(2, number=5), ALREADY)])) == 1


def test_a_conflict_stays_open_until_evidence_of_it_is_answered() -> None:
    first, second = vote(1), vote(2)
    pair = ordered(first, second)
    said: list[tuple[bytes, Outcome]] = [(first, accepted(first)), (second, ALREADY)]
    posted, other = evidence(pair), evidence(ordered(vote(3), vote(4)))
    nothing: list[tuple[bytes, Outcome]] = []
    assert watched(said, nothing, nothing) == [pair]
    assert watched(said, [(other, accepted(other))]) == [pair]
    assert watched(said, [(posted, Rejected("signature", ""))]) == [pair]
    assert watched(said, [(posted, accepted(posted))]) == []
    assert watched(said, [(posted, ALREADY)]) == []
    assert watched(said, [(posted, Rejected("refused", "enough is known"))]) == []


def test_of_many_contradictions_under_one_key_one_is_open() -> None:
    first = vote(1)
    others = [(vote(model), ALREADY) for model in range(2, 40)]
    assert watched([(first, accepted(first)), *others]) == [ordered(first, vote(2))]
