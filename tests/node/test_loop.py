"""A node follows, acts on what is final, waits for an absent sequencer, and survives restarts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from tests.node.kit import QUICK, document
from tests.node.live import Line, Live, is_closed, live, rounds

from collegium.ledger.contract.evidence import decode_transaction
from collegium.ledger.contract.transactions import RoundVote
from collegium.ledger.envelope import decode_envelope
from collegium.ledger.ordering import LEDGER, Answer, NotYet
from collegium.node import loop, sender
from collegium.node.templates import policy_text
from collegium.simulation.execution import run

MORE = ("training.rounds=8", "evaluation.bootstrap=0", "study.attendance=all")


def allow(within: Live, *members: str) -> None:
    for member in members or [one.id for one in within.genesis.members]:
        text = policy_text(["*"], plain_updates=True)
        (within.folder / member / "policy.toml").write_text(text)


def propose(within: Live, *changes: str) -> None:
    (within.folder / "cleveland" / "studies" / "heart.toml").write_text(document(*changes))


def ledgers(within: Live) -> set[bytes]:
    return {(within.folder / one.id / LEDGER).read_bytes() for one in within.genesis.members}


def model(within: Live) -> str:
    (found,) = {node.status.studies[0].model for node in within.nodes.values()}
    return found


def test_four_loops_train_the_model_of_the_simulation_and_hold_one_ledger(tmp_path: Path) -> None:
    with live(tmp_path / "live") as within:
        allow(within)
        propose(within)
        within.until(is_closed)
        found = model(within)
        within.until(lambda status: status.size == status.final_size)
        for node in within.nodes.values():
            assert node.status.state == "following"
            assert node.status.errors == {}
            assert node.status.error_count == 0
            assert set(node.status.refusals) <= {"already", "stale", "early"}
            assert len(node.status.cosignatures) >= 3
        assert len(ledgers(within)) == 1
    assert found == run("heart", out=tmp_path / "run", changes=list(QUICK)).model


def test_nodes_and_sequencer_that_come_and_go_lose_nothing(tmp_path: Path) -> None:
    with live(tmp_path / "live") as within:
        allow(within)
        propose(within, *MORE)
        within.until(lambda status: rounds(status) >= 1)
        within.nodes["va"].stop()
        within.nodes["hungarian"].stop()  # three of four are needed: nothing becomes final
        sleep(0.2)  # what was on its way has come
        size = within.nodes["cleveland"].status.final_size
        sleep(0.3)
        assert within.nodes["cleveland"].status.final_size == size
        within.start("va")
        within.start("hungarian")
        within.until(lambda status: rounds(status) >= 3)
        within.close_desk()
        within.until(lambda status: status.state == "away")
        within.open_desk()
        within.until(lambda status: status.state == "following")
        within.until(is_closed)
        found = model(within)
        assert len(ledgers(within)) == 1
    assert found == run("heart", out=tmp_path / "run", changes=list(MORE)).model


class Withholding:
    """A connection whose sequencer keeps what a validator says, and answers that it waits."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self.kept = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._line, name)

    def submit(self, envelopes: Sequence[bytes]) -> list[Answer]:
        answers: list[Answer] = []
        for envelope in envelopes:
            said = decode_transaction(decode_envelope(envelope).payload)
            if isinstance(said, RoundVote):
                self.kept += 1
                answers.append(NotYet())
            else:
                answers += self._line.submit([envelope])
        return answers


def test_what_a_sequencer_never_orders_of_a_member_holds_up_nothing_newer_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "MOST", 1)
    with live(tmp_path / "live") as within:
        within.nodes["va"].stop()
        held = Withholding(Line("va", within.desk))
        within.start("va", held)
        allow(within)
        propose(within, *MORE)
        within.until(is_closed)
        assert held.kept >= 8
        within.until(lambda status: not status.pending)
        assert within.nodes["va"].status.studies[0].outcome == "completed"


def test_a_file_that_is_damaged_while_the_node_runs_is_healed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "CHECK_EVERY", 0.2)
    with live(tmp_path / "live") as within:
        allow(within)
        propose(within)
        within.until(is_closed)
        within.until(lambda status: status.size == status.final_size)
        (whole,) = ledgers(within)
        path = within.folder / "va" / LEDGER
        damaged = bytearray(whole)
        damaged[len(whole) // 2] ^= 1
        path.write_bytes(damaged)
        until = monotonic() + 30
        while path.read_bytes() != whole if path.exists() else True:
            assert monotonic() < until
            sleep(0.05)
        assert any("damaged" in warning for warning in within.nodes["va"].warnings)
        within.until(lambda status: status.state == "following")


def test_a_study_names_whom_it_waits_for(tmp_path: Path) -> None:
    with live(tmp_path / "live") as within:
        allow(within, "cleveland", "hungarian", "switzerland")
        propose(within, "study.attendance=all")
        waits = within.until
        waits(lambda status: bool(status.studies) and status.studies[0].awaited == ("va",))
        allow(within, "va")
        waits(is_closed)
        assert all(not node.status.studies[0].awaited for node in within.nodes.values())


def test_nothing_is_said_while_the_policy_allows_nothing(tmp_path: Path) -> None:
    with live(tmp_path / "live") as within:
        propose(within, "study.attendance=all")
        within.until(lambda status: bool(status.studies) and bool(status.studies[0].refused))
        assert all(node.status.studies[0].phase == "setup" for node in within.nodes.values())
        for node in within.nodes.values():
            assert "studies does not allow" in node.status.studies[0].refused[0]
        allow(within)  # a policy that is changed takes effect at once
        within.until(is_closed)
