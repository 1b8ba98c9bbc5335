"""A member's letters in the store that the consortium shares: the way past whoever orders.

What members lay there and see there is handed on to whoever orders by everybody who sees it, and
what a quorum has seen binds (docs/decisions/0140). The store may be slow or away and whoever orders
may answer nothing at all, so each is asked in a thread of its own.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from threading import Condition, Thread

import msgspec

from collegium.errors import CollegiumError
from collegium.ledger.contract.evidence import decode_transaction
from collegium.ledger.contract.transactions import kind_of
from collegium.ledger.envelope import decode_envelope
from collegium.ledger.ordering import Corresponds, Letter, OpenDemand
from collegium.node.registration_checks import in_a_line
from collegium.node.sender import Sender
from collegium.node.status import UnorderedTransaction
from collegium.storage.letters import LARGEST_LETTER, StoredLetters

LOOK_EVERY, LOOK_OFTEN = 10.0, 2.0
"""Seconds between two looks at the letters, and while there is something in any of them."""

log = logging.getLogger(__name__)


class LetterBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A letter as JSON: docs/spec/10-log-engine.md."""

    envelopes: tuple[bytes, ...] = ()
    seen: tuple[str, ...] = ()
    cosigned: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET


_DECODER = msgspec.json.Decoder(LetterBody)


def encode_letter(letter: Letter) -> bytes:
    """Return a letter's bytes; of words there are as many as there is room for."""
    seen, cosigned = letter.seen, letter.cosigned or msgspec.UNSET
    while True:
        data = msgspec.json.encode(LetterBody(letter.envelopes, seen, cosigned))
        if len(data) <= LARGEST_LETTER:
            return data
        seen = seen[: len(seen) // 2]


def decode_letter(data: bytes) -> Letter:
    """Return the letter in some bytes; what is malformed says nothing."""
    try:
        body = _DECODER.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return Letter()
    return Letter(body.envelopes, body.seen, body.cosigned or ())


class Mailbox:
    """A member's letter, and what it has read of the others'.

    Args:
        member: its id.
        letters: where they lie.
        ordering: what it follows; hands out and takes up what is in the letters.
        sender: hands on what others could not; a queue of its own.
        others: returns the members whose letters are looked at.
    """

    def __init__(
        self, member: str, letters: StoredLetters, ordering: Corresponds, sender: Sender,
        others: Callable[[], Sequence[str]],
    ) -> None:  # fmt: skip
        self._member, self._letters, self._others = member, letters, others
        self._ordering, self._sender = ordering, sender
        self._changed = Condition()
        self._read: dict[str, Letter] = {}
        self._own = Letter()
        self._names: tuple[str, ...] = ()
        self._trouble: str | None = None
        self._stopped = False
        self._thread = Thread(target=self._run, name="mailbox", daemon=True)
        self._thread.start()

    @property
    def trouble(self) -> str | None:
        """Why letters are not passed on, or None."""
        return self._trouble

    def turn(
        self, due: Sequence[bytes], size: int, is_past: Callable[[bytes], bool]
    ) -> list[bytes]:
        """Take up letters, while all is final; return what is due for their sake.

        Args:
            due: transactions of this member that are due.
            size: entries that are held.
            is_past: tells what is not to be handed over any more.
        """
        with self._changed:
            read = dict(self._read)
        own = self._ordering.correspond(due, read)
        with self._changed:
            if own != self._own or not self._names:
                self._own = own
                self._changed.notify()
            self._names = tuple(self._others())
        handed = [one.envelope for one in self._ordering.demands if one.author != self._member]
        self._sender.offer(handed, size, is_past)
        return list(self._ordering.nonces())

    @property
    def held_up(self) -> frozenset[str]:
        """The studies whose timers wait, since what is due there was not ordered."""
        return frozenset(one.study for one in self.unordered)

    @property
    def unordered(self) -> tuple[UnorderedTransaction, ...]:
        """What was seen and is not ordered."""
        return tuple(_told(one) for one in self._ordering.demands)

    def close(self) -> None:
        """Read and lay out nothing more."""
        with self._changed:
            self._stopped = True
            self._changed.notify()

    def _run(self) -> None:
        laid: Letter | None = None
        while True:
            with self._changed:
                own, names, stopped = self._own, self._names, self._stopped
            if stopped:
                return
            try:
                laid = self._exchange(own, laid, names)
                self._trouble = None
            except CollegiumError as error:
                self._note(in_a_line(error))
            except Exception as error:  # a bug; this thread must not end without anybody noticing
                log.exception("mailbox failed")
                self._note(f"{type(error).__name__}: {error}")
            with self._changed:
                busy = self._own != Letter() or any(one != Letter() for one in self._read.values())
                if self._own == own and not self._stopped:
                    self._changed.wait(LOOK_OFTEN if busy else LOOK_EVERY)

    def _exchange(self, own: Letter, laid: Letter | None, names: Sequence[str]) -> Letter:
        """Lay out this member's letter, and read the others'; return what is laid out.

        One that somebody has removed or replaced is put again, and one of before the start goes.
        """
        data = encode_letter(own)
        if own != Letter() or laid != own:
            there = self._letters.news(self._member)
            if own != (laid or Letter()) or there not in (None, data if own != Letter() else b""):
                self._letters.put(self._member, data)
        for name in names:
            news = self._letters.news(name)
            if news is not None:
                with self._changed:
                    self._read[name] = decode_letter(news)
        return own

    def _note(self, why: str) -> None:
        if self._trouble != why:
            log.warning("letters not passed on", extra={"why": why})
        self._trouble = why


def _told(demand: OpenDemand) -> UnorderedTransaction:
    envelope = decode_envelope(demand.envelope)
    transaction = decode_transaction(envelope.payload)
    return UnorderedTransaction(
        transaction=envelope.transaction_id.hex(), kind=kind_of(transaction),
        study=str(getattr(transaction, "study", "")), author=demand.author,
        seen_by=demand.seen_by, blocks=demand.blocks, seconds=round(demand.seconds, 1),
    )  # fmt: skip
