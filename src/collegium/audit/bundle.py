"""The released bundle: a folder of files with one digest over all, named on the ledger."""

from __future__ import annotations

import os
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from collegium.audit.findings import Finding, of_error
from collegium.audit.subjects import AboutFile
from collegium.canonical import to_text
from collegium.errors import FormatError, reason_of
from collegium.learning.blobs import decode_model
from collegium.learning.safetensors import released_bytes
from collegium.ledger.hashing import lp, tagged_hash
from collegium.visible import visible

WEIGHTS = "model.safetensors"
PREPARATION = "preparation.json"


def bundle_digest(files: Mapping[str, bytes]) -> bytes:
    """Return the digest over a bundle's files by name (docs/spec/8-blobs.md)."""
    parts = (lp(os.fsencode(name)) + sha256(files[name]).digest() for name in sorted(files))
    return tagged_hash("bundle", *parts)


def read_bundle(folder: Path) -> dict[str, bytes]:
    """Return a bundle folder's files by name; hidden ones do not belong to it."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if _belongs(path)}


def _belongs(path: Path) -> bool:
    return path.is_file() and not path.name.startswith(".")


def check_bundle(
    folder: Path, registered: str, model: bytes | None, agreement: str | None = None
) -> list[Finding]:
    """Check a released folder against the ledger.

    Args:
        folder: the released files.
        registered: the bundle's digest.
        model: the final model's blob, which the weights are to be.
        agreement: the digest of what the sites of a study of tables agreed on.
    """
    try:
        files = read_bundle(folder)
        extra = [path.name for path in sorted(folder.iterdir()) if not _belongs(path)]
    except OSError as error:
        why = reason_of(error)
        return [Finding("bundle.unreadable", "error", AboutFile("model/"), {"why": why})]
    findings = [
        Finding("bundle.extra", "note", AboutFile(f"model/{visible(name)}")) for name in extra
    ]
    if to_text(bundle_digest(files)) != registered:
        findings.append(Finding("bundle.altered", "error", AboutFile("model/")))
    if agreement is not None and to_text(sha256(files.get(PREPARATION, b"")).digest()) != agreement:
        findings.append(Finding("bundle.preparation", "error", AboutFile(f"model/{PREPARATION}")))
    if model is not None:
        try:
            expected = released_bytes(decode_model(model))
        except FormatError as error:
            return [
                *findings, Finding("bundle.model", "error", AboutFile("model/"), of_error(error))
            ]  # fmt: skip
        if files.get(WEIGHTS) != expected:
            findings.append(Finding("bundle.weights", "error", AboutFile(f"model/{WEIGHTS}")))
    return findings
