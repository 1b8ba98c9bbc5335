"""Disks that are full under real processes: told by whose they are, and nothing is lost.

The system refuses files beyond a size to one process, and takes them again later.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from time import sleep

import pytest
from tests.full_disk import no_file_beyond
from tests.network.perturbing import child_of
from tests.network.trials import QUICK, no_progress, started, trial
from tests.waiting import until

from collegium.network.processes import is_alive
from collegium.network.record import home_of
from collegium.network.trial import verify_members
from collegium.network.watch import wait_closed
from collegium.node.status import NodeStatus
from collegium.node.status_page import ask_status
from collegium.transport.log_engine import SEQUENCER
from collegium.transport.sequencer_status import SequencerStatus, ask_sequencer

pytestmark = pytest.mark.long

WIDE = ('model.architecture="mlp"', "model.hidden=[6000]")
"""An update of 150 kB, larger than all the ledger of a short study."""


def trains(status: NodeStatus) -> bool:
    return any(one.round >= 2 for one in status.studies)


@pytest.mark.parametrize(
    ("room", "where", "changes"),
    [(1000, "ledger.log", ()), (100_000, "blobs", WIDE)],
    ids=["ledger", "relay"],
)
def test_a_sequencer_on_a_full_disk_says_so_and_members_wait(
    tmp_path: Path, room: int, where: str, changes: tuple[str, ...]
) -> None:
    folder = tmp_path / "trial"
    home = folder / SEQUENCER

    def told() -> SequencerStatus:
        return ask_sequencer(home)

    with trial(folder, (*QUICK, "training.rounds=6", *changes)):
        record = started(folder)
        va = home_of(folder, "va")
        until(lambda: trains(ask_status(va)))
        child = child_of(folder, SEQUENCER)
        with no_file_beyond(room, child.pid):
            until(lambda: told().disk.startswith(f"{home / where}: File too large"))
            if where == "blobs":
                until(lambda: "blob store" in ask_status(va).errors)
            closed = ask_status(va).studies[0].closed_rounds
            sleep(6)
            assert is_alive(child)
            assert told().disk
            assert ask_status(va).state in ("following", "away"), "and nobody calls it a liar"
            assert ask_status(va).studies[0].closed_rounds <= closed + 1
            for path in (home / "blobs").iterdir():
                if path.is_file():
                    assert sha256(path.read_bytes()).hexdigest() == path.name
        assert wait_closed(folder, record, no_progress).outcome == "completed"
        until(lambda: not told().disk)
        assert "blob store" not in ask_status(va).errors
        assert (home / "sequencer.log").read_text().count('"event":"disk fails"') <= 3
        assert all(one.ok for one in verify_members(folder, record).values())
        assert not any((home_of(folder, name) / "evidence").exists() for name in record.members)


@pytest.mark.parametrize("room", [1000, 4000], ids=["nothing", "little"])
def test_a_node_on_a_full_disk_says_so_and_goes_on_when_there_is_room(
    tmp_path: Path, room: int
) -> None:
    folder = tmp_path / "trial"
    with trial(folder, (*QUICK, "training.rounds=6")):
        record = started(folder)
        va, other = home_of(folder, "va"), home_of(folder, "cleveland")
        until(lambda: trains(ask_status(va)))
        child = child_of(folder, "va")
        with no_file_beyond(room, child.pid):
            until(lambda: ask_status(va).state == "disk")
            sleep(6)
            assert is_alive(child)
            status = ask_status(va)
            assert status.state == "disk"
            assert "[node.disk]" in (status.trouble or "")
            assert "File too large" in (status.trouble or "")
            assert ask_status(other).state == "following"
        until(lambda: ask_status(va).state == "following", 20)
        assert wait_closed(folder, record, no_progress).outcome == "completed"
        assert child_of(folder, "va").pid == child.pid, "it was not started again"
        assert all(one.ok for one in verify_members(folder, record).values())
        assert not ask_status(other).equivocations
