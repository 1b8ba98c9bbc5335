"""RFC 9162 Merkle trees: one that only grows (the log), one over a map that changes (state)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from hashlib import sha256

EMPTY_ROOT = sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf (RFC 9162, section 2.1.1)."""
    return sha256(b"\0" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node (RFC 9162, section 2.1.1)."""
    return sha256(b"\1" + left + right).digest()


def tree_root(leaf_hashes: Sequence[bytes]) -> bytes:
    """Return the root over leaf hashes.

    Pairing neighbors level by level, an odd last node moving up unchanged, gives the same
    tree as the standard's split at the largest power of two.
    """
    if not leaf_hashes:
        return EMPTY_ROOT
    level = list(leaf_hashes)
    while len(level) > 1:
        odd = [level[-1]] if len(level) % 2 else []
        level = [node_hash(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)] + odd
    return level[0]


class Frontier:
    """The log's tree as it grows: the roots of its perfect subtrees, largest first.

    Appending costs one hash on average, the root O(log n). `peaks` is all that a snapshot
    needs to keep.
    """

    def __init__(self, size: int = 0, peaks: Sequence[bytes] = ()) -> None:
        if len(peaks) != size.bit_count():
            raise ValueError(f"a tree of {size} leaves has {size.bit_count()} peaks")
        self.size = size
        self.peaks = list(peaks)

    def append(self, leaf: bytes) -> None:
        """Add the hash of the next leaf."""
        size = self.size
        peaks = self.peaks
        while size & 1:
            leaf = sha256(b"\1" + peaks.pop() + leaf).digest()
            size >>= 1
        peaks.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        """Return the root over all leaves so far."""
        if not self.peaks:
            return EMPTY_ROOT
        root = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            root = node_hash(peak, root)
        return root


class MapTree:
    """The tree over a map's entries in order of their keys, updated where entries changed.

    A change to existing keys costs O(log n) hashes each, and so does a key that sorts last;
    one that sorts earlier moves all that follow it.
    """

    def __init__(self) -> None:
        self._keys: list[bytes] = []
        self._levels: list[list[bytes]] = [[]]
        self._changed: set[int] = set()
        self._moved_from: int | None = None

    def __len__(self) -> int:
        return len(self._keys)

    def has(self, key: bytes) -> bool:
        """Return whether a key is in the tree."""
        index = bisect_left(self._keys, key)
        return index < len(self._keys) and self._keys[index] == key

    def set(self, key: bytes, leaf: bytes) -> None:
        """Set a key's leaf hash, inserting the key if it is new."""
        keys, leaves = self._keys, self._levels[0]
        index = bisect_left(keys, key)
        if index < len(keys) and keys[index] == key:
            leaves[index] = leaf
            self._changed.add(index)
            return
        keys.insert(index, key)
        leaves.insert(index, leaf)
        self._shift(index)

    def remove(self, key: bytes) -> None:
        """Remove a key that is in the tree."""
        index = bisect_left(self._keys, key)
        del self._keys[index]
        del self._levels[0][index]
        self._shift(index)

    def _shift(self, index: int) -> None:
        if self._moved_from is None or index < self._moved_from:
            self._moved_from = index

    def root(self) -> bytes:
        """Return the root, hashing only what changed since it was last asked for."""
        leaves = self._levels[0]
        if not leaves:
            return EMPTY_ROOT
        changed = {index for index in self._changed if index < len(leaves)}
        if self._moved_from is not None:
            changed.update(range(self._moved_from, len(leaves)))
            changed.add(len(leaves) - 1)
        self._changed.clear()
        self._moved_from = None
        below = leaves
        height = 0
        while len(below) > 1:
            height += 1
            if height == len(self._levels):
                self._levels.append([])
            level = self._levels[height]
            width = (len(below) + 1) // 2
            if len(level) > width:
                del level[width:]
            elif len(level) < width:
                changed.update(range(2 * len(level), len(below)))
                level.extend([b""] * (width - len(level)))
            changed = {index >> 1 for index in changed}
            for index in changed:
                left = 2 * index
                level[index] = (
                    node_hash(below[left], below[left + 1])
                    if left + 1 < len(below)
                    else below[left]
                )
            below = level
        return below[0]
