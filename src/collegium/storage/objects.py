"""Blobs in an object store, each under the hex SHA-256 of its bytes.

The library (obstore) repeats requests that failed; here are what it leaves to us: a download that
breaks off goes on where it stopped for as long as it gets further, and nothing is believed that
does not have its digest.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from hashlib import sha256

from obstore.exceptions import BaseError, GenericError
from obstore.store import LocalStore, MemoryStore, S3Store

from collegium.errors import StoreError
from collegium.storage.backoff import Backoff
from collegium.storage.letters import StoredLetters
from collegium.storage.store import LARGEST

Store = S3Store | LocalStore | MemoryStore

PART = 8 << 20
"""Bytes of a part of an upload: larger blobs go up in parts, each repeated by itself."""


class ObjectBlobs:
    """The blobs in an object store; it satisfies `BlobStore`.

    Args:
        store: where they lie.
        name: what the store is called in messages; no secret stands in it.
        warn: is told of objects that are not what their names say.
        backoff: how a download that breaks off is taken up again.
    """

    def __init__(
        self, store: Store, name: str, warn: Callable[[str], None], backoff: Backoff
    ) -> None:
        self.name = name
        self._store = store
        self._warn = warn
        self._backoff = backoff
        self._wrong: set[bytes] = set()

    def put(self, data: bytes) -> bytes:
        """Keep a blob and return its digest; what is there already is not sent again.

        Raises:
            StoreError: the store cannot be reached, or refuses.
        """
        digest = sha256(data).digest()
        if digest in self._wrong or self._size(digest) != len(data):
            try:
                self._store.put(digest.hex(), data, chunk_size=PART)
            except (BaseError, OSError) as error:
                raise self._failed("cannot take a blob", error) from error
            self._wrong.discard(digest)
        return digest

    def get(self, digest: bytes, most: int = LARGEST) -> bytes | None:
        """Return the blob of that digest; an object that is another one is told of, and is None.

        Nothing is read of an object of more than `most` bytes; that is told of too.

        Raises:
            StoreError: the store cannot be reached, or refuses.
        """
        received = bytearray()
        failures = 0
        while True:
            before = len(received)
            try:
                if self._receive(digest.hex(), received, most):
                    break
                trouble: Exception = EOFError("the object ended early")
            except FileNotFoundError:
                return None
            except OverflowError:
                self._suspect(digest, f"more than {most} bytes under {digest.hex()}")
                return None
            except GenericError as error:
                trouble = error
            except (BaseError, OSError) as error:
                raise self._failed("does not let a blob be read", error) from error
            failures = 1 if len(received) > before else failures + 1
            if failures >= self._backoff.tries:
                raise self._failed("broke off while a blob was read", trouble) from trouble
            time.sleep(self._backoff.wait(failures))
        data = bytes(received)
        if sha256(data).digest() == digest:
            return data
        self._suspect(digest, f"other bytes than the blob {digest.hex()}")
        return None

    def has(self, digest: bytes) -> bool:
        """Return whether there is an object of that name.

        Raises:
            StoreError: the store cannot be reached, or refuses.
        """
        return self._size(digest) is not None

    def delete(self, digest: bytes) -> None:
        """Delete a blob, if it is there.

        Raises:
            StoreError: the store cannot be reached, or refuses.
        """
        try:
            self._store.delete(digest.hex())
        except FileNotFoundError:
            return
        except (BaseError, OSError) as error:
            raise self._failed("does not delete a blob", error) from error

    def letters(self, folder: str) -> StoredLetters:
        """Return the letters that lie in the store below a name."""
        return StoredLetters(self._store, folder, self.name)

    def _suspect(self, digest: bytes, what: str) -> None:
        """Tell once what a store serves in place of a blob."""
        if digest not in self._wrong:
            self._wrong.add(digest)
            self._warn(f"{self.name} serves {what}; they are not used")

    def _receive(self, key: str, received: bytearray, most: int) -> bool:
        """Read on from where a download stopped; return whether the object has been read whole.

        Raises:
            OverflowError: the object has more than `most` bytes.
        """
        options = {"range": {"offset": len(received)}} if received else {}
        result = self._store.get(key, options=options)  # type: ignore[arg-type]
        size = result.meta["size"]
        if size > most:
            raise OverflowError
        for chunk in result.stream(min_chunk_size=1):  # as it comes: nothing that came is lost
            received += chunk
            if len(received) > size:
                return True
        return len(received) == size

    def _size(self, digest: bytes) -> int | None:
        try:
            return self._store.head(digest.hex())["size"]
        except FileNotFoundError:
            return None
        except (BaseError, OSError) as error:
            raise self._failed("does not say what it has", error) from error

    def _failed(self, what: str, error: Exception) -> StoreError:
        """Return the error for what the store did, without the library's long-winded inner text."""
        why = str(error).partition("\n")[0]
        if isinstance(error, GenericError | EOFError):
            return StoreError(
                "store.unavailable", f"{self.name} {what}", why,
                "see that it runs and can be reached; what waits is tried again",
            )  # fmt: skip
        return StoreError(
            "store.refused", f"{self.name} {what}", why,
            "check the bucket's name, the credentials, and what they may do there",
        )  # fmt: skip
