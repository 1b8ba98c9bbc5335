"""A sequencer that starts: on its own files, on a member's copy, on an old one; nothing is lost."""

from __future__ import annotations

import shutil

import pytest
from tests.ledger.contract.kit import key_of
from tests.ledger.engines.log.kit import LOG_KEY, MEMBERS, Consortium
from tests.ledger.engines.log.lies import second_face

from collegium.errors import FormatError, RunError
from collegium.ledger.cosignature import cosign, cosigner_name
from collegium.ledger.engines.log.connection import PresentFirst
from collegium.ledger.engines.log.copying_out import begin_from
from collegium.ledger.engines.log.delivery import MemberPosition
from collegium.ledger.engines.log.recovery import Candidate, ranked
from collegium.ledger.engines.log.sequencer import Sequencer
from collegium.ledger.note import Checkpoint, origin_of, sign_checkpoint
from collegium.ledger.ordering import NotYet, Ordered


def restarted(us: Consortium, home: str = "sequencer") -> Sequencer:
    """Kill the sequencer and start another on a home."""
    us.sequencers[0].copy.close()
    us.sequencers[0] = us.sequencer(home)
    us.sequencers.pop()
    us.connect(us.sequencers[0])
    return us.sequencers[0]


def moved(us: Consortium, member: str) -> Sequencer:
    """Lose the sequencer's machine, and start another from a member's copy."""
    home = us.folder / "moved"
    home.mkdir()
    begin_from(us.home(member), home)
    return restarted(us, "moved")


def test_what_was_acknowledged_survives_a_kill(us: Consortium) -> None:
    assert us.wires["ada"].submit([us.registration("one")]) == [Ordered(0)]
    restarted(us)
    us.step()
    assert us.sizes() == dict.fromkeys(MEMBERS, (1, 1))
    assert us.wires["ada"].submit([us.registration("one")]) == [Ordered(0)]


def test_nothing_is_ordered_before_more_than_two_thirds_are_heard(us: Consortium) -> None:
    us.settle("one")
    sequencer = restarted(us)
    us.step(["ada", "bo"])
    assert sequencer.status()["ready"] is False
    (answer,) = us.wires["ada"].submit([us.registration("two")])
    assert isinstance(answer, NotYet)
    assert answer.code == "waiting"
    us.step(["cy"])
    assert sequencer.ready
    assert us.wires["ada"].submit([us.registration("two")]) == [Ordered(1)]


def test_a_member_that_was_not_heard_is_told_to_present_itself(us: Consortium) -> None:
    sequencer = restarted(us)
    for ask in (
        lambda: sequencer.blocks("ada", 0),
        lambda: sequencer.final("ada", 1),
        lambda: sequencer.cosign("ada", "line\n", 0),
        lambda: sequencer.restore("ada", 0, b""),
    ):
        with pytest.raises(PresentFirst):
            ask()


@pytest.mark.parametrize("member", MEMBERS)
def test_it_can_be_moved_to_a_copy_of_any_member(us: Consortium, member: str) -> None:
    us.settle("one", "two")
    us.connect(None, ["di"])
    us.wires["ada"].submit([us.registration("three")])
    us.step(["ada", "bo", "cy"])  # di's copy lacks what is final
    sequencer = moved(us, member)
    us.step()
    assert sequencer.ready
    assert us.sizes() == dict.fromkeys(MEMBERS, (3, 3))
    assert us.wires["di"].submit([us.registration("four", "di")]) == [Ordered(3)]
    us.step()
    assert us.sizes() == dict.fromkeys(MEMBERS, (4, 4))
    us.require_agreement()


def test_it_gets_a_long_history_back_in_parts(
    us: Consortium, monkeypatch: pytest.MonkeyPatch
) -> None:
    us.settle(*(f"study{number}" for number in range(6)))
    monkeypatch.setattr("collegium.ledger.engines.log.log_copy.LogCopy.read.__defaults__", (2500,))
    us.home("empty")
    sequencer = restarted(us, "empty")
    us.step()
    assert sequencer.copy.final_size == 6
    us.settle("last")
    assert us.sizes() == dict.fromkeys(MEMBERS, (7, 7))


def test_a_block_that_most_have_cosigned_is_gone_on_with(us: Consortium) -> None:
    us.settle("one")
    us.copied("sequencer", "old")
    us.connect(None, ["cy", "di"])
    us.wires["ada"].submit([us.registration("two")])
    us.step(["ada", "bo"])
    restarted(us, "old")  # which has never heard of that block
    us.step()
    assert us.sizes() == dict.fromkeys(MEMBERS, (2, 2))
    assert us.wires["bo"].submit([us.registration("two")]) == [Ordered(1)]


def test_a_block_that_nobody_reachable_holds_gives_way_to_another(us: Consortium) -> None:
    us.settle("one")
    us.copied("sequencer", "old")
    us.connect(None, ["ada", "bo", "cy"])
    us.wires["di"].submit([us.registration("lost", "di")])
    us.step(["di"])
    assert us.sizes()["di"] == (2, 1)
    restarted(us, "old")
    us.connect(None, ["di"])
    us.step(["ada", "bo", "cy"])
    us.wires["ada"].submit([us.registration("two"), us.registration("three")])
    us.step(["ada", "bo", "cy"])
    assert us.sizes()["ada"] == (3, 3)
    us.connect(us.sequencers[0], ["di"])
    us.step()
    assert us.sizes() == dict.fromkeys(MEMBERS, (3, 3))
    assert any("two blocks after entry 1" in one for one in us.warnings)
    us.wires["di"].submit([us.registration("lost", "di")])
    us.step()
    assert us.sizes() == dict.fromkeys(MEMBERS, (4, 4))


def test_a_kill_between_finality_and_its_news_loses_nothing(us: Consortium) -> None:
    us.settle("one")
    us.copied("sequencer", "before")
    us.wires["ada"].submit([us.registration("two")])
    us.step()
    final = (us.folder / "before" / "final").read_text("utf-8")
    shutil.copy(us.home("sequencer") / "ledger.log", us.folder / "before" / "ledger.log")
    assert "\n1\n" in final
    sequencer = restarted(us, "before")  # it has the block and not the final note
    assert sequencer.copy.final_size == 1
    us.step()
    assert sequencer.copy.settled
    assert us.sizes() == dict.fromkeys(MEMBERS, (2, 2))


def standing_over(
    us: Consortium, size: int, signers: list[str], log: str = "*log"
) -> MemberPosition:
    """Return a standing whose final note is over a log that nobody has."""
    checkpoint = Checkpoint(origin_of(us.world.identity), size, bytes(32), bytes(32))
    lines = [
        cosign(checkpoint, cosigner_name(checkpoint.origin, who), key_of(who), 1) for who in signers
    ]
    return MemberPosition(final=sign_checkpoint(checkpoint, key_of(log)) + "".join(lines))


def test_a_member_cannot_pass_off_a_note_that_the_log_did_not_sign(us: Consortium) -> None:
    with pytest.raises(FormatError):
        us.sequencers[0].present("ada", standing_over(us, 9, list(MEMBERS), log="eve"))


@pytest.mark.parametrize("sent", ["nonsense", "its own block", "another block"])
def test_blocks_that_do_not_lead_to_a_claimed_note_are_dropped_again(
    us: Consortium, sent: str
) -> None:
    us.settle("one")
    evil = second_face(us)
    us.wires["ada"].submit([us.registration("two")])
    sequencer = us.sequencers[0]
    evil.submit("di", [us.registration("other", "di")])
    missing = sequencer.present("di", standing_over(us, 2, ["di"]))
    assert missing == 1
    blocks = {
        "nonsense": b"\xff" * 40,
        "its own block": sequencer.copy.read(1, 2),
        "another block": evil.copy.read(1, 2),
    }
    with pytest.raises(FormatError):
        sequencer.restore("di", 1, blocks[sent])
    with pytest.raises(PresentFirst):
        sequencer.restore("di", 1, b"")
    assert sequencer.copy.final_size == 1
    us.step()
    assert us.sizes() == dict.fromkeys(MEMBERS, (2, 2))
    assert us.wires["ada"].submit([us.registration("two")]) == [Ordered(1)]


def test_a_claim_by_too_few_is_refused_and_its_blocks_are_dropped(us: Consortium) -> None:
    us.settle("one")
    us.copied("sequencer", "old")
    us.connect(None, ["ada", "bo", "cy"])
    us.wires["di"].submit([us.registration("two", "di")])
    us.step(["di"])
    di = us.replicas["di"]
    last = di.witness.last
    assert last is not None
    sequencer = restarted(us, "old")
    missing = sequencer.present("di", MemberPosition(final=last.note + last.line))
    assert missing == 1
    with pytest.raises(FormatError, match=r"sequencer\.claim"):
        sequencer.restore("di", 1, di.copy.read(1, 2))
    assert (sequencer.copy.size, sequencer.copy.final_size) == (1, 1)


def test_two_final_histories_are_named(us: Consortium) -> None:
    us.settle("one")
    other = standing_over(us, 1, list(MEMBERS))
    with pytest.raises(RunError, match=r"sequencer\.two-histories"):
        us.sequencers[0].present("ada", other)


def test_candidates_are_ranked_by_the_power_that_cosigned_them(us: Consortium) -> None:
    judges = us.sequencers[0].copy.judges_of_next()

    def candidate(label: bytes, signers: list[str], *, own: bool = False) -> Candidate:
        checkpoint = Checkpoint("origin", 1, bytes(32), label * 32)
        return Candidate(checkpoint, "", b"", own, dict.fromkeys(signers, "line"))

    two, one = candidate(b"z", ["ada", "bo"]), candidate(b"a", ["cy"], own=True)
    none, own = candidate(b"b", []), candidate(b"y", [], own=True)
    strangers = candidate(b"c", ["eve", "mallory", "trent"])
    found = ranked([strangers, none, one, own, two], judges)
    assert found == [two, one, own, none, strangers]


def test_a_damaged_file_of_the_sequencer_is_not_gone_on_with(us: Consortium) -> None:
    us.settle("one", "two")
    path = us.home("sequencer") / "ledger.log"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(FormatError):
        us.sequencer("sequencer")


def test_a_home_is_never_begun_over_another(us: Consortium) -> None:
    us.settle("one")
    with pytest.raises(RunError, match=r"ledger\.exists"):
        begin_from(us.home("ada"), us.home("bo"))
    with pytest.raises(RunError, match=r"ledger\.unreadable"):
        begin_from(us.folder / "nowhere", us.home("new"))


def test_the_log_key_of_another_ledger_signs_nothing_here(us: Consortium) -> None:
    us.settle("one")
    copy = us.replicas["ada"].copy
    head = copy.ledger.head()
    assert copy.open_note(sign_checkpoint(head, LOG_KEY)) == head
    with pytest.raises(FormatError):
        copy.open_note(sign_checkpoint(head, key_of("eve")))
