"""What update blobs say, read once in a process.

Validators of one process read the same bytes, and the same bytes say the same, so one reading
serves them all. What a validator concludes from it, above all the next model, is its own work.
"""

from __future__ import annotations

from collegium.learning.aggregation.next_model import Reading, read_update

KEPT_BYTES = 1 << 26
"""Bytes of blobs whose readings are kept, the latest ones."""


class Readings:
    """Readings of update blobs by digest."""

    def __init__(self) -> None:
        self._kept: dict[bytes, Reading] = {}
        self._bytes = 0

    def of(self, name: bytes, data: bytes) -> Reading:
        """Return what is in an update blob of that digest.

        Raises:
            FormatError: it is no update.
        """
        known = self._kept.get(name)
        if known is not None:
            return known
        reading = self._kept[name] = read_update(data)
        self._bytes += reading.values.nbytes
        while self._bytes > KEPT_BYTES:
            self._bytes -= self._kept.pop(next(iter(self._kept))).values.nbytes
        return reading
