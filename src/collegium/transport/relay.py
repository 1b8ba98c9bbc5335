"""The blobs that members share through the sequencer's port: uploads that go on, in a folder.

A blob is visible when all of it is here and its bytes have its name; the store needs no trust.
"""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

from collegium.errors import RunError
from collegium.ledger.durability import sync_names

LARGEST_BLOB = 4 * 2**30
_PIECE = 2**20


class Relay:
    """A folder of blobs by SHA-256, and of uploads that are not complete."""

    def __init__(self, folder: Path) -> None:
        self._blobs = folder
        self._partial = folder / "partial"
        self._partial.mkdir(parents=True, exist_ok=True)

    def path(self, name: str) -> Path | None:
        """Return the file of a whole blob, or None."""
        path = self._blobs / name
        return path if path.is_file() else None

    def offset(self, member: str, name: str) -> int:
        """Return how many bytes of a member's upload are here."""
        try:
            return self._upload(member, name).stat().st_size
        except FileNotFoundError:
            return 0

    def append(self, member: str, name: str, offset: int, data: bytes, length: int) -> int:
        """Take the next piece of a member's upload; return how many bytes are here.

        Args:
            member: whose upload it is.
            name: the blob's SHA-256 in hex.
            offset: where the piece begins; 0 begins anew.
            data: the piece.
            length: the whole blob's length.

        Raises:
            RunError: the piece does not follow, the blob is too large, or whole and another one.
        """
        path = self._upload(member, name)
        if length > LARGEST_BLOB or offset + len(data) > length:
            raise RunError(
                "relay.too-large", "a blob is larger than it may be or was said to be",
                f"{max(length, offset + len(data))} bytes", f"send at most {LARGEST_BLOB} bytes",
            )  # fmt: skip
        if offset and offset != self.offset(member, name):
            raise RunError(
                "relay.offset", "a piece does not follow what is here",
                f"{self.offset(member, name)} bytes are here", "ask for the offset and go on there",
            )  # fmt: skip
        with path.open("r+b" if offset else "wb") as file:
            file.seek(offset)
            file.write(data)
            if offset + len(data) == length:
                file.flush()
                os.fsync(file.fileno())
        if offset + len(data) == length:
            self._finish(path, name)
        return offset + len(data)

    def delete(self, name: str) -> None:
        """Delete a blob, if it is here."""
        (self._blobs / name).unlink(missing_ok=True)

    def _finish(self, path: Path, name: str) -> None:
        digest = sha256()
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                digest.update(piece)
        if digest.hexdigest() != name:
            path.unlink()
            raise RunError(
                "relay.digest", "a blob is not the one that it is called",
                "its SHA-256 is another one", "send it again",
            )  # fmt: skip
        path.replace(self._blobs / name)
        sync_names(self._blobs)

    def _upload(self, member: str, name: str) -> Path:
        return self._partial / f"{name}.{member}"
