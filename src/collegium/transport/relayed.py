"""Blobs through the sequencer's port; it satisfies `storage.store.BlobStore`.

A large blob goes in pieces, and comes in pieces, so that an interrupted transfer goes on where it
stopped.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256

from collegium.errors import CollegiumError, StoreError
from collegium.storage.store import LARGEST
from collegium.transport.client import HttpsConnection
from collegium.transport.unreached import AWAY
from collegium.transport.wire import LENGTH, OFFSET

PIECE = 8 * 2**20
"""Bytes that travel in one request."""


class RelayStore:
    """The relay of a sequencer, as a member sees it."""

    def __init__(self, connection: HttpsConnection) -> None:
        self._connection = connection

    def put(self, data: bytes) -> bytes:
        """Keep a blob and return its digest; what is there of it already is not sent again."""
        digest = sha256(data).digest()
        path = _path(digest)
        with _told():
            there = self._connection.ask("HEAD", path, expect=(404,))
            if there.status != 404:
                return digest
            offset = min(_number(there.headers.get(OFFSET)), len(data))
            if offset == len(data):
                offset = 0  # all of it was here, and it was another blob
            while offset < len(data) or not data:
                piece = data[offset : offset + PIECE]
                headers = {OFFSET: str(offset), LENGTH: str(len(data))}
                self._connection.ask("PUT", path, piece, headers=headers)
                offset += len(piece)
                if offset == len(data):
                    break
        return digest

    def get(self, digest: bytes, most: int = LARGEST) -> bytes | None:
        """Return the blob of that digest, checked, or None where the relay does not have it."""
        path, data, length = _path(digest), bytearray(), 1
        with _told():
            there = self._connection.ask("HEAD", path, expect=(404,))
            if there.status == 404:
                return None
            length = _number(there.headers.get(LENGTH))
            if length > most:
                return None
            while len(data) < length:
                last = min(len(data) + PIECE, length) - 1
                span = {"Range": f"bytes={len(data)}-{last}"}
                answer = self._connection.ask("GET", path, headers=span, expect=(404,), most=PIECE)
                if answer.status == 404 or not answer.data:
                    return None
                data += answer.data if answer.status == 206 else answer.data[len(data) :]
        return bytes(data) if sha256(data).digest() == digest else None

    def has(self, digest: bytes) -> bool:
        """Return whether the relay says that it has a blob of that digest."""
        with _told():
            return self._connection.ask("HEAD", _path(digest), expect=(404,)).status != 404

    def delete(self, digest: bytes) -> None:
        """Delete a blob, if it is there."""
        with _told():
            self._connection.ask("DELETE", _path(digest))


@contextmanager
def _told() -> Iterator[None]:
    """Tell a connection's failure as a store's."""
    try:
        yield
    except CollegiumError as error:
        away = error.code in AWAY
        raise StoreError(
            "store.unavailable" if away else "store.refused", error.what, error.why, error.todo
        ) from error


def _path(digest: bytes) -> str:
    return f"/v1/blobs/{digest.hex()}"


def _number(text: str | None) -> int:
    readable = text is not None and len(text) <= 20 and text.isascii() and text.isdigit()
    return int(text or "0") if readable else 0
