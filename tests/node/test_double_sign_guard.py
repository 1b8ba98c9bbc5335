"""What depends on when one looked is said once, whatever a restarted node sees."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from collegium.canonical import to_text
from collegium.federation.identity import Identity, identity
from collegium.federation.outbox import Outbox
from collegium.ledger.contract.results import Failure
from collegium.ledger.contract.transactions import (
    PhaseTimeout,
    RoundVote,
    StudyAccept,
    UpdateAvailable,
)
from collegium.node.double_sign_guard import guarded, signed_acceptance

VA = identity("va", bytes(32), b"1" * 32)
LATER = identity("va", bytes(32), b"2" * 32)


def bitmap(byte: int, who: Identity = VA, attempt: int = 1) -> bytes:
    return who.sign(
        UpdateAvailable, study="heart", round=1, attempt=attempt, bitmap=to_text(bytes([byte]))
    )


def test_the_first_word_stands_also_in_another_process(tmp_path: Path) -> None:
    with closing(Outbox(tmp_path / "outbox")) as outbox:
        assert guarded(outbox, [bitmap(0x80)]) == [bitmap(0x80)]
        assert guarded(outbox, [bitmap(0xF0)]) == [bitmap(0x80)]
    with closing(Outbox(tmp_path / "outbox")) as outbox:
        assert guarded(outbox, [bitmap(0xF0)]) == [bitmap(0x80)]
        assert guarded(outbox, [bitmap(0xF0, attempt=2)]) == [bitmap(0xF0, attempt=2)]


def test_a_new_key_has_said_nothing_yet(tmp_path: Path) -> None:
    with closing(Outbox(tmp_path / "outbox")) as outbox:
        guarded(outbox, [bitmap(0x80)])
        assert guarded(outbox, [bitmap(0xF0, LATER)]) == [bitmap(0xF0, LATER)]


def test_votes_are_among_it_and_what_the_ledger_implies_is_not_kept(tmp_path: Path) -> None:
    def vote(reason: str) -> bytes:
        result = Failure(reason=reason)  # type: ignore[arg-type]
        return VA.sign(RoundVote, study="heart", round=1, attempt=1, result=result)

    late = VA.sign(PhaseTimeout, study="heart", round=1, attempt=1, phase="commit")
    with closing(Outbox(tmp_path / "outbox")) as outbox:
        assert guarded(outbox, [late]) == [late]
        assert len(outbox) == 0
        guarded(outbox, [vote("unavailable")])
        assert guarded(outbox, [vote("malformed")]) == [vote("unavailable")]


def test_an_upgraded_node_accepts_a_study_as_it_first_did(tmp_path: Path) -> None:
    def acceptance(code: bytes) -> bytes:
        same = to_text(bytes(32))
        return VA.sign(
            StudyAccept, study="heart", code=to_text(code), document=same, snapshot=same, weight=9
        )

    first, upgraded = acceptance(b"1" * 32), acceptance(b"2" * 32)
    with closing(Outbox(tmp_path / "outbox")) as outbox:
        assert signed_acceptance(outbox, VA, "heart") is None
        assert guarded(outbox, [first]) == [first]
        assert guarded(outbox, [upgraded]) == [first]
        said = signed_acceptance(outbox, VA, "heart")
        assert said is not None
        assert said.code == to_text(b"1" * 32)
        assert signed_acceptance(outbox, LATER, "heart") is None
