"""Other people's implementations of C2SP's formats agree with ours, where they are installed.

`proofbundle` reads tlog-proof; `aics-tlog` (Python 3.12 or later) reads notes, cosignatures and
tiles. Neither is needed by anything else, so that these tests are skipped elsewhere.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.audit.cosigned import Cosigned

from collegium.audit.export import export_tiles
from collegium.audit.log import newest_checkpoint, read_log
from collegium.audit.policy import parse_policy
from collegium.audit.receipt import decode_receipt
from collegium.ledger.note import COSIGNATURE, verifier_key


@pytest.fixture
def log_key(cosigned: Cosigned) -> str:
    log = read_log(cosigned.folder)
    return verifier_key(log.origin, log.log_key)


@pytest.fixture
def witnesses(cosigned: Cosigned) -> list[str]:
    policy = parse_policy(cosigned.policy)
    return [verifier_key(*key, COSIGNATURE) for key in policy.witnesses.values()]


def test_proofbundle_accepts_our_receipts_and_no_others(
    cosigned: Cosigned, log_key: str, witnesses: list[str]
) -> None:
    verify = pytest.importorskip("proofbundle.tlogproof").verify_tlog_proof
    log = read_log(cosigned.folder)
    for index, entry in enumerate(log.entries):
        text = cosigned.receipt(str(index)).decode()
        found = verify(text, entry, log_key, witnesses, threshold=2, expected_origin=log.origin)
        assert found["ok"], found
        assert (found["index"], found["tree_size"]) == (index, len(log.entries))
        assert not verify(text, entry, log_key, witnesses, threshold=3)["ok"]
        assert not verify(text, entry + b"\0", log_key, witnesses, threshold=2)["ok"]
    text = cosigned.receipt("3").decode()
    moved = text.replace("\nindex 3\n", "\nindex 4\n")
    assert not verify(moved, log.entries[3], log_key, witnesses, threshold=2)["ok"]
    assert not verify(text, log.entries[3], witnesses[0], witnesses, threshold=2)["ok"]


def test_aics_tlog_accepts_our_notes_cosignatures_and_proofs(
    cosigned: Cosigned, log_key: str, witnesses: list[str]
) -> None:
    aics: Any = pytest.importorskip("aics_tlog")
    log = read_log(cosigned.folder)
    known = [aics.parse_vkey(key) for key in witnesses]
    for index, entry in enumerate(log.entries):
        receipt = decode_receipt(cosigned.receipt(str(index)))
        note = aics.parse_note(receipt.note)
        found = aics.verify_checkpoint(note, aics.parse_vkey(log_key), known, quorum=2)
        assert found.ok, found.error
        assert sorted(found.witnesses) == [f"{log.origin}/ada", f"{log.origin}/cy"]
        proof = list(receipt.proof)
        assert aics.verify_leaf_inclusion(entry, index, found.size, proof, found.root)
        assert not aics.verify_leaf_inclusion(entry, index + 1, found.size, proof, found.root)


def test_aics_tlog_reads_our_tiles_and_makes_our_proofs_from_them(
    cosigned: Cosigned, tmp_path: Path
) -> None:
    aics: Any = pytest.importorskip("aics_tlog")
    export_tiles(cosigned.folder, tmp_path / "www")
    log = read_log(cosigned.folder)
    _, checkpoint = newest_checkpoint(log)
    reader = aics.FileSystemTileReader(tmp_path / "www")
    assert aics.audit_tiles(reader, checkpoint.size, checkpoint.root).bundles == 1
    for index, entry in enumerate(log.entries):
        assert aics.read_entry(reader, index, checkpoint.size) == entry
        receipt = decode_receipt(cosigned.receipt(str(index)))
        proof = aics.inclusion_proof_from_tiles(reader, index, checkpoint.size)
        assert tuple(proof) == receipt.proof
