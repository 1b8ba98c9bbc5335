"""Keeping evidence: a member fetches every blob that the ledger names and that it may have.

So its home alone can be verified, whatever becomes of the shared store and of the other members.
A store that has lost its blobs, such as that of a sequencer which was moved, gets the latest ones
again from whoever holds them. And what the ledger says is kept no longer is deleted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import NamedTuple, Protocol

import msgspec

from collegium.canonical import from_text
from collegium.errors import CollegiumError, FormatError
from collegium.ledger.contract.events import (
    Event,
    RoundClosed,
    StudyClosed,
    UpdatesRetired,
    decode_events,
)
from collegium.ledger.contract.evidence import decode_transaction
from collegium.ledger.contract.series import is_sum
from collegium.ledger.contract.transactions import (
    EvaluationPost,
    StudyRegister,
    StudyTransaction,
    Transaction,
    UpdateReveal,
)
from collegium.ledger.envelope import decode_envelope
from collegium.ledger.frames import ENTRY, decode_entry, read_frames
from collegium.ledger.hashing import DIGEST_SIZE
from collegium.ledger.retirement import retired_updates, reveals_and_retirements
from collegium.node.blob_limit import Kind
from collegium.node.room import Room

AT_ONCE = 8
"""Blobs that are fetched, or offered again, in one turn of the loop."""

IN_VAIN = 30.0
"""Seconds after which a blob that was tried again and again is not expected any more."""

LATEST = 256
"""Blobs that are offered again: those of an open round are among them."""


class NamedBlob(NamedTuple):
    """A blob that the ledger names: its digest, the study, and what it is there."""

    digest: bytes
    study: str
    kind: Kind


@dataclass(slots=True)
class _Wanted:
    """A blob that is missing: since when, and since when it was tried in vain, if it was."""

    named: NamedBlob
    since: float
    tried: float | None = None


class ReplicatedBlobs(Protocol):
    """A home's blobs and the shared store, as the keeper asks them.

    Raises:
        CollegiumError: from `fetch`, `offer` and `forget`, where the store cannot be asked.
    """

    def holds(self, digest: bytes) -> bool:
        """Return whether the home has a blob of that digest."""
        ...

    def fetch(self, digest: bytes, most: int) -> bytes | None:
        """Get a blob of at most so many bytes from the shared store into the home, or None."""
        ...

    def offer(self, digest: bytes, most: int) -> None:
        """Give a blob that the home has to the shared store, if that has it not and would be read.

        The others read one of at most so many bytes.
        """
        ...

    def forget(self, digests: Collection[bytes]) -> None:
        """Delete those of the blobs that are updates, here and in the shared store."""
        ...

    def catch_up(self) -> None:
        """Give the shared store what it could not be given when it was published."""
        ...

    def ask_again(self) -> None:
        """Note that the shared store may answer again."""
        ...


class BlobReplicator:
    """What a member still has to fetch, to offer and to delete.

    Args:
        ledger: the member's ledger.log.
        kept: its blobs.
        updates: whether this member may have the others' updates now: validators may.
        most: returns how many bytes a study's blob of a kind may have.
        room: of the home, which fetches nothing here that it has no room for.
        clock: seconds that only grow.
    """

    def __init__(
        self, ledger: Path, kept: ReplicatedBlobs, *, updates: Callable[[], bool],
        most: Callable[[str, Kind], int], room: Room, clock: Callable[[], float] = monotonic,
    ) -> None:  # fmt: skip
        self._ledger, self._kept, self._updates = ledger, kept, updates
        self._most, self._room, self._clock = most, room, clock
        self._read = 0  # bytes of the ledger file that were looked at
        self._wanted: dict[bytes, _Wanted] = {}
        self._latest: deque[NamedBlob] = deque(maxlen=LATEST)
        self._offered: list[NamedBlob] | None = None  # what is still to be offered again
        self._retiring = False
        self._retired: frozenset[bytes] = frozenset()
        self._failed: set[str] = set()

    @property
    def missing(self) -> int:
        """How many blobs are still to be fetched, as of the last look."""
        return len(self._wanted)

    def missing_of(self, study: str) -> int:
        """How many blobs of a study are still to be fetched, as of the last look."""
        return sum(one.named.study == study for one in self._wanted.values())

    @property
    def missing_for(self) -> float:
        """Seconds for which the one that is missing longest has been.

        Those of failed studies are left out: a registration may name what nobody ever had, and
        nobody is to look for it.
        """
        wanted = (one for one in self._wanted.values() if one.named.study not in self._failed)
        first = min((one.since for one in wanted), default=None)
        return 0.0 if first is None else self._clock() - first

    @property
    def fetching(self) -> int:
        """How many are missing that were not tried in vain for long: they may come at once."""
        now = self._clock()
        tried = (one.tried for one in self._wanted.values())
        return sum(first is None or now - first < IN_VAIN for first in tried)

    def offer_again(self) -> None:
        """Note that the shared store may be back, and may have lost what it had."""
        self._offered = None
        self._kept.ask_again()

    def catch_up(self) -> None:
        """Give the shared store what others wait for, and what it could not be given before."""
        self._kept.catch_up()

    def look(self) -> None:
        """Note what new entries name; nothing of them is checked, the replica has done that."""
        try:
            with self._ledger.open("rb") as file:
                file.seek(self._read)
                data = file.read()
        except FileNotFoundError:  # it was damaged, and is being fetched anew
            data, self._read = b"", 0
        end = 0
        try:
            for frame in read_frames(data):
                if frame.kind == ENTRY:
                    self._note(frame.body)
                end = frame.end
        except FormatError:  # the last blocks were replaced since
            self._read = 0
            return
        self._read += end

    def work(self) -> None:
        """Fetch some of what is missing, offer some of what is here, delete what is retired.

        What cannot be had or given now is tried again later.
        """
        if self._retiring:
            self._retire()
        self.fetch()
        if self._offered is None:
            self._offered = list(dict.fromkeys(self._latest))
        for _ in range(min(AT_ONCE, len(self._offered))):
            if not self._give(self._offered[-1]):
                break
            self._offered.pop()

    def fetch(self, most: int = AT_ONCE) -> None:
        """Fetch so many of what is missing, the longest named first, beside what is here by now.

        What cannot be had now is tried again later.
        """
        asked = 0
        for digest, wanted in list(self._wanted.items())[:AT_ONCE]:
            there = self._kept.holds(digest)
            if not there:
                if asked == most:
                    return
                asked += 1
                there = self._get(wanted.named)
            del self._wanted[digest]
            if not there:
                wanted.tried = self._clock() if wanted.tried is None else wanted.tried
                self._wanted[digest] = wanted

    def _retire(self) -> None:
        ledger = self._ledger.read_bytes()
        retired = retired_updates(reveals_and_retirements(ledger))
        self._retired = frozenset(retired)
        for digest in retired:
            self._wanted.pop(digest, None)
        self._offered = [one for one in self._offered or () if one.digest not in retired]
        self._latest = deque((one for one in self._latest if one.digest not in retired), LATEST)
        self._kept.forget([digest for digest in retired if self._kept.holds(digest)])
        self._retiring = False

    def _get(self, named: NamedBlob) -> bool:
        left = self._room.left
        if not left:
            return False
        try:
            data = self._kept.fetch(named.digest, min(left, self._most(named.study, named.kind)))
        except CollegiumError:
            return False
        if data is None:
            return False
        self._room.took(len(data))
        return True

    def _give(self, named: NamedBlob) -> bool:
        """Return whether the shared store has a blob, or this home has none to give."""
        try:
            if self._kept.holds(named.digest):
                self._kept.offer(named.digest, self._most(named.study, named.kind))
        except CollegiumError:
            return False
        return True

    def want(self, named: NamedBlob) -> None:
        """Note a blob that is to be fetched."""
        self._wanted.setdefault(named.digest, _Wanted(named, self._clock()))

    def named(self, entry: bytes) -> list[NamedBlob]:
        """Return which blobs an entry names that this home is to hold."""
        envelope, recorded = decode_entry(entry)
        transaction = decode_transaction(decode_envelope(envelope).payload)
        return self._blobs((*self._said(transaction), *_done(decode_events(recorded))))

    def _blobs(self, names: Iterable[_Name]) -> list[NamedBlob]:
        found = (NamedBlob(from_text(one, DIGEST_SIZE), study, kind) for one, study, kind in names)
        return [named for named in found if named.digest not in self._retired]

    def _note(self, entry: bytes) -> None:
        envelope, recorded = decode_entry(entry)
        transaction = decode_transaction(decode_envelope(envelope).payload)
        events = decode_events(recorded)
        self._retiring |= any(isinstance(event, UpdatesRetired) for event in events)
        self._failed |= {
            event.study
            for event in events
            if isinstance(event, StudyClosed) and event.outcome == "failed"
        }
        self._latest.extend(self._blobs(_passing(transaction)))
        for named in self._blobs((*self._said(transaction), *_done(events))):
            self._latest.append(named)
            if not self._kept.holds(named.digest):
                self.want(named)

    def _said(self, transaction: Transaction) -> Iterator[_Name]:
        if isinstance(transaction, StudyRegister):
            yield transaction.document, transaction.study, "document"
            yield transaction.model, transaction.study, "model"
        elif isinstance(transaction, UpdateReveal) and self._updates():
            sealed = transaction.sealed
            name = transaction.digest if isinstance(sealed, msgspec.UnsetType) else sealed
            kind: Kind = "other" if is_sum(transaction.round) else "update"
            yield name, transaction.study, kind
        elif isinstance(transaction, EvaluationPost):
            yield transaction.federated, transaction.study, "other"
            if transaction.local is not msgspec.UNSET:
                yield transaction.local, transaction.study, "other"


_Name = tuple[str, str, Kind]


def _passing(transaction: Transaction) -> Iterator[_Name]:
    """Yield what an open round needs and nobody keeps for the record, such as a dealer's shares.

    Whoever has it offers it again, and nobody fetches it beside those who use it.
    """
    name = getattr(transaction, "digest", None)
    if isinstance(transaction, StudyTransaction) and isinstance(name, str):
        yield name, transaction.study, "other"


def _done(events: Iterable[Event]) -> Iterator[_Name]:
    for event in events:
        if isinstance(event, RoundClosed):
            yield event.model, event.study, "other" if is_sum(event.round) else "model"
