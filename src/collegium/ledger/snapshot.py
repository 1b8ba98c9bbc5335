"""Snapshots: the state and the log's frontier at a block, so that a long ledger opens fast.

Never evidence: the loaded state's root must be the one that ledger.log records for that block,
else the snapshot is ignored and everything is replayed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from collegium.ledger.merkle import Frontier
from collegium.ledger.state import BranchNode, Node, PrunedNode, State, TableNode


class Snapshot(msgspec.Struct, frozen=True, array_like=True):
    """A position in ledger.log (the end of a block's frame) and what has been computed up to it."""

    offset: int
    block: bytes
    size: int
    peaks: tuple[bytes, ...]
    top: Any


def snapshot_path(path: Path) -> Path:
    """Return where a ledger file's snapshot lies."""
    return path.with_suffix(".snapshot")


def encode_snapshot(state: State, frontier: Frontier, offset: int, block: bytes) -> bytes:
    """Return a snapshot's bytes (msgpack)."""
    top = _pack(state.top)
    return msgspec.msgpack.encode(
        Snapshot(offset, block, frontier.size, tuple(frontier.peaks), top)
    )


def decode_snapshot(data: bytes) -> tuple[Snapshot, State, Frontier] | None:
    """Return what a snapshot holds, or None if it is of no use."""
    try:
        snapshot = msgspec.msgpack.decode(data, type=Snapshot)
        top = _unpack(snapshot.top)
        frontier = Frontier(snapshot.size, snapshot.peaks)
    except (msgspec.MsgspecError, ValueError, TypeError, AttributeError, RecursionError):
        return None
    if not isinstance(top, BranchNode) or min(snapshot.offset, snapshot.size) < 0:
        return None
    return snapshot, State(top), frontier


def _pack(node: Node) -> Any:
    if isinstance(node, TableNode):
        return ["table", node.encoded()]
    if isinstance(node, PrunedNode):
        return ["frozen", node.root()]
    return ["branch", {name: _pack(child) for name, child in node.children.items()}]


def _unpack(packed: Any) -> Node:
    kind, content = packed
    if kind == "table":
        return TableNode(dict(msgspec.convert(content, dict[str, bytes])))
    if kind == "frozen":
        return PrunedNode(msgspec.convert(content, bytes))
    branch = BranchNode()
    for name, child in msgspec.convert(content, dict[str, Any]).items():
        branch.children[name] = _unpack(child)
        branch.touch(name)
    return branch
