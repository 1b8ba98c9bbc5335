"""Members that are all honest, and a sequencer that is: what is submitted becomes final."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.ledger.contract.kit import World
from tests.ledger.engines.log.kit import MEMBERS, Consortium
from tests.ledger.small_run import key_of, small_run

from collegium.ledger.contract.apply import initial_state
from collegium.ledger.engines.log.connection import CosignatureRefused
from collegium.ledger.engines.log.copying_out import export
from collegium.ledger.frames import CHECKPOINT, read_frames
from collegium.ledger.genesis import Genesis, encode_genesis, genesis_digest
from collegium.ledger.opening import open_ledger
from collegium.ledger.ordering import NotYet, Ordered, Refused


def small_world(genesis: Genesis) -> World:
    """Return the world of `small_run`, in which cy rotates its key."""
    keys = {name: key_of(name) for name in ("ada", "bo", "cy", "cy, later")}
    identity = genesis_digest(encode_genesis(genesis))
    return World(genesis, identity, initial_state(genesis), keys)


def test_a_transaction_becomes_final_at_every_member(us: Consortium) -> None:
    answers = us.wires["ada"].submit([us.registration("one")])
    assert answers == [Ordered(0)]
    us.step()
    assert us.sizes() == dict.fromkeys(MEMBERS, (1, 1))
    for told in us.told.values():
        assert [one.index for one in told] == [0]
    assert len({us.final_bytes(name) for name in MEMBERS}) == 1


def test_the_next_block_waits_until_the_last_one_is_final(us: Consortium) -> None:
    assert us.wires["ada"].submit([us.registration("one")]) == [Ordered(0)]
    (answer,) = us.wires["bo"].submit([us.registration("two", "bo")])
    assert isinstance(answer, NotYet)
    assert answer.code == "waiting"
    us.step(rounds=1)
    assert us.wires["bo"].submit([us.registration("two", "bo")]) == [Ordered(1)]
    us.step()
    assert us.sizes() == dict.fromkeys(MEMBERS, (2, 2))


def test_a_member_that_was_away_catches_up_in_parts(
    us: Consortium, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collegium.ledger.engines.log.log_copy.LogCopy.read.__defaults__", (3000,))
    us.connect(None, ["di"])
    for number in range(7):
        us.wires["ada"].submit([us.registration(f"study{number}")])
        us.step(["ada", "bo", "cy"])
    us.connect(us.sequencers[0])
    assert len(us.wires["di"].sequencer.blocks("di", 0) or b"") < 3500  # type: ignore[union-attr]
    us.step(["di"], rounds=1)
    held, final = us.sizes()["di"]
    assert 0 < held < 7
    assert final == 0
    assert not us.replicas["di"].settled, "a part of a history is nothing to act on"
    us.start("di")  # killed on the way
    us.step()
    assert us.sizes() == dict.fromkeys(MEMBERS, (7, 7))
    assert [one.index for one in us.told["di"]] == list(range(7))


def test_a_restarted_member_is_told_of_nothing_twice(us: Consortium) -> None:
    us.settle("one", "two")
    us.start("bo")
    us.settle("three")
    assert [one.index for one in us.told["bo"]] == [0, 1, 2]


def test_what_was_held_and_not_final_is_told_after_a_restart(us: Consortium) -> None:
    us.connect(None, ["cy", "di"])
    us.wires["ada"].submit([us.registration("one")])
    us.step(["ada", "bo"])
    us.start("ada")
    assert us.told["ada"] == []
    us.connect(us.sequencers[0])
    us.step()
    assert [one.index for one in us.told["ada"]] == [0]


def test_the_same_bytes_are_in_the_log_once_and_answered_alike(us: Consortium) -> None:
    envelope = us.registration("one")
    assert us.wires["ada"].submit([envelope, envelope]) == [Ordered(0), Ordered(0)]
    us.step()
    assert us.wires["bo"].submit([envelope]) == [Ordered(0)]
    assert us.sizes() == dict.fromkeys(MEMBERS, (1, 1))


def test_a_refused_transaction_is_answered_with_its_reason(us: Consortium) -> None:
    us.settle("one")
    (answer,) = us.wires["bo"].submit([us.registration("one", "bo")])
    assert isinstance(answer, Refused)
    assert answer.code == "already"
    (answer,) = us.wires["bo"].submit([b"nonsense"])
    assert isinstance(answer, Refused)
    assert answer.code == "malformed"


def test_the_final_note_gathers_late_cosignatures(us: Consortium) -> None:
    us.settle("one")
    note = us.sequencers[0].copy.final_note or ""
    judges = us.sequencers[0].copy.judges
    assert set(judges.cosigners(note)) == set(MEMBERS)
    assert judges.makes_final(us.replicas["ada"].final_note or "")


def test_a_cosignature_that_comes_after_the_next_block_was_cut_is_taken(us: Consortium) -> None:
    us.wires["ada"].submit([us.registration("one")])
    us.step(["ada", "bo", "cy"], rounds=1)
    late = us.replicas["di"]
    first = us.wires["di"].blocks(0, 0)
    us.wires["ada"].submit([us.registration("two")])
    assert us.sequencers[0].copy.size == 2
    assert us.sequencers[0].copy.final_size == 1
    us.lie_once("di", on_blocks=lambda _: first)  # it has just got the first one, and cosigns it
    assert late.witness.waiting_for == "", "a race is no other block than was cosigned"
    note = us.sequencers[0].copy.final_note or ""
    assert "di" in us.replicas["ada"].copy.judges.cosigners(note)
    us.step()
    assert us.sizes() == dict.fromkeys(MEMBERS, (2, 2))


def test_a_late_cosignature_of_another_block_is_refused(us: Consortium) -> None:
    us.settle("zero")
    us.wires["ada"].submit([us.registration("one")])
    us.step(["ada", "bo", "cy"], rounds=1)
    us.wires["ada"].submit([us.registration("two")])
    other = us.replicas["di"].final_note or ""
    line = other.splitlines(keepends=True)[-1]
    with pytest.raises(CosignatureRefused):
        us.wires["di"].cosign(line, us.sequencers[0].copy.final_size)


def test_members_gather_the_cosignatures_that_came_late(
    us: Consortium, monkeypatch: pytest.MonkeyPatch
) -> None:
    us.settle("one")
    cy = us.replicas["cy"]
    judges = cy.copy.judges
    assert len(judges.cosigners(cy.final_note or "")) == 3, "as soon as enough were there"
    monkeypatch.setattr(cy, "_clock", lambda: 6.0)
    us.step(["cy"], rounds=1)
    assert set(judges.cosigners(cy.final_note or "")) == set(MEMBERS)


def test_every_home_holds_the_same_bytes_and_the_export_verifies(
    us: Consortium, tmp_path: Path
) -> None:
    us.settle("one", "two")
    homes = ["sequencer", *MEMBERS]
    assert len({(us.folder / home / "ledger.log").read_bytes() for home in homes}) == 1
    export(us.replicas["ada"].copy, tmp_path / "exported.log")
    opened = open_ledger(tmp_path / "exported.log", us.warnings.append)
    assert opened.frontier.size == 2
    opened.close()
    data = (tmp_path / "exported.log").read_bytes()
    *_, last = read_frames(data)
    assert last.kind == CHECKPOINT
    assert last.body.decode().count("\N{EM DASH}") == 1, "the log's signature alone"


def test_a_snapshot_makes_a_copy_open_without_replaying(us: Consortium) -> None:
    us.settle("one", "two")
    us.replicas["ada"].copy.write_snapshot()
    assert (us.home("ada") / "ledger.snapshot").exists()
    before = us.replicas["ada"].state.root()
    us.start("ada")
    assert us.replicas["ada"].state.root() == before
    us.settle("three")
    assert us.sizes() == dict.fromkeys(MEMBERS, (3, 3))


def test_the_same_transactions_give_the_same_ledger_as_solo(tmp_path: Path) -> None:
    run = small_run(tmp_path / "run")
    ours = Consortium(tmp_path / "log", small_world(run.ledger.genesis))
    members = ("ada", "bo", "cy")
    ours.connect(ours.sequencer(), members)
    for name in members:
        ours.start(name)
    ours.step(members)
    for envelope in run.envelopes:
        answers = ours.wires["ada"].submit([envelope])
        assert all(isinstance(answer, Ordered) for answer in answers), answers
        ours.step(members, rounds=2)
    hashes = {one.ledger.application_hash() for one in ours.replicas.values()}
    assert hashes == {run.ledger.application_hash()}
    ours.require_agreement()
    ours.close()
    run.ledger.close()
