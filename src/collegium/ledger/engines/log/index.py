"""Where in a ledger.log its blocks end, by the number of entries up to there."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right

from collegium.ledger.application import corrupt
from collegium.ledger.frames import BLOCK, ENTRY, GENESIS, read_frames


class BlockIndex:
    """The ends of blocks, in order; the genesis ends at size 0."""

    def __init__(self, data: bytes) -> None:
        """Find the blocks in a file's bytes.

        Raises:
            FormatError: there is a frame that no copy of the `log` engine has.
        """
        self._sizes, self._ends = array("Q"), array("Q")
        count = 0
        for frame in read_frames(data):
            if frame.kind == ENTRY:
                count += 1
            elif frame.kind in (GENESIS, BLOCK):
                self._sizes.append(count)
                self._ends.append(frame.end)
            else:
                raise corrupt(frame.start)

    @property
    def end(self) -> int:
        """Where in the file the last block ends."""
        return self._ends[-1]

    def add(self, size: int, length: int) -> None:
        """Note another block: the size with it, and how many bytes it has."""
        self._sizes.append(size)
        self._ends.append(self.end + length)

    def end_of(self, size: int) -> int | None:
        """Return where the block ends that brings the log to a size, or None if none does."""
        index = bisect_left(self._sizes, size)
        return self._ends[index] if self._sizes[index : index + 1] == array("Q", [size]) else None

    def stretch(self, start: int, limit: int, most: int | None) -> tuple[int, int]:
        """Return from where to where the blocks after `start` entries lie in the file.

        Args:
            start: entries before them; a block ends there.
            limit: entries with them, at most.
            most: bytes after which no other block is taken, or None.
        """
        first = bisect_left(self._sizes, start)
        last = bisect_right(self._sizes, limit) - 1
        begin = self._ends[first]
        if most is not None:
            last = min(last, max(bisect_right(self._ends, begin + most) - 1, first + 1))
        return begin, self._ends[max(first, last)]

    def sizes(self, limit: int) -> list[int]:
        """Return the sizes at which blocks end, up to a limit; 0 comes first."""
        return list(self._sizes[: bisect_right(self._sizes, limit)])

    def blocks_after(self, size: int) -> int:
        """Return how many blocks end after a size."""
        return len(self._sizes) - bisect_right(self._sizes, size)

    def last_before(self, size: int) -> int:
        """Return the largest size at which a block ends that is not above another."""
        return self._sizes[max(bisect_right(self._sizes, size) - 1, 0)]
