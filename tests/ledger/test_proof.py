"""Proofs against the definitions of RFC 9162, written here as they stand there."""

from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ledger.vectors import PUBLISHED

from collegium.ledger.merkle import leaf_hash, node_hash, tree_root
from collegium.ledger.proof import (
    consistency_holds,
    consistency_proof,
    inclusion_holds,
    inclusion_proof,
    subtrees,
)

LEAVES = [sha256(index.to_bytes(2, "big")).digest() for index in range(600)]
PUBLISHED_LEAVES = [leaf_hash(bytes.fromhex(leaf)) for leaf in PUBLISHED["tree"]["leaves"]]
ROOTS = [bytes.fromhex(root) for root in PUBLISHED["tree"]["roots"]]


def half(size: int) -> int:
    """The largest power of two below a size."""
    power = 1
    while 2 * power < size:
        power *= 2
    return power


def path(index: int, leaves: list[bytes]) -> list[bytes]:
    """PATH of RFC 9162, section 2.1.3.1, over leaf hashes."""
    if len(leaves) == 1:
        return []
    k = half(len(leaves))
    if index < k:
        return [*path(index, leaves[:k]), tree_root(leaves[k:])]
    return [*path(index - k, leaves[k:]), tree_root(leaves[:k])]


def subproof(old: int, leaves: list[bytes], *, known: bool = True) -> list[bytes]:
    """SUBPROOF of RFC 9162, section 2.1.4.1, over leaf hashes."""
    if old == len(leaves):
        return [] if known else [tree_root(leaves)]
    k = half(len(leaves))
    if old <= k:
        return [*subproof(old, leaves[:k], known=known), tree_root(leaves[k:])]
    return [*subproof(old - k, leaves[k:], known=False), tree_root(leaves[:k])]


@pytest.mark.parametrize("vector", PUBLISHED["inclusion_proofs"]["vectors"])
def test_the_published_inclusion_proofs(vector: dict[str, Any]) -> None:
    index, size = vector["index"], vector["size"]
    proof = [bytes.fromhex(one) for one in vector["proof"]]
    assert inclusion_proof(subtrees(PUBLISHED_LEAVES[:size]), index, size) == proof
    assert inclusion_holds(PUBLISHED_LEAVES[index], index, size, proof, ROOTS[size])


@pytest.mark.parametrize("vector", PUBLISHED["consistency_proofs"]["vectors"])
def test_the_published_consistency_proofs(vector: dict[str, Any]) -> None:
    old, new = vector["old"], vector["new"]
    proof = [bytes.fromhex(one) for one in vector["proof"]]
    assert consistency_proof(subtrees(PUBLISHED_LEAVES[:new]), old, new) == proof
    assert consistency_holds(old, new, ROOTS[old], ROOTS[new], proof)


@pytest.mark.parametrize("size", range(1, 35))
def test_every_proof_of_a_small_tree(size: int) -> None:
    leaves, root = LEAVES[:size], tree_root(LEAVES[:size])
    for index in range(size):
        proof = inclusion_proof(subtrees(leaves), index, size)
        assert proof == path(index, leaves)
        assert inclusion_holds(leaves[index], index, size, proof, root)
    for old in range(1, size + 1):
        proof = consistency_proof(subtrees(leaves), old, size)
        assert proof == subproof(old, leaves)
        assert consistency_holds(old, size, tree_root(leaves[:old]), root, proof)


@given(st.integers(1, len(LEAVES)), st.data())
def test_any_size(size: int, data: st.DataObject) -> None:
    leaves, root = LEAVES[:size], tree_root(LEAVES[:size])
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(subtrees(leaves), index, size)
    assert proof == path(index, leaves)
    assert inclusion_holds(leaves[index], index, size, proof, root)
    old = data.draw(st.integers(1, size))
    proof = consistency_proof(subtrees(leaves), old, size)
    assert proof == subproof(old, leaves)
    assert consistency_holds(old, size, tree_root(leaves[:old]), root, proof)


@given(st.integers(2, 100), st.data())
def test_an_inclusion_proof_of_something_else_fails(size: int, data: st.DataObject) -> None:
    leaves, root = LEAVES[:size], tree_root(LEAVES[:size])
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(subtrees(leaves), index, size)
    leaf = leaves[index]
    other = data.draw(st.integers(0, size + 3).filter(lambda one: one != index))
    assert not inclusion_holds(leaf, other, size, proof, root)
    assert not inclusion_holds(LEAVES[size], index, size, proof, root)
    assert not inclusion_holds(leaf, index, size, proof, LEAVES[0][::-1])
    assert not inclusion_holds(leaf, index, size, [*proof, root], root)
    assert not inclusion_holds(leaf, index, size, [leaf, *proof], root)
    place = data.draw(st.integers(0, len(proof) - 1))
    assert not inclusion_holds(leaf, index, size, proof[:place] + proof[place + 1 :], root)
    flipped = bytes((proof[place][0] ^ 1, *proof[place][1:]))
    changed = [*proof[:place], flipped, *proof[place + 1 :]]
    assert not inclusion_holds(leaf, index, size, changed, root)


@given(st.integers(2, 100), st.data())
def test_a_consistency_proof_of_something_else_fails(new: int, data: st.DataObject) -> None:
    leaves, new_root = LEAVES[:new], tree_root(LEAVES[:new])
    old = data.draw(st.integers(1, new - 1))
    old_root = tree_root(leaves[:old])
    proof = consistency_proof(subtrees(leaves), old, new)
    assert not consistency_holds(old, new, new_root, old_root, proof)
    assert not consistency_holds(old, new, LEAVES[-1], new_root, proof)
    assert not consistency_holds(old, new, old_root, LEAVES[-1], proof)
    assert not consistency_holds(old, new, old_root, new_root, [*proof, new_root])
    assert not consistency_holds(old, new, old_root, new_root, [])
    assert not consistency_holds(new, old, new_root, old_root, proof)
    place = data.draw(st.integers(0, len(proof) - 1))
    shorter = proof[:place] + proof[place + 1 :]
    assert not consistency_holds(old, new, old_root, new_root, shorter)
    flipped = bytes((proof[place][0] ^ 1, *proof[place][1:]))
    changed = [*proof[:place], flipped, *proof[place + 1 :]]
    assert not consistency_holds(old, new, old_root, new_root, changed)


def test_sizes_of_any_magnitude_are_answered() -> None:
    huge = 2**64 - 1
    proof = [LEAVES[0]] * 64
    assert not inclusion_holds(LEAVES[0], huge - 1, huge, proof, LEAVES[1])
    assert not consistency_holds(huge - 1, huge, LEAVES[0], LEAVES[1], proof)
    assert not inclusion_holds(LEAVES[0], -1, 4, [], LEAVES[0])
    assert not inclusion_holds(LEAVES[0], 0, 0, [], LEAVES[0])
    assert not consistency_holds(0, 3, LEAVES[0], LEAVES[1], [])


def test_hashes_of_a_larger_tree_prove_nothing_about_a_smaller_one() -> None:
    one, two, three, four, beside = LEAVES[:5]
    assert not inclusion_holds(two, 0, 1, [one], node_hash(one, two))
    proof = consistency_proof(subtrees([one, two, three, four]), 3, 4)
    roots = tree_root([one, two, three]), tree_root([one, two, three, four])
    assert consistency_holds(3, 4, *roots, proof)
    above = [node_hash(beside, root) for root in roots]
    assert not consistency_holds(3, 4, above[0], above[1], [*proof, beside])


def test_the_same_tree_is_consistent_with_itself_by_no_hash() -> None:
    root = tree_root(LEAVES[:5])
    assert consistency_proof(subtrees(LEAVES[:5]), 5, 5) == []
    assert consistency_holds(5, 5, root, root, [])
    assert not consistency_holds(5, 5, root, root, [root])
    assert not consistency_holds(5, 5, root, LEAVES[0], [])


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0)])
def test_no_proof_of_a_leaf_that_is_not_there(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="leaves"):
        inclusion_proof(subtrees(LEAVES[:size]), index, size)


@pytest.mark.parametrize(("old", "new"), [(0, 3), (4, 3), (-1, 3)])
def test_no_proof_of_what_is_no_continuation(old: int, new: int) -> None:
    with pytest.raises(ValueError, match="leaves"):
        consistency_proof(subtrees(LEAVES[:new]), old, new)
