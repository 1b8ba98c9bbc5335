"""The state: one ordered map, nested, with a root that only hashes what changed.

docs/spec/4-ledger.md. A node is a table (key to value), a branch (name to node) or frozen (only
its root is left). Leaves of a table are lp(key) ‖ lp(value), leaves of a branch
lp(name) ‖ lp(root); both in order of their keys. Empty nodes are not in the tree.

A value is bytes. One that is written as a structure is kept as it is and encoded when a root is
asked for: what a block's transactions change many times is encoded once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

import msgspec

from collegium import canonical
from collegium.ledger.merkle import MapTree, map_leaf

Path = tuple[str, ...]
Value = bytes | msgspec.Struct
R = TypeVar("R", bound=msgspec.Struct)


def _encoded(value: Value) -> bytes:
    return value if isinstance(value, bytes) else canonical.encode(value)


class Table:
    """A map from keys to values with an incremental root."""

    __slots__ = ("_dirty", "_names", "_tree", "entries", "path")

    def __init__(self, entries: dict[str, Value] | None = None) -> None:
        self.entries: dict[str, Value] = entries or {}
        self._tree = MapTree()
        self._dirty: set[str] = set(self.entries)
        self._names: dict[str, tuple[str, ...]] = {}
        self.path: Path = ()  # where a state has found it

    def put(self, key: str, value: Value | None) -> Value | None:
        """Set a value, or remove the key where it is None; return what was there."""
        self._dirty.add(key)
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

    def encoded(self) -> dict[str, bytes]:
        """Return all entries as bytes."""
        return {key: _encoded(value) for key, value in self.entries.items()}

    def root(self) -> bytes:
        """Return the table's root."""
        present = self._tree
        if not present:
            keys = sorted(self.entries)
            present.fill(keys, [map_leaf(key, _encoded(self.entries[key])) for key in keys])
            self._dirty.clear()
        for key in sorted(self._dirty):
            value = self.entries.get(key)
            if value is not None:
                present.set(key, map_leaf(key, _encoded(value)))
            elif present.has(key):
                present.remove(key)
        self._dirty.clear()
        return present.root()


class Frozen:
    """A closed part of the state, of which the root remains."""

    __slots__ = ("_root",)

    def __init__(self, root: bytes) -> None:
        self._root = root

    def root(self) -> bytes:
        """Return the root that the part had when it was closed."""
        return self._root


class Branch:
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


Node = Table | Branch | Frozen


def is_empty(node: Node) -> bool:
    """Return whether a node has no entry below it, so that the tree leaves it out."""
    if isinstance(node, Table):
        return not node.entries
    if isinstance(node, Branch):
        return all(is_empty(child) for child in node.children.values())
    return False


def _record(table: Table, key: str, value: Value, kind: type[R]) -> R:
    """Return a value as a structure; one that was bytes is decoded once."""
    if isinstance(value, kind):
        return value
    record = msgspec.json.decode(_encoded(value), type=kind)
    table.entries[key] = record
    return record


class State:
    """The whole map. Writes since the last `accept` can be taken back."""

    def __init__(self, top: Branch | None = None) -> None:
        self.top = top or Branch()
        self._tables: dict[Path, Table] = {}
        self._changed: set[Table] = set()  # tables whose branches do not know of it yet
        self._undo: list[tuple[Table, str, Value | None]] = []
        self._freeze: list[Path] = []

    def get(self, path: Path, key: str) -> bytes | None:
        """Return a value, or None where there is none (also below what is frozen)."""
        table = self._tables.get(path) or self._find(path)
        value = None if table is None else table.entries.get(key)
        return None if value is None else _encoded(value)

    def has(self, path: Path, key: str) -> bool:
        """Return whether there is a value."""
        table = self._tables.get(path) or self._find(path)
        return table is not None and key in table.entries

    def record(self, path: Path, key: str, kind: type[R]) -> R | None:
        """Return a value as the structure that it encodes, or None where there is none."""
        table = self._tables.get(path) or self._find(path)
        if table is None:
            return None
        value = table.entries.get(key)
        if value is None or isinstance(value, kind):
            return value
        return _record(table, key, value, kind)

    def items(self, path: Path) -> list[tuple[str, bytes]]:
        """Return a table's entries in order of their keys."""
        table = self._tables.get(path) or self._find(path)
        if table is None:
            return []
        entries = table.entries
        return [(key, _encoded(entries[key])) for key in table.names("")]

    def records(self, path: Path, kind: type[R]) -> Iterator[tuple[str, R]]:
        """Yield a table's entries in order of their keys, each as a structure."""
        table = self._tables.get(path) or self._find(path)
        if table is not None:
            for key in table.names(""):
                yield key, _record(table, key, table.entries[key], kind)

    def keys(self, path: Path) -> list[str]:
        """Return a table's keys in order."""
        return list(self.names(path))

    def names(self, path: Path, prefix: str = "") -> tuple[str, ...]:
        """Return those of a table's keys that have a prefix, in order and without it."""
        table = self._tables.get(path) or self._find(path)
        return () if table is None else table.names(prefix)

    def count(self, path: Path) -> int:
        """Return how many entries a table has."""
        table = self._tables.get(path) or self._find(path)
        return 0 if table is None else len(table.entries)

    def put(self, path: Path, key: str, value: Value | None) -> None:
        """Set a value, or remove it where it is None."""
        table = self._tables.get(path) or self._find(path) or self._make(path)
        self._undo.append((table, key, table.put(key, value)))
        self._changed.add(table)

    def put_all(self, path: Path, values: Mapping[str, Value]) -> None:
        """Set values of one table."""
        if not values:
            return
        table = self._tables.get(path) or self._find(path) or self._make(path)
        self._undo += [(table, key, table.put(key, value)) for key, value in values.items()]
        self._changed.add(table)

    def freeze(self, path: Path) -> None:
        """Reduce a node to its root once the current transaction is accepted."""
        self._freeze.append(path)

    def accept(self) -> None:
        """Keep everything written since the last acceptance."""
        self._undo.clear()
        if self._freeze:
            for path in self._freeze:
                self._reduce(path)
            self._freeze.clear()

    def reject(self) -> None:
        """Take back everything written since the last acceptance."""
        for table, key, value in reversed(self._undo):
            table.put(key, value)
            self._changed.add(table)
        self._undo.clear()
        self._freeze.clear()

    def root(self) -> bytes:
        """Return the root over everything."""
        self._touch_changed()
        return self.top.root()

    def _touch_changed(self) -> None:
        """Let branches know which of their children changed; in whichever order, it is the same."""
        for table in self._changed:
            node: Node = self.top
            for name in table.path:
                if not isinstance(node, Branch):
                    break
                node.touch(name)
                node = node.children[name]
        self._changed.clear()

    def _find(self, path: Path) -> Table | None:
        node: Node = self.top
        for name in path:
            if not isinstance(node, Branch):
                return None
            child = node.children.get(name)
            if child is None:
                return None
            node = child
        if not isinstance(node, Table):
            return None
        self._tables[path] = node
        node.path = path
        return node

    def _make(self, path: Path) -> Table:
        node = self.top
        for name in path[:-1]:
            child = node.children.get(name)
            if child is None:
                child = node.children[name] = Branch()
            if not isinstance(child, Branch):
                raise LookupError(f"{'/'.join(path)} lies in a frozen or plain part of the state")
            node = child
        if path[-1] in node.children:
            raise LookupError(f"{'/'.join(path)} is not a table")
        table = node.children[path[-1]] = self._tables[path] = Table()
        table.path = path
        return table

    def _reduce(self, path: Path) -> None:
        parent = self.top
        for name in path[:-1]:
            child = parent.children.get(name)
            if not isinstance(child, Branch):
                return
            parent = child
        node = parent.children.get(path[-1])
        if node is None or isinstance(node, Frozen) or is_empty(node):
            return
        self._touch_changed()
        parent.children[path[-1]] = Frozen(node.root())
        for known in [known for known in self._tables if known[: len(path)] == path]:
            del self._tables[known]
