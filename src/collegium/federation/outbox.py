"""The write-once outbox: what cannot be recomputed is on the disk before it is announced.

Architecture 3.3. One append-only file of checked records; a record is synced before `put`
returns, and a key that is there is never written again.
"""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

from collegium.errors import RunError
from collegium.ledger.hashing import lp

_CHECK_SIZE = 8
_HEADER_SIZE = 4 + _CHECK_SIZE


class Outbox:
    """A participant's outbox, opened from its file; a torn last record is dropped."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._entries: dict[str, bytes] = {}
        data = path.read_bytes() if path.exists() else b""
        end = self._load(data)
        self._file = path.open("ab")
        if end < len(data):
            self._file.truncate(end)

    def get(self, key: str) -> bytes | None:
        """Return what was put under a key, or None."""
        return self._entries.get(key)

    def put(self, key: str, value: bytes) -> bytes:
        """Keep a value, unless the key is there already; return what is now kept."""
        known = self._entries.get(key)
        if known is not None:
            return known
        body = lp(key.encode()) + lp(value)
        self._file.write(_header(len(body)) + body + _check(body))
        self._file.flush()
        os.fsync(self._file.fileno())
        self._entries[key] = value
        return value

    def close(self) -> None:
        """Release the file."""
        self._file.close()

    def _load(self, data: bytes) -> int:
        """Take over the whole records and return where they end."""
        position = 0
        while position + _HEADER_SIZE <= len(data):
            header = data[position : position + _HEADER_SIZE]
            size = int.from_bytes(header[:4], "big")
            if header != _header(size):
                raise _corrupt(position)
            start = position + _HEADER_SIZE
            end = start + size + _CHECK_SIZE
            if end > len(data):
                break
            body = data[start : start + size]
            if _check(body) != data[end - _CHECK_SIZE : end]:
                raise _corrupt(position)
            split = 4 + int.from_bytes(body[:4], "big")
            self._entries[body[4:split].decode()] = body[split + 4 :]
            position = end
        return position


def _header(size: int) -> bytes:
    """Return a record's length with a check of its own, so a wrong length is no torn tail."""
    length = size.to_bytes(4, "big")
    return length + _check(length)


def _check(data: bytes) -> bytes:
    return sha256(data).digest()[:_CHECK_SIZE]


def _corrupt(position: int) -> RunError:
    return RunError(
        "outbox.corrupt", "an outbox does not hold what was written to it",
        f"its record at byte {position} fails its check",
        "restore the home from its backup; without it the participant abstains",
    )  # fmt: skip
