"""Blobs in a folder, each under the SHA-256 of its bytes, so that the store needs no trust."""

from __future__ import annotations

import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path


class BlobFolder:
    """A content-addressed folder. Files appear whole or not at all."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)

    def put(self, data: bytes) -> bytes:
        """Keep a blob; return its digest."""
        digest = sha256(data).digest()
        target = self.path / digest.hex()
        if not target.exists():
            partial = self.path / f".{digest.hex()}.{os.getpid()}"
            partial.write_bytes(data)
            partial.replace(target)
        return digest

    def get(self, digest: bytes) -> bytes | None:
        """Return a blob, or None where it is missing or its bytes are other ones."""
        return read_blob(self.path, digest)

    def repair(self, data: bytes) -> None:
        """Put a blob again where a file of that name holds other bytes."""
        target = self.path / sha256(data).hexdigest()
        if target.exists() and target.read_bytes() != data:
            target.unlink()
        self.put(data)

    def sizes(self) -> Iterator[tuple[str, int]]:
        """Yield every blob's name and size."""
        for entry in sorted(self.path.iterdir()):
            if not entry.name.startswith("."):
                yield entry.name, entry.stat().st_size


def read_blob(folder: Path, digest: bytes) -> bytes | None:
    """Return a blob of a folder, or None where it is missing or its bytes are other ones."""
    try:
        data = (folder / digest.hex()).read_bytes()
    except OSError:
        return None
    return data if sha256(data).digest() == digest else None
