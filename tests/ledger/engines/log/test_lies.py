"""What members do when the sequencer lies: they keep nothing of it, cosign nothing, and say so."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.ledger.contract.kit import key_of
from tests.ledger.engines.log.kit import LOG_KEY, MEMBERS, Consortium
from tests.ledger.engines.log.lies import Honest, crafted, honest, second_face

from collegium.canonical import encode
from collegium.errors import FormatError, RunError
from collegium.ledger.application import Application
from collegium.ledger.cosignature import cosign, cosigner_name
from collegium.ledger.engines.log.delivery import decode_delivery, encode_delivery
from collegium.ledger.engines.log.evidence import (
    SequencerMisbehaved,
    block_bodies,
    keep_evidence,
    prove_fork,
    read_fork,
)
from collegium.ledger.engines.log.sequencer import Sequencer
from collegium.ledger.hashing import tagged_hash
from collegium.ledger.note import Checkpoint, origin_of, sign_checkpoint, with_lines
from collegium.ledger.ordering import Ordered

Craft = Callable[[Application, Honest, Consortium], bytes]


def forged_events(ledger: Application, true: Honest, us: Consortium) -> bytes:
    entries = [(envelope, encode([])) for envelope, _ in true.entries]
    return crafted(ledger, entries, true.header.state_root)


def forged_signature(ledger: Application, true: Honest, us: Consortium) -> bytes:
    forged = us.registration("two", "bo").replace(b'"sig":"', b'"sig":"AAAA', 1)
    forged = forged.replace(b'=="}]}', b'"}]}') if b'=="}]}' in forged else forged
    return crafted(ledger, [(forged, true.entries[0][1])], true.header.state_root)


def stranger(ledger: Application, true: Honest, us: Consortium) -> bytes:
    entries = [(us.registration("two", "eve"), true.entries[0][1])]
    return crafted(ledger, entries, true.header.state_root)


def replayed(ledger: Application, true: Honest, us: Consortium) -> bytes:
    old = honest(us.replicas["ada"].copy.read(0, 1))
    return crafted(ledger, [*true.entries, *old.entries], true.header.state_root)


def twice(ledger: Application, true: Honest, us: Consortium) -> bytes:
    return crafted(ledger, true.entries * 2, true.header.state_root)


def wrong_state(ledger: Application, true: Honest, us: Consortium) -> bytes:
    return crafted(ledger, true.entries, tagged_hash("block", b"another state"))


def wrong_application_hash(ledger: Application, true: Honest, us: Consortium) -> bytes:
    return crafted(ledger, true.entries, true.header.state_root, app_hash=bytes(32))


def wrong_count(ledger: Application, true: Honest, us: Consortium) -> bytes:
    return crafted(ledger, true.entries, true.header.state_root, count=2)


def empty(ledger: Application, true: Honest, us: Consortium) -> bytes:
    return crafted(ledger, [], ledger.state.root())


def half_a_frame(ledger: Application, true: Honest, us: Consortium) -> bytes:
    return crafted(ledger, true.entries, true.header.state_root)[:-1]


def garbage(ledger: Application, true: Honest, us: Consortium) -> bytes:
    return b"\xff" * 64


def wrongly_signed(ledger: Application, true: Honest, us: Consortium) -> bytes:
    return crafted(ledger, true.entries, true.header.state_root, key=key_of("eve"))


def signed_by_a_member(ledger: Application, true: Honest, us: Consortium) -> bytes:
    return crafted(ledger, true.entries, true.header.state_root, key=key_of("ada"))


def over_another_log(ledger: Application, true: Honest, us: Consortium) -> bytes:
    delivery = decode_delivery(crafted(ledger, true.entries, true.header.state_root))
    checkpoint = Checkpoint(
        origin_of(ledger.identity), ledger.frontier.size + 1, bytes(32), bytes(32)
    )
    return encode_delivery(b"".join(delivery.blocks), sign_checkpoint(checkpoint, LOG_KEY))


BAD_BLOCKS: dict[Craft, str] = {
    forged_events: "sequencer.block",
    forged_signature: "sequencer.block",
    stranger: "sequencer.block",
    replayed: "sequencer.block",
    twice: "sequencer.block",
    wrong_state: "sequencer.block",
    wrong_application_hash: "sequencer.block",
    wrong_count: "sequencer.block",
    empty: "sequencer.block",
    half_a_frame: "sequencer.block",
    garbage: "sequencer.block",
    over_another_log: "sequencer.block",
    wrongly_signed: "sequencer.signature",
    signed_by_a_member: "sequencer.signature",
}


@pytest.mark.parametrize("craft", BAD_BLOCKS, ids=lambda craft: craft.__name__)
def test_a_block_that_cannot_be_is_not_kept_and_not_cosigned(us: Consortium, craft: Craft) -> None:
    us.settle("one")
    us.wires["bo"].submit([us.registration("two", "bo")])
    ada = us.replicas["ada"]
    lie = craft(ada.ledger, honest(us.wires["ada"].blocks(1, 0)), us)
    before = (ada.copy.home / "cosigned").read_bytes()
    with pytest.raises(SequencerMisbehaved) as caught:
        us.lie_once("ada", on_blocks=lambda _: lie)
    assert caught.value.code == BAD_BLOCKS[craft]
    assert caught.value.evidence is not None
    assert (caught.value.evidence / "received.bin").exists()
    assert ada.lie is caught.value
    assert (ada.size, ada.final_size) == (1, 1)
    assert (ada.copy.home / "cosigned").read_bytes() == before

    us.step()  # the others never noticed, and the truth is believed
    assert us.sizes() == dict.fromkeys(MEMBERS, (2, 2))
    us.require_agreement()


def test_a_liar_does_not_fill_the_disk(us: Consortium) -> None:
    for _ in range(5):
        with pytest.raises(SequencerMisbehaved):
            us.lie_once("ada", on_blocks=lambda _: b"\xff" * 64)
    evidence = us.home("ada") / "evidence"
    assert len(list(evidence.iterdir())) == 1
    for number in range(100):
        keep_evidence(evidence, "block", "what", {"received.bin": b"%d" % number})
    assert len(list(evidence.iterdir())) == 64


def split(us: Consortium, ours: list[str], theirs: list[str]) -> None:
    """Let two faces of the sequencer make two blocks after the same one, for some members each."""
    us.settle("base")
    evil = second_face(us)
    us.connect(evil, theirs)
    us.wires[ours[0]].submit([us.registration("ours", ours[0])])
    us.wires[theirs[0]].submit(
        [us.registration("theirs", theirs[0]), us.registration("more", theirs[0])]
    )
    us.step()


def test_of_two_blocks_the_one_with_a_quorum_is_followed_and_the_fork_is_proven(
    us: Consortium,
) -> None:
    split(us, ["ada", "bo", "cy"], ["di"])
    assert us.sizes() == {"ada": (2, 2), "bo": (2, 2), "cy": (2, 2), "di": (3, 1)}
    us.require_agreement()

    us.connect(us.sequencers[0])
    us.step()
    assert us.sizes() == dict.fromkeys(MEMBERS, (2, 2))
    us.require_agreement()
    lie = us.replicas["di"].lie
    assert lie is not None
    assert lie.code == "sequencer.fork"
    assert lie.evidence is not None
    fork = read_fork(lie.evidence, us.world.identity)
    assert fork is not None
    assert {fork.first.size, fork.second.size} == {2, 3}
    assert [one.index for one in us.told["di"]] == [0, 1]
    us.wires["di"].submit([us.registration("next", "di")])
    us.step()
    assert us.sizes() == dict.fromkeys(MEMBERS, (3, 3))


def test_neither_of_two_blocks_with_half_of_the_power_becomes_final(us: Consortium) -> None:
    split(us, ["ada", "bo"], ["cy", "di"])
    assert us.sizes() == {"ada": (2, 1), "bo": (2, 1), "cy": (3, 1), "di": (3, 1)}
    us.connect(us.sequencers[0])
    us.step()
    assert us.sizes() == {"ada": (2, 1), "bo": (2, 1), "cy": (3, 1), "di": (3, 1)}
    us.require_agreement()


def test_operators_resolve_a_split_by_releasing_one_block(us: Consortium) -> None:
    split(us, ["ada", "bo"], ["cy", "di"])
    us.connect(us.sequencers[0])
    for name in ("cy", "di"):
        us.replicas[name].release()
        assert list((us.home(name) / "evidence").glob("released-*"))
    us.step()
    assert us.sizes() == dict.fromkeys(MEMBERS, (2, 2))
    us.require_agreement()


def test_nothing_can_be_released_that_is_final_or_was_never_cosigned(us: Consortium) -> None:
    us.settle("one")
    with pytest.raises(RunError, match=r"cosigned\.nothing"):
        us.replicas["ada"].release()


def test_two_notes_of_one_size_prove_a_fork_to_anybody(us: Consortium) -> None:
    us.settle("base")
    evil = second_face(us)
    us.connect(evil, ["di"])
    us.wires["ada"].submit([us.registration("ours")])
    us.wires["di"].submit([us.registration("theirs", "di")])
    notes = [decode_delivery(us.wires[who].blocks(1, 0) or b"").note for who in ("ada", "di")]
    fork = prove_fork(notes[0] or "", notes[1] or "", us.world.genesis)
    assert fork is not None
    assert fork.first.size == fork.second.size == 2
    assert prove_fork(notes[0] or "", notes[0] or "", us.world.genesis) is None


def test_notes_of_an_honest_log_prove_nothing(us: Consortium) -> None:
    notes = []
    for study in ("one", "two", "three"):
        us.settle(study)
        notes.append(us.replicas["ada"].final_note or "")
    copy = us.replicas["ada"].copy
    chains = [block_bodies(copy.read(0, size)) for size in (1, 2, 3)]
    for first in range(3):
        for second in range(3):
            branches = chains[first], chains[second]
            assert prove_fork(notes[first], notes[second], us.world.genesis, *branches) is None


@pytest.mark.parametrize("spoiled", ["unlinked", "another end", "not the log's", "malformed"])
def test_a_proof_that_was_tampered_with_proves_nothing(us: Consortium, spoiled: str) -> None:
    split(us, ["ada", "bo", "cy"], ["di"])
    us.connect(us.sequencers[0])
    us.step()
    lie = us.replicas["di"].lie
    assert lie is not None
    assert lie.evidence is not None
    assert read_fork(lie.evidence, us.world.identity) is not None
    blocks, note = lie.evidence / "first.blocks", lie.evidence / "first.note"
    if spoiled == "unlinked":
        blocks.write_bytes(bytes(208) + blocks.read_bytes())
    elif spoiled == "another end":
        blocks.write_bytes((lie.evidence / "second.blocks").read_bytes())
    elif spoiled == "not the log's":
        checkpoint = us.replicas["di"].copy.open_note(note.read_text("utf-8"))
        note.write_text(sign_checkpoint(checkpoint, key_of("eve")), "utf-8")
    else:
        blocks.write_bytes(blocks.read_bytes()[:-1])
    if spoiled in ("unlinked", "another end"):
        assert read_fork(lie.evidence, us.world.identity) is None
    else:
        with pytest.raises(FormatError):
            read_fork(lie.evidence, us.world.identity)


def pretending(us: Consortium, home: str) -> Sequencer:
    """Start a sequencer that orders without having heard what its members hold."""
    evil = us.sequencer(home)
    evil._recovery.presented |= set(MEMBERS)
    evil._recovery.ready = True
    return evil


def test_a_rolled_back_log_that_goes_on_otherwise_is_refused_and_proven(us: Consortium) -> None:
    us.settle("one")
    us.copied("sequencer", "evil")
    us.settle("two")
    evil = pretending(us, "evil")
    us.connect(evil)
    us.wires["bo"].submit([us.registration("other", "bo"), us.registration("more", "bo")])
    ada = us.replicas["ada"]
    evil.copy.final_size = evil.copy.size  # it calls its own block final
    with pytest.raises(SequencerMisbehaved) as caught:
        ada.step(0)
    assert caught.value.code == "sequencer.fork"
    assert caught.value.evidence is not None
    fork = read_fork(caught.value.evidence, us.world.identity)
    assert fork is not None
    assert {fork.first.size, fork.second.size} == {2, 3}
    assert (ada.size, ada.final_size) == (2, 2)


def test_a_rolled_back_log_of_the_same_length_is_refused_and_proven(us: Consortium) -> None:
    us.settle("one")
    us.copied("sequencer", "evil")
    us.settle("two")
    evil = pretending(us, "evil")
    us.connect(evil)
    us.wires["bo"].submit([us.registration("other", "bo")])
    evil.copy.final_size = evil.copy.size
    evil.copy.append([us.registration("third", "bo")])
    evil._take_head()
    ada = us.replicas["ada"]
    with pytest.raises(SequencerMisbehaved) as caught:
        ada.step(0)
    assert caught.value.evidence is not None
    assert read_fork(caught.value.evidence, us.world.identity) is not None
    assert (ada.size, ada.final_size) == (2, 2)


def test_a_log_that_forgot_what_is_final_is_given_it_back(us: Consortium) -> None:
    us.settle("one")
    us.copied("sequencer", "old")
    us.settle("two", "three")
    us.connect(pretending(us, "old"))
    us.step()
    us.wires["bo"].submit([us.registration("four", "bo")])
    us.step()
    assert us.sizes() == dict.fromkeys(MEMBERS, (4, 4))
    us.require_agreement()


def test_a_final_note_with_too_few_cosignatures_is_a_lie(us: Consortium) -> None:
    us.connect(None, ["cy", "di"])
    us.wires["ada"].submit([us.registration("one")])
    us.step(["ada", "bo"])
    assert us.sizes()["ada"] == (1, 0)
    copy = us.replicas["ada"].copy
    note = sign_checkpoint(copy.ledger.head(), LOG_KEY)
    lines = [
        cosign(copy.ledger.head(), cosigner_name(origin_of(us.world.identity), name), key, 1)
        for name, key in (
            ("ada", key_of("ada")), ("ada", key_of("ada")), ("bo", key_of("bo")),
            ("cy", key_of("eve")), ("eve", key_of("eve")), ("di", key_of("ada")),
        )
    ]  # fmt: skip
    lie = with_lines(note, lines)
    ada = us.replicas["ada"]
    with pytest.raises(SequencerMisbehaved) as caught:
        us.lie_once("ada", on_final=lambda _: lie)
    assert caught.value.code == "sequencer.finality"
    assert (ada.size, ada.final_size) == (1, 0)


def test_a_sequencer_that_sends_nothing_again_and_again_does_not_hang_anybody(
    us: Consortium,
) -> None:
    split(us, ["ada", "bo", "cy"], ["di"])
    us.connect(us.sequencers[0])
    us.wires["di"].on_blocks = lambda _: b""
    with pytest.raises(SequencerMisbehaved):
        us.replicas["di"].step(0)
    assert us.sizes()["di"] == (3, 1)


def test_whoever_is_left_out_catches_up_and_the_others_go_on(us: Consortium) -> None:
    us.connect(None, ["di"])
    for number in range(5):
        us.wires["ada"].submit([us.registration(f"study{number}")])
        us.step(["ada", "bo", "cy"])
    assert us.sizes()["ada"] == (5, 5)
    assert us.sizes()["di"] == (0, 0)
    us.connect(us.sequencers[0])
    us.step()
    assert us.sizes() == dict.fromkeys(MEMBERS, (5, 5))
    assert [one.index for one in us.told["di"]] == list(range(5))


def test_without_a_quorum_nothing_is_final_and_nothing_is_lost(us: Consortium) -> None:
    us.connect(None, ["cy", "di"])
    assert us.wires["ada"].submit([us.registration("one")]) == [Ordered(0)]
    us.step(["ada", "bo"])
    assert us.sizes()["ada"] == us.sizes()["bo"] == (1, 0)
    us.connect(us.sequencers[0])
    us.step()
    assert us.sizes() == dict.fromkeys(MEMBERS, (1, 1))
