"""The state's roots are those of its entries alone, and a rejection leaves no mark."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.ledger.test_merkle import naive
from tests.ledger.vectors import VECTORS

from collegium.ledger.hashing import lp
from collegium.ledger.merkle import EMPTY_ROOT, Frontier, leaf_hash
from collegium.ledger.snapshot import decode_snapshot, encode_snapshot
from collegium.ledger.state import BranchNode, Node, Path, PrunedNode, State, TableNode

Entries = dict[tuple[Path, str], bytes]

PATHS: list[Path] = [
    ("members",),
    ("studies", "a", "status"),
    ("studies", "a", "rounds", "1", "votes"),
    ("studies", "a", "rounds", "2", "votes"),
    ("studies", "b", "status"),
]


def expected(entries: Entries, above: Path = ()) -> bytes:
    """The root of page 4, by recursion over the entries below a path."""
    below = {path for path, _ in entries if path[: len(above)] == above}
    if above in below:
        own = sorted(
            (key.encode(), value) for (path, key), value in entries.items() if path == above
        )
        return naive([leaf_hash(lp(key) + lp(value)) for key, value in own])
    names = sorted({path[len(above)] for path in below})
    roots = ((name.encode(), expected(entries, (*above, name))) for name in names)
    return naive([leaf_hash(lp(name) + lp(root)) for name, root in roots])


@pytest.mark.parametrize("vector", VECTORS["ledger"])
@pytest.mark.parametrize("part", ["state_at_first", "state"])
def test_the_worked_states(vector: dict[str, Any], part: str) -> None:
    state = State()
    for table in vector[part]:
        for entry in table.get("entries", ()):
            state.put(tuple(table["table"].split("/")), entry["key"], entry["value"].encode())
    whole = vector["state_root" if part == "state" else "root_at_first"]
    assert state.root().hex() == whole
    roots = {"/".join(path): node.root().hex() for path, node in nodes(state.top)}
    told = {one.get("table", one.get("branch")): one["root"] for one in vector[part]}
    assert roots == told


def nodes(node: Node, path: Path = ()) -> Iterator[tuple[Path, Node]]:
    yield path, node
    if isinstance(node, BranchNode):
        for name, child in node.children.items():
            yield from nodes(child, (*path, name))


def test_nothing_and_what_is_empty_have_the_root_of_nothing() -> None:
    state = State()
    assert state.root() == EMPTY_ROOT == TableNode().root() == BranchNode().root()
    state.put(("studies", "a", "status"), "x", b"1")
    state.put(("studies", "a", "status"), "x", None)
    assert state.root() == EMPTY_ROOT


def test_reading() -> None:
    state = State()
    assert (state.get(("members",), "x"), state.count(("members",))) == (None, 0)
    state.put(("members",), "b", b"2")
    state.put(("members",), "a", b"1")
    assert list(state.items(("members",))) == [("a", b"1"), ("b", b"2")]
    assert (state.get(("members",), "b"), state.count(("members",))) == (b"2", 2)
    assert state.get(("members", "b"), "x") is None


def test_values_put_together_are_values_put_one_by_one() -> None:
    together, one_by_one = State(), State()
    values = {"b": b"1", "a": b"2"}
    together.put_all(PATHS[2], values)
    together.put_all(PATHS[1], {})
    for key, value in values.items():
        one_by_one.put(PATHS[2], key, value)
    assert together.root() == one_by_one.root()
    together.reject()
    assert together.root() == EMPTY_ROOT


def test_a_rejection_takes_everything_back() -> None:
    state = State()
    state.put(PATHS[0], "a", b"1")
    state.accept()
    before = state.root()
    state.put(PATHS[0], "a", b"2")
    state.put(PATHS[0], "a", b"3")
    state.put(PATHS[2], "new", b"4")
    state.freeze(PATHS[0])
    assert state.root() != before
    state.reject()
    assert state.root() == before
    assert (state.get(PATHS[0], "a"), state.get(PATHS[2], "new")) == (b"1", None)
    state.put(PATHS[0], "b", b"5")
    state.accept()
    assert state.get(PATHS[0], "b") == b"5", "the freezing was taken back as well"


Write = tuple[Path, str, bytes | None] | Path
"""A value under a key of a table, or None; or a path that is frozen."""

WRITES: st.SearchStrategy[Write] = st.one_of(
    st.tuples(
        st.sampled_from(PATHS), st.sampled_from(["x", "y"]),
        st.one_of(st.none(), st.sampled_from([b"1", b"2"])),
    ),
    st.sampled_from([("studies", "a", "rounds", "1"), ("studies", "b")]),
)  # fmt: skip


def carried_out(state: State, block: list[Write]) -> None:
    """Write a block's writes, each a transaction of its own; what is frozen takes none."""
    for one in block:
        if len(one) == 3 and isinstance(one[2], bytes | None):
            try:
                state.put(*one)
            except LookupError:
                state.reject()
                continue
        else:
            state.freeze(one)
        state.accept()


def held(state: State) -> list[tuple[Path, str, Any]]:
    """Everything that a state holds, node by node, also what is empty."""
    found: list[tuple[Path, str, Any]] = []
    for path, node in nodes(state.top):
        kind = type(node).__name__
        found.append((path, kind, node.encoded() if isinstance(node, TableNode) else kind))
    return sorted(found, key=repr)


@given(st.lists(st.lists(WRITES, max_size=8), min_size=1, max_size=5), st.data())
@settings(max_examples=200)
def test_blocks_are_undone_as_if_they_had_never_come(
    blocks: list[list[Write]], data: st.DataObject
) -> None:
    state, seen = State(), list[tuple[bytes, Any]]()
    for block in blocks:
        if data.draw(st.booleans()):
            state.root()
        seen.append((copy(state).root(), held(state)))
        state.begin()
        carried_out(state, block)
    kept = data.draw(st.integers(0, len(blocks)))
    for _ in range(kept):
        state.keep()
    for root, nodes_before in reversed(seen[kept:]):
        if data.draw(st.booleans()):
            state.root()
        state.undo()
        assert held(state) == nodes_before
        assert state.root() == root == copy(state).root()
    carried_out(state, blocks[-1])
    assert state.root() == copy(state).root(), "it goes on from there"


def copy(state: State) -> State:
    """The same state, made of its values alone."""
    frontier = Frontier()
    opened = decode_snapshot(encode_snapshot(state, frontier, 0, bytes(32)))
    assert opened is not None
    return opened[1]


def test_nothing_is_remembered_for_undoing_where_nobody_asked() -> None:
    state = State()
    for number in range(3):
        state.put(PATHS[0], "a", b"%d" % number)
        state.accept()
    assert not any(getattr(state, name) for name in ("_undo", "_begun"))


def test_freezing_keeps_the_root_and_nothing_else() -> None:
    state = State()
    for path in PATHS:
        state.put(path, "x", b"1")
    state.accept()
    before = state.root()
    state.put(PATHS[2], "y", b"2")
    state.freeze(PATHS[2][:4])
    state.accept()
    after = state.root()
    assert after != before
    assert after == expected({**{(path, "x"): b"1" for path in PATHS}, (PATHS[2], "y"): b"2"})
    assert state.get(PATHS[2], "x") is None
    assert state.count(PATHS[2]) == 0
    assert isinstance(dict(nodes(state.top))[PATHS[2][:4]], PrunedNode)
    with pytest.raises(LookupError):
        state.put(PATHS[2], "z", b"3")
    state.freeze(PATHS[2][:4])
    state.freeze(("nowhere", "at", "all"))
    state.accept()
    assert state.root() == after


steps = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from(PATHS),
            st.sampled_from(["a", "b", "b1", "b2"]),
            st.none() | st.binary(max_size=2),
        ),
        st.sampled_from(["accept", "reject", "root"]),
    ),
    max_size=40,
)


@given(steps)
@settings(deadline=None, max_examples=200)
def test_the_root_depends_on_the_entries_alone(steps: list[Any]) -> None:
    state, kept, now = State(), Entries(), Entries()
    for step in steps:
        if step == "accept":
            state.accept()
            kept = dict(now)
        elif step == "reject":
            state.reject()
            now = dict(kept)
        elif step == "root":
            assert state.root() == expected(now)
        else:
            path, key, value = step
            state.put(path, key, value)
            now.pop((path, key), None)
            if value is not None:
                now[path, key] = value
        for path in PATHS:
            names = sorted(name for where, name in now if where == path)
            assert state.keys(path) == names
            assert state.names(path, "b") == tuple(name[1:] for name in names if name[0] == "b")
    assert state.root() == expected(now)
    for path in PATHS:
        own = sorted((key, value) for (where, key), value in now.items() if where == path)
        assert list(state.items(path)) == own


class Counted(msgspec.Struct, frozen=True):
    number: int


def _total(found: Mapping[str, Counted]) -> tuple[int, list[str]]:
    return sum(one.number for one in found.values()), list(found)


def test_what_follows_from_a_table_is_made_once_until_an_entry_changes() -> None:
    state, path = State(), ("numbers",)
    assert state.derived(path, Counted, _total) == (0, [])
    state.put(path, "b", Counted(2))
    state.put(path, "a", b'{"number":1}')
    first = state.derived(path, Counted, _total)
    assert first == (3, ["a", "b"])
    assert state.derived(path, Counted, _total) is first
    state.accept()
    state.put(path, "b", Counted(5))
    assert state.derived(path, Counted, _total) == (6, ["a", "b"])
    state.put(path, "a", None)
    assert state.derived(path, Counted, _total) == (5, ["b"])
    state.reject()
    assert state.derived(path, Counted, _total) == first
