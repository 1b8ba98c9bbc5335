"""Proof that a sequencer broke its word: what it promised a place in the log is not there.

Two things that the log's key signed contradict each other: a promise, and a checkpoint of a log
with another transaction at the same index. Both are in a folder of a home's `evidence/`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from collegium.audit.receipt import (
    SUFFIX,
    Receipt,
    decode_extra,
    decode_receipt,
    encode_extra,
    encode_receipt,
)
from collegium.canonical import malformed
from collegium.errors import RunError, reason_of
from collegium.ledger.engines.log.evidence import GENESIS_FILE, require_ledger
from collegium.ledger.engines.log.inclusion_promise import open_inclusion_promise
from collegium.ledger.envelope import decode_envelope
from collegium.ledger.frames import decode_entry, entry_hash
from collegium.ledger.genesis import decode_genesis, required_log_key
from collegium.ledger.note import open_checkpoint, origin_of
from collegium.ledger.proof import inclusion_holds, inclusion_proof, subtrees

PROMISE, ENTRY = "promise.note", f"entry{SUFFIX}"


@dataclass(frozen=True, slots=True)
class BrokenPromise:
    """A promise that the log contradicts: which transaction was to be at an index, and which is."""

    index: int
    promised: bytes
    found: bytes

    def __str__(self) -> str:
        return (
            f"the log's key promised that entry {self.index} is the transaction "
            f"{self.promised.hex()}, and signed a log in which it is {self.found.hex()}"
        )


def promise_parts(
    genesis: bytes, promise: str, index: int, entry: bytes, hashes: list[bytes], note: str
) -> dict[str, bytes]:
    """Return the files that `read_promise` reads.

    Args:
        genesis: the ledger's, as bytes.
        promise: the signed note.
        index: where the entry is.
        entry: what the log has there.
        hashes: the leaf hashes of the log that the checkpoint is over.
        note: a checkpoint that the log's key signed.
    """
    proof = inclusion_proof(subtrees(hashes), index, len(hashes))
    receipt = Receipt(index, tuple(proof), note, encode_extra(genesis, entry))
    return {
        GENESIS_FILE: genesis, PROMISE: promise.encode(), ENTRY: encode_receipt(receipt).encode(),
    }  # fmt: skip


def read_promise(folder: Path, identity: bytes) -> BrokenPromise | None:
    """Return what a folder of evidence proves to anybody who knows the ledger, or None.

    Args:
        folder: one of a home's `evidence/`, or a copy of it.
        identity: the genesis digest that whoever reads it trusts.

    Raises:
        RunError: it holds no promise and entry, or is about another ledger.
        FormatError: its files are malformed, or the log's key did not sign them.
    """
    try:
        genesis, note, proof = (
            (folder / name).read_bytes() for name in (GENESIS_FILE, PROMISE, ENTRY)
        )
    except OSError as error:
        raise RunError(
            "evidence.unreadable", f"{folder} does not hold a promise and an entry",
            reason_of(error), "name a folder promise-… of a home's evidence/",
        ) from error  # fmt: skip
    require_ledger(folder, genesis, identity)
    key = required_log_key(decode_genesis(genesis))
    try:
        promise = open_inclusion_promise(note.decode(), identity, key)
    except UnicodeDecodeError as error:
        raise malformed("a promise", "it is not UTF-8") from error
    receipt = decode_receipt(proof)
    carried, entry = decode_extra(receipt.extra)
    head = open_checkpoint(receipt.note, origin_of(identity), key)
    leads = inclusion_holds(entry_hash(entry), receipt.index, head.size, receipt.proof, head.root)
    if carried != genesis or not leads:
        raise malformed("the entry", "its hashes do not lead to the checkpoint that is with it")
    found = decode_envelope(decode_entry(entry)[0]).transaction_id
    if receipt.index != promise.index or found == promise.transaction:
        return None
    return BrokenPromise(promise.index, promise.transaction, found)
