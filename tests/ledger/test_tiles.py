"""The log as tiles: C2SP tlog-tiles' own examples, and roots and proofs made from tiles alone."""

from collections import Counter
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collegium.errors import FormatError
from collegium.ledger.merkle import leaf_hash, node_hash, tree_root
from collegium.ledger.proof import (
    consistency_proof,
    inclusion_holds,
    inclusion_proof,
    subtrees,
)
from collegium.ledger.tiles import (
    Tile,
    entry_bundle,
    parse_tile_path,
    split_bundle,
    subtrees_of_tiles,
    tile,
    tiles_of,
)

ENTRIES = [sha256(index.to_bytes(3, "big")).digest()[: index % 32] for index in range(70_000)]
LEAVES = [leaf_hash(entry) for entry in ENTRIES]


@pytest.mark.parametrize(
    ("place", "path"),
    [
        (Tile(0, 0), "tile/0/000"),
        (Tile(0, 1234067), "tile/0/x001/x234/067"),
        (Tile(1, 67, 5), "tile/1/067.p/5"),
        (Tile(None, 999, 255), "tile/entries/999.p/255"),
        (Tile(None, 1000), "tile/entries/x001/000"),
        (Tile(63, 0, 1), "tile/63/000.p/1"),
    ],
)
def test_paths_are_those_of_the_standard(place: Tile, path: str) -> None:
    assert place.path == path
    assert parse_tile_path(path) == place


@pytest.mark.parametrize(
    "path",
    ["tile/0/0", "tile/0/0000", "tile/00/000", "tile/01/000", "tile/64/000", "tile/-1/000",
     "tile/0/x000/000", "tile/0/001/000", "tile/0/x001/x000", "tile/0/000.p/0", "tile/0/000.p/256",
     "tile/0/000.p/01", "tile/0/000.p/", "tile/0/000/", "/tile/0/000", "tile/0/000 ", "tile/0/٠٠٠",
     "tile/0/../000", "tile/x/000", "tile/Entries/000", "tile/0/000\n", "",
     "tile/0/" + "x000/" * 99],
)  # fmt: skip
def test_other_paths_are_refused(path: str) -> None:
    with pytest.raises(FormatError):
        parse_tile_path(path)


@given(st.none() | st.integers(0, 63), st.integers(0, 10**12), st.integers(1, 256))
def test_every_path_leads_back(level: int | None, index: int, width: int) -> None:
    place = Tile(level, index, width)
    assert parse_tile_path(place.path) == place


@given(st.text())
def test_any_text_is_a_path_or_refused(text: str) -> None:
    with pytest.raises(FormatError):
        parse_tile_path(text)
    with pytest.raises(FormatError):
        parse_tile_path(f"tile/0/{text}/000")


def test_the_standards_example_of_70_000_entries() -> None:
    places = list(tiles_of(70_000))
    shape = Counter((place.level, place.width) for place in places)
    assert shape == {
        (None, 256): 273, (None, 112): 1, (0, 256): 273, (0, 112): 1, (1, 256): 1, (1, 17): 1,
        (2, 1): 1,
    }  # fmt: skip
    assert [place.path for place in tiles_of(256)] == [
        "tile/entries/000", "tile/0/000", "tile/1/000.p/1",
    ]  # fmt: skip
    assert list(tiles_of(0)) == []


def test_a_tile_holds_the_roots_of_full_tiles_below() -> None:
    assert tile(LEAVES, 0, 3) == b"".join(LEAVES[768:1024])
    assert tile(LEAVES, 0, 273, 112) == b"".join(LEAVES[-112:])
    first = tree_root(LEAVES[:256])
    assert tile(LEAVES, 1, 0)[:32] == first
    assert tile(LEAVES, 1, 1, 17)[-32:] == tree_root(LEAVES[272 * 256 : 273 * 256])
    assert tile(LEAVES, 2, 0, 1) == tree_root(LEAVES[:65536])


@pytest.mark.parametrize("place", [Tile(0, 273, 113), Tile(1, 1, 18), Tile(2, 0, 2), Tile(3, 0, 1)])
def test_what_the_log_does_not_fill_is_not_there(place: Tile) -> None:
    assert place.level is not None
    assert not place.within(70_000)
    with pytest.raises(LookupError):
        tile(LEAVES, place.level, place.index, place.width)
    with pytest.raises(LookupError):
        entry_bundle(ENTRIES, 273, 113)


def test_a_bundle_holds_entries_after_their_lengths() -> None:
    assert entry_bundle([b"", b"ab"], 0, 2) == b"\0\0\0\x02ab"
    assert split_bundle(b"\0\0\0\x02ab") == [b"", b"ab"]
    for place in tiles_of(70_000):
        if place.level is None:
            data = entry_bundle(ENTRIES, place.index, place.width)
            hashes = b"".join(leaf_hash(entry) for entry in split_bundle(data))
            assert hashes == tile(LEAVES, 0, place.index, place.width)


def test_an_entry_that_two_bytes_cannot_tell_the_length_of_is_in_no_bundle() -> None:
    longest = bytes(2**16 - 1)
    assert split_bundle(entry_bundle([b"a", longest], 0, 2)) == [b"a", longest]
    with pytest.raises(FormatError, match=r"tiles\.entry"):
        entry_bundle([b"a", longest + b"\0"], 0, 2)
    assert entry_bundle([b"a", longest + b"\0"], 0, 1) == b"\0\x01a"


@pytest.mark.parametrize("data", [b"\0", b"\0\x01", b"\0\x03ab", b"\0\0\0"])
def test_a_bundle_whose_lengths_do_not_fit_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        split_bundle(data)


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 511, 513, 4097, 65_536, 65_537, 70_000])
def test_root_and_proofs_from_tiles_alone(size: int) -> None:
    leaves = LEAVES[:size]
    served = {
        place.path: tile(leaves, place.level, place.index, place.width)
        for place in tiles_of(size)
        if place.level is not None
    }
    from_tiles = subtrees_of_tiles(lambda place: served[place.path], size)
    root = from_tiles(0, size)
    assert root == tree_root(leaves)
    for index in {0, 1, size // 3, size // 2, size - 1} & set(range(size)):
        proof = inclusion_proof(from_tiles, index, size)
        assert inclusion_holds(leaves[index], index, size, proof, root)
        assert proof == inclusion_proof(subtrees(leaves), index, size)
    for old in {1, size // 3, size // 2, size - 1, size} & set(range(1, size + 1)):
        assert consistency_proof(from_tiles, old, size) == consistency_proof(
            subtrees(leaves), old, size
        )


@given(st.integers(1, 2000), st.data())
@settings(max_examples=50, deadline=None)
def test_any_proof_from_tiles(size: int, data: st.DataObject) -> None:
    def fetch(place: Tile) -> bytes:
        assert place in set(tiles_of(size))
        assert place.level is not None
        return tile(LEAVES[:size], place.level, place.index, place.width)

    index = data.draw(st.integers(0, size - 1))
    from_tiles = subtrees_of_tiles(fetch, size)
    proof = inclusion_proof(from_tiles, index, size)
    assert inclusion_holds(LEAVES[index], index, size, proof, from_tiles(0, size))


def test_a_tile_of_another_length_is_refused() -> None:
    broken = subtrees_of_tiles(lambda place: bytes(31), 3)
    with pytest.raises(FormatError):
        broken(0, 3)


def test_two_leaves_by_hand() -> None:
    both = subtrees_of_tiles(lambda place: LEAVES[0] + LEAVES[1], 2)
    assert both(0, 2) == node_hash(LEAVES[0], LEAVES[1])
