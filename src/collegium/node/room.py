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
from pathlib import Path

GIB = 1 << 30

RESERVE = 1 << 28
"""Bytes that a disk keeps free for the ledger, the outbox and the log."""

NEARLY = 80.0
"""Percent from which on a home tells that it fills."""

MEASURE_EVERY = 10.0
"""Seconds between two counts of the blobs' bytes."""

log = logging.getLogger(__name__)


class Room:
    """The room of a home.

    Attributes:
        used: bytes of its blobs, as of the last count, with what was fetched since.
        quota: bytes that they may have.

    Args:
        blobs: the folder.
        quota: in GiB.
        clock: seconds that only grow.
        free: returns how many bytes the disk of a folder has left.
    """

    def __init__(
        self, blobs: Path, quota: float, clock: Callable[[], float],
        free: Callable[[Path], int] = lambda path: shutil.disk_usage(path).free,
    ) -> None:  # fmt: skip
        self.quota = int(quota * GIB)
        self.used = 0
        self._blobs, self._clock, self._free = blobs, clock, free
        self._left = 0
        self._measure_at = clock()
        self._told: str | None = None

    def took(self, count: int) -> None:
        """Note that a blob of so many bytes was fetched since the last count."""
        self.used += count
        self._left -= count

    @property
    def left(self) -> int:
        """Bytes that there is room for; 0 where the home is full."""
        now = self._clock()
        if now >= self._measure_at:
            self._measure_at = now + MEASURE_EVERY
            files = os.scandir(self._blobs)
            self.used = sum(one.stat().st_size for one in files if one.is_file())
            self._left = min(self.quota - self.used, self._free(self._blobs) - RESERVE)
            self._tell()
        return max(0, self._left)

    @property
    def percent(self) -> float:
        """How much of its room is taken, in percent."""
        left = self.left
        return 100.0 * self.used / max(self.used + left, 1) if left else 100.0

    @property
    def trouble(self) -> str | None:
        """What there is to say of a home that is nearly full, or full; None of another one."""
        if self.percent < NEARLY:
            return None
        what = f"blobs take {self.used / GIB:.2f} GiB of home.quota = {self.quota / GIB:g} GiB"
        if self._left < self.quota - self.used:
            what += f", and the disk has {max(0, self._left) / GIB:.2f} GiB left for them"
        if self.left:
            return f"the home is nearly full: {what}; when it is full no new study is taken"
        return f"the home is full: {what}; no new study is taken"

    def _tell(self) -> None:
        trouble = self.trouble
        state = None if trouble is None else trouble.partition(":")[0]
        if state != self._told and trouble is not None:
            log.warning("home fills", extra={"why": trouble})
        self._told = state
