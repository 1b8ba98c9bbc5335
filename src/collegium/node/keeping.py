"""Keeping evidence: a member fetches every blob that the ledger names and that it may have.

So its home alone can be verified, whatever becomes of the shared store and of the other members.
It looks for what is missing only while nothing else is to be done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec

from collegium.canonical import from_text
from collegium.errors import CollegiumError, FormatError
from collegium.ledger.contract.events import AnyEvent, RoundClosed, decode_events
from collegium.ledger.contract.evidence import decode_transaction
from collegium.ledger.contract.transactions import (
    EvaluationPost,
    StudyRegister,
    Transaction,
    UpdateReveal,
)
from collegium.ledger.envelope import decode_envelope
from collegium.ledger.frames import ENTRY, decode_entry, read_frames
from collegium.ledger.hashing import DIGEST_SIZE

AT_ONCE = 8
"""Blobs that are fetched in one turn of the loop."""


class Keeper:
    """What a member still has to fetch.

    Args:
        ledger: the member's ledger.log.
        held: whether the home has a blob of that digest.
        fetch: gets one from the shared store into the home, None where it cannot be had now.
        updates: whether this member may have the others' updates: validators may.
    """

    def __init__(
        self,
        ledger: Path,
        held: Callable[[bytes], bool],
        fetch: Callable[[bytes], bytes | None],
        *,
        updates: bool,
    ) -> None:
        self._ledger, self._held, self._fetch, self._updates = ledger, held, fetch, updates
        self._read = 0  # bytes of the ledger file that were looked at
        self._wanted: dict[bytes, None] = {}

    @property
    def missing(self) -> int:
        """How many blobs are still to be fetched."""
        return len(self._wanted)

    def work(self) -> None:
        """Look at what is new in the ledger, and fetch some of what is missing.

        What cannot be had now is tried again later.
        """
        self._look()
        for digest in list(self._wanted)[:AT_ONCE]:
            del self._wanted[digest]
            if self._held(digest):
                continue
            try:
                if self._fetch(digest) is None:
                    self._wanted.setdefault(digest)
            except CollegiumError:
                self._wanted.setdefault(digest)

    def _look(self) -> None:
        """Note what new entries name; nothing of them is checked here, the replica has done it."""
        with self._ledger.open("rb") as file:
            file.seek(self._read)
            data = file.read()
        try:
            end = 0
            for frame in read_frames(data):
                if frame.kind == ENTRY:
                    self._note(frame.body)
                end = frame.end
        except FormatError:  # the last blocks were replaced since
            self._read = 0
            return
        self._read += end

    def _note(self, entry: bytes) -> None:
        envelope, events = decode_entry(entry)
        transaction = decode_transaction(decode_envelope(envelope).payload)
        for name in (*self._said(transaction), *_done(decode_events(events))):
            digest = from_text(name, DIGEST_SIZE)
            if not self._held(digest):
                self._wanted.setdefault(digest)

    def _said(self, transaction: Transaction) -> Iterator[str]:
        if isinstance(transaction, StudyRegister):
            yield transaction.document
            yield transaction.model
        elif isinstance(transaction, UpdateReveal) and self._updates:
            yield transaction.digest
        elif isinstance(transaction, EvaluationPost):
            yield transaction.federated
            if transaction.local is not msgspec.UNSET:
                yield transaction.local


def _done(events: Iterable[AnyEvent]) -> Iterator[str]:
    return (event.model for event in events if isinstance(event, RoundClosed))
