"""A node's blobs: its own folder, and before the others the store that the consortium shares."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from collegium.errors import NodeError
from collegium.ledger.blobs import BlobFolder
from collegium.ledger.retirement import is_update
from collegium.node.home import BLOBS, WAITING
from collegium.storage.address import open_store
from collegium.storage.cached import CachedBlobs
from collegium.storage.letters import StoredLetters
from collegium.storage.objects import ObjectBlobs
from collegium.storage.store import BlobStore

RELAY = "relay"


@dataclass(frozen=True, slots=True)
class SharedBlobs:
    """What participants publish to and fetch from, and what the keeper asks of it."""

    blobs: CachedBlobs
    store: BlobStore

    def letters(self, genesis: bytes) -> StoredLetters | None:
        """Return the letters of a ledger's members, by its digest.

        None where the store is the engine's own: whoever orders decides what lies there.
        """
        if isinstance(self.store, ObjectBlobs):
            return self.store.letters(f"letters/{genesis.hex()}")
        return None

    def holds(self, digest: bytes) -> bool:
        """Return whether the home has that blob, with the bytes that its digest tells."""
        return self.blobs.folder.get(digest) is not None

    def check(self, digest: bytes) -> bool:
        """Return whether the disk holds that blob, read anew."""
        return self.blobs.folder.check(digest)

    def fetch(self, digest: bytes, most: int) -> bytes | None:
        """Get a blob from the shared store into the home; None where it cannot be had now.

        Of one that has more than `most` bytes nothing is read.
        """
        return self.blobs.fetch(digest, lambda _: most)

    def catch_up(self) -> None:
        """Give the shared store what it could not be given when it was published."""
        self.blobs.catch_up()

    def ask_again(self) -> None:
        """Let the shared store rest no longer: it may be back."""
        self.blobs.ask_again()

    def forget(self, digests: Collection[bytes]) -> None:
        """Delete those of the blobs that are updates, here and in the shared store."""
        found = ((digest, self.blobs.folder.get(digest)) for digest in digests)
        self.blobs.forget([digest for digest, data in found if data and is_update(data)])

    def offer(self, digest: bytes, most: int) -> None:
        """Give a blob of the home to the shared store, if that has it not.

        One that has more than `most` bytes would be read by nobody, and is not given.

        Raises:
            StoreError: the store cannot be reached, or refuses.
        """
        if not self.store.has(digest):
            data = self.blobs.folder.get(digest)
            if data is not None and len(data) <= most:
                self.store.put(data)


def open_blobs(
    home: Path,
    address: str,
    relay: BlobStore | None,
    warn: Callable[[str], None],
) -> SharedBlobs:
    """Return the blobs of a home that share a store: the engine's own, or one at a URL.

    Args:
        home: the member's.
        address: `RELAY`, or a URL.
        relay: what the engine brings, if it brings any.
        warn: where warnings go.

    Raises:
        StoreError: the address is none.
        NodeError: the engine brings no store.
    """
    if address != RELAY:
        store: BlobStore = open_store(address, warn)
    elif relay is None:
        raise NodeError(
            "node.store", f'blobs.store is "{RELAY}", and the engine brings no store of its own',
            "members could not share models and updates",
            "write the URL of a store there, such as s3://bucket/consortium",
        )  # fmt: skip
    else:
        store = relay
    blobs = CachedBlobs(BlobFolder(home / BLOBS), store, home / WAITING, warn)
    return SharedBlobs(blobs, store)
