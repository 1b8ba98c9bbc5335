"""A member's ordering under the engine `log`: its replica, and the sequencer's word to it.

A sequencer that leaves out what it has acknowledged is caught when the log has grown over that
place; the two things that its key signed are then kept as evidence. The transaction itself is
found due again and handed over once more.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import monotonic

from collegium.audit.inclusion_promise import BrokenPromise, promise_parts
from collegium.errors import FormatError
from collegium.ledger.application import AcceptedTransaction, Application
from collegium.ledger.engines.log.connection import Connection, PresentFirst
from collegium.ledger.engines.log.evidence import EVIDENCE, keep_evidence, kept_against_sequencer
from collegium.ledger.engines.log.inclusion_promise import InclusionPromise, open_inclusion_promise
from collegium.ledger.engines.log.log_copy import LogCopy
from collegium.ledger.engines.log.replica import Replica
from collegium.ledger.envelope import decode_envelope
from collegium.ledger.equivocation import Conflict
from collegium.ledger.frames import ENTRY, decode_entry, entry_hash, read_frames
from collegium.ledger.genesis import encode_genesis, required_log_key
from collegium.ledger.ordering import Answer, Health, Letter, NotYet, OpenDemand, Ordered
from collegium.ledger.state import State
from collegium.ledger.validators import validator_set_of
from collegium.transport.renewal import WARN_DAYS, first_to_end

log = logging.getLogger(__name__)

SILENT_AFTER = 60.0
"""Seconds without a cosignature after which a validator is told to be missing.

A block is final when enough have cosigned it, and the others' come later: whoever is not behind
the newest note is late by a moment, in a healthy consortium as well."""

UNSIGNED = NotYet("unsigned", "the log's key did not sign a promise for this transaction")


class Member:
    """A member's side of the order; it satisfies `ledger.ordering.Ordering`.

    Attributes:
        broken: the last promise that the sequencer broke, in words, or None.
    """

    def __init__(
        self, replica: Replica, connection: Connection, release: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = monotonic, certificates: Sequence[Path] = (),
        clock_trouble: Callable[[], str | None] = lambda: None,
    ) -> None:  # fmt: skip
        """Take part by a replica that asks over the same connection; `release` ends that."""
        self._certificates, self._clock_trouble = certificates, clock_trouble
        self.broken: str | None = None
        self._replica, self._connection, self._release = replica, connection, release
        self._identity = replica.identity
        self._key = required_log_key(replica.ledger.genesis)
        self._heard: deque[tuple[InclusionPromise, str]] = deque()  # by the thread that hands over
        self._open: dict[int, tuple[InclusionPromise, str]] = {}  # by index
        self._unsigned = False
        self._cosigned: tuple[str | None, tuple[str, ...], tuple[str, ...]] = (None, (), ())
        self._clock, self._started, self._heard_of = clock, clock(), dict[str, float]()

    @property
    def application(self) -> Application:
        """The member's copy."""
        return self._replica.ledger

    @property
    def final_size(self) -> int:
        """Number of entries that are final."""
        return self._replica.final_size

    def state_of(self, member: str) -> State | None:
        """Return the state, while everything that is held is final."""
        return self._replica.state if self._replica.settled else None

    def submit(self, envelopes: Sequence[bytes]) -> list[Answer]:
        """Hand transactions over; an acknowledgement that the log's key did not sign is none."""
        answers = self._connection.submit(envelopes)
        checked = [self._checked(*one) for one in zip(envelopes, answers, strict=True)]
        self._unsigned = UNSIGNED in checked
        return checked

    def step(self, wait: float) -> list[AcceptedTransaction]:
        """Follow the sequencer, and hold what is final against what it has promised."""
        news = self._replica.step(wait)
        while self._heard:
            promise, note = self._heard.popleft()
            self._open[promise.index] = promise, note
        if self._replica.settled:
            self._hold_to_promises()
        return news

    def due(self) -> Sequence[bytes]:
        """Return what lets this member cosign again, where its word is lost."""
        return self._replica.witness.returning()

    def silencing(self, *, letters: bool) -> str | None:
        """Return why the sequencer could keep a member back unseen."""
        if not letters:
            return (
                "every way to the others leads over the sequencer, its relay of blobs too: it can "
                "silence this member, unless the consortium shares a store of its own (blobs.store)"
            )
        if not isinstance(self._replica.ledger.genesis.ordered_within, int):
            return (
                "the genesis has no ordered_within: the sequencer can silence this member; only a "
                "ledger that is founded anew has one"
            )
        return None

    @property
    def demands(self) -> Sequence[OpenDemand]:
        """What this member demands of whoever orders."""
        return self._replica.correspondence.open()

    def correspond(self, due: Sequence[bytes], letters: Mapping[str, Letter]) -> Letter:
        """Take up what members laid out past the sequencer; return what this one is to lay out."""
        return self._replica.correspondence.exchange(due, letters)

    def nonces(self) -> Sequence[bytes]:
        """Return what makes the log grow, where a quorum waits for what is kept back."""
        return self._replica.correspondence.nonces()

    def conflicts(self) -> Sequence[Conflict]:
        """Ask the sequencer for equivocations, which it alone is handed."""
        try:
            return self._connection.conflicts()
        except PresentFirst:
            return []

    def health(self) -> Health:
        """Return who stands behind the newest final note, and what goes wrong."""
        bound, waiting = self._replica.witness.bound, self._replica.witness.waiting_for
        troubles = {}
        if waiting:
            troubles["cosigning"] = waiting
        if self.broken is not None:
            troubles["sequencer"] = self.broken
        if (differs := self._clock_trouble()) is not None:
            troubles["clock"] = differs
        first = first_to_end(self._certificates)
        if first is not None and first[0] < WARN_DAYS:
            troubles["certificate"] = (
                f"{first[1]} ends in {first[0]:.1f} days: ask the sequencer's operator for another "
                "one (docs/operations/certificates.md)"
            )
        if self._unsigned:
            troubles["acknowledgement"] = (
                "the sequencer's acknowledgement does not hold: tell its operator; what is due is "
                "handed over again"
            )
        return Health(
            *self._cosigners(),
            None if bound is None else (bound.block, bound.size),
            troubles,
            None if first is None else first[0],
            kept_against_sequencer(self._replica.copy.home),
        )

    def check(self) -> bool:
        """Return whether the file holds what was replayed; else it is fetched anew."""
        return self._replica.check()

    def close(self, *, complete: bool = False) -> None:
        """Release the files and the connection; the sequencer's note seals a log."""
        try:
            self._replica.close()
        finally:
            self._release()

    def _checked(self, envelope: bytes, answer: Answer) -> Answer:
        """Return an answer; an acknowledgement counts if it is the log's word on exactly this."""
        if not isinstance(answer, Ordered):
            return answer
        try:
            promise = open_inclusion_promise(answer.promise, self._identity, self._key)
        except FormatError:
            return UNSIGNED
        said = decode_envelope(envelope).transaction_id
        if promise != InclusionPromise(self._identity, answer.index, said):
            return UNSIGNED
        self._heard.append((promise, answer.promise))
        return answer

    def _hold_to_promises(self) -> None:
        for index in [one for one in self._open if one < self._replica.final_size]:
            promise, note = self._open.pop(index)
            entry = entry_at(self._replica.copy, index)
            found = decode_envelope(decode_entry(entry)[0]).transaction_id
            if found != promise.transaction:
                self._accuse(BrokenPromise(index, promise.transaction, found), note, entry)

    def _accuse(self, broken: BrokenPromise, promise: str, entry: bytes) -> None:
        copy = self._replica.copy
        frames = read_frames(copy.read(0, copy.final_size, most=None))
        hashes = [entry_hash(frame.body) for frame in frames if frame.kind == ENTRY]
        genesis, note = encode_genesis(copy.ledger.genesis), copy.final_note or ""
        parts = promise_parts(genesis, promise, broken.index, entry, hashes, note)
        where = keep_evidence(copy.home / EVIDENCE, "promise", str(broken), parts)
        self.broken = f"the sequencer broke its word: {broken}; the evidence is in {where}"
        log.error("promise broken", extra={"why": str(broken), "evidence": str(where)})

    def _cosigners(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return who cosigned the newest final note, and which of its judges have been silent.

        A block that replaces a key is cosigned with the key from before.
        """
        replica, note = self._replica, self._replica.final_note
        if note is not None and note != self._cosigned[0]:
            judges = (
                replica.copy.judges if replica.settled
                else validator_set_of(replica.state, replica.identity)
            )  # fmt: skip
            found = judges.cosigners(note)
            missing = tuple(name for name in judges.powers if name not in found)
            self._cosigned = note, tuple(found), missing
            self._heard_of |= dict.fromkeys(found, self._clock())
        _, cosigned, missing = self._cosigned
        before = self._clock() - SILENT_AFTER
        return cosigned, tuple(
            name for name in missing if self._heard_of.get(name, self._started) <= before
        )


def entry_at(copy: LogCopy, index: int) -> bytes:
    """Return the entry at an index that a copy holds.

    Raises:
        ValueError: it holds none there.
    """
    start = copy.index.last_before(index)
    frames = read_frames(copy.read(start, copy.size, most=0))
    entries = [frame.body for frame in frames if frame.kind == ENTRY]
    if not 0 <= index - start < len(entries):
        raise ValueError(f"no entry {index} is held")
    return entries[index - start]
