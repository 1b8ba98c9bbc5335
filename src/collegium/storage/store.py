"""The seam of shared blob stores: four questions about blobs named by their SHA-256.

A store is not trusted: it can lose blobs and serve others, and both look like a blob that is not
there. `storage.objects` has them in an object store; the sequencer's relay is another one.
"""

from __future__ import annotations

from typing import Protocol

LARGEST = 1 << 33
"""Bytes of the largest blob of all."""


class BlobStore(Protocol):
    """A store that several members read and write.

    Raises:
        StoreError: from every method, where the store cannot be reached (`store.unavailable`) or
            refuses (`store.refused`).
    """

    def put(self, data: bytes) -> bytes:
        """Keep a blob and return its digest; the same blob may be put again."""
        ...

    def get(self, digest: bytes, most: int = LARGEST) -> bytes | None:
        """Return the blob of that digest, checked, or None where the store does not have it.

        What is larger than `most` bytes is not read, and is None.
        """
        ...

    def has(self, digest: bytes) -> bool:
        """Return whether the store says that it has a blob of that digest."""
        ...

    def delete(self, digest: bytes) -> None:
        """Delete a blob, if it is there."""
        ...
