"""How much room a home has for blobs: its quota, and what its disk has left.

Nothing that the ledger names is dropped to make room but what `blobs.retention` lets go: else
whoever fills homes would have evidence against it deleted. A home that is full takes no new study
and fetches nothing that none of its participants needs; what has begun goes on.
docs/decisions/0153.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

GIB = 1 << 30

RESERVE = 1 << 28
"""Bytes that a disk keeps free for the ledger, the outbox and the log."""

NEARLY = 80.0
"""Percent from which on a home tells that it fills."""

MEASURE_EVERY = 10.0
"""Seconds between two counts of the blobs' bytes."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Filled:
    """How much of a home's room was taken when it was counted.

    Attributes:
        used: bytes of its blobs.
        quota: bytes that they may have.
        free: bytes that the disk has left for them.
    """

    used: int
    quota: int
    free: int

    @property
    def left(self) -> int:
        """Bytes that there is room for; 0 where the home is full."""
        return max(0, min(self.quota - self.used, self.free))

    @property
    def percent(self) -> float:
        """How much of the room is taken, in percent."""
        left = self.left
        return 100.0 * self.used / max(self.used + left, 1) if left else 100.0

    @property
    def trouble(self) -> str | None:
        """What there is to say of a home that is nearly full, or full; None of another one."""
        if self.percent < NEARLY:
            return None
        what = f"blobs take {self.used / GIB:.2f} GiB of home.quota = {self.quota / GIB:g} GiB"
        if self.free < self.quota - self.used:
            what += f", and the disk has {max(0, self.free) / GIB:.2f} GiB left for them"
        if self.left:
            return f"the home is nearly full: {what}; when it is full no new study is taken"
        return f"the home is full: {what}; no new study is taken"


def disk_left(folder: Path) -> int:
    """Return how many bytes the disk of a folder has left."""
    return shutil.disk_usage(folder).free


def count(blobs: Path, quota: float, free: Callable[[Path], int] = disk_left) -> Filled:
    """Return how much of a home's room is taken; a folder that is not there yet has no blobs.

    Args:
        blobs: the folder.
        quota: in GiB.
        free: as `disk_left`.
    """
    there = blobs.is_dir()
    used = 0
    for one in os.scandir(blobs) if there else ():
        with suppress(FileNotFoundError):  # a node that runs puts files in their places
            used += one.stat().st_size if one.is_file() else 0
    left = free(blobs if there else blobs.parent) - RESERVE
    return Filled(used, int(quota * GIB), left)


class Room:
    """The room of a home, counted now and then.

    Args:
        blobs: the folder.
        quota: in GiB.
        clock: seconds that only grow.
        free: as `disk_left`.
    """

    def __init__(
        self, blobs: Path, quota: float, clock: Callable[[], float],
        free: Callable[[Path], int] = disk_left,
    ) -> None:  # fmt: skip
        self._count = partial(count, blobs, quota, free)
        self._clock = clock
        self._last = Filled(0, int(quota * GIB), 0)
        self._measure_at = clock()
        self._told: str | None = None

    def took(self, count: int) -> None:
        """Note that a blob of so many bytes was fetched since the last count."""
        self._last = replace(self._last, used=self._last.used + count, free=self._last.free - count)

    @property
    def used(self) -> int:
        """Bytes of its blobs, as of the last count, with what was fetched since."""
        return self._last.used

    @property
    def left(self) -> int:
        """Bytes that there is room for; 0 where the home is full."""
        return self._now().left

    @property
    def percent(self) -> float:
        """How much of its room is taken, in percent."""
        return self._now().percent

    @property
    def trouble(self) -> str | None:
        """What there is to say of a home that is nearly full, or full; None of another one."""
        return self._now().trouble

    def _now(self) -> Filled:
        now = self._clock()
        if now >= self._measure_at:
            self._measure_at = now + MEASURE_EVERY
            self._last = self._count()
            self._tell()
        return self._last

    def _tell(self) -> None:
        trouble = self._last.trouble
        state = None if trouble is None else trouble.partition(":")[0]
        if state != self._told and trouble is not None:
            log.warning("home fills", extra={"why": trouble})
        self._told = state
