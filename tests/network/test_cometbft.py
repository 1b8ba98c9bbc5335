"""Four nodes with CometBFT behind each, killed, paused and restarted while they train.

A study that waits for everybody ends in solo's model, the ledgers are equal bytes, and nothing that
was decided is lost. With one of four dead for good it goes on; with two it waits, and resumes.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from time import monotonic, sleep

import pytest
from tests.ledger.engines.cometbft.kit import has_cometbft
from tests.network.perturbing import begin, child_of, kill, seeded
from tests.network.trials import MEMBERS, no_progress, started, trial

from collegium.ledger.engines.cometbft.height import read_height
from collegium.ledger.ordering import LEDGER
from collegium.network.processes import stop
from collegium.network.record import NetworkRecord, home_of, read_record
from collegium.network.trial import stop_all, verify_members
from collegium.network.watch import statuses, wait_closed
from collegium.simulation.execution import run

MISSING = has_cometbft()
pytestmark = [
    pytest.mark.skipif(MISSING is not None, reason=MISSING or ""), pytest.mark.long,
]  # fmt: skip

ALL = ("evaluation.bootstrap=0", "study.attendance=all", "consensus.engine=cometbft")
PERTURBATIONS = ("kill", "kill cometbft", "pause", "pause cometbft", "restart")
AWAY = (0.1, 1.5)


def cometbft_of(folder: Path, name: str) -> list[int]:
    """Return the pids of a member's CometBFT."""
    parent = child_of(folder, name).pid
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            pid, told = path.read_text().split(" (", 1)
        except OSError:
            continue
        if int(told.rpartition(") ")[2].split()[1]) == parent:
            found.append(int(pid))
    return found


@dataclass(slots=True)
class Perturber:
    """Does something to the processes of a trial, and makes them well again."""

    folder: Path
    random: Random
    done: list[tuple[float, str, str]] = field(default_factory=list)
    _ill: dict[str, tuple[float, Callable[[], object]]] = field(default_factory=dict)

    def perturb(self, seconds: float, most: int, enough: Callable[[], bool]) -> None:
        """Perturb up to so many at once for so many seconds, or until it is enough."""
        began, beat = monotonic(), 0.0
        while (now := monotonic()) < began + seconds and not enough():
            if now >= beat:
                beat = now + self.random.uniform(0.3, 1.2)
                name = self.random.choice(MEMBERS)
                if name not in self._ill and len(self._ill) < most:
                    what = self.random.choice(PERTURBATIONS)
                    self.done.append((round(now - began, 2), name, what))
                    self._do(name, what, now + self.random.uniform(*AWAY))
            self._heal(now)
            sleep(0.02)
        self._heal(float("inf"))

    def _do(self, name: str, what: str, until: float) -> None:
        child = child_of(self.folder, name)
        if what == "kill":
            os.kill(child.pid, signal.SIGKILL)
            self._ill[name] = until, lambda: begin(self.folder, name)
        elif what == "restart":
            stop([child])
            self._ill[name] = until, lambda: begin(self.folder, name)
        elif what == "pause":
            os.kill(child.pid, signal.SIGSTOP)
            self._ill[name] = until, lambda: os.kill(child.pid, signal.SIGCONT)
        else:
            pids = cometbft_of(self.folder, name)
            paused = what == "pause cometbft"
            for pid in pids:
                os.kill(pid, signal.SIGSTOP if paused else signal.SIGKILL)

            def on() -> None:
                for pid in pids if paused else []:
                    os.kill(pid, signal.SIGCONT)

            self._ill[name] = until, on

    def _heal(self, now: float) -> None:
        for name, (until, well) in list(self._ill.items()):
            if until <= now:
                well()
                del self._ill[name]


def is_closed(folder: Path) -> bool:
    return '"event":"study.closed"' in (home_of(folder, MEMBERS[0]) / "node.log").read_text()


def assert_one_ledger_that_verifies(folder: Path, record: NetworkRecord) -> None:
    verified = verify_members(folder, record)
    stop_all(folder)
    wrong = {name: one.findings for name, one in verified.items() if not one.ok}
    assert not wrong
    assert len({(home_of(folder, name) / LEDGER).read_bytes() for name in MEMBERS}) == 1
    for name in MEMBERS:
        assert not (home_of(folder, name) / "damaged").exists(), name


@pytest.mark.parametrize("seed", range(3))
def test_whatever_is_done_to_it_the_model_is_solos(tmp_path: Path, seed: int) -> None:
    changes, folder = (*ALL, "training.rounds=12"), tmp_path / "t"
    with seeded(seed) as random, trial(folder, changes):
        perturber = Perturber(folder, random)
        try:
            started(folder)
            perturber.perturb(40.0, 2, lambda: is_closed(folder))
            record = read_record(folder)
            closed = wait_closed(folder, record, no_progress)
        except BaseException:
            print(perturber.done)
            raise
        print(len(perturber.done), perturber.done)
        assert len(perturber.done) >= 8
        assert closed.outcome == "completed"
        assert (
            closed.model
            == run("heart", out=tmp_path / "solo", changes=changes[:2] + changes[3:]).model
        )
        assert_one_ledger_that_verifies(folder, record)


def test_one_of_four_may_be_dead_for_good_and_with_two_the_others_wait(tmp_path: Path) -> None:
    folder = tmp_path / "t"
    changes = ("evaluation.bootstrap=0", "consensus.engine=cometbft", "training.rounds=40")
    with trial(folder, changes):
        record = started(folder)

        def height() -> int:
            found = read_height(home_of(folder, MEMBERS[0]))
            return 0 if found is None else found.height

        def wait(what: Callable[[], bool], seconds: float = 60.0) -> None:
            until = monotonic() + seconds
            while not what():
                assert monotonic() < until
                sleep(0.1)

        wait(lambda: height() > 10)
        kill(folder, "va")
        before = height()
        wait(lambda: height() > before + 5)
        kill(folder, "switzerland")
        sleep(2.0)
        before = height()
        wait(lambda: statuses(folder, record)[MEMBERS[0]].state == "away")  # type: ignore[union-attr]
        assert height() <= before + 1
        begin(folder, "switzerland")
        wait(lambda: height() > before + 5)
        wait(lambda: statuses(folder, record)[MEMBERS[0]].state == "following")  # type: ignore[union-attr]
        begin(folder, "va")
        closed = wait_closed(folder, read_record(folder), no_progress)
        assert closed.outcome == "completed"
        assert_one_ledger_that_verifies(folder, read_record(folder))
