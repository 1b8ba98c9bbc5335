"""Rows of a table that a study leaves out, counted by reason: the one tally that all who tell read.

A count is over all sites of the table. One below the smallest number that sites speak of is told as
fewer than that, so that it points at nobody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

Why = Literal[
    "no-target", "negative", "no-event", "no-exposure", "no-site", "no-time", "class", "small-site",
    "known-person",
]  # fmt: skip

REASONS: Mapping[Why, str] = {
    "no-target": "without a target that can be read",
    "negative": "with a negative count or time",
    "no-event": "with a time and no event",
    "no-exposure": "without an exposure above 0",
    "no-site": "without a site",
    "no-time": "without a date or number to cut by",
    "class": "of a class that the study does not ask about",
    "small-site": "of a site with one person",
    "known-person": "late ones of persons who are trained on",
}


class RowsLeftOut(msgspec.Struct, frozen=True):
    """How many rows are left out for one reason; `rows` is None where they are fewer than told."""

    why: Why
    rows: int | None
    smallest: int

    def in_words(self) -> str:
        """Return the count and the reason."""
        return f"{self._count()} {REASONS[self.why]}"

    def _count(self) -> str:
        if self.rows is None:
            return f"fewer than {self.smallest}"
        return str(self.rows)


def told(counts: Iterable[tuple[Why, int]], smallest: int) -> tuple[RowsLeftOut, ...]:
    """Return a tally as it may be told, in the order of `REASONS`; a row has one reason."""
    rows: Counter[Why] = Counter()
    for why, count in counts:
        rows[why] += count
    return tuple(
        RowsLeftOut(why, rows[why] if rows[why] >= smallest else None, smallest)
        for why in REASONS
        if rows[why]
    )


def sentence(left_out: Iterable[RowsLeftOut]) -> str:
    """Return what is left out in one line; nothing where nothing is."""
    reasons = "; ".join(one.in_words() for one in left_out)
    return f"rows left out: {reasons}" if reasons else ""
