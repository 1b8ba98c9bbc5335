"""Proofs against a sequencer, checked by somebody who has neither its word nor the member's."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.commands import collegium
from tests.ledger.engines.log.conftest import us as us
from tests.ledger.engines.log.kit import LOG_KEY, Consortium
from tests.ledger.engines.log.lies import crafted, honest

from collegium.audit.inclusion_promise import promise_parts, read_promise
from collegium.audit.invalid_block import check_block
from collegium.errors import CollegiumError, FormatError, RunError
from collegium.ledger.engines.log.delivery import decode_delivery, encode_delivery
from collegium.ledger.engines.log.inclusion_promise import InclusionPromise, sign_inclusion_promise
from collegium.ledger.envelope import decode_envelope
from collegium.ledger.frames import ENTRY, decode_entry, entry_hash, read_frames
from collegium.ledger.genesis import encode_genesis
from collegium.transport.member import entry_at


def written(folder: Path, **parts: bytes) -> Path:
    folder.mkdir()
    for name, data in parts.items():
        (folder / name.replace("_", ".")).write_bytes(data)
    return folder


def next_block(us: Consortium) -> bytes:
    """The delivery of a block that the sequencer has made and nobody has taken."""
    us.wires["ada"].submit([us.registration("two")])
    data = us.sequencers[0].blocks("bo", 1)
    assert data is not None
    return data


def test_a_block_that_the_contract_does_not_make_is_proof_with_anybody_s_ledger(
    us: Consortium, tmp_path: Path
) -> None:
    us.settle("one")
    true = honest(next_block(us))
    ledger = us.replicas["bo"].ledger
    forged = crafted(ledger, [(true.entries[0][0], b"[]")], true.header.state_root)
    evidence = written(tmp_path / "evidence", received_bin=forged)
    for name in ("ada", "di", "sequencer"):
        found = check_block(evidence, us.home(name), ledger.identity)
        assert (found.proven, found.first) == (True, 1)
    done = collegium(
        "audit", "block", evidence, us.home("di"), "--genesis", ledger.identity.hex(), cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("PROVEN: the log's key signed a block after 1 entries")


def test_evidence_that_lies_in_a_home_is_checked_with_the_ledger_there(
    us: Consortium, tmp_path: Path
) -> None:
    us.settle("one")
    true = honest(next_block(us))
    ledger = us.replicas["bo"].ledger
    forged = crafted(ledger, [(true.entries[0][0], b"[]")], true.header.state_root)
    home, trust = us.home("bo"), ("--genesis", ledger.identity.hex())
    (home / "evidence").mkdir()
    written(home / "evidence" / "block-1", received_bin=forged)
    done = collegium("audit", "block", "evidence/block-1/", *trust, cwd=home)
    assert (done.returncode, done.stdout[:7]) == (0, "PROVEN:"), done.stderr

    past = home / "past" / ledger.identity.hex()
    past.mkdir(parents=True)
    shutil.copy(home / "ledger.log", past)
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(home, elsewhere)
    (elsewhere / "ledger.log").write_bytes(b"a successor's")
    done = collegium("audit", "block", elsewhere / "evidence" / "block-1", *trust, cwd=tmp_path)
    assert (done.returncode, done.stdout[:7]) == (0, "PROVEN:"), done.stderr

    written(tmp_path / "alone", received_bin=forged)
    done = collegium("audit", "block", "alone", *trust, cwd=tmp_path)
    assert done.returncode == 2
    assert "alone lies in no member's home: name the LEDGER" in done.stderr


def test_a_true_block_and_a_block_that_somebody_else_made_up_prove_nothing(
    us: Consortium, tmp_path: Path
) -> None:
    us.settle("one")
    true, ledger = next_block(us), us.replicas["bo"].ledger
    evidence = written(tmp_path / "true", received_bin=true)
    assert not check_block(evidence, us.home("di"), ledger.identity).proven
    taken = honest(true)
    forged = crafted(ledger, [(taken.entries[0][0], b"[]")], taken.header.state_root)
    note = decode_delivery(true).note
    mixed = encode_delivery(decode_delivery(forged).blocks[0], note)
    evidence = written(tmp_path / "mixed", received_bin=mixed)
    found = check_block(evidence, us.home("di"), ledger.identity)
    assert not found.proven, "the note is over the true block: a member made the other one up"
    assert "another block" in found.why
    other_key = crafted(ledger, taken.entries, bytes(32), key=us.world.keys["bo"])
    evidence = written(tmp_path / "unsigned", received_bin=other_key)
    with pytest.raises(FormatError):
        check_block(evidence, us.home("di"), ledger.identity)


def test_what_cannot_be_judged_is_refused_in_words(us: Consortium, tmp_path: Path) -> None:
    us.settle("one")
    data, identity = next_block(us), us.replicas["bo"].identity
    evidence = written(tmp_path / "evidence", received_bin=data)
    for folder, ledger, genesis, code in (
        (tmp_path, us.home("di"), identity, "evidence.unreadable"),
        (evidence, tmp_path, identity, "run.unreadable"),
        (evidence, us.home("di"), bytes(32), "evidence.other-ledger"),
    ):
        with pytest.raises(CollegiumError) as caught:
            check_block(folder, ledger, genesis)
        assert caught.value.code == code
    us.step()
    us.settle("three")
    data = us.sequencers[0].copy.read(2, 3, most=None)
    later = encode_delivery(data, us.sequencers[0].copy.final_note)
    short = tmp_path / "short"
    short.mkdir()
    held = us.replicas["bo"].copy
    frames = list(read_frames((held.home / "ledger.log").read_bytes()))
    (short / "ledger.log").write_bytes((held.home / "ledger.log").read_bytes()[: frames[2].end])
    with pytest.raises(RunError, match=r"evidence\.no-such-place"):
        check_block(written(tmp_path / "later", received_bin=later), short, identity)


def test_whatever_a_node_has_kept_is_read_and_without_a_signature_proves_nothing(
    us: Consortium, tmp_path: Path
) -> None:
    us.settle("one")
    data, identity = next_block(us), us.replicas["bo"].identity
    note = decode_delivery(data).note or ""
    kept = {
        "bare": decode_delivery(data).blocks[0], "note": note.encode(), "cut": data[:-200],
        "noise": b"\xff" * 40, "nothing": b"",
    }  # fmt: skip
    for name, received in kept.items():
        evidence = written(tmp_path / name, received_bin=received)
        found = check_block(evidence, us.home("di"), identity)
        assert not found.proven
        assert "a broken disk or line could have sent it" in found.why


def hashes(us: Consortium) -> list[bytes]:
    copy = us.replicas["bo"].copy
    frames = read_frames(copy.read(0, copy.final_size, most=None))
    return [entry_hash(frame.body) for frame in frames if frame.kind == ENTRY]


def kept(us: Consortium, folder: Path, promised: InclusionPromise, index: int) -> Path:
    """A folder of evidence as a member keeps it."""
    copy = us.replicas["bo"].copy
    genesis, note = encode_genesis(copy.ledger.genesis), copy.final_note or ""
    promise = sign_inclusion_promise(promised, LOG_KEY)
    parts = promise_parts(genesis, promise, index, entry_at(copy, index), hashes(us), note)
    folder.mkdir()
    for name, data in parts.items():
        (folder / name).write_bytes(data)
    return folder


def test_a_promise_and_another_entry_in_its_place_are_proof(us: Consortium, tmp_path: Path) -> None:
    us.settle("one", "two")
    identity = us.replicas["bo"].identity
    envelope, _ = decode_entry(entry_at(us.replicas["bo"].copy, 1))
    there = decode_envelope(envelope).transaction_id
    broken = kept(us, tmp_path / "broken", InclusionPromise(identity, 1, b"t" * 32), 1)
    found = read_promise(broken, identity)
    assert found is not None
    assert (found.index, found.promised, found.found) == (1, b"t" * 32, there)
    done = collegium("audit", "promise", broken, "--genesis", identity.hex(), cwd=tmp_path)
    assert done.returncode == 0
    assert done.stdout.startswith("PROVEN: the log's key promised that entry 1 is")
    kept_word = kept(us, tmp_path / "kept", InclusionPromise(identity, 1, there), 1)
    assert read_promise(kept_word, identity) is None
    done = collegium("audit", "promise", kept_word, "--genesis", identity.hex(), cwd=tmp_path)
    assert done.returncode == 1
    elsewhere = kept(us, tmp_path / "elsewhere", InclusionPromise(identity, 0, b"t" * 32), 1)
    assert read_promise(elsewhere, identity) is None, "another place says nothing about this one"


def test_a_proof_that_was_made_up_is_refused(us: Consortium, tmp_path: Path) -> None:
    us.settle("one", "two")
    identity = us.replicas["bo"].identity
    folder = kept(us, tmp_path / "broken", InclusionPromise(identity, 1, b"t" * 32), 1)
    with pytest.raises(RunError, match=r"evidence\.other-ledger"):
        read_promise(folder, bytes(32))
    whole = {name: (folder / name).read_bytes() for name in ("promise.note", "entry.tlog-proof")}
    for name, data in whole.items():
        for spoiled in (b"", b"\xff", data[:-9], data.replace(b"index 1", b"index 0")):
            if spoiled == data:
                continue
            (folder / name).write_bytes(spoiled)
            with pytest.raises(CollegiumError):
                read_promise(folder, identity)
        (folder / name).write_bytes(data)
    by_another = sign_inclusion_promise(
        InclusionPromise(identity, 1, b"t" * 32), us.world.keys["bo"]
    )
    (folder / "promise.note").write_text(by_another)
    with pytest.raises(FormatError):
        read_promise(folder, identity)
