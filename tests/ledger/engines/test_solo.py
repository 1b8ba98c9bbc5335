"""`solo` thinks on while a block is synced, and writes no other before it is."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Event

import pytest
from tests.ledger.contract.kit import World, envelope, four_equals, key_of
from tests.ledger.contract.moves import proposal_id

from collegium.ledger.contract.transactions import Expel, MemberPropose
from collegium.ledger.engines.solo import SoloOrdering, open_solo
from collegium.ledger.ordering import Ordered


def opened(tmp_path: Path, world: World) -> SoloOrdering:
    return open_solo(tmp_path / "ledger.log", world.genesis, key_of("*log"), print)


def proposal(world: World, label: str) -> bytes:
    return envelope(world, "ada", MemberPropose, action=Expel("di"), proposal=proposal_id(label))


def test_a_block_is_answered_before_and_followed_after_its_sync(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, allowed, sizes = four_equals(), Event(), list[int]()
    engine = opened(tmp_path, world)
    sync = os.fsync

    def slow(descriptor: int) -> None:
        assert allowed.wait(60)
        sizes.append((tmp_path / "ledger.log").stat().st_size)
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", slow)
    (outcome,) = engine.submit([proposal(world, "first")])
    assert isinstance(outcome, Ordered)
    assert (engine.final_size, sizes) == (1, [])
    written = (tmp_path / "ledger.log").stat().st_size
    allowed.set()
    engine.submit([proposal(world, "second")])
    assert sizes[0] == written
    engine.close(complete=True)
    assert sizes[-1] == (tmp_path / "ledger.log").stat().st_size


def test_a_disk_that_refuses_a_block_is_told_before_another_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = four_equals()
    engine = opened(tmp_path, world)

    def refused(_: int) -> None:
        raise OSError("full")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", refused)
        engine.submit([proposal(world, "first")])
        with pytest.raises(OSError, match="full"):
            engine.submit([proposal(world, "second")])
    assert engine.final_size == 1
    engine.close(complete=False)
