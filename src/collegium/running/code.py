"""The digest of the code that runs: what sites accept together with the study document."""

from __future__ import annotations

from hashlib import sha256
from importlib.resources import files
from pathlib import Path

from collegium.ledger.hashing import lp, tagged_hash


def code_digest() -> bytes:
    """Return the digest over the package's Python files by name."""
    root = Path(str(files("collegium")))
    parts = (
        lp(path.relative_to(root).as_posix().encode()) + sha256(path.read_bytes()).digest()
        for path in sorted(root.rglob("*.py"))
    )
    return tagged_hash("code", *parts)
