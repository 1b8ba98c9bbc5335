"""What members do when the sequencer lies: they keep nothing of it, cosign nothing, and say so."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import pytest
from tests.ledger.contract.kit import key_of
from tests.ledger.engines.log.kit import LOG_KEY, MEMBERS, Consortium
from tests.ledger.engines.log.lies import Honest, Scripted, crafted, honest, second_face

from collegium.canonical import encode
from collegium.ledger.book import Ledger
from collegium.ledger.cosignature import cosign, cosigner_name
from collegium.ledger.engines.log.connection import Ordered
from collegium.ledger.engines.log.delivery import decode_delivery, encode_delivery
from collegium.ledger.engines.log.evidence import SequencerLied, prove_fork, read_fork
from collegium.ledger.engines.log.recovery import with_lines
from collegium.ledger.hashing import tagged_hash
from collegium.ledger.note import Checkpoint, origin_of, sign_checkpoint

Craft = Callable[[Ledger, Honest, Consortium], bytes]


def forged_events(ledger: Ledger, true: Honest, us: Consortium) -> bytes:
    entries = [(envelope, encode([])) for envelope, _ in true.entries]
    return crafted(ledger, entries, true.header.state_root)


def forged_signature(ledger: Ledger, true: Honest, us: Consortium) -> bytes:
    forged = us.registration("two", "bo").replace(b'"sig":"', b'"sig":"AAAA', 1)
    forged = forged.replace(b'=="}]}', b'"}]}') if b'=="}]}' in forged else forged
    return crafted(ledger, [(forged, true.entries[0][1])], true.header.state_root)


def stranger(ledger: Ledger, true: Honest, us: Consortium) -> bytes:
    entries = [(us.registration("two", "eve"), true.entries[0][1])]
    return crafted(ledger, entries, true.header.state_root)


def replayed(ledger: Ledger, true: Honest, us: Consortium) -> bytes:
    old = honest(us.replicas["ada"].copy.read(0, 1))
    return crafted(ledger, [*true.entries, *old.entries], true.header.state_root)


def twice(ledger: Ledger, true: Honest, us: Consortium) -> bytes:
    return crafted(ledger, true.entries * 2, true.header.state_root)


def wrong_state(ledger: Ledger, true: Honest, us: Consortium) -> bytes:
    return crafted(ledger, true.entries, tagged_hash("block", b"another state"))


def wrong_application_hash(ledger: Ledger, true: Honest, us: Consortium) -> bytes:
    return crafted(ledger, true.entries, true.header.state_root, app_hash=bytes(32))


def wrong_count(ledger: Ledger, true: Honest, us: Consortium) -> bytes:
    return crafted(ledger, true.entries, true.header.state_root, count=2)


def empty(ledger: Ledger, true: Honest, us: Consortium) -> bytes:
    return crafted(ledger, [], ledger.state.root())


def half_a_frame(ledger: Ledger, true: Honest, us: Consortium) -> bytes:
    return crafted(ledger, true.entries, true.header.state_root)[:-1]


def garbage(ledger: Ledger, true: Honest, us: Consortium) -> bytes:
    return b"\xff" * 64


def wrongly_signed(ledger: Ledger, true: Honest, us: Consortium) -> bytes:
    return crafted(ledger, true.entries, true.header.state_root, key=key_of("eve"))


def signed_by_a_member(ledger: Ledger, true: Honest, us: Consortium) -> bytes:
    return crafted(ledger, true.entries, true.header.state_root, key=key_of("ada"))


def over_another_log(ledger: Ledger, true: Honest, us: Consortium) -> bytes:
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
    us.wires["ada"].submit([us.registration("one")])
    us.step()
    us.wires["bo"].submit([us.registration("two", "bo")])
    true = honest(us.wires["ada"].blocks(1, 0))
    lie = craft(us.replicas["ada"].ledger, true, us)

    wire = us.wires["ada"]
    ada = us.start("ada", Scripted(wire, on_blocks=lambda _: lie))
    before = (ada.copy.home / "cosigned").read_bytes()
    with pytest.raises(SequencerLied) as caught:
        ada.step(0)
    assert caught.value.code == BAD_BLOCKS[craft]
    assert caught.value.evidence is not None
    assert (caught.value.evidence / "received.bin").read_bytes()
    assert (ada.size, ada.final_size) == (1, 1)
    assert (ada.copy.home / "cosigned").read_bytes() == before

    us.start("ada")  # the others never noticed; an honest sequencer is believed again
    us.step()
    assert us.sizes() == dict.fromkeys(MEMBERS, (2, 2))
    us.require_agreement()


def test_a_liar_does_not_fill_the_disk(us: Consortium) -> None:
    ada = us.start("ada", Scripted(us.wires["ada"], on_blocks=lambda _: b"\xff" * 64))
    for _ in range(5):
        with pytest.raises(SequencerLied):
            ada.step(0)
    assert len(list((ada.copy.home / "evidence").iterdir())) == 1


def split(us: Consortium, ours: list[str], theirs: list[str]) -> None:
    """Let two faces of the sequencer make two blocks after the same one, for some members each."""
    us.wires["ada"].submit([us.registration("base")])
    us.step()
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
    fork = read_fork(lie.evidence, us.world.genesis)
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
    us.step()
    assert us.sizes() == dict.fromkeys(MEMBERS, (2, 2))
    us.require_agreement()


def test_two_notes_of_one_size_prove_a_fork_to_anybody(us: Consortium) -> None:
    us.wires["ada"].submit([us.registration("base")])
    us.step()
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
        us.wires["ada"].submit([us.registration(study)])
        us.step()
        notes.append(us.replicas["ada"].final_note or "")
    copy = us.replicas["ada"].copy
    from collegium.ledger.engines.log.evidence import block_bodies

    chains = [block_bodies(copy.read(0, size)) for size in (1, 2, 3)]
    for first in range(3):
        for second in range(3):
            found = prove_fork(
                notes[first], notes[second], us.world.genesis, chains[first], chains[second]
            )
            assert found is None


def test_a_rolled_back_log_is_refused_and_proven(us: Consortium) -> None:
    us.wires["ada"].submit([us.registration("one")])
    us.step()
    us.copied("sequencer", "old")
    us.wires["ada"].submit([us.registration("two")])
    us.step()
    shutil.copytree(us.folder / "old", us.folder / "evil")
    evil = us.sequencer("evil")
    for name in MEMBERS:  # it pretends to have heard from everybody
        evil._recovery.presented.add(name)
    evil._recovery.ready = True
    us.connect(evil)
    us.wires["bo"].submit([us.registration("other", "bo"), us.registration("more", "bo")])
    ada = us.replicas["ada"]
    with pytest.raises(BaseException) as caught:
        ada.step(0)
    assert (ada.size, ada.final_size) == (2, 2)


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
    ada = us.start("ada", Scripted(us.wires["ada"], on_final=lambda _: lie))
    with pytest.raises(SequencerLied) as caught:
        ada.step(0)
    assert caught.value.code == "sequencer.finality"
    assert (ada.size, ada.final_size) == (1, 0)


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
