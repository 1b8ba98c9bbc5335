"""Letters in a shared store: one object a member, which its next letter replaces.

Unlike a blob a letter has no digest for a name, so whoever may write to the store can replace it or
remove it. What stands in it is signed; its member looks whether it is there, and puts it again.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from obstore.exceptions import BaseError, NotModifiedError
from obstore.store import LocalStore, MemoryStore, S3Store

from collegium.errors import StoreError

LARGEST_LETTER = 512 * 1024
"""Bytes of a letter."""


@dataclass(slots=True)
class StoredLetters:
    """The letters of one ledger's members in a store.

    Attributes:
        store: where they lie.
        folder: below which name.
        name: what the store is called in messages.
    """

    store: S3Store | LocalStore | MemoryStore
    folder: str
    name: str
    _known: dict[str, str | None] = field(default_factory=dict)  # the version that was read last

    def put(self, member: str, data: bytes) -> None:
        """Lay a member's letter into the store, in place of the one before.

        Raises:
            StoreError: the store cannot be reached, or refuses.
        """
        try:
            self.store.put(self._path(member), data)
        except (BaseError, OSError) as error:
            raise self._failed(error) from error

    def news(self, member: str) -> bytes | None:
        """Return a member's letter if it is another one than was read last; None otherwise.

        One that was removed, or is too large, is empty.

        Raises:
            StoreError: the store cannot be reached, or refuses.
        """
        known = self._known.get(member)
        try:
            found = self.store.get(
                self._path(member), options={} if known is None else {"if_none_match": known}
            )
            version = found.meta["e_tag"]
            if version is not None and version == known:
                return None
            data = b"" if found.meta["size"] > LARGEST_LETTER else bytes(found.bytes())
        except NotModifiedError:
            return None
        except FileNotFoundError:
            data, version = b"", None
        except (BaseError, OSError) as error:
            raise self._failed(error) from error
        self._known[member] = version
        return data

    def _path(self, member: str) -> str:
        return f"{self.folder}/{member}"

    def _failed(self, error: Exception) -> StoreError:
        return StoreError(
            "store.letters", f"{self.name} does not pass on letters", str(error).partition("\n")[0],
            "members may put, get and replace objects below letters/; see docs/node.md",
        )  # fmt: skip
