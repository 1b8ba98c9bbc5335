"""The write-once outbox: what cannot be recomputed is on the disk before it is announced.

Architecture 3.3. One append-only file of checked records; a record is synced before `put`
returns, and a key that is there is never written again. Values stay on the disk: memory holds
where each key's record is.

A key names the ledger. A home that goes on under a successor's genesis keeps its outbox, and what
was kept for the old ledger answers for no study of the new one, not even one of the same id.

The members of a simulation share one file, each with a compartment of it, so that one write and
one sync serve them all: whoever drives them calls `sync` before anything is announced.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, Protocol

import msgspec

from collegium.errors import RunError
from collegium.ledger.hashing import lp

_CHECK_SIZE = 8
_HEADER_SIZE = 4 + _CHECK_SIZE

_HELD_BACK = 1 << 20
"""Bytes that wait in memory at most for others with which they are written."""


class OutboxKey(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What a thing in an outbox is, and what it belongs to.

    Attributes:
        genesis: the digest of the ledger that it was made for.
        purpose: what it is for, such as ``update``; no two kinds of things share a word.
        study: the id of its study there.
        round: its round or sum; None: it is the study's.
        attempt: of that round; None: it serves all of them.
        what: tells it from others of its purpose and place.
        within: the compartments of the outbox that it lies in, the outermost first.
    """

    genesis: bytes
    purpose: str
    study: str
    round: int | None = None
    attempt: int | None = None
    what: tuple[str, ...] = ()
    within: tuple[str, ...] = ()


class WriteOnce(Protocol):
    """What a participant needs of an outbox."""

    def get(self, key: OutboxKey) -> bytes | None:
        """Return what was put under a key, or None."""
        ...

    def put(self, key: OutboxKey, value: bytes) -> bytes:
        """Keep a value, unless the key is there already; return what is now kept."""
        ...


@dataclass(frozen=True, slots=True)
class MemberOutbox:
    """A part of a shared outbox, such as one member's; it satisfies `WriteOnce`."""

    outbox: WriteOnce
    name: str

    def get(self, key: OutboxKey) -> bytes | None:
        """Return what was put under a key, or None."""
        return self.outbox.get(self._inside(key))

    def put(self, key: OutboxKey, value: bytes) -> bytes:
        """Keep a value, unless the key is there already; return what is now kept."""
        return self.outbox.put(self._inside(key), value)

    def _inside(self, key: OutboxKey) -> OutboxKey:
        return msgspec.structs.replace(key, within=(self.name, *key.within))


class Outbox:
    """An outbox, opened from its file; a torn last record is dropped.

    Args:
        path: of the file.
        shared: whether whoever drives its owners calls `sync` for all of them; else a value
            survives a power cut once it is put.
    """

    def __init__(self, path: Path, *, shared: bool = False) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._bodies: dict[OutboxKey, tuple[int, int]] = {}  # where a record's body is, its size
        self._shared = shared
        self._path = path
        self._synced = True
        self._waiting: list[bytes] = []
        self._waiting_size = 0
        self._file = path.open("a+b")
        try:
            self._end = self._load()
        except BaseException:
            self._file.close()
            raise
        self._file.truncate(self._end)
        self._lasting = self._end  # where what survives a power cut ends

    def __len__(self) -> int:
        return len(self._bodies)

    def get(self, key: OutboxKey) -> bytes | None:
        """Return what was put under a key, or None.

        Raises:
            RunError: the file no longer holds what was written.
        """
        known = self._bodies.get(key)
        if known is None:
            return None
        self._write()
        start, size = known
        self._file.seek(start)
        found = self._file.read(size + _CHECK_SIZE)
        body = found[:size]
        if len(body) < size or _check(body) != found[size:]:
            raise _corrupt(start - _HEADER_SIZE)
        return body[_key_end(body) + 4 :]

    def put(self, key: OutboxKey, value: bytes) -> bytes:
        """Keep a value, unless the key is there already; return what is now kept.

        Raises:
            OSError: the disk refuses it. Nothing is kept of what was put since the last sync.
        """
        known = self.get(key)
        if known is not None:
            return known
        begun = lp(msgspec.json.encode(key)) + len(value).to_bytes(4, "big")
        size = len(begun) + len(value)
        self._waiting += (_header(size), begun, value, _check(begun, value))
        self._waiting_size += size
        self._synced = False
        self._bodies[key] = (self._end + _HEADER_SIZE, size)
        self._end += _HEADER_SIZE + size + _CHECK_SIZE
        if not self._shared:
            self.sync()
        elif self._waiting_size > _HELD_BACK:
            self._write()
        return value

    def sync(self) -> None:
        """Make everything that was put survive a power cut."""
        if not self._synced:
            self._write()
            try:
                os.fsync(self._file.fileno())
            except OSError:
                self._take_back()
                raise
            self._synced, self._lasting = True, self._end

    def close(self) -> None:
        """Write what waits, and release the file."""
        try:
            self._write()
        finally:
            self._file.close()

    def _write(self) -> None:
        """Write what waits; in append mode that is at the end, wherever the last read was."""
        if self._waiting:
            waiting, self._waiting, self._waiting_size = self._waiting, [], 0
            try:
                self._file.write(b"".join(waiting))
                self._file.flush()
            except OSError:
                self._take_back()
                raise

    def _take_back(self) -> None:
        """Forget what the disk refused, here and there: it was announced to nobody."""
        with suppress(OSError):  # what closing would still write is what was refused
            self._file.close()
        self._file = self._path.open("a+b")
        self._file.truncate(self._lasting)
        self._end, self._synced = self._lasting, True
        self._waiting, self._waiting_size = [], 0
        self._bodies = {
            key: place for key, place in self._bodies.items() if place[0] < self._lasting
        }

    def _load(self) -> int:
        """Note where the whole records are and return where they end."""
        end = 0
        for key, start, size in _records(self._file):
            self._bodies[key] = (start, size)
            end = start + size + _CHECK_SIZE
        return end


def count_records(path: Path) -> int:
    """Return how many whole records an outbox's file has, each checked; nothing is written.

    Raises:
        RunError: it does not hold what was written to it.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return sum(1 for _ in _records(file))


def _records(file: BinaryIO) -> Iterator[tuple[OutboxKey, int, int]]:
    """Yield each whole record's key, where its body is, and the body's size; a torn one ends it.

    Raises:
        RunError: a record fails its check.
    """
    total = file.seek(0, os.SEEK_END)
    file.seek(0)
    position = 0
    while position + _HEADER_SIZE <= total:
        header = file.read(_HEADER_SIZE)
        size = int.from_bytes(header[:4], "big")
        if header != _header(size):
            raise _corrupt(position)
        start = position + _HEADER_SIZE
        end = start + size + _CHECK_SIZE
        if end > total:
            return
        body = file.read(size)
        if _check(body) != file.read(_CHECK_SIZE):
            raise _corrupt(position)
        try:
            key = msgspec.json.decode(body[4 : _key_end(body)], type=OutboxKey)
        except msgspec.DecodeError as error:
            raise _corrupt(position) from error
        yield key, start, size
        position = end


def _key_end(body: bytes) -> int:
    return 4 + int.from_bytes(body[:4], "big")


@lru_cache(maxsize=64)
def _header(size: int) -> bytes:
    """Return a record's length with a check of its own, so a wrong length is no torn tail."""
    length = size.to_bytes(4, "big")
    return length + _check(length)


def _check(*parts: bytes) -> bytes:
    checked = sha256()
    for part in parts:
        checked.update(part)
    return checked.digest()[:_CHECK_SIZE]


def _corrupt(position: int) -> RunError:
    return RunError(
        "outbox.corrupt", "an outbox does not hold what was written to it",
        f"its record at byte {position} fails its check",
        "restore the home from its backup; without it the participant abstains",
    )  # fmt: skip
