"""The store that members share: it can be reached, and does what a node asks of it."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from urllib.parse import unquote, urlsplit

from collegium.errors import CollegiumError, StoreError
from collegium.ledger.examining import Diagnosis, sound, unchecked, wrong
from collegium.node.shared_blobs import RELAY
from collegium.storage.address import open_store
from collegium.storage.backoff import Backoff
from collegium.storage.store import BlobStore

PART = "store"

HASTE = Backoff(first=0.2, most=1.0, tries=2)
"""Somebody waits for the answer."""


def examine_store(address: str, relay: BlobStore | None) -> Iterator[Diagnosis]:
    """Yield whether blobs can be shared.

    Args:
        address: as node.toml has it.
        relay: the engine's own store, None where it cannot be asked.
    """
    if address == RELAY:
        yield from _relay(relay)
        return
    parts = urlsplit(address)
    if parts.scheme == "file" and not Path(unquote(parts.path)).is_dir():
        yield wrong(PART, StoreError(
            "store.absent", f"there is no folder {unquote(parts.path)}",
            "a node makes it where it is missing, and then shares it with nobody",
            "mount the members' share; where it is new, make the folder",
        ))  # fmt: skip
        return
    try:
        yield from _probe(address)
    except CollegiumError as error:
        yield wrong(PART, error)


def _relay(relay: BlobStore | None) -> Iterator[Diagnosis]:
    if relay is None:
        yield unchecked(PART, "it is the sequencer's relay, and the sequencer cannot be asked")
        return
    try:
        relay.has(sha256(token_hex().encode()).digest())
    except CollegiumError as error:
        yield wrong(PART, error)
        return
    yield sound(
        PART, "the relay answers; it is the sequencer's, which can silence this member unseen, "
        "unless the members share a store of their own (blobs.store)",
    )  # fmt: skip


def _probe(address: str) -> Iterator[Diagnosis]:
    """Put a blob that nobody else has, get it, and delete it.

    Raises:
        StoreError: the store cannot be reached, or refuses one of the three.
    """
    said: list[str] = []
    store = open_store(address, said.append, HASTE)
    probe = f"a probe of `collegium node check`: {token_hex()}".encode()
    digest = store.put(probe)
    try:
        if store.get(digest) != probe:
            yield wrong(PART, StoreError(
                "store.lost", f"{store.name} does not give back what was put into it",
                said[0] if said else "it says that there is nothing of that name",
                "see that members share one store, and that nothing cleans it or caches in front",
            ))  # fmt: skip
            return
    finally:
        store.delete(digest)
    yield sound(PART, f"{store.name} takes, gives and deletes a blob")
