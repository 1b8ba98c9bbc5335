"""Where a run stands, by its files, whatever they are."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from tests.serving.folder import HIDDEN, run_in

from collegium.assembly.folder import claimed
from collegium.serving import runs
from collegium.serving.finding import Found, listing
from collegium.serving.runs import run_state


def found(folder: Path) -> Found:
    (one,) = listing(folder.parent).of("runs")
    return one


def test_a_finished_run_is_finished(tmp_path: Path) -> None:
    one = run_state(found(run_in(tmp_path / "run")))
    assert (one.state, one.closed, one.rounds, one.troubles) == ("finished", 12, 100, ())
    assert one.has_report


def test_a_run_goes_on_while_a_process_holds_its_folder(tmp_path: Path) -> None:
    folder = run_in(tmp_path / "run", rounds=3)
    if not runs.LOCKS.exists():
        pytest.skip("this system does not tell who holds which lock")
    assert run_state(found(folder)).state == "unfinished"
    with claimed(folder):
        one = run_state(found(folder))
        assert (one.state, one.closed) == ("running", 3)
        took = [sum(line.seconds.values()) for line in one.metrics.rounds]
        assert one.remaining == pytest.approx(97 * sorted(took)[1])
    assert run_state(found(folder)).state == "unfinished"


def test_looking_keeps_no_run_from_its_folder(tmp_path: Path) -> None:
    folder = run_in(tmp_path / "run", rounds=3)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    for _ in range(3):
        run_state(found(folder))
        with claimed(folder):
            pass
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_where_nothing_tells_of_locks_what_was_just_written_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = run_in(tmp_path / "run", rounds=3)
    monkeypatch.setattr(runs, "LOCKS", tmp_path / "none")
    assert run_state(found(folder)).state == "running"
    for name in ("metrics.jsonl", "ledger.log", "study.toml"):
        os.utime(folder / name, (1, 1))
    assert run_state(found(folder)).state == "unfinished"


def test_a_torn_last_line_is_left_out(tmp_path: Path) -> None:
    folder = run_in(tmp_path / "run")
    data = (folder / "metrics.jsonl").read_bytes()
    (folder / "metrics.jsonl").write_bytes(data[: data.rindex(b"\n", 0, -1) - 5])
    one = run_state(found(folder))
    assert (one.closed, one.metrics.final, one.troubles) == (11, None, ())


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("metrics.jsonl", b'{"kind": "round"}\n', "metrics.jsonl line 1 cannot be read"),
        ("metrics.jsonl", b"[" * 100_000 + b"\n", "metrics.jsonl line 1 cannot be read"),
        ("study.toml", b"[study]\nid = ", "study.toml is no study document of this version"),
        ("study.toml", b"\xff\xfe\x00", "study.toml is no study document of this version"),
    ],
)
def test_what_is_damaged_is_told_as_that(
    name: str, content: bytes, told: str, tmp_path: Path
) -> None:
    folder = run_in(tmp_path / "run")
    (folder / name).write_bytes(content)
    assert run_state(found(folder)).troubles == (told,)


def test_links_pipes_and_endless_files_are_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = run_in(tmp_path / "run")
    metrics = folder / "metrics.jsonl"
    one = found(folder)
    metrics.rename(folder / "elsewhere")
    metrics.symlink_to(folder / "elsewhere")
    linked = run_state(one)
    assert (linked.closed, len(linked.troubles)) == (0, 1)
    metrics.unlink()
    os.mkfifo(metrics)
    assert run_state(one).troubles == ("metrics.jsonl: it is no ordinary file: metrics.jsonl",)
    metrics.unlink()
    (folder / "elsewhere").rename(metrics)
    monkeypatch.setattr(runs, "LARGEST_METRICS", 2**20)
    with metrics.open("ab") as file:
        file.truncate(2**20 + 1)
    assert run_state(one).troubles == ("metrics.jsonl: it is larger than 1 MiB: metrics.jsonl",)


def test_a_run_that_is_deleted_while_it_is_listed_is_told_as_unreadable(tmp_path: Path) -> None:
    folder = run_in(tmp_path / "run")
    one = found(folder)
    shutil.rmtree(folder)
    state = run_state(one)
    assert (state.study, state.closed, state.state) == (None, 0, "unfinished")
    assert HIDDEN not in str(state.troubles)
