"""A whole consortium as real processes: what it comes to, and what never leaves a home."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep

import pytest
from tests.commands import environment
from tests.network.trials import (
    FOR_ALL,
    MEMBERS,
    QUICK,
    holders,
    no_progress,
    secrets_of,
    started,
    trial,
)

from collegium.audit.trust import genesis_root
from collegium.audit.verify import verify
from collegium.ledger.ordering import LEDGER
from collegium.network.processes import ChildProcess, is_alive
from collegium.network.record import RECORD, home_of, read_record
from collegium.network.trial import stop_all, verify_members
from collegium.network.watch import statuses, study_of, wait_closed
from collegium.node.home import read_keys
from collegium.node.templates import policy_text
from collegium.simulation.execution import run

pytestmark = pytest.mark.long


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "collegium", *map(str, arguments)]


def called(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments), cwd=cwd, env=environment(), capture_output=True, text=True,
        check=False, timeout=300,
    )  # fmt: skip


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a consortium that has trained and is down again."""
    folder = tmp_path_factory.mktemp("up")
    changes = [word for change in FOR_ALL for word in ("--set", change)]
    done = called("network", "up", "heart", "--members", 4, *changes, "--json", cwd=folder)
    try:
        assert done.returncode == 0, done.stderr
        (folder / "told.json").write_text(done.stdout)
        status = called("network", "status", "--json", cwd=folder)
        assert status.returncode == 0, status.stderr
        (folder / "status.json").write_text(status.stdout)
        shutil.copyfile(folder / "network" / RECORD, folder / RECORD)
    finally:
        down = called("network", "down", "--json", cwd=folder)
    assert json.loads(down.stdout)["ended"] == ["sequencer", *MEMBERS]
    return folder


def test_it_trains_the_model_of_the_simulation_bit_for_bit(up: Path, tmp_path: Path) -> None:
    told = json.loads((up / "told.json").read_text())
    assert (told["outcome"], told["rounds"]) == ("completed", 3)
    assert told["model"] == run("heart", out=tmp_path / "solo", changes=FOR_ALL).model


def test_every_member_has_verified_its_own_copy_and_all_copies_are_one(up: Path) -> None:
    told = json.loads((up / "told.json").read_text())
    assert told["verified"] == dict.fromkeys(MEMBERS, True)
    ledgers = {(home_of(up / "network", name) / LEDGER).read_bytes() for name in MEMBERS}
    assert len(ledgers) == 1
    for name in MEMBERS:
        home = home_of(up / "network", name)
        found = verify(
            home, trust=genesis_root(told["genesis"]), partial=True,
            keys=read_keys(home, lambda: None).ledger,
        )  # fmt: skip
        assert found.ok
        assert found.anchored == "checkpoint", "its final note is cosigned by a quorum"
        assert found.levels == {"recomputed": 3}
        assert not found.simulated, "keys are held, not derived"
        assert [one for one in found.findings if one.severity != "note"] == []


def test_status_tells_of_every_process_while_it_runs(up: Path) -> None:
    told = json.loads((up / "status.json").read_text())
    assert isinstance(told["sequencer"]["pid"], int)
    for name in MEMBERS:
        one = told["members"][name]
        assert isinstance(one["pid"], int)
        assert one["status"]["state"] == "following"
        assert one["status"]["studies"][0]["phase"] == "closed"
        assert one["status"]["errors"] == {}


def test_down_has_ended_everything(up: Path) -> None:
    before = read_record(up).children
    assert [child.name for child in before] == ["sequencer", *MEMBERS]
    assert not any(is_alive(child) for child in before)
    assert read_record(up / "network").children == ()


def test_no_secret_and_no_row_of_a_member_is_in_any_file_but_its_own(up: Path) -> None:
    folder = up / "network"
    everything = [path for path in up.rglob("*") if path.is_file()]
    for member in MEMBERS:
        home = home_of(folder, member)
        wanted = secrets_of(folder, member)
        own = {what for what, _ in holders([p for p in everything if home in p.parents], wanted)}
        assert {"rows as text", "tls key"} <= own, "the search finds what is there"
        others = [path for path in everything if home not in path.parents]
        assert len(others) > 50
        assert holders(others, wanted) == []


def test_the_search_for_secrets_finds_a_planted_one(up: Path, tmp_path: Path) -> None:
    wanted = secrets_of(up / "network", "va")
    for what, texts in wanted.items():
        (tmp_path / "leak").write_bytes(b"before" + max(texts, key=len) + b"after")
        assert what in {found for found, _ in holders([tmp_path / "leak"], wanted)}


def test_logs_hold_no_secret_and_no_row(up: Path) -> None:
    for member in MEMBERS:
        home = home_of(up / "network", member)
        logs = [home / "node.log", home / "output.log"]
        assert all(path.is_file() for path in logs)
        assert holders(logs, secrets_of(up / "network", member)) == []


def test_a_study_that_one_member_forbids_goes_on_without_it(tmp_path: Path) -> None:
    with trial(tmp_path / "trial", [*QUICK, "evaluation.bootstrap=0"]) as record:
        home = home_of(tmp_path / "trial", "va")
        (home / "policy.toml").write_text(policy_text(["lung"], plain_updates=True))
        settings = home / "node.toml"
        for name in MEMBERS:
            path = home_of(tmp_path / "trial", name) / "node.toml"
            path.write_text(path.read_text().replace("phase = 30.0", "phase = 4.0"))
        assert "phase = 4.0" in settings.read_text()
        record = started(tmp_path / "trial")
        closed = wait_closed(tmp_path / "trial", record, no_progress)
        assert closed.outcome == "completed"
        refusing = study_of(statuses(tmp_path / "trial", record)["va"], "heart")
        assert refusing is not None
        assert "studies does not allow 'heart'" in refusing.refused[0]
        assert '"event":"study refused"' in (home / "node.log").read_text()
        verified = verify_members(tmp_path / "trial", record)
        assert all(one.ok for one in verified.values())
        found = verified["cleveland"].findings
        assert [one.code for one in found if one.severity == "fault"] == []
        (absent,) = (one for one in found if one.parameters.get("case") == "site.absent")
        assert absent.parameters["members"] == ("va",)


def test_nodes_that_are_killed_in_training_change_nothing(tmp_path: Path) -> None:
    changes = ["training.rounds=12", "evaluation.bootstrap=0", "study.attendance=all"]
    folder = tmp_path / "trial"
    with trial(folder, changes):
        record = started(folder)
        for name in ("va", "cleveland", "sequencer"):
            seen = rounds(folder)
            child = next(one for one in read_record(folder).children if one.name == name)
            os.kill(child.pid, signal.SIGKILL)
            gone(child)
            record = started(folder)
            until_round(folder, seen + 2)
        closed = wait_closed(folder, record, no_progress)
        assert closed.outcome == "completed"
        stop_all(folder)
        ledgers = {(home_of(folder, name) / LEDGER).read_bytes() for name in MEMBERS}
        assert len(ledgers) == 1
    assert closed.model == run("heart", out=tmp_path / "solo", changes=changes).model


def rounds(folder: Path) -> int:
    found = statuses(folder, read_record(folder)).values()
    known = [study_of(one, "heart") for one in found]
    return max((one.closed_rounds for one in known if one is not None), default=0)


def until_round(folder: Path, number: int) -> None:
    until = monotonic() + 60
    while rounds(folder) < number:
        assert monotonic() < until
        sleep(0.1)


def gone(child: ChildProcess) -> None:
    until = monotonic() + 10
    while is_alive(child):
        assert monotonic() < until
        sleep(0.02)


def test_a_consortium_that_runs_is_not_ended_by_a_mistake(tmp_path: Path) -> None:
    folder = tmp_path / "trial"
    with trial(folder):
        record = started(folder)
        done = called("network", "up", "heart", "--dir", folder, cwd=tmp_path)
        assert done.returncode == 2
        assert "[network.other]" in done.stderr
        assert read_record(folder).running() == record.children
        again = called("network", "up", "--dir", folder, "--json", cwd=tmp_path)
        assert again.returncode == 0, again.stderr
        assert json.loads(again.stdout)["outcome"] == "completed"
        assert read_record(folder).running() == record.children


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGHUP, marks=pytest.mark.long)]
)
def test_ctrl_c_or_a_closed_terminal_ends_every_process(tmp_path: Path, number: int) -> None:
    process = subprocess.Popen(
        command("network", "up", "heart", "--set", "training.rounds=2000"), cwd=tmp_path,
        env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    until = monotonic() + 60
    children: tuple[ChildProcess, ...] = ()
    while len(children) < 5 or rounds(tmp_path / "network") < 1:
        assert monotonic() < until
        assert process.poll() is None, process.communicate()
        sleep(0.2)
        if (tmp_path / "network" / "network.json").exists():
            children = read_record(tmp_path / "network").children
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in said
    assert not any(is_alive(child) for child in children)


def test_a_process_that_dies_is_told_with_its_last_words_and_all_are_ended(tmp_path: Path) -> None:
    folder = tmp_path / "trial"
    with trial(folder):
        (home_of(folder, "va") / "genesis.json").write_text("{}")
        done = called("network", "up", "--dir", folder, cwd=tmp_path)
        assert done.returncode == 1
        assert "error: va has ended [network.died]" in done.stderr
        assert "genesis" in done.stderr
        assert "Traceback" not in done.stderr
        assert read_record(folder).running() == ()
