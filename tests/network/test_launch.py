"""``run`` with the engine `log`: processes in the foreground, and an ordinary run folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep

import pytest
from tests.commands import environment

from collegium.audit.check import check_receipt
from collegium.audit.issue import issue_policy, issue_receipt
from collegium.audit.trust import policy_root, read_policy
from collegium.audit.verify import verify
from collegium.ledger.final import read_final
from collegium.measuring.reporting import report_on
from collegium.measuring.result import RunResult
from collegium.network.measuring import NO_POOLED
from collegium.network.processes import is_alive
from collegium.network.record import read_record
from collegium.node.home import read_keys
from collegium.release.prediction import predict
from collegium.report.measurements import FinalLine, RoundLine, read_lines
from collegium.report.page import ONE_MACHINE
from collegium.simulation.execution import run

pytestmark = pytest.mark.long

CHANGES = ("training.rounds=3", "evaluation.bootstrap=100", "study.attendance=all")
LOG = (*CHANGES, "consensus.engine=log")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    return run("heart", out=tmp_path_factory.mktemp("launch") / "run", changes=LOG)


def test_it_ends_in_the_model_of_the_simulation(done: RunResult, tmp_path: Path) -> None:
    simulated = run("heart", out=tmp_path / "solo", changes=CHANGES)
    assert (done.outcome, done.rounds) == ("completed", 3)
    assert done.model == simulated.model
    assert done.genesis != simulated.genesis


def test_the_folder_is_a_complete_run_that_verifies(done: RunResult) -> None:
    found = verify(done.folder, trust=policy_root(done.folder / "policy.json"))
    assert found.ok
    assert found.complete
    assert found.anchored == "checkpoint"
    assert found.levels == {"certified_by_votes": 3}, "updates are sealed to the validators"
    assert not found.simulated
    assert found.model == done.model
    assert (found.entries, found.app_hash) == (done.entries, done.app_hash)
    assert [one for one in found.findings if one.severity != "note"] == []


def test_its_entries_can_be_proven_by_what_the_members_cosigned(
    done: RunResult, tmp_path: Path
) -> None:
    (tmp_path / "policy").write_text(issue_policy(done.folder, log_only=False))
    policy = read_policy(tmp_path / "policy")
    found = check_receipt(issue_receipt(done.folder, "5").text.encode(), policy)
    assert found.ok, found.findings
    cosigned = read_final(done.folder)
    assert cosigned is not None
    assert all(f"/{member} " in cosigned for member in read_record(done.folder).members)


def test_a_validators_keys_open_what_is_sealed_to_it(done: RunResult) -> None:
    keys = read_keys(done.folder / "members" / "va", lambda: None).ledger
    found = verify(done.folder, keys=keys)
    assert found.ok
    assert found.levels == {"recomputed": 3}


def test_its_quality_is_signed_and_pooled_is_null_with_a_reason(done: RunResult) -> None:
    assert done.measured.pooled is None
    assert done.measured.pooled_reason == NO_POOLED
    assert done.measured.federated is not None
    assert set(done.measured.federated.overall) == {"accuracy"}
    assert len(done.measured.federated.sites) == 4


def test_its_measurements_tell_every_round(done: RunResult) -> None:
    lines = read_lines(done.folder / "metrics.jsonl")
    rounds = [line for line in lines if isinstance(line, RoundLine)]
    assert isinstance(lines[-1], FinalLine)
    assert [line.round for line in rounds] == [1, 2, 3]
    assert all(line.seconds["clock"] > 0 for line in rounds)
    assert rounds[-1].model == done.model


def test_sealed_updates_are_among_the_bytes_that_are_told(done: RunResult) -> None:
    lines = read_lines(done.folder / "metrics.jsonl")
    model = (done.folder / "blobs" / done.model).stat().st_size
    for line in (one for one in lines if isinstance(one, RoundLine)):
        assert line.bytes["blobs"] > 5 * model, "four updates, each for four, and the model"


def test_report_and_predict_work_on_it(done: RunResult, tmp_path: Path) -> None:
    page = report_on(done.folder).read_text()
    assert "secure sum" in page
    assert ONE_MACHINE in page
    assert done.model in page
    table = tmp_path / "patients.csv"
    rows = (done.folder / "members" / "va" / "rows.csv").read_text().splitlines()
    header = rows[0].split(",")[:-1]  # without the column of persons
    table.write_text("\n".join(",".join(row.split(",")[: len(header)]) for row in rows) + "\n")
    assert predict(done.folder, table).scores.shape == (130, 1)


def test_nothing_runs_any_more(done: RunResult) -> None:
    assert read_record(done.folder).children == ()


def test_a_finished_run_is_told_again_and_starts_nothing(done: RunResult) -> None:
    again = run("heart", out=done.folder, changes=LOG, resume=True)
    assert again.model == done.model
    assert again.measured == done.measured
    assert (again.entries, again.app_hash, again.rounds) == (done.entries, done.app_hash, 3)


def test_a_run_that_was_killed_with_everything_it_started_goes_on(
    done: RunResult, tmp_path: Path
) -> None:
    changes = [word for change in LOG for word in ("--set", change)]
    command = [sys.executable, "-m", "collegium", "run", "heart", *changes]
    process = subprocess.Popen(
        [*command, "--out", "run"], cwd=tmp_path, env=environment(),
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    folder = tmp_path / "run"
    until = monotonic() + 60
    while not (folder / "network.json").exists() or len(read_record(folder).children) < 5:
        assert monotonic() < until
        assert process.poll() is None
        sleep(0.05)
    sleep(1.0)
    children = read_record(folder).children
    process.kill()
    process.communicate()
    os.kill(children[2].pid, signal.SIGKILL)
    again = subprocess.run(
        [*command, "--out", "run", "--resume", "--json"], cwd=tmp_path, env=environment(),
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["model"] == done.model
    assert not any(is_alive(child) for child in children)
