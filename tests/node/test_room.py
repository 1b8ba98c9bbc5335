"""A home says before it is full that it fills, and then takes nothing new."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.node.kit import PHASE, Clock, closed, document, town

from collegium.canonical import from_text
from collegium.errors import NodeError
from collegium.node.config import CONFIG, read_config
from collegium.node.room import GIB, MEASURE_EVERY, RESERVE, Room

MIB = 2**20


def room(folder: Path, clock: Clock, mib: int, free: int = 2**40) -> Room:
    return Room(folder, mib * MIB / GIB, clock, lambda _: free)


def test_a_home_tells_that_it_fills_and_that_it_is_full(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    one = room(tmp_path, clock, 10)
    (tmp_path / "first").write_bytes(bytes(7 * MIB))
    assert (one.left, one.trouble) == (3 * MIB, None)
    (tmp_path / "second").write_bytes(bytes(2 * MIB))
    clock.now += MEASURE_EVERY
    assert one.left == MIB
    assert one.percent == 90.0
    assert "nearly full" in str(one.trouble)
    assert "home.quota = 0.00976562 GiB" in str(one.trouble)
    one.took(MIB)
    assert one.left == 0, "without another count"
    assert "no new study is taken" in str(one.trouble)
    (tmp_path / "first").unlink()
    clock.now += MEASURE_EVERY
    assert one.trouble is None
    assert [record.levelname for record in caplog.records] == ["WARNING"], "once, not every look"


def test_a_disk_with_little_left_is_a_full_home(tmp_path: Path) -> None:
    (tmp_path / "first").write_bytes(bytes(MIB))
    one = room(tmp_path, Clock(), 100, free=RESERVE + MIB)
    assert one.left == MIB
    assert room(tmp_path, Clock(), 100, free=RESERVE - 1).left == 0
    assert "the disk has 0.00 GiB left" in str(
        room(tmp_path, Clock(), 100, free=RESERVE - 1).trouble
    )


def test_a_full_home_takes_no_new_study_and_goes_on_with_what_it_took(tmp_path: Path) -> None:
    taken: set[bytes] = set()

    def no_room(document: bytes) -> str | None:
        return None if document in taken else "the home is full"

    with town(tmp_path) as within:
        within.acting["va"] = replace(within.acting["va"], no_room=no_room)
        within.members["va"] = within.restarted("va")
        within.propose(document("training.rounds=3"))
        view = within.until(lambda view: view.registration is not None)
        within.turn()
        assert within.members["va"].refused == {"heart": ("the home is full",)}
        assert view.registration is not None
        taken.add(from_text(view.registration.document, 32))
        within.clock.now += 31.0
        within.until(lambda view: view.acceptance("va") is not None)
        within.members["va"] = within.restarted("va")
        view = within.until(closed, seconds=3 * PHASE)
        assert view.status is not None
        assert (view.status.outcome, view.closed_rounds) == ("completed", 3)


def test_a_quota_is_a_number_of_gib(tmp_path: Path) -> None:
    text = '[node]\nmember = "va"\n[sequencer]\nurl = "https://h:1"\n[home]\nquota = '
    (tmp_path / CONFIG).write_text(text + "0.5\n")
    assert read_config(tmp_path).home.quota == 0.5
    (tmp_path / CONFIG).write_text(text + "0.0\n")
    with pytest.raises(NodeError, match=r"node.toml:6: home.quota is out of range"):
        read_config(tmp_path)
