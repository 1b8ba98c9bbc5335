"""What the state is made of: tables, branches and frozen parts, each with an incremental root.

docs/spec/4-ledger.md. Leaves of a table are lp(key) ‖ lp(value), leaves of a branch
lp(name) ‖ lp(root); both in order of their keys. Empty nodes are not in the tree.

A value is bytes. One that is written as a structure is kept as it is and encoded when a root is
asked for: what a block's transactions change many times is encoded once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from collegium import canonical
from collegium.ledger.merkle import MapTree, map_leaf

Path = tuple[str, ...]
Value = bytes | msgspec.Struct
R = TypeVar("R", bound=msgspec.Struct)
T = TypeVar("T")


def encoded(value: Value) -> bytes:
    """Return a value's bytes."""
    return value if isinstance(value, bytes) else canonical.encode(value)


class TableNode:
    """A map from keys to values with an incremental root."""

    __slots__ = ("_derived", "_dirty", "_names", "_tree", "entries", "path")

    def __init__(self, entries: dict[str, Value] | None = None) -> None:
        self.entries: dict[str, Value] = entries or {}
        self._tree = MapTree()
        self._dirty: set[str] = set(self.entries)
        self._names: dict[str, tuple[str, ...]] = {}
        self._derived: dict[Callable[..., Any], Any] = {}
        self.path: Path = ()  # where a state has found it

    def put(self, key: str, value: Value | None) -> Value | None:
        """Set a value, or remove the key where it is None; return what was there."""
        self._dirty.add(key)
        self._derived.clear()
        before = self.entries.get(key)
        if value is None:
            self.entries.pop(key, None)
            self._names.clear()
            return before
        self.entries[key] = value
        if before is None:
            self._names.clear()
        return before

    def names(self, prefix: str) -> tuple[str, ...]:
        """Return the keys with a prefix, in order and without it; asked for often, sorted once."""
        found = self._names.get(prefix)
        if found is None:
            keys = list(self.entries)
            if prefix:
                start = len(prefix)
                keys = [key[start:] for key in keys if key.startswith(prefix)]
            found = self._names[prefix] = tuple(sorted(keys))
        return found

    def record(self, key: str, kind: type[R]) -> R | None:
        """Return a value as the structure that it encodes; one that was bytes is decoded once."""
        value = self.entries.get(key)
        if value is None or isinstance(value, kind):
            return value
        record = self.entries[key] = msgspec.json.decode(encoded(value), type=kind)
        return record

    def derived(self, kind: type[R], make: Callable[[Mapping[str, R]], T]) -> T:
        """Return what follows from the entries, in order of their keys, alone.

        It is made once until one of them changes, and is not to be changed.
        """
        if make not in self._derived:
            found = {key: self.record(key, kind) for key in self.names("")}
            self._derived[make] = make({key: one for key, one in found.items() if one is not None})
        made: T = self._derived[make]
        return made

    def encoded(self) -> dict[str, bytes]:
        """Return all entries as bytes."""
        return {key: encoded(value) for key, value in self.entries.items()}

    def root(self) -> bytes:
        """Return the table's root."""
        present = self._tree
        if not present:
            keys = sorted(self.entries)
            present.fill(keys, [map_leaf(key, encoded(self.entries[key])) for key in keys])
            self._dirty.clear()
        for key in sorted(self._dirty):
            value = self.entries.get(key)
            if value is not None:
                present.set(key, map_leaf(key, encoded(value)))
            elif present.has(key):
                present.remove(key)
        self._dirty.clear()
        return present.root()


class PrunedNode:
    """A closed part of the state, of which the root remains."""

    __slots__ = ("_root",)

    def __init__(self, root: bytes) -> None:
        self._root = root

    def root(self) -> bytes:
        """Return the root that the part had when it was closed."""
        return self._root


class BranchNode:
    """A map from names to nodes with an incremental root."""

    __slots__ = ("_dirty", "_tree", "children")

    def __init__(self) -> None:
        self.children: dict[str, Node] = {}
        self._tree = MapTree()
        self._dirty: set[str] = set()

    def touch(self, name: str) -> None:
        """Note that a child changed."""
        self._dirty.add(name)

    def root(self) -> bytes:
        """Return the branch's root."""
        for name in sorted(self._dirty):
            node = self.children.get(name)
            if node is not None and not is_empty(node):
                self._tree.set(name, map_leaf(name, node.root()))
            elif self._tree.has(name):
                self._tree.remove(name)
        self._dirty.clear()
        return self._tree.root()


Node = TableNode | BranchNode | PrunedNode


def is_empty(node: Node) -> bool:
    """Return whether a node has no entry below it, so that the tree leaves it out."""
    if isinstance(node, TableNode):
        return not node.entries
    if isinstance(node, BranchNode):
        return all(is_empty(child) for child in node.children.values())
    return False
