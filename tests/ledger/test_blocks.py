"""Blocks are executed, undone and committed; what is refused is kept, and replayed as refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.ledger.contract.kit import World, envelope, four_equals, key_of
from tests.ledger.contract.moves import TERMS, proposal_id

from collegium.audit.history import History, read_history
from collegium.canonical import to_text
from collegium.errors import FormatError
from collegium.ledger.application import AcceptedTransaction, Application
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.contract.transactions import (
    Admit,
    Expel,
    MemberPropose,
    MemberVote,
    StudyRegister,
)
from collegium.ledger.frames import (
    BLOCK,
    CHECKPOINT,
    ENTRY,
    GENESIS,
    REFUSED,
    decode_block,
    decode_refusal,
    encode_frame,
    encode_refusal,
    read_frames,
    refused_digest,
)
from collegium.ledger.genesis import Member, encode_genesis, genesis_digest, required_log_key
from collegium.ledger.opening import create_ledger, open_ledger
from collegium.ledger.snapshot import snapshot_path
from collegium.node.ledger_queries import registered_studies

WHOLE: dict[str, Any] = {"proposer": "ada", "certificate": "example@1", "whole": True}


@pytest.fixture
def world() -> World:
    """Four members without a log key."""
    found = four_equals()
    genesis = msgspec.structs.replace(found.genesis, log=msgspec.UNSET)
    return replace(found, genesis=genesis, identity=genesis_digest(encode_genesis(genesis)))


@pytest.fixture
def ledger(tmp_path: Path, world: World) -> Iterator[Application]:
    made = create_ledger(tmp_path / "ledger.log", world.genesis)
    yield made
    made.close()


def registration(world: World, study: str) -> bytes:
    return envelope(world, "ada", StudyRegister, **{**TERMS, "study": study})


def seen(ledger: Application) -> tuple[Any, ...]:
    """Everything that one can see of a ledger."""
    return (
        ledger.application_hash(), ledger.last_block, ledger.size, ledger.path.read_bytes(),
        ledger.uncommitted,
    )  # fmt: skip


def test_checking_changes_nothing(world: World, ledger: Application) -> None:
    before = seen(ledger)
    assert ledger.check(registration(world, "one")) is None
    told = ledger.check(b"no envelope")
    assert told is not None
    assert told.code == "malformed"
    assert seen(ledger) == before


def test_blocks_are_undone_in_the_order_of_the_latest_and_others_take_their_place(
    world: World, ledger: Application, tmp_path: Path
) -> None:
    before = [seen(ledger)]
    for study in ("one", "two"):
        outcomes, block = ledger.execute([registration(world, study)], undoable=True, **WHOLE)
        assert isinstance(outcomes[0], AcceptedTransaction)
        assert block
        before.append(seen(ledger))
    assert before[0][3] == before[2][3], "nothing was written"
    ledger.undo()
    assert seen(ledger) == before[1]
    ledger.undo()
    assert seen(ledger) == before[0]
    blocks = [
        ledger.execute([registration(world, study)], undoable=True, **WHOLE)[1]
        for study in ("three", "one")
    ]
    ledger.commit()
    assert ledger.uncommitted == 1
    assert ledger.path.read_bytes() == before[0][3] + blocks[0]
    ledger.undo()
    opened = open_ledger(ledger.path, print)
    assert registered_studies(opened.state) == registered_studies(ledger.state) == ["three"]
    opened.close()


def test_a_snapshot_holds_nothing_that_may_be_undone(world: World, ledger: Application) -> None:
    ledger.execute([registration(world, "one")], undoable=True, **WHOLE)
    ledger.write_snapshot()
    assert not snapshot_path(ledger.path).exists()
    ledger.commit()
    ledger.write_snapshot()
    opened = open_ledger(ledger.path, print)
    assert opened.application_hash() == ledger.application_hash()
    opened.close()


def test_empty_blocks_and_refusals_change_no_application_hash(
    world: World, ledger: Application, tmp_path: Path
) -> None:
    plain = create_ledger(tmp_path / "plain.log", world.genesis)
    said = registration(world, "one")
    plain.append([said])
    blocks: list[list[bytes]] = [[], [b"", said, b"no envelope"], [], [said]]
    for block in blocks:
        ledger.execute(block, **WHOLE)
        ledger.commit()
    ledger.sync()
    assert ledger.application_hash() == plain.application_hash()
    kinds = [one.kind for one in read_frames(ledger.path.read_bytes())]
    wanted = [GENESIS, BLOCK, REFUSED, ENTRY, REFUSED, BLOCK, BLOCK, REFUSED, BLOCK]
    assert kinds == wanted
    codes = [
        decode_refusal(one.body)[0]
        for one in read_frames(ledger.path.read_bytes()) if one.kind == REFUSED
    ]  # fmt: skip
    assert codes == ["malformed", "malformed", "already"]
    opened = open_ledger(ledger.path, print)
    assert (opened.application_hash(), opened.last_block) == (
        ledger.application_hash(), ledger.last_block,
    )  # fmt: skip
    for one in (opened, plain):
        one.close()


def test_another_s_block_is_executed_or_leaves_no_trace(
    world: World, ledger: Application, tmp_path: Path
) -> None:
    other = create_ledger(tmp_path / "other.log", world.genesis)
    _, block = other.execute([b"no envelope", registration(world, "one")], **WHOLE)
    other.close()
    before = seen(ledger)
    certificate = {  # another is as good here: what certifies, the ordering knows
        *range(block.rindex(b"example@1"), len(block))[: len(b"example@1")]
    }
    for at in sorted({*range(len(block))} - certificate):
        wrong = block[:at] + bytes([block[at] ^ 1]) + block[at + 1 :]
        with pytest.raises(FormatError):
            ledger.execute_block(wrong, undoable=True)
        assert seen(ledger) == before
    refused, accepted = ledger.execute_block(block, undoable=True)
    assert isinstance(refused, Rejected)
    assert isinstance(accepted, AcceptedTransaction)
    ledger.commit()
    assert ledger.path.read_bytes().endswith(block)


def test_what_is_wrong_with_another_s_block_is_said_of_an_entry(
    world: World, ledger: Application, tmp_path: Path
) -> None:
    ledger.append([registration(world, "zero")])
    other = create_ledger(tmp_path / "other.log", world.genesis)
    other.append([registration(world, "zero")])
    said = [registration(world, "one"), b"no envelope", registration(world, "two")]
    _, block = other.execute(said, **WHOLE)
    other.close()
    *frames, last = read_frames(block)
    two = frames[2]
    assert (frames[1].kind, two.kind, last.kind) == (REFUSED, ENTRY, BLOCK)

    def told(wrong: bytes) -> str:
        with pytest.raises(FormatError, match=r"format\.malformed") as found:
            ledger.execute_block(wrong, undoable=True)
        return found.value.what

    torn = encode_frame(ENTRY, two.body[:-1])
    assert told(block[: two.start] + torn + block[two.end :]) == "entry 2 is malformed"
    other_events = block[: two.end - 2] + b" " + block[two.end - 1 :]
    assert told(other_events) == "entry 2 is malformed"
    spoiled = encode_frame(REFUSED, b"{}")
    found = told(block[: frames[1].start] + spoiled + block[frames[1].end :])
    assert found == "a refused transaction before entry 2 is malformed"
    assert told(block[: last.start]) == "the block from entry 1 on is malformed"
    assert told(block[:-1] + b"x") == "the block from entry 1 on is malformed"


def test_whose_power_changes_is_seen_and_undone(world: World, ledger: Application) -> None:
    new = Member("eve", to_text(key_of("eve").public), "Eve", 3, ("validator",))
    propose = envelope(
        world, "ada", MemberPropose, action=Admit(member=new), proposal=proposal_id("eve")
    )
    votes = [
        envelope(world, who, MemberVote, approve=True, proposal=proposal_id("eve"))
        for who in ("ada", "bo", "cy")
    ]
    before = dict(ledger.validators())
    ledger.execute([propose, *votes], undoable=True, **WHOLE)
    assert dict(ledger.validators()) == {**before, "eve": 3}
    ledger.undo()
    assert dict(ledger.validators()) == before


Change = Callable[[list[tuple[int, bytes]]], None]


def history_of(ledger: Application, change: Change = lambda frames: None) -> History:
    """The history in a ledger's file after a change, with every hash made to fit again."""
    frames = [(one.kind, one.body) for one in read_frames(ledger.path.read_bytes())]
    change(frames)
    data, refused, size = b"", list[tuple[int, bytes]](), 0
    previous = ledger.identity
    for kind, body in frames:
        if kind == REFUSED:
            refused.append((size, body))
        elif kind == ENTRY:
            size += 1
        elif kind == BLOCK:
            block = replace(decode_block(body), previous=previous, refused=refused_digest(refused))
            body, previous, refused = block.body(), block.digest(), []
        data += encode_frame(kind, body)
    return read_history(data)


def codes(history: History) -> list[str]:
    return [one.code for one in history.findings]


@pytest.fixture
def recorded(world: World, ledger: Application) -> Application:
    """A ledger with a block whose second transaction is refused, and an empty one."""
    said = registration(world, "one")
    for block in ([said, said], []):
        ledger.execute(block, **WHOLE)
        ledger.commit()
    return ledger


def test_what_was_refused_verifies(recorded: Application) -> None:
    history = history_of(recorded)
    assert codes(history) == []
    assert (len(history.said), history.refused, history.blocks) == (1, 1, 2)
    assert history.certificates == {"example@1"}
    assert history.app_hash == recorded.application_hash()


def of_kind(frames: list[tuple[int, bytes]], kind: int) -> int:
    return next(index for index, frame in enumerate(frames) if frame[0] == kind)


def test_a_refusal_for_another_reason_is_found(recorded: Application) -> None:
    def change(frames: list[tuple[int, bytes]]) -> None:
        at = of_kind(frames, REFUSED)
        frames[at] = REFUSED, encode_refusal("stale", decode_refusal(frames[at][1])[1])

    assert codes(history_of(recorded, change)) == ["refusal.code"]


def test_a_refusal_of_what_the_contract_accepts_is_found(
    recorded: Application, world: World
) -> None:
    def change(frames: list[tuple[int, bytes]]) -> None:
        at = of_kind(frames, REFUSED)
        frames[at] = REFUSED, encode_refusal("already", registration(world, "two"))

    assert codes(history_of(recorded, change)) == ["refusal.accepted"]


def test_a_malformed_refusal_is_found(recorded: Application) -> None:
    def change(frames: list[tuple[int, bytes]]) -> None:
        frames[of_kind(frames, REFUSED)] = REFUSED, b"{}"

    assert codes(history_of(recorded, change)) == ["refusal.malformed"]


def test_a_refusal_that_its_block_does_not_bind_is_found(recorded: Application) -> None:
    data = recorded.path.read_bytes()
    (refusal,) = [one for one in read_frames(data) if one.kind == REFUSED]
    without = data[: refusal.start] + data[refusal.end :]
    assert "block.entries" in codes(read_history(without))
    entry = next(one for one in read_frames(data) if one.kind == ENTRY)
    moved = (
        data[: entry.start] + data[refusal.start : refusal.end] + data[entry.start : refusal.start]
        + data[refusal.end :]
    )  # fmt: skip
    assert {"block.entries", "refusal.accepted"} & {*codes(read_history(moved))}


@pytest.mark.parametrize("named", ["", "eve", "zz"])
def test_a_proposer_is_a_validator_and_without_a_log_key_there_is_one(
    recorded: Application, named: str
) -> None:
    def change(frames: list[tuple[int, bytes]]) -> None:
        at = of_kind(frames, BLOCK)
        frames[at] = BLOCK, replace(decode_block(frames[at][1]), proposer=named).body()

    assert codes(history_of(recorded, change)) == ["block.proposer"]


def test_who_is_expelled_by_a_block_may_have_proposed_it_and_not_the_next(
    world: World, ledger: Application
) -> None:
    proposal = proposal_id("di")
    propose = envelope(world, "ada", MemberPropose, action=Expel("di"), proposal=proposal)
    votes = [
        envelope(world, who, MemberVote, approve=True, proposal=proposal)
        for who in ("ada", "bo", "cy")
    ]
    for said in ([propose, *votes], []):
        ledger.execute(said, **{**WHOLE, "proposer": "di"})
        ledger.commit()
    history = history_of(ledger)
    assert [(one.code, one.what) for one in history.findings] == [
        ("block.proposer", "di proposed it, who was no validator before it")
    ]


def test_without_a_log_key_nothing_is_sealed(recorded: Application) -> None:
    with pytest.raises(FormatError):
        required_log_key(recorded.genesis)

    def change(frames: list[tuple[int, bytes]]) -> None:
        frames.append((CHECKPOINT, b"collegium/"))

    assert codes(history_of(recorded, change)) == ["checkpoint.invalid"]
