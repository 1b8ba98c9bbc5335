"""What each participant can see of the blobs: in a simulation everybody has a view of its own.

An honest participant publishes to all. A dishonest one may serve one participant some bytes and
another participant others; whoever fetches compares the digest, and validators publish a scarce
update themselves once its inclusion is fixed, so partial visibility heals.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from hashlib import sha256
from typing import Protocol

from collegium.ledger.blobs import BlobFolder
from collegium.ledger.durability import PendingSyncs

KEPT_BYTES = 1 << 26
"""Bytes of a pass's blobs that are fetched from the folder once for all."""


class Blobs(Protocol):
    """A participant's access to blobs."""

    def publish(self, data: bytes, *, sync: bool = True, name: bytes | None = None) -> bytes:
        """Make a blob visible to everybody; return its digest.

        It survives a power cut from when its digest is announced; not so, without a sync, where
        its author keeps it and would publish it again. `name` is the digest, where it is known.
        """
        ...

    def fetch(self, digest: bytes) -> bytes | None:
        """Return the blob of that digest if one can be had, checked."""
        ...

    def fetch_all(self, digests: Sequence[bytes]) -> list[bytes | None]:
        """Return blobs as `fetch` does, in less time than one after the other takes."""
        ...


class InProcessBlobs:
    """The blob store of an in-process consortium, with what was served to single members."""

    def __init__(self, folder: BlobFolder) -> None:
        self.folder = folder
        self.published_bytes = 0
        self._syncs = PendingSyncs()
        self._served: dict[tuple[str, bytes], bytes] = {}
        self._found: dict[bytes, bytes] = {}
        self._found_bytes = 0

    def view(self, member: str) -> MemberBlobs:
        """Return one member's view."""
        return MemberBlobs(self, member)

    def publish(self, data: bytes, *, sync: bool, name: bytes | None = None) -> bytes:
        """Make a blob visible to everybody, and begin to sync it; return its digest."""
        self.published_bytes += len(data)
        digest, written = self.folder.write(data, name)
        if sync and written:
            self._syncs.begin(partial(self.folder.sync, digest))
        return digest

    def find(self, digest: bytes) -> bytes | None:
        """Return a blob that was published; one that was sound in this pass is not looked at again.

        A pass ends with `settle`.
        """
        data = self._found.get(digest)
        if data is None:
            data = self.folder.get(digest)
            if data is not None and self._found_bytes + len(data) <= KEPT_BYTES:
                self._found[digest] = data
                self._found_bytes += len(data)
        return data

    def find_all(self, digests: Sequence[bytes]) -> list[bytes | None]:
        """Return blobs as `find` does."""
        known = [self._found.get(digest) for digest in digests]
        places = [place for place, data in enumerate(known) if data is None]
        for place, data in zip(
            places, self.folder.get_all([digests[place] for place in places]), strict=True
        ):
            known[place] = data
        return known

    def settle(self) -> None:
        """Return when everything that was published to last is on the disk."""
        self._found.clear()
        self._found_bytes = 0
        self._syncs.wait()

    def close(self) -> None:
        """Release what syncs."""
        self._syncs.close()

    def serve(self, claimed: bytes, data: bytes, members: Iterable[str]) -> None:
        """Give some members bytes under a digest, theirs or not."""
        for member in members:
            self._served[member, claimed] = data

    def served(self, member: str, digest: bytes) -> bytes | None:
        """Return what was served to a member under a digest."""
        return self._served.get((member, digest))


class MemberBlobs:
    """One member's view of an `InProcessBlobs`; it satisfies `Blobs`."""

    def __init__(self, exchange: InProcessBlobs, member: str) -> None:
        self._exchange = exchange
        self.member = member

    def publish(self, data: bytes, *, sync: bool = True, name: bytes | None = None) -> bytes:
        """Make a blob visible to everybody; return its digest."""
        return self._exchange.publish(data, sync=sync, name=name)

    def fetch(self, digest: bytes) -> bytes | None:
        """Return the blob of that digest if it was published, or served to this member as it is."""
        data = self._exchange.find(digest)
        if data is None:
            served = self._exchange.served(self.member, digest)
            if served is not None and sha256(served).digest() == digest:
                return served
        return data

    def fetch_all(self, digests: Sequence[bytes]) -> list[bytes | None]:
        """Return blobs as `fetch` does, in less time than one after the other takes."""
        found = self._exchange.find_all(digests)
        return [
            self.fetch(digest) if data is None else data
            for digest, data in zip(digests, found, strict=True)
        ]
