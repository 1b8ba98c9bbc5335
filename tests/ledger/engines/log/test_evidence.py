"""The worked proofs of a fork hold for a stranger who has the genesis, and for no other log."""

from __future__ import annotations

from typing import Any

import pytest
from tests.ledger.contract.kit import four_equals
from tests.ledger.vectors import VECTORS

from collegium.errors import FormatError, RunError
from collegium.ledger.engines.log.evidence import prove_fork, read_fork
from collegium.ledger.frames import BLOCK_SIZE
from collegium.ledger.genesis import decode_genesis

PROOFS: list[dict[str, Any]] = VECTORS["fork"]


def chain(proof: dict[str, Any], side: str) -> list[bytes]:
    data = bytes.fromhex(proof[f"{side}.blocks"])
    return [data[at : at + BLOCK_SIZE] for at in range(0, len(data), BLOCK_SIZE)]


@pytest.mark.parametrize("proof", PROOFS, ids=["one size", "two sizes"])
def test_a_worked_proof_holds(proof: dict[str, Any]) -> None:
    genesis = decode_genesis(proof["genesis"].encode())
    notes = proof["first.note"], proof["second.note"]
    fork = prove_fork(*notes, genesis, chain(proof, "first"), chain(proof, "second"))
    assert fork is not None
    assert "two histories" in str(fork)
    with pytest.raises(FormatError):
        prove_fork(*notes, four_equals().genesis)


def test_notes_of_one_size_need_no_blocks_and_others_do() -> None:
    one_size, two_sizes = PROOFS
    genesis = decode_genesis(one_size["genesis"].encode())
    assert prove_fork(one_size["first.note"], one_size["second.note"], genesis)
    assert prove_fork(two_sizes["first.note"], two_sizes["second.note"], genesis) is None


def test_the_same_block_on_both_sides_is_no_fork() -> None:
    proof = PROOFS[1]
    genesis = decode_genesis(proof["genesis"].encode())
    first = chain(proof, "first")
    notes = proof["first.note"], proof["second.note"]
    assert prove_fork(*notes, genesis, first, [*first, *chain(proof, "second")]) is None


def test_a_folder_that_holds_no_notes_is_refused(tmp_path: Any) -> None:
    with pytest.raises(RunError, match=r"evidence\.unreadable"):
        read_fork(tmp_path, four_equals().genesis)
    for name in ("first.note", "second.note", "first.blocks", "second.blocks"):
        (tmp_path / name).write_bytes(b"\xff")
    with pytest.raises(FormatError):
        read_fork(tmp_path, four_equals().genesis)
