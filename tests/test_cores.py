"""Every part of the work is done once, by however many threads, and a failure is told."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Barrier, get_ident

import pytest

from collegium import cores
from collegium.cores import spread


@pytest.mark.parametrize("available", [1, 2, 5])
@pytest.mark.parametrize("count", [0, 1, 3, 40])
def test_every_part_is_done_once(
    available: int, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cores, "cores", lambda: available)
    done: list[int] = []
    spread(count, done.append, count)
    assert sorted(done) == list(range(count))


def test_there_are_no_more_threads_than_helpers_and_this_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cores, "cores", lambda: 8)
    here, together = set[int](), Barrier(3)

    def work(_: int) -> None:
        if get_ident() not in here:
            here.add(get_ident())
            together.wait(timeout=60)

    spread(30, work, 2)
    assert len(here) == 3


def test_what_fails_in_a_thread_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores, "cores", lambda: 2)

    def fail(place: int) -> None:
        raise ZeroDivisionError(place)

    with pytest.raises(ZeroDivisionError):
        spread(10, fail, 10)


def test_only_the_cores_that_this_process_may_use_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5}, raising=False)
    assert cores.cores() == 2


@pytest.mark.parametrize(
    ("told", "enough"),
    [("250000 100000", 3), ("50000 100000", 1), ("max 100000", 1 << 16), ("", 1 << 16)],
)
def test_a_quota_of_processor_time_counts(told: str, enough: int, tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_text(told)
    assert cores._quota(tmp_path / "cpu.max") == enough
    assert cores._quota(tmp_path / "absent") == 1 << 16
    assert 1 <= cores.cores() <= (os.cpu_count() or 1)
