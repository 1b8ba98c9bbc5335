"""The blobs that members share through the sequencer's port: uploads that go on, in a folder.

A blob is visible when all of it is here and its bytes have its name; the store needs no trust.
A member may fill its share of the disk and no more: a file `owners/MEMBER/NAME` says whose a blob
is. What rots on the disk is dropped when it is asked for, so that its holders give it again.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from time import monotonic

from collegium.errors import RunError, reason_of
from collegium.ledger.durability import sync_names
from collegium.ledger.engines.log.sequencer import EventLog

LARGEST_BLOB = 4 * 2**30

QUOTA = 64 * 2**30
"""Bytes of one member's blobs, if the operator does not say otherwise."""

BELIEVED = 3600.0
"""Seconds for which a file that was read and not changed since is taken as sound."""

FAILED_FOR = 150.0
"""Seconds for which a disk that refused a piece counts as full, if it takes none before: members
try again within a minute."""

_PIECE = 2**20


_Stamp = tuple[int, int, int]


class Relay:
    """A folder of blobs by SHA-256, and of uploads that are not complete.

    Args:
        folder: where they are.
        quota: bytes of one member's blobs and uploads that may lie there.
        clock: seconds that only grow.
        tell: is told that the disk fails, and that it does no longer.
    """

    def __init__(
        self, folder: Path, quota: int = QUOTA, clock: Callable[[], float] = monotonic,
        tell: EventLog = lambda event, /, **facts: None,
    ) -> None:  # fmt: skip
        self._blobs, self._quota, self._clock, self._tell = folder, quota, clock, tell
        self._fails, self._failed_at = "", 0.0
        self._partial, self._owners = folder / "partial", folder / "owners"
        for made in (self._partial, self._owners):
            made.mkdir(parents=True, exist_ok=True)
        self._sound: dict[str, tuple[_Stamp, float]] = {}  # and until when that is believed
        self._used: Counter[str] = Counter()
        for owner in self._owners.iterdir():
            self._used[owner.name] = sum(_size(folder / one.name) for one in owner.iterdir())

    def path(self, name: str) -> Path | None:
        """Return the file of a whole blob, or None; a damaged one is dropped."""
        path = self._blobs / name
        try:
            status = path.stat()
        except OSError:
            return None
        stamp = status.st_ino, status.st_size, status.st_mtime_ns
        known, until = self._sound.get(name, ((0, 0, 0), 0.0))
        if known != stamp or self._clock() >= until:
            if _digest(path) != name:
                self.delete(name)
                return None
            self._sound[name] = stamp, self._clock() + BELIEVED
        return path

    @property
    def disk(self) -> str:
        """What the disk under the blobs refuses, by path and reason, or empty."""
        return self._fails if self._clock() < self._failed_at + FAILED_FOR else ""

    def used(self, member: str) -> int:
        """Return how many bytes of a member's blobs and uploads are here."""
        uploads = sum(_size(path) for path in self._partial.glob(f"*.{member}"))
        return self._used[member] + uploads

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
            RunError: the piece does not follow, the blob is too large, or whole and another one;
                or the disk refuses it (`relay.disk`), and nothing of the piece stays.
        """
        path = self._upload(member, name)
        here = self.offset(member, name)
        if self.used(member) - here + length > self._quota:
            raise RunError(
                "relay.quota", f"{member} has {self.used(member)} bytes here already",
                f"with {length} more it would be over its {self._quota}",
                "retire the updates of closed studies, or have the operator raise relay.quota",
            )  # fmt: skip
        if length > LARGEST_BLOB or offset + len(data) > length:
            raise RunError(
                "relay.too-large", "a blob is larger than it may be or was said to be",
                f"{max(length, offset + len(data))} bytes", f"send at most {LARGEST_BLOB} bytes",
            )  # fmt: skip
        if offset and offset != here:
            raise RunError(
                "relay.offset", "a piece does not follow what is here",
                f"{here} bytes are here", "ask for the offset and go on there",
            )  # fmt: skip
        try:
            with path.open("r+b" if offset else "wb") as file:
                file.seek(offset)
                file.write(data)
                if offset + len(data) == length:
                    file.flush()
                    os.fsync(file.fileno())
            if offset + len(data) == length:
                self._finish(path, name, member)
        except OSError as error:
            with suppress(OSError):  # what is whole has its name already
                os.truncate(path, offset)
            raise self._disk_fails(reason_of(error)) from error
        self._fails = ""
        return offset + len(data)

    def delete(self, name: str) -> None:
        """Delete a blob, if it is here."""
        self._sound.pop(name, None)
        size = _size(self._blobs / name)
        (self._blobs / name).unlink(missing_ok=True)
        for mark in self._owners.glob(f"*/{name}"):
            mark.unlink(missing_ok=True)
            self._used[mark.parent.name] -= size

    def _disk_fails(self, why: str) -> RunError:
        if not self.disk:
            self._tell("disk fails", path=str(self._blobs), why=why)
        self._fails, self._failed_at = f"{self._blobs}: {why}", self._clock()
        return RunError(
            "relay.disk", f"the sequencer's disk takes no blob under {self._blobs}", why,
            "its operator makes room; it is given again until then",
        )  # fmt: skip

    def _finish(self, path: Path, name: str, member: str) -> None:
        if _digest(path) != name:
            path.unlink()
            raise RunError(
                "relay.digest", "a blob is not the one that it is called",
                "its SHA-256 is another one", "send it again",
            )  # fmt: skip
        mark, size = self._owners / member / name, _size(path)
        mark.parent.mkdir(exist_ok=True)
        mark.touch()
        path.replace(self._blobs / name)
        sync_names(self._blobs)
        self._used[member] += size

    def _upload(self, member: str, name: str) -> Path:
        return self._partial / f"{name}.{member}"


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _digest(path: Path) -> str:
    """Return a file's SHA-256 in hex, or nothing where it cannot be read."""
    digest = sha256()
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                digest.update(piece)
    except OSError:
        return ""
    return digest.hexdigest()
