"""The log as C2SP tlog-tiles: paths, tiles of hashes, bundles of entries; docs/spec/11-receipts.md.

A tile holds 256 hashes of one level of the log's tree, each the root over 256 of the level below.
Tiles never change, so that any web server can hand them out and a monitor can follow the log.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from collegium.canonical import malformed
from collegium.errors import FormatError
from collegium.ledger.hashing import DIGEST_SIZE
from collegium.ledger.merkle import node_hash, tree_root
from collegium.ledger.proof import Subtree, split

TILE_WIDTH = 256
HIGHEST_LEVEL = 63
LONGEST_ENTRY = 2**16 - 1
_TILE_HEIGHT = 8

_PATH = re.compile(
    r"tile/(?P<level>entries|0|[1-9][0-9]?)/(?P<index>(?:x[0-9]{3}/)*[0-9]{3})"
    r"(?:\.p/(?P<width>[1-9][0-9]{0,2}))?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Tile:
    """A tile's place: level (None for a bundle of entries), index in the level, and width."""

    level: int | None
    index: int
    width: int = TILE_WIDTH

    @property
    def path(self) -> str:
        """Where it is served, below the log's address."""
        digits = str(self.index)
        groups = digits.zfill(-(-len(digits) // 3) * 3)
        parts = [groups[at : at + 3] for at in range(0, len(groups), 3)]
        place = "/".join((*(f"x{part}" for part in parts[:-1]), parts[-1]))
        level = "entries" if self.level is None else self.level
        partial = "" if self.width == TILE_WIDTH else f".p/{self.width}"
        return f"tile/{level}/{place}{partial}"

    def within(self, size: int) -> bool:
        """Whether a log of that many entries fills it."""
        return (self.index * TILE_WIDTH + self.width) << (_TILE_HEIGHT * (self.level or 0)) <= size


def parse_tile_path(path: str) -> Tile:
    """Return the tile that a path names.

    Raises:
        FormatError: it is no tile's path in its one form.
    """
    found = _PATH.fullmatch(path) if len(path) < 200 else None
    if found is None:
        raise malformed("a tile's path", f"{path[:60]!r} is not tile/LEVEL/INDEX[.p/WIDTH]")
    level = None if found["level"] == "entries" else int(found["level"])
    width = TILE_WIDTH if found["width"] is None else int(found["width"])
    tile = Tile(level, int(found["index"].replace("x", "").replace("/", "")), width)
    if tile.path != path or (level or 0) > HIGHEST_LEVEL or width > TILE_WIDTH:
        raise malformed("a tile's path", f"{path[:60]!r} is not in its one form, or out of range")
    return tile


def tiles_of(size: int) -> Iterator[Tile]:
    """Yield every tile and entry bundle of a log of that many entries."""
    for level in (None, *range(HIGHEST_LEVEL + 1)):
        hashes = size >> (_TILE_HEIGHT * (level or 0))
        if not hashes:
            return
        full, rest = divmod(hashes, TILE_WIDTH)
        yield from (Tile(level, index) for index in range(full))
        if rest:
            yield Tile(level, full, rest)


def tile(leaf_hashes: Sequence[bytes], level: int, index: int, width: int = TILE_WIDTH) -> bytes:
    """Return a tile's bytes: `width` hashes, each the root over 256^level leaves.

    Raises:
        LookupError: the log does not fill it.
    """
    if not Tile(level, index, width).within(len(leaf_hashes)):
        raise LookupError(
            f"{len(leaf_hashes)} entries do not fill {Tile(level, index, width).path}"
        )
    span = 1 << (_TILE_HEIGHT * level)
    first = index * TILE_WIDTH * span
    places = range(first, first + width * span, span)
    return b"".join(tree_root(leaf_hashes[start : start + span]) for start in places)


def entry_bundle(entries: Sequence[bytes], index: int, width: int = TILE_WIDTH) -> bytes:
    """Return a bundle's bytes: `width` log entries, each after its length in two bytes.

    Raises:
        LookupError: the log does not fill it.
        FormatError: an entry is longer than two bytes can tell.
    """
    if not Tile(None, index, width).within(len(entries)):
        raise LookupError(f"{len(entries)} entries do not fill {Tile(None, index, width).path}")
    parts = []
    for entry in entries[index * TILE_WIDTH :][:width]:
        if len(entry) > LONGEST_ENTRY:
            raise FormatError(
                "tiles.entry",
                f"an entry of {len(entry)} bytes is in no bundle of tlog-tiles",
                f"the format's entries are at most {LONGEST_ENTRY} bytes",
                "read this stretch of the log from ledger.log; hashes and proofs are not affected",
            )
        parts.append(len(entry).to_bytes(2, "big") + entry)
    return b"".join(parts)


def split_bundle(data: bytes) -> list[bytes]:
    """Return the entries of a bundle.

    Raises:
        FormatError: the lengths inside do not fill it exactly.
    """
    entries = []
    at = 0
    while at < len(data):
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        if at + 2 > len(data) or end > len(data):
            raise malformed("an entry bundle", "its lengths do not fit its bytes")
        entries.append(data[at + 2 : end])
        at = end
    return entries


def subtrees_of_tiles(fetch: Callable[[Tile], bytes], size: int) -> Subtree:
    """Return the roots of a log's subtrees, computed from its tiles; see `proof`.

    Only what a proof needs is fetched, each tile as wide as a log of that size has it. Whoever
    uses the roots holds them against a checkpoint's: tiles carry no signature.

    Args:
        fetch: returns a tile's bytes.
        size: number of entries in the log.

    Raises:
        FormatError: from the function returned, a tile has another length.
    """
    fetched: dict[Tile, bytes] = {}

    def hashes_at(level: int, first: int, count: int) -> list[bytes]:
        index = first // TILE_WIDTH
        width = min(TILE_WIDTH, (size >> (_TILE_HEIGHT * level)) - index * TILE_WIDTH)
        place = Tile(level, index, width)
        if place not in fetched:
            data = fetch(place)
            if len(data) != width * DIGEST_SIZE:
                raise malformed(place.path, f"it has {len(data)} bytes")
            fetched[place] = data
        at = (first - index * TILE_WIDTH) * DIGEST_SIZE
        data = fetched[place][at : at + count * DIGEST_SIZE]
        return [data[at : at + DIGEST_SIZE] for at in range(0, len(data), DIGEST_SIZE)]

    def subtree(start: int, end: int) -> bytes:
        count = end - start
        if count & (count - 1):
            middle = start + split(count)
            return node_hash(subtree(start, middle), subtree(middle, end))
        level = (count.bit_length() - 1) // _TILE_HEIGHT
        span = _TILE_HEIGHT * level
        return tree_root(hashes_at(level, start >> span, count >> span))

    return subtree
