"""`collegium run`: what it prints, what it leaves, how it fails, and that it can be stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from tests.cli.conftest import Call, Finished
from tests.commands import COLLEGIUM, QUICK, collegium, diagnosis, environment, told

from collegium.study.presets import preset_text

HEX = set("0123456789abcdef")
METRICS = {"accuracy", "auc", "sensitivity", "specificity", "brier", "log_loss"}
SITES = {"cleveland", "hungarian", "switzerland", "va"}


def test_json_has_the_keys_that_are_promised(finished: Finished) -> None:
    found = finished.told
    assert found["run"] == "run"
    assert len(found["model"]) == 64
    assert set(found["model"]) <= HEX
    assert found["rounds"] == 2
    assert found["outcome"] == "completed"
    for kind in ("federated", "local", "pooled"):
        quality = found["quality"][kind]
        assert set(quality) == {"overall", "sites"}
        assert set(quality["overall"]) == METRICS
        assert set(quality["sites"]) == SITES
        assert all(set(quality["sites"][site]) == METRICS for site in SITES)
        assert 0.5 < quality["overall"]["accuracy"] < 1
        assert 0.5 < quality["overall"]["auc"] < 1
    assert set(found["ledger"]) == {"entries", "app_hash", "genesis"}
    assert found["ledger"]["entries"] > 20
    assert len(found["ledger"]["app_hash"]) == len(found["ledger"]["genesis"]) == 64
    assert "threat" not in found


def test_nothing_is_shown_on_the_way_where_nobody_watches(finished: Finished) -> None:
    assert finished.done.stderr == ""


def test_people_are_told_quality_digests_and_what_to_do_next(call: Call) -> None:
    done = call("run", "heart", *QUICK)
    assert done.returncode == 0
    assert "completed after 2 rounds" in done.stdout
    for word in ("federated", "local-only", "pooled", "model ", "ledger ", "folder ", "report "):
        assert word in done.stdout
    last = done.stdout.splitlines()[-1]
    command = last.partition("verify it with: collegium ")[2].split()
    assert command[0] == "verify"
    assert call(*command).returncode == 0


def test_a_run_has_a_folder_of_its_own_named_by_its_study(call: Call, tmp_path: Path) -> None:
    first = told(call("run", "heart", *QUICK, "--json"))["run"]
    second = told(call("run", "heart", *QUICK, "--set", "study.seed=8", "--json"))["run"]
    assert first != second
    assert Path(first).parent == Path(second).parent == Path("runs")
    assert all(Path(one).name.startswith("heart-") for one in (first, second))
    assert (tmp_path / first / "report.html").is_file()


def test_a_study_of_ones_own_runs(call: Call, tmp_path: Path) -> None:
    text = preset_text("heart").replace('id = "heart"', 'id = "mine"')
    (tmp_path / "my_study.toml").write_text(text)
    found = told(call("run", "my_study.toml", *QUICK, "--out", "mine", "--json"))
    assert found["run"] == "mine"
    kept = (tmp_path / "mine" / "study.toml").read_text()
    assert 'id = "mine"' in kept
    assert "rounds = 2" in kept


def test_changes_change_the_study_and_the_last_one_wins(call: Call, finished: Finished) -> None:
    changes = ("--set", "training.rounds=7", *QUICK, "--set", "training.rounds=1")
    found = told(call("run", "heart", *changes, "--json"))
    assert found["rounds"] == 1
    assert found["model"] != finished.told["model"]


def test_a_run_can_be_resumed_at_any_time_and_says_the_same(call: Call, finished: Finished) -> None:
    again = ("run", "heart", *QUICK, "--out", "new", "--resume", "--json")
    first = told(call(*again))
    assert {**first, "run": "run"} == finished.told
    assert told(call(*again)) == first


def test_a_run_is_never_overwritten(call: Call) -> None:
    assert call("run", "heart", *QUICK, "--out", "here").returncode == 0
    code, _, _, todo = diagnosis(call("run", "heart", *QUICK, "--out", "here"))
    assert code == "run.exists"
    assert "--resume" in todo
    other = ("run", "heart", *QUICK, "--set", "study.seed=8", "--out", "here", "--resume")
    assert diagnosis(call(*other))[0] == "run.other-study"


def test_who_attacked_is_told(call: Call) -> None:
    threat = ("--set", "threat.attack=lying_validator", "--set", "consensus.validators=4")
    found = told(call("run", "heart10", *QUICK, *threat, "--json"))
    assert found["threat"]["attack"] == "lying_validator"
    (attacker,) = found["threat"]["attackers"]
    verified = told(call("verify", found["run"], "--json"))
    assert verified["ok"]
    liars = [one for one in verified["findings"] if one["code"] == "validator.outvoted"]
    assert [one["what"].split()[0] for one in liars] == [attacker]


def test_a_failed_study_is_told_as_such_with_status_1(call: Call, tmp_path: Path) -> None:
    threat = ("--set", "threat.attack=silent_site", "--set", "threat.attackers=3")
    found = told(call("run", "heart", *QUICK, *threat, "--out", "failed", "--json"), status=1)
    assert found["outcome"] == "failed"
    assert found["rounds"] == 0
    assert [found["quality"][kind] for kind in ("federated", "local", "pooled")] == [None] * 3
    assert "failed" in found["quality"]["pooled_reason"]
    assert (tmp_path / "failed" / "report.html").is_file()
    assert call("verify", "failed").returncode == 0


def test_a_study_that_gets_stuck_is_no_misuse(call: Call) -> None:
    threat = ("--set", "threat.attack=silent_validator", "--set", "threat.attackers=2")
    done = call("run", "heart", *QUICK, *threat, "--out", "stuck")
    notes, rest = done.stderr.splitlines(keepends=True)[:-3], done.stderr.splitlines(keepends=True)
    assert all(line.startswith("note: ") for line in notes)
    done.stderr = "".join(rest[-3:])
    assert diagnosis(done, status=1)[0] == "run.stuck"
    assert call("verify", "stuck", "--partial").returncode == 0


def test_training_that_diverges_is_told_with_what_to_change(call: Call) -> None:
    diverging = ("--set", "model.l2=1e6", "--set", "training.local_epochs=3")
    done = call("run", "heart", *QUICK, *diverging, "--out", "diverged")
    assert done.returncode == 1
    assert "local training diverged" in done.stderr
    assert "training.learning_rate" in done.stderr
    assert call("verify", "diverged").returncode == 0


def test_warnings_do_not_mix_with_results(call: Call) -> None:
    done = call("run", "heart", *QUICK, "--set", "consensus.validators=3", "--json")
    json.loads(done.stdout)
    assert done.stderr.startswith("note: with 3 equal validators")


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_folder_that_cannot_be_made_is_named(call: Call, tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("mine")
    code, what, _, _ = diagnosis(call("run", "heart", *QUICK, "--out", place))
    assert code == "run.folder"
    assert place in what
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to the superuser")
def test_a_folder_that_may_not_be_written_is_named(call: Call, tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    assert diagnosis(call("run", "heart", *QUICK, "--out", "locked/run"))[0] == "run.folder"
    assert diagnosis(call("run", "heart", *QUICK, "--out", "locked"))[0] == "run.folder"


def test_a_full_disk_is_told_in_three_lines(
    call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        code, _, why, todo = diagnosis(call("run", "heart", *QUICK, "--out", "run"), status=1)
    assert code == "system.refused"
    assert "No space left" in why
    assert "--resume" in todo
    assert call("run", "heart", *QUICK, "--out", "run", "--resume").returncode == 0


def test_a_name_that_is_no_text_and_an_old_locale_do_no_harm(tmp_path: Path) -> None:
    text = preset_text("heart").replace("Heart disease across", "心臓 – Herz in")
    (tmp_path / "study.toml").write_text(text, encoding="utf-8")
    old = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    folder = os.fsdecode(b"odd-\xff")
    done = collegium("run", "study.toml", *QUICK, "--out", folder, "--json", cwd=tmp_path, env=old)
    assert told(done)["run"].startswith("odd-")
    assert collegium("verify", folder, cwd=tmp_path, env=old).returncode == 0


def test_an_interrupted_run_stops_with_a_word_and_can_be_resumed(tmp_path: Path) -> None:
    study = ("heart", "--set", "evaluation.bootstrap=0", "--set", "training.rounds=15")
    whole = told(collegium("run", *study, "--out", "whole", "--json", cwd=tmp_path))
    process = subprocess.Popen(
        [COLLEGIUM, "run", *study, "--out", "run"], cwd=tmp_path, env=environment(),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    ledger, enough = tmp_path / "run" / "ledger.log", 20_000
    while process.poll() is None and (not ledger.exists() or ledger.stat().st_size < enough):
        time.sleep(0.001)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == ""
    assert err.split() == ["stopped;", "the", "run", "goes", "on", "with", "--resume"]
    resumed = told(collegium("run", *study, "--out", "run", "--resume", "--json", cwd=tmp_path))
    assert resumed == {**whole, "run": "run"}
