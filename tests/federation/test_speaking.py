"""A mechanism of another package has a phase in which validators speak, and a part of their votes.

The package is tests/mechanism_package/their_digests. Commands run in processes of their own, since
a process looks for installed packages once.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from tests.audit.forging import read_transcript

from collegium.ledger.contract.mechanism import Phase

ROOT = Path(__file__).resolve().parents[2]
METADATA = "Metadata-Version: 2.1\nName: their-digests\nVersion: 1.0\n"
ENTRY_POINTS = "[collegium.mechanisms]\ndigests = tests.mechanism_package.their_digests\n"


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder that says of the package what an installer does."""
    about = tmp_path / "installed" / "their_digests-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(METADATA)
    (about / "entry_points.txt").write_text(ENTRY_POINTS)
    return about.parent


def command(*arguments: str, installed: Path | None = None) -> subprocess.CompletedProcess[str]:
    before = os.environ.get("PYTHONPATH")
    paths = [str(one) for one in (installed, ROOT, before) if one]
    return subprocess.run(
        [sys.executable, "-m", "collegium", *arguments],
        capture_output=True, text=True, check=False, timeout=300,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    )  # fmt: skip


@pytest.mark.parametrize("engine", ["solo", "log"])
def test_a_study_runs_to_its_end_with_it_and_verifies(
    engine: str, installed: Path, tmp_path: Path
) -> None:
    """In one process, and by nodes."""
    folder = str(tmp_path / "run")
    settings = ("training.rounds=2", "mechanisms.digests.fewest=3", f"consensus.engine={engine}")
    changes = [word for one in settings for word in ("--set", one)]
    ran = command("run", "heart", *changes, "--out", folder, installed=installed)
    assert ran.returncode == 0, ran.stderr
    entries = read_transcript((tmp_path / "run" / "ledger.log").read_bytes()).entries
    payloads = [entry.payload for entry in entries]
    assert sum(one["kind"] == "digest.say" for one in payloads) == 8
    (registered,) = [one for one in payloads if one["kind"] == "study.register"]
    assert registered["terms"]["digests"] == {"fewest": 3}
    votes = [one for one in payloads if one["kind"] == "round.vote"]
    assert len(votes) == 8
    assert all("digest" in one["result"]["parts"]["digests"] for one in votes)
    verified = command("verify", folder, "--json", installed=installed)
    assert msgspec.json.decode(verified.stdout)["ok"] is True


def test_who_does_not_have_it_cannot_verify_and_is_told_what_to_install(
    installed: Path, tmp_path: Path
) -> None:
    folder = str(tmp_path / "run")
    changes = ("--set", "training.rounds=1", "--set", "mechanisms.digests.fewest=1")
    assert command("run", "heart", *changes, "--out", folder, installed=installed).returncode == 0
    told = command("verify", folder)
    assert told.returncode != 0
    assert "digests@1" in told.stderr
    assert "[plugin.module]" in told.stderr


@pytest.mark.parametrize("name", ["my_vouch", "Vouch", "a.b.c", "", "x" * 21])
def test_a_phase_whose_timeout_could_not_be_said_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="another name"):
        Phase(name, "validators", "round.vouch", "vouches", 85)
