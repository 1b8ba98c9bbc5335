"""The worked proofs of a fork hold for a stranger who has the genesis, and for no other log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.commands import collegium
from tests.ledger.contract.kit import four_equals
from tests.ledger.vectors import VECTORS

from collegium.errors import FormatError, RunError
from collegium.ledger.engines.log.evidence import prove_fork, read_fork
from collegium.ledger.frames import BLOCK_SIZE
from collegium.ledger.genesis import decode_genesis, genesis_digest

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


def written(proof: dict[str, Any], folder: Path) -> bytes:
    """Write a proof as a home keeps it; return the digest of its genesis."""
    genesis = proof["genesis"].encode()
    (folder / "genesis.json").write_bytes(genesis)
    for side in ("first", "second"):
        (folder / f"{side}.note").write_text(proof[f"{side}.note"], "utf-8")
        (folder / f"{side}.blocks").write_bytes(bytes.fromhex(proof[f"{side}.blocks"]))
    return genesis_digest(genesis)


def test_anybody_who_knows_the_genesis_reads_a_folder_of_evidence(tmp_path: Path) -> None:
    identity = written(PROOFS[1], tmp_path)
    assert read_fork(tmp_path, identity) is not None
    with pytest.raises(RunError, match=r"evidence\.other-ledger"):
        read_fork(tmp_path, bytes(32))


def test_the_command_says_what_is_proven(tmp_path: Path) -> None:
    identity = written(PROOFS[1], tmp_path).hex()
    done = collegium("audit", "fork", tmp_path, "--genesis", identity, cwd=tmp_path)
    assert done.returncode == 0
    assert done.stdout.startswith("PROVEN: the log's key signed two histories, of 2 and 3 entries")
    (tmp_path / "second.blocks").write_bytes((tmp_path / "first.blocks").read_bytes())
    done = collegium("audit", "fork", tmp_path, "--genesis", identity, "--json", cwd=tmp_path)
    assert done.returncode == 1
    assert json.loads(done.stdout) == {"proven": False, "sizes": None}
    done = collegium("audit", "fork", tmp_path, "--genesis", "0" * 64, cwd=tmp_path)
    assert done.returncode == 2
    assert "evidence.other-ledger" in done.stderr


def test_a_folder_that_holds_no_notes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"evidence\.unreadable"):
        read_fork(tmp_path, bytes(32))
    identity = written(PROOFS[0], tmp_path)
    for name in ("first.note", "first.blocks"):
        before = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(b"\xff")
        with pytest.raises(FormatError):
            read_fork(tmp_path, identity)
        (tmp_path / name).write_bytes(before)
