"""Blobs in a folder, each under the SHA-256 of its bytes, so that the store needs no trust."""

from __future__ import annotations

import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

_Stamp = tuple[int, int, int]

_KEPT_BYTES = 1 << 26
"""Bytes kept in memory; one that is larger than a quarter of it is read anew each time."""


class BlobFolder:
    """A content-addressed folder. Files appear whole or not at all.

    What this process wrote or checked lately stays in memory, and is read and hashed again only
    where its file is another one by inode, size and time.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        self._prefix = os.path.join(path, "")
        self._kept: dict[bytes, tuple[_Stamp, bytes]] = {}
        self._kept_bytes = 0

    def put(self, data: bytes) -> bytes:
        """Keep a blob; return its digest."""
        digest = sha256(data).digest()
        name = digest.hex()
        target = self._prefix + name
        if not os.path.exists(target):
            partial = self.path / f".{name}.{os.getpid()}"
            partial.write_bytes(data)
            partial.replace(target)
            self._keep(digest, _stamp(os.stat(target)), data)
        return digest

    def get(self, digest: bytes) -> bytes | None:
        """Return a blob, or None where it is missing or its bytes are other ones."""
        try:
            stamp = _stamp(os.stat(self._prefix + digest.hex()))
        except OSError:
            return None
        kept = self._kept.get(digest)
        if kept is not None and kept[0] == stamp:
            return kept[1]
        data = read_blob(self.path, digest)
        if data is not None:
            self._keep(digest, stamp, data)
        return data

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

    def _keep(self, digest: bytes, stamp: _Stamp, data: bytes) -> None:
        """Remember a blob, and forget the oldest ones that no longer fit."""
        known = self._kept.pop(digest, None)
        if known is not None:
            self._kept_bytes -= len(known[1])
        if 4 * len(data) > _KEPT_BYTES:
            return
        self._kept[digest] = (stamp, data)
        self._kept_bytes += len(data)
        while self._kept_bytes > _KEPT_BYTES:
            _, oldest = self._kept.pop(next(iter(self._kept)))
            self._kept_bytes -= len(oldest)


def _stamp(status: os.stat_result) -> _Stamp:
    return status.st_ino, status.st_size, status.st_mtime_ns


def read_blob(folder: Path, digest: bytes) -> bytes | None:
    """Return a blob of a folder, or None where it is missing or its bytes are other ones."""
    try:
        data = (folder / digest.hex()).read_bytes()
    except OSError:
        return None
    return data if sha256(data).digest() == digest else None
