"""Blobs in a folder, each under the SHA-256 of its bytes, so that the store needs no trust.

A blob that only this folder holds is synced before `put` returns, because the ledger that names
it is. An update is not: its site keeps it in its outbox and publishes it again. (Measured with four
sites: syncing models costs 0.5 ms a round, syncing updates too would cost 2.7 ms.)
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from hashlib import sha256
from pathlib import Path

from collegium.cores import spread
from collegium.ledger.durability import sync_names

_Stamp = tuple[int, int, int]

_NEW = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)

_KEPT_BYTES = 1 << 26
"""Bytes kept in memory; one that is larger than a quarter of it is read anew each time."""


class BlobFolder:
    """A content-addressed folder. Files appear whole or not at all.

    What this process wrote or checked is taken as sound until its file is another one by inode,
    size or time; the latest stays in memory.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        self._prefix = os.path.join(path, "")
        self._sound: dict[bytes, _Stamp] = {}
        self._kept: dict[bytes, bytes] = {}
        self._kept_bytes = 0
        self._latest = b""

    def put(self, data: bytes, *, sync: bool = True, name: bytes | None = None) -> bytes:
        """Keep a blob, in place of a damaged one too; return its digest.

        Args:
            data: the blob.
            sync: whether it must survive a power cut from here on.
            name: its digest, where it is known.
        """
        digest, written = self._put(data, name, sync=sync)
        if sync and written:
            sync_names(self.path)
        return digest

    def write(self, data: bytes, name: bytes | None = None) -> tuple[bytes, bool]:
        """Keep a blob that is synced later; return its digest, and whether it was written.

        It is not where this process has seen it here, whole.
        """
        return self._put(data, name, sync=False)

    def _put(self, data: bytes, name: bytes | None, *, sync: bool) -> tuple[bytes, bool]:
        digest = name or self._digest(data)
        known = self._sound.get(digest)
        stamp = None if known is None else self._stamp(digest)
        if stamp is not None and (stamp == known or self.get(digest) is not None):
            return digest, False
        place = self._prefix + digest.hex()
        partial = f"{self._prefix}.{digest.hex()}.{os.getpid()}"
        descriptor = os.open(partial, _NEW, 0o666)
        try:
            stamp = _write(descriptor, data, sync=sync)
        except OSError:  # on a full disk it would take the room of what comes next
            os.unlink(partial)
            raise
        finally:
            os.close(descriptor)
        os.replace(partial, place)
        self._keep(digest, stamp, data)
        self._latest = digest
        return digest, True

    def _digest(self, data: bytes) -> bytes:
        """Return the digest of a blob; what was written last is recognized by its bytes."""
        same = self._latest if self._kept.get(self._latest) == data else None
        return same or sha256(data).digest()

    def sync(self, digest: bytes) -> None:
        """Make a blob that was written survive a power cut."""
        descriptor = os.open(self._prefix + digest.hex(), os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        sync_names(self.path)

    def size(self, digest: bytes) -> int:
        """Return how many bytes a blob has, 0 where it is missing."""
        stamp = self._stamp(digest)
        return 0 if stamp is None else stamp[1]

    def get(self, digest: bytes) -> bytes | None:
        """Return a blob, or None where it is missing or its bytes are other ones."""
        stamp = self._stamp(digest)
        if stamp is None:
            return None
        kept = self._kept.get(digest)
        if kept is not None and self._sound[digest] == stamp:
            return kept
        data = read_blob(self.path, digest)
        if data is not None:
            self._keep(digest, stamp, data)
        return data

    def get_all(self, digests: Sequence[bytes]) -> list[bytes | None]:
        """Return blobs as `get` does; what is read is hashed on all cores."""
        found, stamps = list[bytes | None](), [self._stamp(digest) for digest in digests]
        for digest, stamp in zip(digests, stamps, strict=True):
            known = stamp is not None and self._sound.get(digest) == stamp
            found.append(self._kept.get(digest) if known else None)
        unread = [place for place, data in enumerate(found) if data is None and stamps[place]]

        def read(number: int) -> None:
            found[unread[number]] = read_blob(self.path, digests[unread[number]])

        spread(len(unread), read, len(unread) - 1)
        for place in unread:
            data, stamp = found[place], stamps[place]
            if data is not None and stamp is not None:
                self._keep(digests[place], stamp, data)
        return found

    def check(self, digest: bytes) -> bool:
        """Return whether the disk still holds a blob, whatever is remembered of it."""
        sound = read_blob(self.path, digest) is not None
        if not sound:
            self._forget(digest)
        return sound

    def delete(self, digests: Collection[bytes]) -> None:
        """Delete blobs for good, with what a writer that was killed left of them."""
        for digest in digests:
            self._forget(digest)
            Path(self._prefix + digest.hex()).unlink(missing_ok=True)
        names = {digest.hex() for digest in digests}
        for path in self.path.glob(".*"):
            if path.name[1:].partition(".")[0] in names:
                path.unlink(missing_ok=True)
        sync_names(self.path)

    def _forget(self, digest: bytes) -> None:
        self._sound.pop(digest, None)
        self._kept_bytes -= len(self._kept.pop(digest, b""))

    def _stamp(self, digest: bytes) -> _Stamp | None:
        """Return what tells a file from a changed one, or None where there is none."""
        try:
            return _stamp_of(os.stat(self._prefix + digest.hex()))
        except OSError:
            return None

    def _keep(self, digest: bytes, stamp: _Stamp, data: bytes) -> None:
        """Remember a blob, and forget the oldest ones that no longer fit."""
        known = self._kept.pop(digest, None)
        if known is not None:
            self._kept_bytes -= len(known)
        self._sound[digest] = stamp
        if 4 * len(data) > _KEPT_BYTES:
            return
        self._kept[digest] = data
        self._kept_bytes += len(data)
        while self._kept_bytes > _KEPT_BYTES:
            self._kept_bytes -= len(self._kept.pop(next(iter(self._kept))))


def _write(descriptor: int, data: bytes, *, sync: bool) -> _Stamp:
    """Write a whole file; return what tells it from a changed one, whatever its name will be."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
    if sync:
        os.fsync(descriptor)
    return _stamp_of(os.fstat(descriptor))


def _stamp_of(status: os.stat_result) -> _Stamp:
    return status.st_ino, status.st_size, status.st_mtime_ns


def read_blob(folder: Path, digest: bytes) -> bytes | None:
    """Return a blob of a folder, or None where it is missing or its bytes are other ones."""
    try:
        data = (folder / digest.hex()).read_bytes()
    except OSError:
        return None
    return data if sha256(data).digest() == digest else None
