"""A run that is killed at any moment and resumed ends as if nothing had happened."""

from __future__ import annotations

import json
import random
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest
from tests.cases import some_of
from tests.commands import COLLEGIUM, collegium, environment, told

from collegium.audit.history import read_history
from collegium.audit.verify import verify
from collegium.ledger.contract.transactions import kind_of
from collegium.measuring.result import RunResult
from collegium.simulation.execution import run

STUDY = ("heart", "--set", "evaluation.bootstrap=0", "--set")
WITHIN = {"update.commit", "update.reveal", "update.available"}
"""Transactions after which an attempt is under way."""


def started(folder: Path, rounds: int) -> subprocess.Popen[bytes]:
    """A process that runs the study, or goes on with it."""
    arguments = ["run", *STUDY, f"training.rounds={rounds}", "--out", str(folder), "--resume"]
    quiet = subprocess.DEVNULL
    return subprocess.Popen([COLLEGIUM, *arguments], env=environment(), stdout=quiet, stderr=quiet)


def killed(folder: Path, rounds: int, size: int, delay: float) -> bool:
    """Run until the ledger has a size, wait, and kill; whether there was still a run to kill."""
    process = started(folder, rounds)
    ledger = folder / "ledger.log"
    while process.poll() is None and (not ledger.exists() or ledger.stat().st_size < size):
        time.sleep(0.0005)
    time.sleep(delay)
    process.kill()
    return process.wait() < 0


def last_kind(folder: Path) -> str:
    """The kind of the last transaction that is in a run's ledger."""
    data = (folder / "ledger.log").read_bytes() if (folder / "ledger.log").exists() else b""
    said = read_history(data).said
    return kind_of(said[-1].transaction) if said else "nothing"


def check_resumed(folder: Path, rounds: int, undisturbed: RunResult) -> None:
    """Resume, and hold what came of it against the run that nobody disturbed."""
    changes = (*STUDY, f"training.rounds={rounds}")
    found = told(
        collegium("run", *changes, "--out", "run", "--resume", "--json", cwd=folder.parent)
    )
    assert found["model"] == undisturbed.model
    assert found["ledger"]["app_hash"] == undisturbed.app_hash
    assert found["ledger"]["entries"] == undisturbed.entries
    assert found["rounds"] == rounds
    verification = verify(folder)
    assert verification.ok, verification.findings
    assert verification.complete
    assert {finding.severity for finding in verification.findings} <= {"note"}
    assert verification.levels == {"recomputed": rounds}
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    numbers = [line["round"] for line in lines if line["kind"] == "round"]
    assert numbers == sorted(set(numbers))
    assert set(numbers) <= set(range(1, rounds + 1))
    assert [line["kind"] for line in lines].count("final") == 1
    assert lines[-1]["model"] == undisturbed.model
    for name in ("model.safetensors", "model.json", "schema.json", "card.md"):
        ours, theirs = folder / "model" / name, undisturbed.folder / "model" / name
        assert ours.read_bytes() == theirs.read_bytes()


def disturb(tmp_path: Path, *, rounds: int, runs: int, seed: int) -> Counter[str]:
    """Kill runs at random moments, some twice, and check each; return where they were killed."""
    changes = ["evaluation.bootstrap=0", f"training.rounds={rounds}"]
    undisturbed = run("heart", out=tmp_path / "undisturbed", changes=changes)
    whole = (undisturbed.folder / "ledger.log").stat().st_size
    moments = random.Random(seed)
    places: Counter[str] = Counter()
    for number in range(runs):
        folder = tmp_path / str(number) / "run"
        folder.parent.mkdir()
        at = sorted(moments.random() for _ in range(moments.choice((1, 1, 2, 3))))
        for share in at:
            delay = moments.random() * 0.02
            if killed(folder, rounds, int(share * whole), delay):
                places[last_kind(folder)] += 1
        check_resumed(folder, rounds, undisturbed)
    return places


def test_a_killed_run_ends_like_an_undisturbed_one(tmp_path: Path) -> None:
    places = disturb(tmp_path, rounds=12, runs=2, seed=5)
    assert places.total() >= 2, places


@pytest.mark.long
def test_twenty_runs_killed_at_random_moments_end_like_an_undisturbed_one(tmp_path: Path) -> None:
    places = disturb(tmp_path, rounds=60, runs=20, seed=20)
    assert places.total() >= 20, places
    assert sum(count for kind, count in places.items() if kind in WITHIN) >= 5, places


@pytest.mark.parametrize(
    "sign", some_of({one: one for one in ("members", "model/card.md", "policy.json")}, "members")
)
def test_a_run_killed_at_its_beginning_or_its_end_is_resumed(tmp_path: Path, sign: str) -> None:
    """Kill as soon as a file appears that is made before the first round, or after the last."""
    changes = ["evaluation.bootstrap=0", "training.rounds=2"]
    undisturbed = run("heart", out=tmp_path / "undisturbed", changes=changes)
    folder = tmp_path / "run"
    process = started(folder, rounds=2)
    while process.poll() is None and not (folder / sign).exists():
        time.sleep(0.0002)
    process.kill()
    process.wait()
    check_resumed(folder, 2, undisturbed)
