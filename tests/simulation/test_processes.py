"""A study trained by several processes ends in the same model and ledger as by one."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.commands import COLLEGIUM, environment

from collegium.errors import RunError
from collegium.learning.parallel import pooled as pooled_module
from collegium.learning.parallel.pool import Worker
from collegium.measuring.result import RunResult
from collegium.simulation.execution import run

SHORT = ("training.rounds=2", "evaluation.bootstrap=0")

STUDIES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "heart in folds, some held out": (
        "heart",
        ("evaluation.folds=2", "training.early_stopping={ validation = 0.2, patience = 1 }"),
    ),
    "control variates and models of their own": (
        "heart10",
        (
            "training.algorithm=scaffold", "aggregation.weights=equal",
            "personalization.method=ditto", "personalization.strength=0.1",
            "model.architecture=mlp", "model.hidden=[8]",
        ),
    ),
    "private patients": (
        "heart10",
        (
            'privacy.differential_privacy={ unit = "patient", epsilon = 8.0, delta = 1e-3 }',
            "training.client_fraction=0.5",
        ),
    ),
}  # fmt: skip


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sites of each part that a worker is given."""
    found: list[int] = []
    give = Worker.give

    def noting(worker: Worker, part: object) -> None:
        found.append(len(part.jobs))  # type: ignore[attr-defined]
        give(worker, part)  # type: ignore[arg-type]

    monkeypatch.setattr(Worker, "give", noting)
    return found


def ends(result: RunResult) -> tuple[str, str, str]:
    return result.model, result.app_hash, result.genesis


@pytest.mark.parametrize("name", STUDIES)
def test_one_two_and_three_processes_leave_the_same_ledger(
    name: str, tmp_path: Path, given: list[int]
) -> None:
    preset, changes = STUDIES[name]

    def run_with(processes: int) -> RunResult:
        out = tmp_path / str(processes)
        return run(preset, out=out, changes=[*SHORT, *changes], processes=processes)

    one = run_with(1)
    assert not given
    for processes in (2, 3):
        several = run_with(processes)
        assert given, "no worker trained"
        given.clear()
        assert ends(several) == ends(one)
        assert several.measured.federated == one.measured.federated
        assert several.measured.out_of_fold == one.measured.out_of_fold


def test_a_run_in_one_process_goes_on_in_two(tmp_path: Path, given: list[int]) -> None:
    whole = run("heart", out=tmp_path / "whole", changes=[*SHORT, "training.rounds=4"])

    def stop(closed: int, rounds: int) -> None:
        if closed == 2:
            raise KeyboardInterrupt

    parted = {"out": tmp_path / "parted", "changes": [*SHORT, "training.rounds=4"]}
    with pytest.raises(KeyboardInterrupt):
        run("heart", progress=stop, processes=1, **parted)  # type: ignore[arg-type]
    resumed = run("heart", resume=True, processes=2, **parted)  # type: ignore[arg-type]
    assert given
    assert ends(resumed) == ends(whole)


def test_unasked_processes_change_nothing_either(
    tmp_path: Path, given: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = [
        "training.rounds=40",
        "evaluation.bootstrap=0",
        "model.architecture=mlp",
        "model.hidden=[64]",
    ]
    one = run("heart10", out=tmp_path / "one", changes=changes, processes=1)
    monkeypatch.setattr(pooled_module, "PAYS_AFTER", 0.0)
    monkeypatch.setattr(pooled_module, "PAYS_FROM", 0.0)
    monkeypatch.setattr("collegium.learning.parallel.pool.cores", lambda: 2)
    unasked = run("heart10", out=tmp_path / "unasked", changes=changes)
    assert given, "no worker trained"
    assert ends(unasked) == ends(one)


@pytest.mark.parametrize("processes", [0, -1, 1000])
def test_numbers_that_make_no_sense_are_refused(processes: int, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="processes cannot train") as caught:
        run("heart", out=tmp_path / "run", processes=processes)
    assert caught.value.code == "run.processes"
    assert not (tmp_path / "run").exists()


def test_so_is_a_number_where_every_member_is_a_process(tmp_path: Path) -> None:
    changes = [*SHORT, "consensus.engine=log"]
    with pytest.raises(RunError, match="number of members"):
        run("heart", out=tmp_path / "run", changes=changes, processes=2)


def test_ctrl_c_ends_the_run_and_its_workers(tmp_path: Path) -> None:
    child = subprocess.Popen(
        [COLLEGIUM, "run", "heart", "--out", "run", "--processes", "2", "--set",
         "training.rounds=5000"],
        env=environment(), cwd=tmp_path, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    children = Path(f"/proc/{child.pid}/task/{child.pid}/children")
    if not children.exists():
        child.kill()
        pytest.skip("this system does not tell a process's children")
    workers: list[str] = []
    until = time.monotonic() + 60
    while not (workers and (tmp_path / "run" / "blobs").exists()) and time.monotonic() < until:
        workers = children.read_text().split()
        time.sleep(0.05)
    os.killpg(child.pid, signal.SIGINT)
    _, told = child.communicate(timeout=60)
    assert child.returncode == 130
    assert told.strip() == "stopped; the run goes on with --resume"
    assert workers
    assert not any(Path(f"/proc/{one}").exists() for one in workers)
