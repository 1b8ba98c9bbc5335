"""How many sites drop out, and that it is the draw that decides which."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from collegium.threats.dropout import DroppingOut


class Talking:
    """A participant that always has something to say."""

    name = "talking"

    def reconcile(self, view: Any, *, idle: bool) -> list[bytes]:
        return [b"said"]


def silent(share: float, count: int, number: int, attempt: int = 1) -> list[str]:
    """Return who says nothing in an attempt with `count` participants."""
    names = tuple(f"site-{index}" for index in range(count))
    view: Any = SimpleNamespace(
        silences={}, participants=names, number=number, attempt=attempt, round=object()
    )
    return [
        name
        for name in names
        if not DroppingOut(Talking(), name, share, 7).reconcile(view, idle=False)
    ]


@pytest.mark.parametrize(("share", "count", "absent"), [(0.29, 100, 29), (0.5, 5, 2), (0.1, 9, 0)])
def test_the_share_is_rounded_down_as_the_decimal_that_it_is(
    share: float, count: int, absent: int
) -> None:
    assert len(silent(share, count, 1)) == absent


def test_others_drop_out_in_another_round_or_attempt_and_the_same_ones_in_the_same() -> None:
    first = silent(0.3, 40, 1)
    assert first == silent(0.3, 40, 1)
    assert first != silent(0.3, 40, 2)
    assert first != silent(0.3, 40, 1, attempt=2)


def test_nobody_drops_out_outside_of_rounds() -> None:
    view: Any = SimpleNamespace(silences={}, participants=(), number=0, attempt=0, round=None)
    assert DroppingOut(Talking(), "site-1", 0.9, 7).reconcile(view, idle=False) == [b"said"]
