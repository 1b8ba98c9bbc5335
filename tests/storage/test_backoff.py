"""Waits grow exponentially, are drawn anew each time, and have an upper bound."""

from __future__ import annotations

from collegium.storage.backoff import Backoff


def test_waits_grow_and_stay_below_the_longest() -> None:
    backoff = Backoff(first=1, most=8)
    longest = [max(backoff.wait(failures) for _ in range(200)) for failures in range(1, 9)]
    for failures, seen in enumerate(longest, start=1):
        bound = min(8, 2 ** (failures - 1))
        assert 0.8 * bound < seen <= bound
    assert backoff.wait(10**9) <= 8


def test_no_two_members_wait_alike() -> None:
    backoff = Backoff(first=1, most=8)
    assert len({backoff.wait(4) for _ in range(20)}) == 20
