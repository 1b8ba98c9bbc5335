"""The verifier that shares no code accepts a sound run and finds what is planted in one.

Lies are planted by a forger who holds the log's key and any member's: blocks, checkpoint and
signatures fit, so that only what the lie contradicts is left to find.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from examples import second_verifier
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.ledger.small_run import digest, key_of, small_run

from collegium import canonical
from collegium.audit.trust import policy_root
from collegium.audit.verify import verify as audit
from collegium.canonical import to_text
from collegium.ledger.envelope import Envelope, decode_envelope, encode_envelope, sign_envelope
from collegium.ledger.frames import (
    BLOCK,
    CHECKPOINT,
    ENTRY,
    GENESIS,
    Block,
    application_hash,
    decode_block,
    decode_entry,
    encode_entry,
    encode_frame,
    entry_hash,
    read_frames,
)
from collegium.ledger.genesis import genesis_digest
from collegium.ledger.keys import key_id
from collegium.ledger.merkle import tree_root
from collegium.ledger.note import Checkpoint, origin_of, sign_checkpoint

KEYS = {
    key_id(key_of(name).public): key_of(name)
    for name in ("ada", "bo", "cy", "cy, later", "eve", "*log")
}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole run with its policy; not to be written to."""
    run = small_run(tmp_path_factory.mktemp("sound") / "run")
    run.ledger.close()
    return run.folder


@pytest.fixture
def run(sound: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(sound, tmp_path / "run"))


def found(run: Path, policy: bool = False) -> list[str]:
    return second_verifier.verify(run, run / "policy.json" if policy else None)


def test_a_sound_run_is_ok_for_both_verifiers(sound: Path) -> None:
    assert found(sound, policy=True) == []
    result = audit(sound, trust=policy_root(sound / "policy.json"))
    assert (result.ok, result.findings, result.anchored) == (True, (), "checkpoint")
    assert result.levels == {"recomputed": 2}


def test_it_runs_as_a_program(sound: Path, run: Path) -> None:
    def said(*arguments: Path) -> tuple[int, str, str]:
        command = [sys.executable, second_verifier.__file__, *map(str, arguments)]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        return ran.returncode, ran.stdout, ran.stderr

    assert said(sound) == said(sound, sound / "policy.json") == (0, "ok\n", "")
    (run / "ledger.log").write_bytes(b"")
    status, out, err = said(run)
    assert (status, err) == (1, "")
    assert out.startswith("genesis")
    status, out, err = said()
    assert (status, out, "Traceback" in err) == (1, "", False)


@dataclass(slots=True)
class Said:
    """An entry taken apart, for a forger to change."""

    who: bytes
    tx: dict[str, Any]
    events: list[dict[str, Any]]
    state_root: bytes
    payload: bytes | None = field(default=None)
    signer: bytes | None = field(default=None)
    events_length: int | None = field(default=None)

    def event(self, kind: str) -> dict[str, Any]:
        return next(event for event in self.events if event["event"] == kind)


def take_apart(run: Path) -> tuple[bytes, list[Said]]:
    frames = list(read_frames((run / "ledger.log").read_bytes()))
    entries: list[Said] = []
    for frame in frames:
        if frame.kind == ENTRY:
            envelope, events = decode_entry(frame.body)
            signed = decode_envelope(envelope)
            tx = json.loads(signed.payload)
            entries.append(Said(signed.key_id, tx, json.loads(events), bytes(32)))
        elif frame.kind == BLOCK:
            entries[-1].state_root = decode_block(frame.body).state_root
    return frames[0].body, entries


def put_together(run: Path, genesis: bytes, entries: list[Said]) -> None:
    """Write a file in which every hash and signature of the forger's fits."""
    identity = genesis_digest(genesis)
    frames, leaves, previous = [encode_frame(GENESIS, genesis)], [], identity
    for index, said in enumerate(entries):
        payload = said.payload or canonical.encode(said.tx)
        signature = decode_envelope(sign_envelope(payload, KEYS[said.signer or said.who])).signature
        envelope = encode_envelope(Envelope(payload, said.who, signature))
        entry = encode_entry(envelope, canonical.encode(said.events))
        if said.events_length is not None:
            at = 4 + len(envelope)
            entry = entry[:at] + said.events_length.to_bytes(4, "big") + entry[at + 4 :]
        leaves.append(entry_hash(entry))
        app = application_hash(said.state_root, index + 1, tree_root(leaves))
        block = Block(previous, index, 1, said.state_root, app)
        previous = block.digest()
        frames += [encode_frame(ENTRY, entry), encode_frame(BLOCK, block.body())]
    checkpoint = Checkpoint(origin_of(identity), len(leaves), tree_root(leaves), previous)
    note = sign_checkpoint(checkpoint, key_of("*log"))
    (run / "ledger.log").write_bytes(b"".join([*frames, encode_frame(CHECKPOINT, note.encode())]))


Lie = Callable[[list[Said]], object]


def kind(entries: list[Said], name: str, number: int = 0) -> Said:
    """The entry of a kind, counted from 0."""
    return [said for said in entries if said.tx["kind"] == name][number]


def closing(entries: list[Said], number: int) -> Said:
    """The vote that closed a round."""
    return [
        said for said in entries if any(event["event"] == "round.closed" for event in said.events)
    ][number - 1]


def including(entries: list[Said]) -> Said:
    """The word on what is available that fixed whose updates count."""
    return next(said for said in entries if "updates.included" in str(said.events))


def opening(entries: list[Said]) -> dict[str, Any]:
    return kind(entries, "study.accept", 1).event("round.opened")


def signed_by(name: str) -> bytes:
    return key_id(key_of(name).public)


def other_model(entries: list[Said]) -> None:
    """A model that nobody voted for, from here on."""
    closing(entries, 2).event("round.closed")["model"] = to_text(digest("other"))


def colluding_votes(entries: list[Said]) -> None:
    """All vote for the first model again, which is there, and not what the updates give."""
    first = kind(entries, "study.register").tx["model"]
    right = closing(entries, 2).event("round.closed")["model"]
    for said in entries:
        for part in (said.tx, said.tx.get("result", {}), *said.events):
            if part.get("model") == right:
                part["model"] = first


def repeat(entries: list[Said], name: str) -> None:
    """Say a thing again at the end, as it was said."""
    entries.append(kind(entries, name))
    entries[-1] = Said(entries[-1].who, entries[-1].tx, [], entries[-2].state_root)


def contradict(entries: list[Said]) -> None:
    vote = kind(entries, "member.vote")
    entries.append(Said(vote.who, {**vote.tx, "approve": False}, [], entries[-1].state_root))


def registered_by_two(entries: list[Said]) -> None:
    """Another member registers a study of that name again."""
    first = kind(entries, "study.register")
    entries.append(Said(signed_by("bo"), first.tx, [], entries[-1].state_root))


def one_vote_less(entries: list[Said]) -> None:
    """The vote that made the quorum never came; the event says that it did."""
    entries.remove(kind(entries, "member.vote"))


def set_in(part: dict[str, Any], **changed: object) -> None:
    part.update(changed)


def unproven_key(entries: list[Said]) -> None:
    """Everybody agrees on a key whose holder never signed for it."""
    proposed = kind(entries, "member.propose").tx["action"]
    for action in (proposed, kind(entries, "member.vote", 1).event("membership.changed")["action"]):
        action["key"] = to_text(key_of("eve").public)


LIES: dict[str, tuple[Lie, str]] = {
    "a stranger's signature": (
        lambda said: setattr(kind(said, "update.commit"), "who", signed_by("eve")), "member's key"),
    "another's signature under a member's key id": (
        lambda said: setattr(kind(said, "update.commit"), "signer", signed_by("eve")),
        "InvalidSignature"),
    "a length that does not fit": (
        lambda said: setattr(said[-1], "events_length", 1), "lengths"),
    "the log's signature": (
        lambda said: setattr(kind(said, "update.commit"), "who", signed_by("*log")),
        "member's key"),
    "a key that was rotated away": (
        lambda said: setattr(said[-2], "who", signed_by("cy")), "member's key"),
    "a new key before its time": (
        lambda said: setattr(kind(said, "member.vote", 1), "who", signed_by("cy, later")),
        "member's key"),
    "an old key after its time": (
        lambda said: setattr(kind(said, "update.available", 2), "who", signed_by("cy")),
        "member's key"),
    "another ledger": (
        lambda said: set_in(said[-1].tx, genesis=to_text(digest("x"))), "another ledger"),
    "another format": (lambda said: set_in(said[-1].tx, format=2), "another ledger"),
    "a payload that is not canonical": (
        lambda said: setattr(said[-1], "payload", json.dumps(said[-1].tx).encode()), "canonical"),
    "a null in a payload": (lambda said: set_in(said[-1].tx, x=None), "null"),
    "a large integer in a payload": (
        lambda said: setattr(said[-1], "payload", b'{"kind":9007199254740992}'), "integer"),
    "a commitment that is not opened": (
        lambda said: set_in(kind(said, "update.reveal").tx, salt=to_text(digest("x"))),
        "commitment"),
    "a reveal in another's place": (
        lambda said: setattr(kind(said, "update.reveal"), "who", signed_by("bo")), "commitment"),
    "a reveal without a commitment": (
        lambda said: said.remove(kind(said, "update.commit")), "update.commit"),
    "an update said twice": (lambda said: repeat(said, "update.commit"), "twice"),
    "a close said twice": (lambda said: repeat(said, "study.close"), "twice"),
    "a changed vote on a member": (contradict, "contradicts"),
    "a study registered twice": (lambda said: repeat(said, "study.register"), "twice"),
    "a study registered by two": (registered_by_two, "registered twice"),
    "a module that is not admitted": (
        lambda said: set_in(kind(said, "study.register").tx, modules=["plain@1", "plain@2"]),
        "not admitted"),
    "a model without votes": (other_model, "quorum"),
    "more power than voted": (
        lambda said: set_in(closing(said, 1).event("round.closed"), power=4), "quorum"),
    "votes that are not enough": (
        lambda said: set_in(kind(said, "round.vote").tx["result"], model=to_text(digest("x"))),
        "quorum"),
    "a vote that agrees on the model alone": (
        lambda said: set_in(kind(said, "round.vote").tx["result"], parts={"search": {}}),
        "quorum"),
    "a vote in another attempt": (
        lambda said: set_in(kind(said, "round.vote").tx, attempt=2), "quorum"),
    "another parent": (
        lambda said: set_in(closing(said, 2).event("round.closed"), parent=to_text(digest("x"))),
        "parent"),
    "a start from another model": (
        lambda said: set_in(closing(said, 1).event("round.opened"), model=to_text(digest("x"))),
        "out of turn"),
    "a round out of turn": (
        lambda said: set_in(closing(said, 1).event("round.opened"), round=3), "out of turn"),
    "another weight": (lambda said: set_in(opening(said), weights=[3, 3]), "weights"),
    "another power": (lambda said: set_in(opening(said), powers=[1, 1, 1]), "powers"),
    "a validator left out": (
        lambda said: set_in(opening(said), validators=["ada", "cy"], powers=[1, 2]), "powers"),
    "a participant left out": (
        lambda said: set_in(opening(said), participants=["ada"], weights=[3]), "take part"),
    "an update left out": (
        lambda said: set_in(including(said).event("updates.included"), members=["ada"]),
        "included"),
    "a bitmap that attests nobody": (
        lambda said: set_in(kind(said, "update.available", 2).tx, bitmap="AA"), "included"),
    "a model that does not follow from the updates": (colluding_votes, "recomputing"),
    "another exponent": (lambda said: set_in(opening(said), exponent=11), "small"),
    "a peak that is not true": (
        lambda said: set_in(kind(said, "update.reveal").tx, peak=5), "not as revealed"),
    "a saturated count that is not true": (
        lambda said: set_in(kind(said, "update.reveal", 1).tx, saturated=1), "not as revealed"),
    "a change of key without a quorum": (one_vote_less, "quorum"),
    "a change of key that nobody accepted": (
        lambda said: kind(said, "member.vote", 1).events.pop(0), "accepted"),
    "another key than was accepted": (
        lambda said: set_in(
            kind(said, "member.vote", 1).event("membership.changed")["action"],
            key=to_text(key_of("eve").public)),
        "accepted"),
    "a key whose holder did not sign": (unproven_key, "InvalidSignature"),
    "a test opened for another model": (
        lambda said: set_in(closing(said, 2).event("test.opened"), model=to_text(digest("x"))),
        "another model"),
    "another bundle": (
        lambda said: set_in(kind(said, "model.release").tx, bundle=to_text(digest("x"))),
        "released"),
    "a statement that is not there": (
        lambda said: set_in(kind(said, "evaluation.post").tx, federated=to_text(digest("x"))),
        "blobs"),
    "another document": (
        lambda said: set_in(kind(said, "study.register").tx, document=to_text(digest("x"))),
        "blobs"),
}  # fmt: skip


def test_the_forger_leaves_no_trace_of_its_own(run: Path) -> None:
    put_together(run, *take_apart(run))
    assert found(run) == []


@pytest.mark.parametrize("lie", LIES)
def test_a_planted_lie_is_found(lie: str, run: Path) -> None:
    genesis, entries = take_apart(run)
    plant, expected = LIES[lie]
    plant(entries)
    put_together(run, genesis, entries)
    findings = found(run)
    assert findings
    assert any(expected in one for one in findings), findings


def test_what_may_be_said_again_may(run: Path) -> None:
    genesis, entries = take_apart(run)
    repeat(entries, "member.vote")
    put_together(run, genesis, entries)
    assert found(run) == []


def test_a_study_may_use_what_members_have_adopted_from_then_on(run: Path) -> None:
    genesis, entries = take_apart(run)
    change = {"do": "adopt", "module": "plain@2"}
    told = kind(entries, "member.vote", 1).event("membership.changed")
    kind(entries, "member.propose").tx["action"] = told["action"] = change
    for said in entries:  # nobody has another key
        said.who = signed_by("cy") if said.who == signed_by("cy, later") else said.who
    first = kind(entries, "study.register")
    more = {**first.tx, "study": "more", "modules": ["plain@2"]}
    entries.append(Said(first.who, more, [], entries[-1].state_root))
    put_together(run, genesis, entries)
    assert found(run) == []
    entries.insert(0, entries.pop())
    put_together(run, genesis, entries)
    assert any("not admitted" in one for one in found(run))


def frame_lies(data: bytes) -> Iterator[tuple[str, bytes]]:
    frames = list(read_frames(data))
    blocks = [frame for frame in frames if frame.kind == BLOCK]
    block = blocks[3]
    yield "an entry is missing", data[: frames[1].start] + data[frames[1].end :]
    yield "a block is missing", data[: block.start] + data[block.end :]
    yield "a block is there twice", data[: block.end] + data[block.start :]
    yield "a second genesis", data + data[: frames[0].end]
    yield "the checkpoint is missing", data[: frames[-1].start]
    yield "the checkpoint is there twice", data + data[frames[-1].start :]
    yield "an early checkpoint", data[: block.end] + data[frames[-1].start :]
    yield "a torn end", data[:-1]
    yield "an entry without a block", data + data[frames[1].start : frames[1].end]
    for position in (0, 32, 40, 48, 80):
        changed = bytearray(data)
        changed[block.start + 5 + position + 7] ^= 1
        yield f"block, byte {position + 7}", bytes(changed)


def test_frames_that_do_not_fit_are_found(run: Path) -> None:
    data = (run / "ledger.log").read_bytes()
    for what, changed in frame_lies(data):
        (run / "ledger.log").write_bytes(changed)
        assert found(run), what


def test_every_byte_of_the_ledger_is_covered(run: Path) -> None:
    data = (run / "ledger.log").read_bytes()
    for position in range(0, len(data), 1 + len(data) // 160):
        changed = bytearray(data)
        changed[position] ^= 1 << position % 8
        (run / "ledger.log").write_bytes(changed)
        assert found(run), position


def test_every_byte_of_every_blob_and_released_file_is_covered(run: Path) -> None:
    for path in sorted([*(run / "blobs").iterdir(), *(run / "model").iterdir()]):
        data = path.read_bytes()
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        assert found(run), path.name
        path.unlink()
        assert found(run), path.name
        path.write_bytes(data)
    assert found(run) == []


def test_strays_must_have_their_names_and_unfinished_files_do_not_count(run: Path) -> None:
    stray = run / "blobs" / sha256(b"stray").hexdigest()
    stray.write_bytes(b"stray")
    (run / "blobs" / ".unfinished").write_bytes(b"half")
    (run / "model" / ".unfinished").write_bytes(b"half")
    assert found(run) == []
    stray.write_bytes(b"other")
    assert found(run)
    stray.unlink()
    (run / "blobs" / "README").write_bytes(b"stray")
    assert found(run)


def test_the_released_model_may_be_absent_and_may_have_no_more_files(run: Path) -> None:
    (run / "model" / "more").write_bytes(b"")
    assert found(run)
    shutil.rmtree(run / "model")
    assert found(run) == []


def test_a_policy_says_which_history_is_meant(run: Path) -> None:
    policy = json.loads((run / "policy.json").read_text())
    early, final = policy["checkpoints"][0], policy["checkpoints"][-1]
    members = {**policy["members"], "ada": policy["members"]["bo"]}
    changes: list[dict[str, Any]] = [
        {"genesis": "00" * 32}, {"log": policy["log"][:-4] + "AAA="}, {"members": members},
        {"members": {}}, {"format": "collegium-policy/v2"}, {"more": 1},
        {"checkpoints": [early, final.replace("\n30\n", "\n31\n")]}, {"checkpoints": [early + "x"]},
    ]  # fmt: skip
    for change in changes:
        (run / "policy.json").write_text(json.dumps({**policy, **change}))
        assert found(run, policy=True), change
    (run / "policy.json").write_text(json.dumps({**policy, "checkpoints": []}))
    assert found(run, policy=True) == []
    (run / "policy.json").write_bytes(b"\xff")
    assert found(run, policy=True)


def test_another_history_of_the_same_members_is_told_from_a_kept_checkpoint(run: Path) -> None:
    """The members hold all keys and say something else from the first round's reveals on."""
    genesis, entries = take_apart(run)
    repeat(entries, "member.vote")
    entries.insert(6, entries.pop())
    put_together(run, genesis, entries)
    assert any("part before" in one for one in found(run, policy=True))


@given(st.data())
@settings(deadline=None, max_examples=60)
def test_no_bytes_lead_to_a_traceback(sound: Path, data: st.DataObject) -> None:
    genesis = next(read_frames((sound / "ledger.log").read_bytes())).body
    body = data.draw(st.binary(max_size=200) | st.just(genesis))
    frames = [
        (1, body),
        *data.draw(st.lists(st.tuples(st.integers(0, 5), st.binary(max_size=120)))),
    ]
    folder = sound.parent / "any"
    folder.mkdir(exist_ok=True)
    file = b"".join(bytes([number]) + second_verifier.lp(part) for number, part in frames)
    (folder / "ledger.log").write_bytes(file)
    (folder / "policy.json").write_bytes(data.draw(st.binary(max_size=50)))
    assert found(folder, policy=True)


EVENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4) | st.just("round.opened"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["event", "study", "round", "attempt", "model", "members", "action"]),
            inner,
        )
    ),
    max_leaves=10,
)


@given(EVENTS, st.dictionaries(st.sampled_from(["kind", "study", "round", "attempt"]), EVENTS))
@settings(deadline=None, max_examples=60)
def test_no_signed_nonsense_leads_to_a_traceback(
    sound: Path, events: Any, tx: dict[str, Any]
) -> None:
    folder = sound.parent / "nonsense"
    shutil.copytree(sound, folder, dirs_exist_ok=True)
    genesis, entries = take_apart(sound)
    usual = {"kind": "study.close", "format": 1, "genesis": to_text(genesis_digest(genesis))}
    nonsense = Said(signed_by("ada"), {**usual, **tx}, [{"event": events}], bytes(32))
    put_together(folder, genesis, [*entries[:4], nonsense])
    assert found(folder)
