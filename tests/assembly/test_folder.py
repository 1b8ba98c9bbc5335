"""Where a run may begin, where it may go on, and what lies there afterwards."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from collegium.assembly.folder import check_vacant, claimed
from collegium.audit.trust import policy_root
from collegium.audit.verify import verify
from collegium.errors import RunError
from collegium.measuring.result import RunResult
from collegium.report.measurements import FinalLine, read_lines
from collegium.simulation.execution import run
from collegium.study.presets import preset_text
from collegium.study.reading import read_study

CHANGES = ("training.rounds=2", "evaluation.bootstrap=0")


def refusal(folder: Path, *changes: str, resume: bool = False) -> str:
    with pytest.raises(RunError) as caught:
        run("heart", out=folder, changes=[*CHANGES, *changes], resume=resume)
    return caught.value.code


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "ledger.snapshot"
    }


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    return run("heart", out=tmp_path_factory.mktemp("finished") / "run", changes=CHANGES)


def test_a_run_leaves_what_the_readme_names(finished: RunResult) -> None:
    assert {path.name for path in finished.folder.iterdir() if not path.name.startswith(".")} == {
        "blobs", "ledger.log", "ledger.snapshot", "members", "metrics.jsonl", "model",
        "policy.json", "study.toml",
    }  # fmt: skip
    assert not [path for path in finished.folder.rglob("*") if "partial" in path.name]


def test_the_kept_study_is_the_one_that_was_registered(finished: RunResult) -> None:
    assert read_study(finished.folder / "study.toml").study == finished.study
    assert finished.study.training.rounds == 2


def test_the_policy_holds_the_run_to_a_checkpoint_a_round(finished: RunResult) -> None:
    root = policy_root(finished.folder / "policy.json")
    assert len(root.checkpoints) == 2 + 1
    assert verify(finished.folder, trust=root).anchored == "checkpoint"


def test_resuming_what_is_not_there_begins_it(tmp_path: Path, finished: RunResult) -> None:
    result = run("heart", out=tmp_path / "a" / "b", changes=CHANGES, resume=True)
    assert (result.model, result.app_hash) == (finished.model, finished.app_hash)


def test_resuming_what_is_finished_changes_nothing_and_says_the_same(finished: RunResult) -> None:
    before = contents(finished.folder)
    again = run("heart", out=finished.folder, changes=CHANGES, resume=True)
    assert contents(finished.folder) == before
    assert again == finished


def test_resuming_a_finished_run_measures_again_what_was_lost(
    tmp_path: Path, finished: RunResult
) -> None:
    folder = tmp_path / "run"
    run("heart", out=folder, changes=CHANGES)
    (folder / "metrics.jsonl").write_bytes(b"")
    again = run("heart", out=folder, changes=CHANGES, resume=True).measured
    assert again.federated == finished.measured.federated
    assert again.local == finished.measured.local
    (line,) = read_lines(folder / "metrics.jsonl")
    assert isinstance(line, FinalLine)


def test_another_study_is_refused(finished: RunResult) -> None:
    before = contents(finished.folder)
    assert refusal(finished.folder, "training.rounds=3", resume=True) == "run.other-study"
    assert refusal(finished.folder, "study.seed=8", resume=True) == "run.other-study"
    assert contents(finished.folder) == before


def test_another_study_is_refused_even_where_its_document_was_lost(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    run("heart", out=folder, changes=CHANGES)
    (folder / "study.toml").unlink()
    assert refusal(folder, "study.seed=8", resume=True) == "run.other-ledger"


def test_nothing_is_ever_overwritten(tmp_path: Path, finished: RunResult) -> None:
    assert refusal(finished.folder) == "run.exists"
    (tmp_path / "notes.txt").write_text("mine")
    assert refusal(tmp_path) == "run.exists"
    assert refusal(tmp_path, resume=True) == "run.no-run"
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_an_empty_folder_and_the_first_traces_of_a_run_are_vacant(tmp_path: Path) -> None:
    check_vacant(tmp_path, resume=False)
    (tmp_path / ".lock").touch()
    (tmp_path / ".study.toml").touch()
    check_vacant(tmp_path, resume=True)


def test_a_folder_that_another_process_writes_is_busy(tmp_path: Path) -> None:
    with claimed(tmp_path / "run"):
        assert refusal(tmp_path / "run", resume=True) == "run.busy"
    assert run("heart", out=tmp_path / "run", changes=CHANGES, resume=True).rounds == 2


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert refusal(tmp_path / "file") == "run.folder"
    assert refusal(tmp_path / "file" / "run") == "run.folder"


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to the superuser")
def test_a_folder_that_may_not_be_written_or_read_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert refusal(tmp_path / "run") == "run.folder"
    tmp_path.chmod(0o300)
    assert refusal(tmp_path) == "run.folder"
    tmp_path.chmod(0o700)


def test_a_study_that_cannot_run_leaves_no_folder(tmp_path: Path) -> None:
    for change in ("training.rounds=0", "aggregation.rule=fltrust", "data.source=nowhere"):
        with pytest.raises(Exception, match=r"\[study\."):
            run("heart", out=tmp_path / "run", changes=[*CHANGES, change])
    assert not (tmp_path / "run").exists()


def test_a_typed_study_runs_as_its_document_does(tmp_path: Path, finished: RunResult) -> None:
    typed = read_study("heart", CHANGES).study
    result = run(typed, out=tmp_path / "run")
    assert (result.model, result.app_hash) == (finished.model, finished.app_hash)
    renamed = msgspec.structs.replace(typed, study=msgspec.structs.replace(typed.study, id="other"))
    assert run(renamed, out=tmp_path / "other").app_hash != finished.app_hash


def test_a_typed_study_takes_no_changes(tmp_path: Path) -> None:
    with pytest.raises(RunError) as caught:
        run(read_study("heart").study, out=tmp_path / "run", changes=CHANGES)
    assert caught.value.code == "run.changes"


def test_a_study_may_be_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(preset_text("heart").replace("rounds = 100", "rounds = 1"))
    result = run(path, out=tmp_path / "run", changes=["evaluation.bootstrap=0"])
    assert result.rounds == 1
