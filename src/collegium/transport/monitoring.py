"""What monitors of the log may read: the newest final checkpoint, and tiles of what is final."""

from __future__ import annotations

from collegium.canonical import malformed
from collegium.errors import FormatError
from collegium.ledger.engines.log.log_copy import LogCopy
from collegium.ledger.frames import ENTRY, GENESIS, encode_frame, entry_hash, read_frames
from collegium.ledger.genesis import encode_genesis
from collegium.ledger.retirement import retired_updates, reveals_and_retirements
from collegium.ledger.tiles import TILE_WIDTH, Tile, entry_bundle, parse_tile_path, tile


class MonitoredLog:
    """A copy's final entries, as hashes in memory; it is looked at between the copy's changes."""

    def __init__(self, copy: LogCopy) -> None:
        self._copy = copy
        self._hashes: list[bytes] = []
        self._end = 0  # where in the log the hashes end
        self._retired = 0, frozenset[bytes]()

    def tile(self, path: str) -> bytes | None:
        """Return the bytes of a tile or bundle of entries, None where the log does not fill it.

        Raises:
            FormatError: it is no tile's path, or an entry is too long for a bundle.
        """
        place = parse_tile_path(path)
        self._catch_up()
        if not place.within(len(self._hashes)):
            return None
        if place.level is not None:
            return tile(self._hashes, place.level, place.index, place.width)
        return entry_bundle(self._entries(place), 0, place.width)

    def retired(self) -> frozenset[bytes]:
        """Return the digests of updates that the final ledger says are kept no longer."""
        copy = self._copy
        if self._retired[0] != copy.final_size:
            genesis = encode_frame(GENESIS, encode_genesis(copy.ledger.genesis))
            data = genesis + copy.read(0, copy.final_size, most=None)
            self._retired = copy.final_size, retired_updates(reveals_and_retirements(data))
        return self._retired[1]

    def _catch_up(self) -> None:
        """Hash what has become final since the last look."""
        copy = self._copy
        while self._end < copy.final_size:
            part = copy.read(self._end, copy.final_size)
            found = [entry_hash(one.body) for one in read_frames(part) if one.kind == ENTRY]
            if not found:
                raise malformed("the log", "a block has no entries")
            self._hashes += found
            self._end += len(found)

    def _entries(self, place: Tile) -> list[bytes]:
        """Return the entries of a bundle."""
        copy, first = self._copy, place.index * TILE_WIDTH
        start = first
        while not copy.ends_at(start):
            start -= 1
        entries: list[bytes] = []
        while len(entries) < first - start + place.width:
            part = copy.read(start + len(entries), copy.final_size)
            entries += [one.body for one in read_frames(part) if one.kind == ENTRY]
        return entries[first - start :]


def monitored_tile(copy: MonitoredLog, path: str) -> bytes | None:
    """Return a tile, None also where its path makes no sense."""
    try:
        return copy.tile(path)
    except FormatError as error:
        if error.code == "tiles.entry":
            raise
        return None
