"""The two trees against the standard's own definition, written as it stands in RFC 9162."""

from hashlib import sha256

import pytest
from examples import second_verifier
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.ledger.vectors import PUBLISHED, VECTORS

from collegium.ledger.hashing import lp
from collegium.ledger.merkle import (
    EMPTY_ROOT,
    Frontier,
    MapTree,
    leaf_hash,
    map_leaf,
    tree_root,
)


def naive(leaves: list[bytes]) -> bytes:
    """MTH of RFC 9162, section 2.1.1, over leaf hashes."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    half = 1
    while 2 * half < len(leaves):
        half *= 2
    return sha256(b"\1" + naive(leaves[:half]) + naive(leaves[half:])).digest()


LEAVES = [sha256(bytes([index])).digest() for index in range(70)]
PUBLISHED_LEAVES = [leaf_hash(bytes.fromhex(leaf)) for leaf in PUBLISHED["tree"]["leaves"]]


@pytest.mark.parametrize("size", range(9))
def test_the_published_roots(size: int) -> None:
    leaves, root = PUBLISHED_LEAVES[:size], bytes.fromhex(PUBLISHED["tree"]["roots"][size])
    frontier, tree = Frontier(), MapTree()
    for index, leaf in enumerate(leaves):
        frontier.append(leaf)
        tree.set(chr(index), leaf)
    assert naive(leaves) == tree_root(leaves) == frontier.root() == tree.root() == root
    assert second_verifier.root(leaves) == root


def test_the_worked_tree() -> None:
    vector = VECTORS["values"]["tree"]
    hashes = [leaf_hash(bytes.fromhex(leaf)) for leaf in vector["leaves"]]
    assert [one.hex() for one in hashes] == vector["leaf_hashes"]
    assert [tree_root(hashes[:size]).hex() for size in range(4)] == vector["roots"]


def test_no_leaves_have_the_root_of_nothing() -> None:
    assert naive([]) == tree_root([]) == Frontier().root() == MapTree().root() == EMPTY_ROOT


def test_a_log_has_its_root_at_every_size_and_goes_on_from_its_peaks() -> None:
    frontier = Frontier()
    for size, leaf in enumerate(LEAVES, start=1):
        frontier.append(leaf)
        assert frontier.root() == naive(LEAVES[:size])
        assert len(frontier.peaks) == size.bit_count()
        again = Frontier(size, frontier.peaks)
        again.append(leaf)
        assert again.root() == naive([*LEAVES[:size], leaf])
        assert frontier.size == size


changes = st.lists(
    st.tuples(st.integers(0, 20), st.just(-1) | st.integers(0, 60), st.booleans()),
    min_size=1,
    max_size=60,
)


@given(st.lists(st.integers(0, 40), max_size=6))
def test_leaves_added_together_give_the_tree_of_leaves_added_one_by_one(counts: list[int]) -> None:
    one_by_one, together = Frontier(), Frontier()
    for count in counts:
        for leaf in LEAVES[:count]:
            one_by_one.append(leaf)
        together.extend(LEAVES[:count])
        assert (together.size, together.peaks) == (one_by_one.size, one_by_one.peaks)


@given(st.text(max_size=12), st.binary(max_size=12))
def test_a_maps_leaf_delimits_key_and_value(key: str, value: bytes) -> None:
    expected = leaf_hash(lp(key.encode()) + lp(value))
    assert map_leaf(key, value) == map_leaf(key, value) == expected


@given(st.integers(0, 20), changes)
def test_a_map_filled_at_once_goes_on_like_one_filled_key_by_key(
    size: int, changes: list[tuple[int, int, bool]]
) -> None:
    filled, grown = MapTree(), MapTree()
    keys = [chr(index) for index in range(size)]
    filled.fill(keys.copy(), LEAVES[:size])
    for key, leaf in zip(keys, LEAVES, strict=False):
        grown.set(key, leaf)
    assert filled.root() == grown.root()
    for number, index, _ in changes:
        for tree in (filled, grown):
            tree.set(chr(number), LEAVES[index])
        assert filled.root() == grown.root()


@pytest.mark.parametrize(("size", "peaks"), [(1, 0), (0, 1), (3, 1), (4, 2)])
def test_a_size_has_its_number_of_peaks(size: int, peaks: int) -> None:
    with pytest.raises(ValueError, match="peaks"):
        Frontier(size, [b""] * peaks)


@pytest.mark.parametrize("size", range(2, 20))
def test_a_map_that_loses_its_last_entry_has_the_root_of_the_others(size: int) -> None:
    tree = MapTree()
    for index in range(size):
        tree.set(chr(index), LEAVES[index])
    assert tree.root() == naive(LEAVES[:size])
    tree.remove(chr(size - 1))
    assert tree.root() == naive(LEAVES[: size - 1])


@given(changes)
@settings(deadline=None, max_examples=300)
def test_a_map_has_the_root_of_its_entries_whatever_was_done_to_it(
    changes: list[tuple[int, int, bool]],
) -> None:
    """A change is (key, leaf or, where negative, removal, whether to ask for the root after it)."""
    tree, entries = MapTree(), dict[str, bytes]()
    for number, leaf, asked in changes:
        key = chr(number)
        assert tree.has(key) == (key in entries)
        if leaf >= 0:
            entries[key] = LEAVES[leaf]
            tree.set(key, LEAVES[leaf])
        elif key in entries:
            del entries[key]
            tree.remove(key)
        if asked:
            assert tree.root() == naive([entries[name] for name in sorted(entries)])
    assert tree.root() == naive([entries[name] for name in sorted(entries)])
    assert len(tree) == len(entries)
