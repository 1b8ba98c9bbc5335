"""A validator puts equivocations on record: what is proven and new, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tests.node.kit import Clock, Town, document, town

from collegium.errors import RunError
from collegium.ledger.contract.evidence import decode_transaction
from collegium.ledger.contract.tables import EVIDENCE
from collegium.ledger.contract.transactions import EvidenceConflict, StudyAccept
from collegium.ledger.envelope import decode_envelope
from collegium.ledger.equivocation import Conflict
from collegium.ledger.ordering import Ordered
from collegium.node.conflicts import ASK_EVERY, OTHERS_AFTER, Conflicts, equivocations


@dataclass
class Told:
    """A sequencer that tells what a test wants, or is away."""

    open: list[Conflict] = field(default_factory=list)
    away: bool = False
    asked: int = 0

    def conflicts(self) -> list[Conflict]:
        self.asked += 1
        if self.away:
            raise RunError("transport.unreachable", "nobody", "answers", "wait")
        return self.open


def conflicts_of(at: Town, member: str, told: Told, clock: Clock) -> Conflicts:
    acting = at.acting[member]
    return Conflicts(told.conflicts, lambda: acting.identity, acting.state, clock)


def pair(at: Town) -> Conflict:
    """What va accepts, and another acceptance by va of the same study."""
    at.propose(document())
    at.until(lambda view: view.acceptance("va") is not None)
    said = next(one for one in _envelopes(at) if _is_acceptance_of(at, one))
    transaction = decode_transaction(decode_envelope(said).payload)
    assert isinstance(transaction, StudyAccept)
    fields = {
        name: getattr(transaction, name)
        for name in transaction.__struct_fields__
        if name not in ("format", "genesis")
    }
    other = at.acting["va"].identity.sign(StudyAccept, **{**fields, "code": "A" * 43})
    first, second = sorted((said, other), key=lambda one: decode_envelope(one).payload)
    return first, second


def _envelopes(at: Town) -> list[bytes]:
    from collegium.ledger.frames import ENTRY, decode_entry, read_frames

    data = (at.folder / "ledger.log").read_bytes()
    return [decode_entry(one.body)[0] for one in read_frames(data) if one.kind == ENTRY]


def _is_acceptance_of(at: Town, data: bytes) -> bool:
    envelope = decode_envelope(data)
    own = at.acting["va"].identity.key.public
    from hashlib import sha256

    return envelope.key_id == sha256(own).digest() and isinstance(
        decode_transaction(envelope.payload), StudyAccept
    )


def test_the_first_validator_does_it_at_once_and_the_others_what_it_leaves_out(
    tmp_path: Path,
) -> None:
    with town(tmp_path) as at:
        clock = Clock()
        told = Told([pair(at)])
        first, other = (conflicts_of(at, name, told, clock) for name in ("cleveland", "va"))
        for one in (first, other):
            one.look()
        assert other.due() == []
        (evidence,) = first.due()
        clock.now += OTHERS_AFTER
        assert len(other.due()) == 1, "even of itself, and even if the first one is silent"
        (outcome,) = at.engine.submit([evidence])
        assert isinstance(outcome, Ordered)
        assert first.due() == other.due() == [], "it is on record"
        (name,) = equivocations(at.engine.application.state)
        assert name == "va/study.accept/heart"
        assert at.engine.application.state.get(EVIDENCE, name) is not None


def test_what_proves_nothing_is_not_posted(tmp_path: Path) -> None:
    with town(tmp_path) as at:
        clock = Clock()
        first, second = pair(at)
        told = Told([(second, first), (first, first), (b"{}", first), (first, b"x" * 20_000)])
        cleveland = conflicts_of(at, "cleveland", told, clock)
        cleveland.look()
        assert cleveland.due() == []


def test_it_is_asked_now_and_then_and_outages_do_not_matter(tmp_path: Path) -> None:
    with town(tmp_path) as at:
        clock, told = Clock(), Told(away=True)
        cleveland = conflicts_of(at, "cleveland", told, clock)
        cleveland.look()
        cleveland.look()
        assert told.asked == 1
        told.open, told.away = [pair(at)], False
        clock.now += ASK_EVERY
        cleveland.look()
        (evidence,) = cleveland.due()
        assert isinstance(decode_transaction(decode_envelope(evidence).payload), EvidenceConflict)
