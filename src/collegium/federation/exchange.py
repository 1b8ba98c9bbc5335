"""What each participant can see of the blobs: in a simulation everybody has a view of its own.

An honest participant publishes to all. A dishonest one may serve one participant some bytes and
another participant others; whoever fetches compares the digest, and validators publish a scarce
update themselves once its inclusion is fixed, so partial visibility heals.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import Protocol

from collegium.ledger.blobs import BlobFolder


class Blobs(Protocol):
    """A participant's access to blobs."""

    def publish(self, data: bytes, *, sync: bool = True) -> bytes:
        """Make a blob visible to everybody; return its digest.

        It is not synced where its author keeps it and would publish it again.
        """
        ...

    def fetch(self, digest: bytes) -> bytes | None:
        """Return the blob of that digest if one can be had, checked."""
        ...


class Exchange:
    """The blob store of an in-process consortium, with what was served to single members."""

    def __init__(self, folder: BlobFolder) -> None:
        self.folder = folder
        self.published_bytes = 0
        self._served: dict[tuple[str, bytes], bytes] = {}

    def view(self, member: str) -> View:
        """Return one member's view."""
        return View(self, member)

    def serve(self, claimed: bytes, data: bytes, members: Iterable[str]) -> None:
        """Give some members bytes under a digest, theirs or not."""
        for member in members:
            self._served[member, claimed] = data

    def served(self, member: str, digest: bytes) -> bytes | None:
        """Return what was served to a member under a digest."""
        return self._served.get((member, digest))


class View:
    """One member's view of an `Exchange`; it satisfies `Blobs`."""

    def __init__(self, exchange: Exchange, member: str) -> None:
        self._exchange = exchange
        self.member = member

    def publish(self, data: bytes, *, sync: bool = True) -> bytes:
        """Make a blob visible to everybody; return its digest."""
        self._exchange.published_bytes += len(data)
        return self._exchange.folder.put(data, sync=sync)

    def fetch(self, digest: bytes) -> bytes | None:
        """Return the blob of that digest if it was published, or served to this member as it is."""
        data = self._exchange.folder.get(digest)
        if data is None:
            served = self._exchange.served(self.member, digest)
            if served is not None and sha256(served).digest() == digest:
                return served
        return data
