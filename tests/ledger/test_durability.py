"""Syncs go on by themselves, in order, and whoever waits learns how they went."""

from __future__ import annotations

from contextlib import closing
from threading import Event

import pytest

from collegium.ledger.durability import PendingSyncs


def test_a_sync_goes_on_while_its_owner_does() -> None:
    allowed, done = Event(), list[str]()

    def first() -> None:
        assert allowed.wait(60)
        done.append("first")

    with closing(PendingSyncs()) as syncs:
        syncs.begin(first)
        syncs.begin(lambda: done.append("second"))
        assert done == []
        allowed.set()
        syncs.wait()
        assert done == ["first", "second"]


def test_waiting_tells_what_the_disk_refused_once() -> None:
    def refused() -> None:
        raise OSError("full")

    with closing(PendingSyncs()) as syncs:
        syncs.begin(refused)
        with pytest.raises(OSError, match="full"):
            syncs.wait()
        syncs.wait()


def test_closing_tells_it_too() -> None:
    def refused() -> None:
        raise OSError("full")

    syncs = PendingSyncs()
    syncs.begin(refused)
    with pytest.raises(OSError, match="full"):
        syncs.close()
