"""Nodes and sequencer that are killed, paused, restarted, upgraded and cut off while they train.

Where a study waits for everybody it ends in the model of the simulation, bit for bit; where phases
time out, everybody holds one ledger that verifies. What was acknowledged is in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from random import Random

import pytest
from tests.network.cables import cables, change_settings
from tests.network.listening import acknowledged
from tests.network.perturbing import Perturber, next_release, seeded
from tests.network.trials import MEMBERS, QUICK, no_progress, started, trial

from collegium.audit.findings import Verification
from collegium.ledger.frames import ENTRY, decode_entry, read_frames
from collegium.ledger.ordering import LEDGER
from collegium.network.record import NetworkRecord, home_of, read_record
from collegium.network.trial import stop_all, verify_members
from collegium.network.watch import wait_closed
from collegium.node.status import StudyStatus
from collegium.simulation.execution import run

ALL = ("evaluation.bootstrap=0", "study.attendance=all")
ENOUGH = 4
"""Perturbations that there must have been."""


def perturbed(
    folder: Path, random: Random, changes: tuple[str, ...], seconds: float, *,
    upgrade: bool = False, phase: float = 30.0,
) -> tuple[StudyStatus, dict[int, bytes], Perturber]:  # fmt: skip
    """Train under perturbations; return how it ended, what was acknowledged, what was done."""
    with trial(folder, changes) as record, cables(folder, record) as ways:
        for name in MEMBERS:
            change_settings(folder, name, "phase = 30.0", f"phase = {phase}")
        release = next_release(folder) if upgrade else None
        perturber = Perturber(folder, ways, random, release)
        try:
            record = started(folder)
            perturber.perturb(seconds, lambda: is_closed(folder, record))
            record = read_record(folder)
            closed = wait_closed(folder, record, no_progress)
            told = acknowledged(ways.values())
        except BaseException:
            print(perturber.done)
            raise
        print(len(perturber.done), perturber.done)
        verified = verify_members(folder, record)
        stop_all(folder)
    assert all(one.ok for one in verified.values()), verified
    assert_nobody_is_accused(folder, verified)
    assert_one_ledger(folder)
    return closed, told, perturber


def is_closed(folder: Path, record: NetworkRecord) -> bool:
    """Whether the owner's log says that the study has ended: nobody is asked who may be paused."""
    return '"event":"study.closed"' in (home_of(folder, MEMBERS[0]) / "node.log").read_text()


def assert_nobody_is_accused(folder: Path, verified: Mapping[str, Verification]) -> None:
    """Check that whoever was only killed, paused or cut off is told to have lied by nobody."""
    for name, found in verified.items():
        assert not [one for one in found.findings if "equivocated" in one.code], name
        evidence = home_of(folder, name) / "evidence"
        kept = [one.name for one in evidence.iterdir()] if evidence.exists() else []
        assert not [one for one in kept if not one.startswith("damaged")], name


def assert_one_ledger(folder: Path) -> None:
    assert len({(home_of(folder, name) / LEDGER).read_bytes() for name in MEMBERS}) == 1


def entries(folder: Path) -> list[bytes]:
    """The transactions of the ledger, in order."""
    data = (home_of(folder, MEMBERS[0]) / LEDGER).read_bytes()
    return [decode_entry(frame.body)[0] for frame in read_frames(data) if frame.kind == ENTRY]


def assert_nothing_lost(folder: Path, told: dict[int, bytes]) -> None:
    ordered = entries(folder)
    assert len(told) > 20, "the cables were listened to"
    assert {index: ordered[index] for index in told} == told


def simulated(changes: tuple[str, ...], folder: Path) -> str:
    return run("heart", out=folder, changes=changes).model


@pytest.mark.long
def test_a_study_that_waits_for_all_ends_in_the_model_of_the_simulation(tmp_path: Path) -> None:
    changes = (*ALL, "training.rounds=5")
    with seeded(9) as random:
        closed, told, perturber = perturbed(tmp_path / "trial", random, changes, 3.0)
        assert len(perturber.done) >= ENOUGH
        assert closed.outcome == "completed"
        assert closed.model == simulated(changes, tmp_path / "solo")
        assert_nothing_lost(tmp_path / "trial", told)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(6))
def test_whatever_is_done_to_it_the_model_is_the_simulations(tmp_path: Path, seed: int) -> None:
    changes = (*ALL, "training.rounds=30")
    with seeded(seed) as random:
        closed, told, perturber = perturbed(
            tmp_path / "trial", random, changes, 30.0, upgrade=seed % 2 == 1
        )
        assert len(perturber.done) >= 3 * ENOUGH
        assert closed.outcome == "completed"
        assert closed.model == simulated(changes, tmp_path / "solo")
        assert_nothing_lost(tmp_path / "trial", told)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
def test_where_phases_time_out_all_agree_and_the_study_ends(tmp_path: Path, seed: int) -> None:
    changes = (*QUICK, "training.rounds=20", "study.attendance=quorum")
    with seeded(seed) as random:
        closed, told, perturber = perturbed(tmp_path / "trial", random, changes, 20.0, phase=1.0)
        assert len(perturber.done) >= ENOUGH
        assert closed.outcome in ("completed", "failed")
        assert_nothing_lost(tmp_path / "trial", told)
