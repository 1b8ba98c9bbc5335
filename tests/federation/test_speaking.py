"""A mechanism of another package has a phase in which validators speak, and a part of their votes.

The package is tests/mechanism_package/their_digests. Commands run in processes of their own, since
a process looks for installed packages once.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.audit.forging import read_transcript
from tests.commands import collegium, diagnosis, told
from tests.mechanism_package.installed import path_with

from collegium.ledger.contract.mechanism import Phase


@pytest.fixture
def with_it(tmp_path: Path) -> dict[str, str]:
    """The environment of a command that finds the package."""
    return {"PYTHONPATH": path_with(tmp_path / "installed", "their_digests", "digests")}


@pytest.mark.parametrize("engine", ["solo", "log"])
def test_a_study_runs_to_its_end_with_it_and_verifies(
    engine: str, with_it: dict[str, str], tmp_path: Path
) -> None:
    """In one process, and by nodes."""
    folder = str(tmp_path / "run")
    settings = ("training.rounds=2", "mechanisms.digests.fewest=3", f"consensus.engine={engine}")
    changes = [word for one in settings for word in ("--set", one)]
    ran = collegium("run", "heart", *changes, "--out", folder, cwd=tmp_path, env=with_it)
    assert ran.returncode == 0, ran.stderr
    entries = read_transcript((tmp_path / "run" / "ledger.log").read_bytes()).entries
    payloads = [entry.payload for entry in entries]
    assert sum(one["kind"] == "digest.say" for one in payloads) == 8
    (registered,) = [one for one in payloads if one["kind"] == "study.register"]
    assert registered["terms"]["digests"] == {"fewest": 3}
    votes = [one for one in payloads if one["kind"] == "round.vote"]
    assert len(votes) == 8
    assert all("digest" in one["result"]["parts"]["digests"] for one in votes)
    verified = collegium("verify", folder, "--json", cwd=tmp_path, env=with_it)
    assert told(verified)["ok"] is True
    assert told(verified)["checked"]["digests"] == 8, "its own check was asked"


def test_its_validators_speak_with_rows_on_which_nobody_trains(
    with_it: dict[str, str], tmp_path: Path
) -> None:
    def model(*settings: str) -> str:
        folder = f"run{len(settings)}"
        words = ["training.rounds=1", "mechanisms.digests.fewest=4", *settings]
        changes = [word for one in words for word in ("--set", one)]
        ran = collegium(
            "run", "heart", *changes, "--out", folder, "--json", cwd=tmp_path, env=with_it
        )  # fmt: skip
        return str(told(ran)["model"])

    assert model("mechanisms.digests.reserve=20") != model()


def test_its_demand_on_the_rule_is_asked(with_it: dict[str, str], tmp_path: Path) -> None:
    words = ("mechanisms.digests.fewest=1", "aggregation.scores={}", "aggregation.rule=zeno")
    changes = [word for one in words for word in ("--set", one)]
    found = diagnosis(collegium("check", "heart", *changes, cwd=tmp_path, env=with_it))
    assert "digests do not go with zeno" in " ".join(found)


def test_who_does_not_have_it_cannot_verify_and_is_told_what_to_install(
    with_it: dict[str, str], tmp_path: Path
) -> None:
    folder = str(tmp_path / "run")
    changes = ("--set", "training.rounds=1", "--set", "mechanisms.digests.fewest=1")
    ran = collegium("run", "heart", *changes, "--out", folder, cwd=tmp_path, env=with_it)
    assert ran.returncode == 0
    code, *said = diagnosis(collegium("verify", folder, cwd=tmp_path))
    assert code == "plugin.module"
    assert "digests@1" in " ".join(said)


@pytest.mark.parametrize("name", ["my_vouch", "Vouch", "a.b.c", "", "x" * 21])
def test_a_phase_whose_timeout_could_not_be_said_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="another name"):
        Phase(name, "validators", "round.vouch", "vouches", 85)
