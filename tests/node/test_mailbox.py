"""Who is silenced lays out a letter; whoever sees it hands it on, and holds the sequencer to it."""

from __future__ import annotations

from pathlib import Path
from time import monotonic, sleep

import pytest
from tests.node.live import Live, is_closed, live
from tests.node.test_loop import allow, ledgers, model, propose

from collegium.audit.censorship import check_censorship
from collegium.canonical import from_text
from collegium.ledger.engines.log import correspondence
from collegium.ledger.genesis import encode_genesis, genesis_digest
from collegium.ledger.keys import KEY_SIZE, key_id
from collegium.ledger.ordering import Letter
from collegium.node import loop, mailbox
from collegium.node.mailbox import decode_letter, encode_letter
from collegium.simulation.execution import run
from collegium.storage.letters import LARGEST_LETTER

VICTIM = "va"
MORE = ("training.rounds=4", "evaluation.bootstrap=0", "study.attendance=all")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LAID_AFTER", "SEEN_AFTER", "NONCE_AFTER"):
        monkeypatch.setattr(correspondence, name, 0.3)
    for name in ("LOOK_EVERY", "LOOK_OFTEN"):
        monkeypatch.setattr(mailbox, name, 0.1)
    monkeypatch.setattr(loop, "WAIT", 0.1)


def silence(within: Live, member: str | None) -> None:
    keys = {one.id: key_id(from_text(one.key, KEY_SIZE)) for one in within.genesis.members}
    within.desk.silenced = frozenset() if member is None else frozenset({keys[member]})


def test_a_sequencer_that_silences_a_member_makes_nothing_more_final(tmp_path: Path) -> None:
    """Nobody's timer ends what it waits for, and an honest sequencer goes on with the member."""
    with live(tmp_path / "live") as within:
        allow(within)
        propose(within, *MORE)
        within.until(lambda status: status.final_size >= 12)
        silence(within, VICTIM)
        within.until(lambda status: "cosigning" in status.errors)
        size = {node.status.final_size for node in within.nodes.values()}
        folders = [
            next((within.folder / name / "evidence").glob("censored-*")) for name in within.nodes
        ]
        for node in within.nodes.values():
            waits = node.status.unordered
            study = node.status.studies[0].study
            assert {(one.author, one.study) for one in waits} == {(VICTIM, study)}
            assert set(waits[0].seen_by) == set(within.nodes)
            assert VICTIM in node.status.errors["cosigning"]
            assert node.status.studies[0].phase != "closed"
        sleep(1.0)
        assert {node.status.final_size for node in within.nodes.values()} == size
        identity = genesis_digest(encode_genesis(within.genesis))
        for folder in folders:
            found = check_censorship(folder, within.folder / "hungarian", identity)
            assert found.proven, found.why
            assert found.author == VICTIM
        silence(within, None)
        within.until(is_closed)
        within.until(lambda status: status.size == status.final_size and not status.errors)
        assert all(not node.status.unordered for node in within.nodes.values())
        assert len(ledgers(within)) == 1
        found_model = model(within)
    assert found_model == run("heart", out=tmp_path / "run", changes=list(MORE)).model


def test_a_registration_that_is_kept_back_is_ordered_or_nothing_else_is(tmp_path: Path) -> None:
    """No study needs to be open for it."""
    with live(tmp_path / "live") as within:
        allow(within)
        silence(within, "cleveland")
        propose(within, *MORE)
        within.until(lambda status: "cosigning" in status.errors)
        assert all(not node.status.studies for node in within.nodes.values())
        silence(within, None)
        within.until(lambda status: bool(status.studies))


@pytest.mark.long
def test_who_removes_letters_from_the_store_silences_nobody(tmp_path: Path) -> None:
    with live(tmp_path / "live") as within:
        allow(within)
        propose(within, *MORE)
        within.until(lambda status: status.final_size >= 12)
        silence(within, VICTIM)
        folder = within.folder / "store" / "letters" / "town"
        until = monotonic() + 60
        while not all("cosigning" in node.status.errors for node in within.nodes.values()):
            assert monotonic() < until, [node.status for node in within.nodes.values()]
            for path in folder.glob("*"):
                path.unlink(missing_ok=True)
            sleep(0.5)
        silence(within, None)
        within.until(is_closed)


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{", b"\xff", b'{"envelopes":[1]}', b'{"seen":["\xff"]}', b'{"a":1}']
)
def test_a_letter_that_is_none_says_nothing(data: bytes) -> None:
    assert decode_letter(data) == Letter()


def test_a_letter_has_its_transactions_and_as_many_words_as_there_is_room_for() -> None:
    envelopes = tuple(bytes([number]) * 16384 for number in range(8))
    letter = Letter(envelopes, ("word",) * 10)
    assert decode_letter(encode_letter(letter)) == letter
    much = decode_letter(encode_letter(Letter(envelopes, ("word " * 100,) * 2000)))
    assert much.envelopes == envelopes
    assert 0 < len(much.seen) < 2000
    assert len(encode_letter(much)) <= LARGEST_LETTER
