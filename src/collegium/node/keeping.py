"""Keeping evidence: a member fetches every blob that the ledger names and that it may have.

So its home alone can be verified, whatever becomes of the shared store and of the other members.
And a store that has lost its blobs, such as that of a sequencer which was moved, gets the latest
ones again from whoever holds them. All that happens only while nothing else is to be done.
"""

from __future__ import annotations

from collections import deque
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
"""Blobs that are fetched, or offered again, in one turn of the loop."""

LATEST = 256
"""Blobs that are offered again: those of an open round are among them."""


class Keeper:
    """What a member still has to fetch.

    Args:
        ledger: the member's ledger.log.
        held: whether the home has a blob of that digest.
        fetch: gets one from the shared store into the home, None where it cannot be had now.
        offer: gives one that the home has to the shared store, if that has it not.
        updates: whether this member may have the others' updates: validators may.
    """

    def __init__(
        self,
        ledger: Path,
        held: Callable[[bytes], bool],
        fetch: Callable[[bytes], bytes | None],
        offer: Callable[[bytes], None],
        *,
        updates: bool,
    ) -> None:
        self._ledger, self._held, self._fetch, self._offer = ledger, held, fetch, offer
        self._updates = updates
        self._read = 0  # bytes of the ledger file that were looked at
        self._wanted: dict[bytes, None] = {}
        self._latest: deque[bytes] = deque(maxlen=LATEST)
        self._offered: list[bytes] | None = None  # what is still to be offered again

    @property
    def missing(self) -> int:
        """How many blobs are still to be fetched."""
        return len(self._wanted)

    def offer_again(self) -> None:
        """Note that the shared store may have lost what it had."""
        self._offered = None

    def work(self) -> None:
        """Look at what is new in the ledger, fetch some of what is missing, offer what is here.

        What cannot be had or given now is tried again later.
        """
        self._look()
        if self._offered is None:
            self._offered = list(dict.fromkeys(self._latest))
        for _ in range(min(AT_ONCE, len(self._offered))):
            if not self._give(self._offered[-1]):
                break
            self._offered.pop()
        for digest in list(self._wanted)[:AT_ONCE]:
            del self._wanted[digest]
            if self._held(digest):
                continue
            try:
                if self._fetch(digest) is None:
                    self._wanted.setdefault(digest)
            except CollegiumError:
                self._wanted.setdefault(digest)

    def _give(self, digest: bytes) -> bool:
        """Return whether the shared store has a blob, or this home has none to give."""
        try:
            if self._held(digest):
                self._offer(digest)
        except CollegiumError:
            return False
        return True

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
            self._latest.append(digest)
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
