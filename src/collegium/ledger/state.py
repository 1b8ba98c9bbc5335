"""The state: one ordered map, nested, with a root that only hashes what changed.

docs/spec/4-ledger.md. A node is a table (key to value), a branch (name to node) or frozen (only
its root is left); `ledger.state_tree` has them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

import msgspec

from collegium.ledger.state_tree import BranchNode as BranchNode
from collegium.ledger.state_tree import Node as Node
from collegium.ledger.state_tree import Path as Path
from collegium.ledger.state_tree import PrunedNode as PrunedNode
from collegium.ledger.state_tree import TableNode as TableNode
from collegium.ledger.state_tree import Value, encoded, is_empty

R = TypeVar("R", bound=msgspec.Struct)
T = TypeVar("T")


_Before = tuple[TableNode, str, Value | None] | tuple[BranchNode, Path, Node | None]
"""What was under a table's key before it was written; or in the place of a branch's child."""


class State:
    """The whole map.

    Writes since the last `accept` can be taken back, and where `begin` was called before them all
    that was accepted since. What would be taken back is remembered only then.
    """

    def __init__(self, top: BranchNode | None = None) -> None:
        self.top = top or BranchNode()
        self._tables: dict[Path, TableNode] = {}
        self._changed: set[TableNode] = set()  # tables whose branches do not know of it yet
        self._undo: list[_Before] = []
        self._freeze: list[Path] = []
        self._begun: deque[list[_Before]] = deque()  # the oldest first

    def get(self, path: Path, key: str) -> bytes | None:
        """Return a value, or None where there is none (also below what is frozen)."""
        table = self._tables.get(path) or self._find(path)
        value = None if table is None else table.entries.get(key)
        return None if value is None else encoded(value)

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
        return value if value is None or isinstance(value, kind) else table.record(key, kind)

    def items(self, path: Path) -> list[tuple[str, bytes]]:
        """Return a table's entries in order of their keys."""
        table = self._tables.get(path) or self._find(path)
        if table is None:
            return []
        entries = table.entries
        return [(key, encoded(entries[key])) for key in table.names("")]

    def records(self, path: Path, kind: type[R]) -> Iterator[tuple[str, R]]:
        """Yield a table's entries in order of their keys, each as a structure."""
        table = self._tables.get(path) or self._find(path)
        if table is not None:
            for key in table.names(""):
                record = table.record(key, kind)
                if record is not None:
                    yield key, record

    def derived(self, path: Path, kind: type[R], make: Callable[[Mapping[str, R]], T]) -> T:
        """Return what follows from a table's entries alone, as `TableNode.derived` does."""
        table = self._tables.get(path) or self._find(path)
        return make({}) if table is None else table.derived(kind, make)

    def keys(self, path: Path) -> list[str]:
        """Return a table's keys in order."""
        return list(self.names(path))

    def names(self, path: Path, prefix: str = "") -> tuple[str, ...]:
        """Return those of a table's keys that have a prefix, in order and without it."""
        table = self._tables.get(path) or self._find(path)
        return () if table is None else table.names(prefix)

    def branches(self, name: str) -> tuple[str, ...]:
        """Return the names below one of the state's topmost branches, such as studies, in order."""
        branch = self.top.children.get(name)
        return tuple(sorted(branch.children)) if isinstance(branch, BranchNode) else ()

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
        if self._begun:
            self._begun[-1].extend(self._undo)
        self._undo.clear()
        if self._freeze:
            for path in self._freeze:
                self._reduce(path)
            self._freeze.clear()

    def reject(self) -> None:
        """Take back everything written since the last acceptance."""
        self._take_back(self._undo)
        self._undo.clear()
        self._freeze.clear()

    def begin(self) -> None:
        """Remember from here on what is accepted, so that `undo` can take it back.

        It may be called again before that: `undo` takes back what came since the last time, `keep`
        gives up what came since the first.
        """
        self._begun.append([])

    def undo(self) -> None:
        """Take back everything that was accepted since the last `begin`."""
        self._take_back(self._begun.pop())

    def keep(self) -> None:
        """Forget how to take back what was accepted between the first `begin` and the second."""
        if self._begun:
            self._begun.popleft()

    def _take_back(self, before: list[_Before]) -> None:
        for node, key, value in reversed(before):
            if isinstance(node, TableNode):
                node.put(key, value)  # type: ignore[arg-type]
                self._changed.add(node)
            else:
                self._put_back(node, key, value)  # type: ignore[arg-type]

    def _put_back(self, branch: BranchNode, path: Path, before: Node | None) -> None:
        """Put a child of a branch in place again, or take it away where there was none."""
        above: Node | None = self.top
        for name in path:
            if isinstance(above, BranchNode):
                above.touch(name)
                above = above.children.get(name)
        for known in [known for known in self._tables if known[: len(path)] == path]:
            del self._tables[known]
        if before is None:
            del branch.children[path[-1]]
        else:
            branch.children[path[-1]] = before

    def root(self) -> bytes:
        """Return the root over everything."""
        self._touch_changed()
        return self.top.root()

    def _touch_changed(self) -> None:
        """Let branches know which of their children changed; in whichever order, it is the same."""
        for table in self._changed:
            node: Node = self.top
            for name in table.path:
                if not isinstance(node, BranchNode):
                    break
                node.touch(name)
                if name not in node.children:
                    break  # it was taken back
                node = node.children[name]
        self._changed.clear()

    def _find(self, path: Path) -> TableNode | None:
        node: Node = self.top
        for name in path:
            if not isinstance(node, BranchNode):
                return None
            child = node.children.get(name)
            if child is None:
                return None
            node = child
        if not isinstance(node, TableNode):
            return None
        self._tables[path] = node
        node.path = path
        return node

    def _make(self, path: Path) -> TableNode:
        node = self.top
        for depth, name in enumerate(path[:-1], 1):
            child = node.children.get(name)
            if child is None:
                child = node.children[name] = BranchNode()
                self._undo.append((node, path[:depth], None))
            if not isinstance(child, BranchNode):
                raise LookupError(f"{'/'.join(path)} lies in a frozen or plain part of the state")
            node = child
        if path[-1] in node.children:
            raise LookupError(f"{'/'.join(path)} is not a table")
        table = node.children[path[-1]] = self._tables[path] = TableNode()
        table.path = path
        self._undo.append((node, path, None))
        return table

    def _reduce(self, path: Path) -> None:
        parent = self.top
        for name in path[:-1]:
            child = parent.children.get(name)
            if not isinstance(child, BranchNode):
                return
            parent = child
        node = parent.children.get(path[-1])
        if node is None or isinstance(node, PrunedNode) or is_empty(node):
            return
        self._touch_changed()
        parent.children[path[-1]] = PrunedNode(node.root())
        if self._begun:
            self._begun[-1].append((parent, path, node))
        for known in [known for known in self._tables if known[: len(path)] == path]:
            del self._tables[known]
