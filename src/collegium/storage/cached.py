"""A member's blobs: its own folder first, then the store that the consortium shares.

What a member publishes is in its own folder before the store is asked, and a note beside it says
that the store does not have it yet; so a store that is down, and a process that is killed, delay
a blob and never lose it. While the store rests after a failure nobody waits for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from hashlib import sha256
from pathlib import Path

from collegium.errors import StoreError
from collegium.ledger.blobs import BlobFolder
from collegium.ledger.durability import sync_names
from collegium.storage.backoff import Backoff
from collegium.storage.store import LARGEST, BlobStore

RESTS = Backoff(first=2.0, most=15.0)

_GET, _PUT, _DELETE = "get", "put-", "delete-"


def _any(digest: bytes) -> int:
    """The limit of a blob that may be as large as any."""
    return LARGEST


class CachedBlobs:
    """A member's access to blobs; it satisfies the participants' seam `Blobs`.

    Args:
        folder: the member's own blobs.
        store: what the members share.
        waiting: a folder for notes of what the store is still to be asked for.
        warn: is told when the store fails, once for each spell.
        rests: how long the store is left alone after failures in a row.
    """

    def __init__(
        self,
        folder: BlobFolder,
        store: BlobStore,
        waiting: Path,
        warn: Callable[[str], None],
        rests: Backoff = RESTS,
    ) -> None:
        self.folder = folder
        self._store = store
        self._waiting = waiting
        self._warn = warn
        self._rests = rests
        self._troubles: dict[str, str] = {}  # what the store refused last, by what it was asked
        self._failures = 0
        self._rests_until = 0.0
        waiting.mkdir(parents=True, exist_ok=True)

    @property
    def trouble(self) -> str | None:
        """Why the store failed when it was last asked for the like, or None."""
        return next(iter(self._troubles.values()), None)

    def publish(self, data: bytes, *, sync: bool = True, name: bytes | None = None) -> bytes:
        """Keep a blob and give it to the store, now or as soon as it can be reached again."""
        digest = name or sha256(data).digest()
        self._note(_PUT, digest, sync=sync)
        self._done(_DELETE, digest)
        self.folder.put(data, sync=sync, name=digest)
        self.catch_up()
        return digest

    def fetch(self, digest: bytes, most: Callable[[bytes], int] = _any) -> bytes | None:
        """Return the blob of that digest if it is here or in the store, checked, and keep it.

        Args:
            digest: its SHA-256.
            most: returns how many bytes the store's may have; of a larger one nothing is read.
        """
        data = self.folder.get(digest)
        if data is not None or not self._may_ask():
            return data
        try:
            data = self._store.get(digest, most(digest))
        except StoreError as error:
            self._failed(_GET, error)
            return None
        self._failures = 0
        self._troubles.pop(_GET, None)
        if data is None or self.folder.put(data, sync=False) != digest:
            return None
        return data

    def fetch_all(
        self, digests: Sequence[bytes], most: Callable[[bytes], int] = _any
    ) -> list[bytes | None]:
        """Return blobs as `fetch` does, those that are here in less time."""
        found = self.folder.get_all(digests)
        return [
            self.fetch(digest, most) if data is None else data
            for digest, data in zip(digests, found, strict=True)
        ]

    def forget(self, digests: Collection[bytes]) -> None:
        """Delete blobs here and in the store, there as soon as it can be reached."""
        for digest in digests:
            self._note(_DELETE, digest, sync=False)
            self._done(_PUT, digest)
        sync_names(self._waiting)
        self.folder.delete(digests)
        self.catch_up()

    def catch_up(self) -> int:
        """Ask the store for what it has not been asked for yet; return how much still waits."""
        waiting = sorted(path.name for path in self._waiting.iterdir())
        if not waiting or not self._may_ask():
            return len(waiting)
        left = 0
        for index, name in enumerate(waiting):
            kind, _, digest = name.rpartition("-")
            action = f"{kind}-"
            try:
                self._ask(action, bytes.fromhex(digest))
            except StoreError as error:
                self._failed(name, error)
                if error.code != "store.refused":
                    return left + len(waiting) - index
                left += 1  # the store answers, and others may be taken
        return left

    def ask_again(self) -> None:
        """Let the store rest no longer: it may be back."""
        self._rests_until = 0.0

    def _ask(self, action: str, digest: bytes) -> None:
        if action == _DELETE:
            self._store.delete(digest)
        else:
            data = self.folder.get(digest)
            if data is not None:  # a power cut may have taken it; its author publishes it again
                self._store.put(data)
        self._failures = 0
        self._done(action, digest)

    def _note(self, action: str, digest: bytes, *, sync: bool) -> None:
        (self._waiting / f"{action}{digest.hex()}").touch()
        if sync:
            sync_names(self._waiting)

    def _done(self, action: str, digest: bytes) -> None:
        self._troubles.pop(f"{action}{digest.hex()}", None)
        (self._waiting / f"{action}{digest.hex()}").unlink(missing_ok=True)

    def _may_ask(self) -> bool:
        return time.monotonic() >= self._rests_until

    def _failed(self, what: str, error: StoreError) -> None:
        """Leave the store alone for a while, longer each time in a row."""
        self._failures += 1
        self._troubles[what] = f"{error.what}: {error.why}"
        self._rests_until = time.monotonic() + self._rests.wait(self._failures)
        if self._failures == 1:
            self._warn(self._troubles[what])
