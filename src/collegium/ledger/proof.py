"""Proofs about the log's tree: it holds an entry; it continues an earlier one (RFC 9162, 2.1.3-4).

Proofs are made from anything that can tell the roots of subtrees, such as all leaf hashes or tiles,
and checked with nothing but hashes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from collegium.ledger.merkle import node_hash, tree_root

Subtree = Callable[[int, int], bytes]
"""Returns the root over the leaves from a first index to before a second one."""


def subtrees(leaf_hashes: Sequence[bytes]) -> Subtree:
    """Return the roots of subtrees of the tree over leaf hashes."""
    return lambda start, end: tree_root(leaf_hashes[start:end])


def split(size: int) -> int:
    """Return how many of two or more leaves are in the left subtree: a power of two."""
    return int(1 << ((size - 1).bit_length() - 1))


def inclusion_proof(subtree: Subtree, index: int, size: int) -> list[bytes]:
    """Return the hashes that lead from the leaf at an index to the root over `size` leaves.

    RFC 9162, section 2.1.3.1: the leaf's sibling first, a child of the root last.

    Raises:
        ValueError: the tree has no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has none at {index}")
    proof = []
    start, end = 0, size
    while end - start > 1:
        middle = start + split(end - start)
        if index < middle:
            proof.append(subtree(middle, end))
            end = middle
        else:
            proof.append(subtree(start, middle))
            start = middle
    return proof[::-1]


def consistency_proof(subtree: Subtree, old: int, new: int) -> list[bytes]:
    """Return the hashes that show the tree over `new` leaves to continue the one over `old`.

    RFC 9162, section 2.1.4.1; empty where both are the same.

    Raises:
        ValueError: the older tree is empty or the larger one.
    """
    if not 0 < old <= new:
        raise ValueError(f"a tree of {new} leaves continues none of {old}")
    proof = []
    start, end = 0, new
    while end != old:
        middle = start + split(end - start)
        if old <= middle:
            proof.append(subtree(middle, end))
            end = middle
        else:
            proof.append(subtree(start, middle))
            start = middle
    if start:  # else what is left is the old tree itself, whose root the verifier has
        proof.append(subtree(start, end))
    return proof[::-1]


def inclusion_holds(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> bool:
    """Return whether a proof leads from a leaf hash to the root (RFC 9162, section 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    node, last = index, size - 1
    for sibling in proof:
        if last == 0:
            return False
        if node & 1 or node == last:
            leaf = node_hash(sibling, leaf)
            while node and not node & 1:  # levels at which the node is moved up unchanged
                node, last = node >> 1, last >> 1
        else:
            leaf = node_hash(leaf, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and leaf == root


def consistency_holds(
    old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Return whether a proof shows one tree to continue another (RFC 9162, section 2.1.4.2)."""
    if not 0 < old <= new:
        return False
    if old == new:
        return not proof and old_root == new_root
    known = [old_root, *proof] if old.bit_count() == 1 else list(proof)
    if not known:
        return False
    node, last = old - 1, new - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    before = after = known[0]
    for sibling in known[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            before = node_hash(sibling, before)
            after = node_hash(sibling, after)
            while node and not node & 1:
                node, last = node >> 1, last >> 1
        else:
            after = node_hash(after, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and before == old_root and after == new_root
