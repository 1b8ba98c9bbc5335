"""Looking after evidence that nobody asks for: each blob is read from the disk again, now and then.

A file may rot for years before somebody reads it. The ledger is walked from its beginning to its
end, a few blobs at a time while nothing else is to be done; what is damaged or gone is fetched
anew, and what the shared store has lost meanwhile it gets back, so that the others find it there.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from collegium.errors import CollegiumError, FormatError
from collegium.ledger.frames import ENTRY, read_frames
from collegium.node.blob_limit import Kind
from collegium.node.blob_replication import NamedBlob

AT_ONCE = 8
"""Blobs that are read in one turn of the loop."""

RESTS = 60.0
"""Seconds for which a store that cannot be asked is left alone."""

PART = 1 << 20
"""Bytes of the ledger that are looked at together; no entry is longer."""

log = logging.getLogger(__name__)


class ScrubbedBlobs(Protocol):
    """A home's blobs and the shared store, as the scrubber asks them.

    Raises:
        CollegiumError: from `offer`, where the store cannot be asked.
    """

    def check(self, digest: bytes) -> bool:
        """Return whether the disk holds a blob with the bytes that its digest tells."""
        ...

    def offer(self, digest: bytes, most: int) -> None:
        """Give a blob that the home has to the shared store, as `ReplicatedBlobs` does."""
        ...


class Scrubber:
    """One walk after the other.

    Args:
        ledger: the member's ledger.log.
        blobs: its blobs.
        named: returns which blobs an entry names that the home is to hold.
        want: is told of a blob that is to be fetched anew.
        most: returns how many bytes a study's blob of a kind may have.
        every: seconds from the end of one walk to the beginning of the next.
        clock: seconds that only grow.
    """

    def __init__(
        self, ledger: Path, blobs: ScrubbedBlobs, named: Callable[[bytes], list[NamedBlob]],
        want: Callable[[NamedBlob], None], most: Callable[[str, Kind], int], every: float,
        clock: Callable[[], float],
    ) -> None:  # fmt: skip
        self._ledger, self._blobs, self._named, self._want = ledger, blobs, named, want
        self._most, self._every, self._clock = most, every, clock
        self._at = 0  # bytes of the ledger that this walk has passed
        self._left: deque[NamedBlob] = deque()
        self._next = clock() + every

    def work(self) -> None:
        """Look at some blobs, if a walk is due."""
        if self._clock() < self._next:
            return
        for _ in range(AT_ONCE):
            if not self._left and not self._read_on():
                self._at, self._next = 0, self._clock() + self._every
                return
            if self._left and not self._look_at(self._left.popleft()):
                self._next = self._clock() + RESTS
                return

    def _read_on(self) -> bool:
        """Note what the next part of the ledger names; return whether there was one."""
        try:
            with self._ledger.open("rb") as file:
                file.seek(self._at)
                data = file.read(PART)
            end = 0
            for frame in read_frames(data):
                if frame.kind == ENTRY:
                    self._left += self._named(frame.body)
                end = frame.end
        except (OSError, FormatError):  # it is being mended; the next walk begins anew
            return False
        self._at += end
        return end > 0

    def _look_at(self, named: NamedBlob) -> bool:
        """Return whether the store could be asked about a sound blob, or had not to be."""
        if not self._blobs.check(named.digest):
            log.warning("blob damaged", extra={"blob": named.digest.hex()})
            self._want(named)
            return True
        try:
            self._blobs.offer(named.digest, self._most(named.study, named.kind))
        except CollegiumError:  # the next walk offers it
            return False
        return True
