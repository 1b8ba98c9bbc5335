"""RFC 9162 Merkle trees: one that only grows (the log), one over a map that changes (state)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256

EMPTY_ROOT = sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf (RFC 9162, section 2.1.1)."""
    return sha256(b"\0" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node (RFC 9162, section 2.1.1)."""
    return sha256(b"\1" + left + right).digest()


def map_leaf(key: str, value: bytes) -> bytes:
    """Return the hash of a map's leaf: lp(key) ‖ lp(value)."""
    return _short_leaf(key, value) if len(value) < 8 else _leaf(key, value)


def _leaf(key: str, value: bytes) -> bytes:
    name = key.encode()
    size, length = len(name).to_bytes(4, "big"), len(value).to_bytes(4, "big")
    return sha256(b"\0" + size + name + length + value).digest()


_short_leaf = lru_cache(maxsize=8192)(_leaf)
"""Weights, powers and bitmaps are the same for a member in round after round."""


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

    def extend(self, leaves: Sequence[bytes]) -> None:
        """Add the hashes of the next leaves, as `append` would one by one, a level at a time."""
        rest = self.size
        self.size += len(leaves)
        nodes, added = list(leaves), list[bytes]()
        while nodes:
            if rest & 1:
                nodes.insert(0, self.peaks.pop())
            if len(nodes) & 1:
                added.append(nodes.pop())
            ahead = iter(nodes)
            nodes = [sha256(b"\1" + one + next(ahead)).digest() for one in ahead]
            rest >>= 1
        self.peaks += reversed(added)

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

    __slots__ = ("_changed", "_keys", "_levels", "_moved_from")

    def __init__(self) -> None:
        self._keys: list[str] = []
        self._levels: list[list[bytes]] = [[]]
        self._changed: set[int] = set()
        self._moved_from = 0  # leaves from here on have moved since the last root

    def __len__(self) -> int:
        return len(self._keys)

    def has(self, key: str) -> bool:
        """Return whether a key is in the tree."""
        index = bisect_left(self._keys, key)
        return index < len(self._keys) and self._keys[index] == key

    def set(self, key: str, leaf: bytes) -> None:
        """Set a key's leaf hash, inserting the key if it is new."""
        keys, leaves = self._keys, self._levels[0]
        if not keys or key > keys[-1]:
            self._moved_from = min(self._moved_from, len(keys))
            keys.append(key)
            leaves.append(leaf)
            return
        index = bisect_left(keys, key)
        if index < len(keys) and keys[index] == key:
            leaves[index] = leaf
            self._changed.add(index)
            return
        keys.insert(index, key)
        leaves.insert(index, leaf)
        self._moved_from = min(self._moved_from, index)

    def remove(self, key: str) -> None:
        """Remove a key that is in the tree."""
        index = bisect_left(self._keys, key)
        del self._keys[index]
        del self._levels[0][index]
        self._moved_from = min(self._moved_from, index)

    def fill(self, keys: list[str], leaves: list[bytes]) -> None:
        """Set the leaves of an empty tree, in order of their keys."""
        self._keys, self._levels = keys, [leaves]
        self._moved_from = 0

    def root(self) -> bytes:
        """Return the root, hashing only what changed since it was last asked for."""
        below = self._levels[0]
        if len(below) < 2:
            self._changed.clear()
            self._moved_from = 0  # so that the levels above are made anew when there are some
            return below[0] if below else EMPTY_ROOT
        moved = self._moved_from
        changed = self._changed and {index for index in self._changed if index < moved}
        self._changed = set()
        self._moved_from = len(below)
        height = 0
        while len(below) > 1:
            height += 1
            if height == len(self._levels):
                self._levels.append([])
            level = self._levels[height]
            pairs = len(below) >> 1
            moved >>= 1
            if moved < len(level):
                del level[moved:]
            for left in range(2 * moved, 2 * pairs, 2):
                level.append(sha256(b"\1" + below[left] + below[left + 1]).digest())
            if len(below) & 1:
                level.append(below[-1])
            if changed:
                changed = {index >> 1 for index in changed if index >> 1 < moved}
                for index in changed:
                    level[index] = node_hash(below[2 * index], below[2 * index + 1])
            below = level
        return below[0]
