"""A run folder that was tampered with, one way a test; the finding names the cause.

Both verifiers must find it: ours by `codes`, and the second one that shares no code with us.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from random import Random
from shutil import copytree, rmtree

import msgspec
import numpy as np
import pytest
from tests.audit.eventful import SEED, build_honest
from tests.audit.forging import (
    Entry,
    Keys,
    Payload,
    Transcript,
    executed,
    forged,
    read_transcript,
    rebuilt,
    signed,
    simulated_keys,
)
from tests.audit.second import second_verdict

from collegium.audit.bundle import bundle_digest, read_bundle
from collegium.audit.findings import Verification
from collegium.audit.trust import genesis_root, policy_root, policy_text
from collegium.audit.verify import verify
from collegium.canonical import encode, from_text, to_text
from collegium.errors import FormatError
from collegium.learning.blobs import ModelState, decode_model, encode_model
from collegium.ledger.envelope import decode_envelope, encode_envelope, sign_envelope
from collegium.ledger.frames import (
    BLOCK,
    CHECKPOINT,
    ENTRY,
    encode_entry,
    encode_frame,
    read_frames,
)
from collegium.ledger.keys import SigningKey, signing_key


@dataclass(frozen=True, slots=True)
class Run:
    """A run folder that may be spoiled."""

    folder: Path

    @property
    def log(self) -> Path:
        return self.folder / "ledger.log"

    @property
    def policy(self) -> Path:
        return self.folder / "policy.json"

    @property
    def transcript(self) -> Transcript:
        return read_transcript(self.log.read_bytes())

    @property
    def keys(self) -> Keys:
        return simulated_keys(self.transcript, SEED)

    def blob(self, digest: object) -> Path:
        return self.folder / "blobs" / from_text(str(digest), 32).hex()

    def put(self, data: bytes) -> str:
        """Add a blob; return its digest as the ledger writes it."""
        digest = sha256(data).digest()
        (self.folder / "blobs" / digest.hex()).write_bytes(data)
        return to_text(digest)

    def said(self, kind: str) -> list[tuple[int, Payload]]:
        """Return index and payload of every transaction of a kind."""
        payloads = [entry.payload for entry in self.transcript.entries]
        return [(i, payload) for i, payload in enumerate(payloads) if payload["kind"] == kind]

    def write(self, transcript: Transcript) -> None:
        """Let the contract say what happens, repair every hash and seal anew."""
        self.log.write_bytes(rebuilt(executed(transcript), self.keys.log))

    def resay(self, index: int, payload: Payload) -> None:
        """Let a member have said something else."""
        self.log.write_bytes(forged(self.transcript, index, payload, self.keys))

    def insert(self, index: int, envelope: bytes) -> None:
        """Put one more transaction in front of another, in the same block."""
        old, counts, size = self.transcript, [], 0
        for count in old.counts:
            counts.append(count + (size <= index < size + count))
            size += count
        entries = (*old.entries[:index], Entry(envelope, b"[]"), *old.entries[index:])
        self.write(replace(old, entries=entries, counts=tuple(counts)))

    def rename(self, old: str, new: str) -> None:
        """Let everybody name another blob instead of one."""
        entries = [
            signed(entry, json.loads(text.replace(old, new)), self.keys)
            if old in (text := json.dumps(entry.payload))
            else entry
            for entry in self.transcript.entries
        ]
        self.write(replace(self.transcript, entries=tuple(entries)))


@pytest.fixture
def run(honest: Path, tmp_path: Path) -> Run:
    return Run(copytree(honest, tmp_path / "run"))


@pytest.fixture(scope="module")
def adam(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another study of the same members, under another id: the same keys, another ledger."""
    changes = (
        "study.id=heart-adam", "aggregation.server.optimizer=adam",
        "aggregation.server.learning_rate=0.1",
    )  # fmt: skip
    return build_honest(tmp_path_factory.mktemp("adam") / "run", *changes)


def codes(verification: Verification, severity: str = "error") -> list[str]:
    return [one.code for one in verification.findings if one.severity == severity]


def expect(run: Run, *causes: str) -> None:
    """Expect these errors first and in this order, and that the second verifier finds something."""
    verification = verify(run.folder)
    assert not verification.ok
    assert codes(verification)[: len(causes)] == list(causes)
    assert second_verdict(run.folder)


def test_an_untouched_run_and_its_copy_elsewhere_pass(run: Run, honest: Path) -> None:
    genesis = run.transcript.identity.hex()
    for folder in (honest, run.folder):
        for trust, anchored in (
            (None, "none"),
            (genesis_root(genesis), "genesis"),
            (policy_root(folder / "policy.json"), "checkpoint"),
        ):
            told = verify(folder) if trust is None else verify(folder, trust=trust)
            assert (told.ok, told.anchored, told.complete) == (True, anchored, True)
            assert told.findings == ()
            assert told.levels == {"recomputed": 3}
            assert told.checked == {
                "signatures": 59, "entries": 59, "blocks": 17, "rounds": 3, "votes": 12,
                "blobs": 25, "statements": 8,
            }  # fmt: skip
            assert (told.genesis, told.simulated) == (genesis, True)
        assert second_verdict(folder, folder / "policy.json") == []


def test_a_run_needs_nothing_but_ledger_and_blobs(run: Run) -> None:
    for path in run.folder.iterdir():
        if path.name not in ("ledger.log", "blobs"):
            rmtree(path) if path.is_dir() else path.unlink()
    assert verify(run.folder).ok
    assert second_verdict(run.folder) == []


Judge = Callable[[Path], object]
BOTH = pytest.mark.parametrize(
    "is_wrong",
    [
        lambda folder: not verify(folder, partial=True).ok,
        second_verdict,
    ],
    ids=["ours", "second"],
)
FLIPS = pytest.mark.parametrize("flips", [50, pytest.param(500, marks=pytest.mark.long)])


@FLIPS
@BOTH
def test_every_flipped_byte_of_the_ledger_is_found(run: Run, flips: int, is_wrong: Judge) -> None:
    data, random = run.log.read_bytes(), Random(flips)
    for _ in range(flips):
        place, mask = random.randrange(len(data)), random.randrange(1, 256)
        flipped = bytearray(data)
        flipped[place] ^= mask
        run.log.write_bytes(flipped)
        assert is_wrong(run.folder), (place, mask)


@FLIPS
@BOTH
def test_every_flipped_byte_of_a_blob_is_found(run: Run, flips: int, is_wrong: Judge) -> None:
    random = Random(flips)
    paths = sorted((run.folder / "blobs").iterdir())
    for _ in range(flips):
        path = random.choice(paths)
        data = path.read_bytes()
        flipped = bytearray(data)
        flipped[random.randrange(len(data))] ^= random.randrange(1, 256)
        path.write_bytes(flipped)
        assert is_wrong(run.folder), path
        path.write_bytes(data)


def test_two_updates_exchanged(run: Run) -> None:
    (_, first), (_, second) = run.said("update.reveal")[:2]
    one, other = run.blob(first["digest"]), run.blob(second["digest"])
    data = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(data)
    expect(run, "blob.altered", "blob.altered")


def test_two_revealed_digests_exchanged(run: Run) -> None:
    (at, first), (then, second) = run.said("update.reveal")[:2]
    run.resay(at, {**first, "digest": second["digest"]})
    run.resay(then, {**second, "digest": first["digest"]})
    expect(run, "entry.refused")


def test_two_statements_exchanged(run: Run) -> None:
    (_, first), (_, second) = run.said("evaluation.post")[:2]
    one, other = run.blob(first["federated"]), run.blob(second["federated"])
    data = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(data)
    expect(run, "blob.altered", "blob.altered")


def test_a_statement_about_another_model(run: Run) -> None:
    (at, post) = run.said("evaluation.post")[0]
    run.resay(at, {**post, "federated": post["local"], "local": post["federated"]})
    told = verify(run.folder)
    assert codes(told, "fault") == ["statement.mismatch"] * 2


def _frames(data: bytes) -> list[tuple[int, bytes]]:
    return [(frame.kind, data[frame.start : frame.end]) for frame in read_frames(data)]


def test_a_block_frame_dropped(run: Run) -> None:
    frames = _frames(run.log.read_bytes())
    del frames[[kind for kind, _ in frames].index(BLOCK)]
    run.log.write_bytes(b"".join(data for _, data in frames))
    expect(run, "block.chain", "block.entries")


def test_a_whole_block_dropped(run: Run) -> None:
    frames = _frames(run.log.read_bytes())
    first = [at for at, (kind, _) in enumerate(frames) if kind == BLOCK]
    del frames[first[2] + 1 : first[3] + 1]
    run.log.write_bytes(b"".join(data for _, data in frames))
    expect(run, "entry.refused", "block.chain")


def test_two_entries_exchanged(run: Run) -> None:
    frames = _frames(run.log.read_bytes())
    at = next(
        at for at in range(len(frames) - 1) if [frames[at][0], frames[at + 1][0]] == [ENTRY, ENTRY]
    )
    frames[at], frames[at + 1] = frames[at + 1], frames[at]
    run.log.write_bytes(b"".join(data for _, data in frames))
    expect(run, "block.app-hash")


def test_events_that_the_contract_did_not_cause(run: Run) -> None:
    transcript = run.transcript
    at, entry = next(
        (at, entry)
        for at, entry in enumerate(transcript.entries)
        if b'"event":"round.closed"' in entry.events
    )
    events = entry.events.replace(b'"power":3', b'"power":4')
    assert events != entry.events
    forgery = transcript.with_entry(at, replace(entry, events=events))
    run.log.write_bytes(rebuilt(forgery, run.keys.log))
    expect(run, "entry.events")


def test_a_state_that_the_transactions_do_not_lead_to(run: Run) -> None:
    transcript = run.transcript
    roots = (*transcript.roots[:5], bytes(32), *transcript.roots[6:])
    run.log.write_bytes(rebuilt(replace(transcript, roots=roots), run.keys.log))
    # The second verifier takes state roots as they are recorded.
    assert codes(verify(run.folder))[0] == "block.state-root"


def test_a_block_of_another_length(run: Run) -> None:
    frames = _frames(run.log.read_bytes())
    last = max(at for at, (kind, _) in enumerate(frames) if kind == BLOCK)
    frames[last] = (BLOCK, encode_frame(BLOCK, frames[last][1][5:] + b"\0"))
    run.log.write_bytes(b"".join(data for _, data in frames))
    expect(run, "block.malformed")


def test_a_genesis_with_other_members(run: Run) -> None:
    transcript = run.transcript
    genesis = transcript.genesis.replace(b'"name":"Va"', b'"name":"Vb"')
    assert genesis != transcript.genesis
    run.log.write_bytes(rebuilt(replace(transcript, genesis=genesis), run.keys.log))
    expect(run, "entry.malformed")  # it was signed for another ledger


def test_a_second_genesis(run: Run) -> None:
    data = run.log.read_bytes()
    run.log.write_bytes(data + _frames(data)[0][1])
    expect(run, "ledger.genesis")


def test_the_checkpoint_repeated(run: Run) -> None:
    data = run.log.read_bytes()
    run.log.write_bytes(data + _frames(data)[-1][1])
    expect(run, "checkpoint.place")


def test_a_checkpoint_in_front_of_everything(run: Run) -> None:
    frames = _frames(run.log.read_bytes())
    run.log.write_bytes(b"".join(data for _, data in (frames[0], frames[-1], *frames[1:])))
    expect(run, "checkpoint.place")


def test_a_checkpoint_by_another_key(run: Run) -> None:
    run.log.write_bytes(rebuilt(run.transcript, _stranger()))
    expect(run, "checkpoint.invalid")


def test_a_checkpoint_over_another_log(run: Run) -> None:
    frames = _frames(run.log.read_bytes())
    earlier = json.loads(run.policy.read_text())["checkpoints"][0].encode()
    frames[-1] = (CHECKPOINT, encode_frame(CHECKPOINT, earlier))
    run.log.write_bytes(b"".join(data for _, data in frames))
    expect(run, "checkpoint.mismatch")


def test_a_checkpoint_that_carries_more(run: Run) -> None:
    frames = _frames(run.log.read_bytes())
    kind, data = frames.pop()
    assert kind == CHECKPOINT
    note = data[5:] + b"\xe2\x80\x94 somebody AAAA\n"
    run.log.write_bytes(b"".join((*(data for _, data in frames), encode_frame(CHECKPOINT, note))))
    assert codes(verify(run.folder)) == ["checkpoint.invalid"]


@pytest.mark.parametrize(
    "tail", [b"\x02", b"\x02\0\0\0\x09abc", b"\xff" * 40, b"\0", bytes(200)], ids=range(5)
)
def test_bytes_appended(run: Run, tail: bytes) -> None:
    with run.log.open("ab") as file:
        file.write(tail)
    told = verify(run.folder, partial=True)
    assert codes(told)[0] in ("ledger.torn-tail", "ledger.frames")
    assert second_verdict(run.folder)


def test_entries_appended_without_a_block_never_happened(run: Run) -> None:
    data = run.log.read_bytes()
    proposal = {
        "action": {"do": "expel", "member": "va"}, "format": 1, "kind": "member.propose",
        "genesis": to_text(run.transcript.identity), "proposal": to_text(bytes(16)),
    }  # fmt: skip
    envelope = sign_envelope(encode(proposal), run.keys.by_id[run.transcript.entries[-1].signer])
    run.log.write_bytes(data + encode_frame(ENTRY, encode_entry(envelope, b"[]")))
    told = verify(run.folder)
    assert codes(told) == ["ledger.incomplete"]
    assert codes(told, "note") == ["ledger.torn-tail"]
    assert (told.entries, told.checked["signatures"]) == (59, 59)
    assert second_verdict(run.folder)


def test_the_log_cut_anywhere_is_incomplete(run: Run) -> None:
    data = run.log.read_bytes()
    policy = policy_root(run.policy)
    ends = [frame.end for frame in read_frames(data)]
    blocks = [frame.end for frame in read_frames(data) if frame.kind == BLOCK]
    for end in (ends[0], ends[3], ends[3] + 7, *blocks, len(data) - 1):
        run.log.write_bytes(data[:end])
        told = verify(run.folder)
        assert codes(told)[-1] == "ledger.incomplete"
        assert not told.complete
        assert not verify(run.folder, partial=True).complete
        assert second_verdict(run.folder)
        # Only a policy that knows more than the cut log does tells a cut from an unfinished run.
        cut = verify(run.folder, partial=True, trust=policy)
        whole = end >= blocks[-1]
        assert ("anchor.checkpoint" in codes(cut)) != whole
        if not whole:
            (found,) = (one for one in cut.findings if one.code == "anchor.checkpoint")
            assert "the history ends after" in found.what
            assert second_verdict(run.folder, run.policy)


def test_an_unfinished_run_is_ok_where_that_is_allowed(run: Run) -> None:
    data = run.log.read_bytes()
    rounds = [frame.end for frame in read_frames(data) if frame.kind == BLOCK][9]
    run.log.write_bytes(data[:rounds])
    rmtree(run.folder / "model")
    told = verify(run.folder, partial=True)
    assert (told.ok, told.complete, told.levels) == (True, False, {"recomputed": 2})
    assert {"attempt.open", "blob.stray"} == set(codes(told, "note"))
    assert codes(verify(run.folder)) == ["ledger.incomplete"]


def test_a_corrupt_length_does_not_hide_history(run: Run) -> None:
    data = run.log.read_bytes()
    entry = next(frame for frame in read_frames(data) if frame.kind == ENTRY)
    run.log.write_bytes(data[: entry.start + 1] + b"\0\xff\xff\xff" + data[entry.start + 5 :])
    assert codes(verify(run.folder, partial=True)) == ["ledger.frames"]


def test_a_transaction_replayed_from_another_ledger(run: Run, adam: Path) -> None:
    foreign = read_transcript((adam / "ledger.log").read_bytes()).entries
    for index, entry in enumerate(run.transcript.entries[:6]):
        envelope = foreign[index].envelope
        assert foreign[index].signer == entry.signer  # the same key, so only the ledger differs
        spoiled = Run(copytree(run.folder, run.folder.parent / str(index)))
        spoiled.write(spoiled.transcript.with_entry(index, replace(entry, envelope=envelope)))
        expect(spoiled, "entry.malformed")


def test_a_transaction_of_a_study_that_is_not_here(run: Run) -> None:
    at, payload = run.said("round.vote")[0]
    run.resay(at, {**payload, "study": "another"})
    assert codes(verify(run.folder))[0] == "entry.refused"


def test_a_transaction_replayed_from_the_same_ledger(run: Run) -> None:
    at, _ = run.said("round.vote")[0]
    run.insert(at + 1, run.transcript.entries[at].envelope)
    expect(run, "entry.refused")


def test_a_vote_signed_by_another_member(run: Run) -> None:
    votes = [run.transcript.entries[at] for at, _ in run.said("round.vote")[:2]]
    at, payload = run.said("round.vote")[0]
    envelope = sign_envelope(encode(payload), run.keys.by_id[votes[1].signer])
    run.write(run.transcript.with_entry(at, replace(votes[0], envelope=envelope)))
    expect(run, "entry.refused")


def test_a_vote_signed_by_another_member_in_somebodys_name(run: Run) -> None:
    votes = [run.transcript.entries[at] for at, _ in run.said("round.vote")[:2]]
    at, payload = run.said("round.vote")[0]
    envelope = decode_envelope(sign_envelope(encode(payload), run.keys.by_id[votes[1].signer]))
    named = encode_envelope(msgspec.structs.replace(envelope, key_id=votes[0].signer))
    run.write(run.transcript.with_entry(at, replace(votes[0], envelope=named)))
    expect(run, "entry.signature")


def test_a_vote_signed_by_a_stranger(run: Run) -> None:
    at, payload = run.said("round.vote")[0]
    entry = run.transcript.entries[at]
    envelope = sign_envelope(encode(payload), _stranger())
    run.write(run.transcript.with_entry(at, replace(entry, envelope=envelope)))
    expect(run, "entry.refused")


def test_the_log_key_signs_no_transactions(run: Run) -> None:
    at, payload = run.said("study.close")[0]
    entry = run.transcript.entries[at]
    envelope = sign_envelope(encode(payload), run.keys.log)
    run.write(run.transcript.with_entry(at, replace(entry, envelope=envelope)))
    expect(run, "entry.refused")


def _other_weight(state: ModelState) -> ModelState:
    parameters = state.parameters.copy()
    parameters[0] = np.nextafter(parameters[0], np.float32(np.inf))
    return replace(state, parameters=parameters)


def test_the_released_weights_changed_by_one_bit(run: Run) -> None:
    path = run.folder / "model" / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    expect(run, "bundle.altered", "bundle.weights")


def test_the_released_weights_changed_and_registered(run: Run) -> None:
    path = run.folder / "model" / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    at, payload = run.said("model.release")[0]
    run.resay(at, {**payload, "bundle": to_text(bundle_digest(read_bundle(path.parent)))})
    assert codes(verify(run.folder)) == ["bundle.weights"]


def test_the_released_folder_of_another_run(run: Run, adam: Path) -> None:
    rmtree(run.folder / "model")
    copytree(adam / "model", run.folder / "model")
    expect(run, "bundle.altered", "bundle.weights")


@pytest.mark.parametrize("name", ["model.json", "schema.json", "card.md"])
def test_a_released_file_removed_or_added(run: Run, name: str) -> None:
    path = run.folder / "model" / name
    path.rename(path.with_name("other.txt"))
    expect(run, "bundle.altered")


def test_a_model_laid_beside_a_study_that_failed(
    abandoned: Path, honest: Path, tmp_path: Path
) -> None:
    folder = copytree(abandoned, tmp_path / "run")
    copytree(honest / "model", folder / "model")
    assert codes(verify(folder)) == ["bundle.unreleased"]


@pytest.mark.parametrize("slot", [0, 1])
def test_the_server_optimizers_memory_altered(adam: Path, tmp_path: Path, slot: int) -> None:
    run = Run(copytree(adam, tmp_path / "run"))
    rmtree(run.folder / "model")
    assert verify(run.folder).levels == {"recomputed": 3}
    vote = next(payload for _, payload in run.said("round.vote") if payload["round"] == 2)
    state = decode_model(run.blob(vote["result"]["model"]).read_bytes())
    slots = [(name, vector.copy()) for name, vector in state.slots]
    slots[slot][1][0] = np.nextafter(slots[slot][1][0], np.inf)
    altered = run.put(encode_model(replace(state, slots=tuple(slots))))
    run.rename(str(vote["result"]["model"]), altered)
    told = verify(run.folder)
    # Round 2 does not lead there; round 3 starts there, and rounding may hide a last bit.
    assert codes(told)[0] == "round.model"
    assert next(one.where for one in told.findings).endswith("round 2")


def test_the_final_model_altered_and_voted_for(run: Run) -> None:
    rmtree(run.folder / "model")
    final = str(run.said("model.release")[0][1]["model"])
    altered = run.put(encode_model(_other_weight(decode_model(run.blob(final).read_bytes()))))
    run.rename(final, altered)
    expect(run, "round.model")


def test_a_snapshot_is_no_evidence(run: Run) -> None:
    before = verify(run.folder)
    path = run.folder / "ledger.snapshot"
    for data in (b"", b"\xff" * 100, path.read_bytes()[:-1] + b"\0"):
        path.write_bytes(data)
        assert verify(run.folder) == before


def test_a_foreign_genesis(run: Run, adam: Path) -> None:
    foreign = read_transcript((adam / "ledger.log").read_bytes()).identity.hex()
    told = verify(run.folder, trust=genesis_root(foreign))
    assert (told.ok, told.anchored, codes(told)) == (False, "none", ["anchor.genesis"])
    told = verify(run.folder, trust=policy_root(adam / "policy.json"))
    assert codes(told) == ["anchor.genesis"]
    assert second_verdict(run.folder, adam / "policy.json")


def test_a_policy_with_another_log_key(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "policy.json"
    path.write_text(policy_text(run.transcript.genesis, _stranger().public, []))
    told = verify(run.folder, trust=policy_root(path))
    assert (told.ok, told.anchored, codes(told)) == (False, "none", ["anchor.keys"])
    assert second_verdict(run.folder, path)
    # Checkpoints by the real key do not fit it: such a policy contradicts itself.
    notes = json.loads(run.policy.read_text())["checkpoints"]
    path.write_text(policy_text(run.transcript.genesis, _stranger().public, notes))
    with pytest.raises(FormatError):
        policy_root(path)


def test_a_policy_with_other_members(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "policy.json"
    policy = json.loads(run.policy.read_text())
    policy["members"]["va"] = to_text(_stranger().public)
    path.write_text(json.dumps(policy))
    assert codes(verify(run.folder, trust=policy_root(path))) == ["anchor.keys"]
    assert second_verdict(run.folder, path)


def test_a_policy_that_knows_only_the_beginning_says_so(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "policy.json"
    policy = json.loads(run.policy.read_text())
    policy["checkpoints"] = policy["checkpoints"][:1]
    path.write_text(json.dumps(policy))
    told = verify(run.folder, trust=policy_root(path))
    assert (told.ok, told.anchored) == (True, "checkpoint")
    assert "its first 21 of 59 entries were not rewritten" in told.claims


def test_a_policy_tells_from_where_on_histories_part(run: Run) -> None:
    at, payload = run.said("round.vote")[7]
    assert payload["round"] == 2
    run.resay(at, {**payload, "result": {"of": "model", "model": to_text(bytes(32))}})
    told = verify(run.folder, trust=policy_root(run.policy))
    (found,) = (one for one in told.findings if one.severity == "error")
    assert (found.code, found.where) == ("anchor.checkpoint", "round 2")
    assert told.claims == "This is not the history that you trust."


def test_study_toml_edited(run: Run) -> None:
    path = run.folder / "study.toml"
    text = path.read_text()
    path.write_text(text.replace("rounds = 3", "rounds = 4"))
    assert codes(verify(run.folder)) == ["study.altered"]
    path.write_text(text + "\n[unknown]\n")
    assert codes(verify(run.folder)) == ["study.unreadable"]
    path.write_bytes(b"\xff\xfe")
    assert codes(verify(run.folder)) == ["study.unreadable"]
    path.write_text("# a remark changes nothing that was registered\n" + text)
    assert verify(run.folder).ok


def test_the_document_edited(run: Run) -> None:
    document = run.blob(run.said("study.register")[0][1]["document"])
    document.write_bytes(document.read_bytes().replace(b'"seed":43', b'"seed":44'))
    expect(run, "blob.altered", "blob.missing")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"seed":43', b'"seed":44'),
        (b'"max_attempts":3', b'"max_attempts":4'),
        (b'"client_fraction":"1.0"', b'"client_fraction":"0.5"'),
        (b'"optimizer":"none"', b'"optimizer":"adam"'),
    ],
)
def test_another_document_registered_than_was_carried_out(run: Run, old: bytes, new: bytes) -> None:
    name = str(run.said("study.register")[0][1]["document"])
    data = run.blob(name).read_bytes()
    assert old in data
    run.rename(name, run.put(data.replace(old, new)))
    assert codes(verify(run.folder))[0] == "study.registration"


def test_updates_may_be_gone_and_the_votes_stand(run: Run) -> None:
    reveals = [payload for _, payload in run.said("update.reveal")]
    run.blob(reveals[0]["digest"]).unlink()
    told = verify(run.folder)
    assert (told.ok, told.levels) == (True, {"certified_by_votes": 1, "recomputed": 2})
    assert codes(told, "note") == ["blob.withheld"]
    for payload in reveals[1:]:
        run.blob(payload["digest"]).unlink()
    assert verify(run.folder).levels == {"certified_by_votes": 3}


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        ("study.register", "document"),
        ("study.register", "model"),
        ("round.vote", "result"),
        ("evaluation.post", "federated"),
        ("evaluation.post", "local"),
        ("model.release", "model"),
    ],
)
def test_what_is_not_an_update_must_be_there(run: Run, kind: str, field: str) -> None:
    named = run.said(kind)[0][1][field]
    run.blob(named["model"] if field == "result" else named).unlink()
    expect(run, "blob.missing")


def test_the_first_model_must_be_there_even_if_nothing_came_of_it(
    abandoned: Path, tmp_path: Path
) -> None:
    run = Run(copytree(abandoned, tmp_path / "run"))
    run.blob(run.said("study.register")[0][1]["model"]).unlink()
    assert codes(verify(run.folder))[0] == "blob.missing"


def test_the_folder_of_blobs_is_gone(run: Run) -> None:
    rmtree(run.folder / "blobs")
    expect(run, "blob.folder")


def test_what_else_lies_among_the_blobs_is_noted(run: Run) -> None:
    blobs = run.folder / "blobs"
    run.put(b"a stray")
    (blobs / ".hidden").write_bytes(b"hidden")
    (blobs / "folder").mkdir()
    (blobs / "link").symlink_to(run.log)
    os.mkfifo(blobs / "pipe")
    told = verify(run.folder)
    assert told.ok
    assert sorted(codes(told, "note")) == ["blob.hidden", *["blob.no-file"] * 3, "blob.stray"]


def test_a_link_is_no_blob(run: Run) -> None:
    path = run.blob(run.said("study.register")[0][1]["document"])
    elsewhere = run.folder / "elsewhere"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    assert codes(verify(run.folder)) == ["blob.missing"]


def test_a_stray_that_lies_about_its_name(run: Run) -> None:
    (run.folder / "blobs" / ("0" * 64)).write_bytes(b"not nothing")
    expect(run, "blob.altered")


def _stranger() -> SigningKey:
    return signing_key(bytes(range(32)))
