"""Handing transactions to whoever orders beside the node's loop, until each is answered.

`Ordering.submit` waits until its transactions are decided, which may need others; the loop
must go on and give this member's own meanwhile.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Condition, Thread
from time import monotonic
from typing import Protocol

from collegium.errors import CollegiumError, NodeError
from collegium.ledger.ordering import Answer, NotYet, Ordered

MOST = 64
"""Transactions handed over together."""

RESTS = 10.0
"""Seconds after which an acknowledged transaction that has not been seen is handed over again.

Whoever orders may have lost the last block that was acknowledged."""

WAITS = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds between tries where whoever orders is away or busy."""

log = logging.getLogger(__name__)


RESTS_FROM = 5
"""Refusals of one transaction from which on it rests a second, two, four, …; before, it is due
again as soon as the ledger has grown."""

LONGEST_REST = 60.0
"""Seconds for which a transaction rests at most that is refused again and again."""


@dataclass(frozen=True, slots=True)
class AnsweredTransaction:
    """A transaction and what became of it; `times` it was refused, this time included."""

    envelope: bytes
    answer: Answer
    times: int = 0


class Submits(Protocol):
    """The part of `Ordering` that is asked here."""

    def submit(self, envelopes: Sequence[bytes]) -> list[Answer]:
        """Hand transactions over; one answer for each."""
        ...


class Sender:
    """A queue of envelopes and the thread that hands them over, in their order.

    An envelope that waits, that was just put into the log beyond what the member has replayed, or
    that was refused at the ledger's present size is not taken again. What is refused again and
    again rests twice as long each time. What was handed over least often goes first, so that what
    is never decided keeps nothing newer from being handed over.
    """

    def __init__(self, ordering: Submits) -> None:
        """Start the thread."""
        self._ordering = ordering
        self._changed = Condition()
        self._waiting: dict[bytes, int] = {}  # how often each was answered and not decided
        self._answered: list[AnsweredTransaction] = []
        self._settled: dict[bytes, tuple[int, float]] = {}  # up to which size, and until when
        self._refused: dict[bytes, tuple[int, float]] = {}  # how often, and until when it rests
        self._size = 0
        self._newer = False  # whether something came since the last batch was taken
        self._trouble: CollegiumError | None = None
        self._stopped = False
        self._thread = Thread(target=self._run, name="sender", daemon=True)
        self._thread.start()

    @property
    def trouble(self) -> CollegiumError | None:
        """Why the last try came to nothing, or None."""
        return self._trouble

    @property
    def waiting(self) -> int:
        """How many envelopes have no answer yet."""
        return len(self._waiting)

    def offer(self, envelopes: Sequence[bytes], size: int, past: Callable[[bytes], bool]) -> None:
        """Take envelopes that are due now that the member has replayed `size` entries.

        Args:
            envelopes: all that is due.
            size: the entries.
            past: whether the ledger, as it is now, will never take an envelope. One that waits, is
                due no more and will never be taken is dropped.
        """
        with self._changed:
            grown, now = size != self._size, monotonic()
            self._size = size
            self._settled = {
                envelope: (up_to, until)
                for envelope, (up_to, until) in self._settled.items()
                if up_to >= size and until > now
            }
            due = set(envelopes)
            self._refused = {one: rest for one, rest in self._refused.items() if one in due}
            if grown:
                for one in [one for one in self._waiting if one not in due and past(one)]:
                    del self._waiting[one]
            for envelope in envelopes:
                rests = self._refused.get(envelope, (0, 0.0))[1] > now
                if not (rests or envelope in self._settled or envelope in self._waiting):
                    self._waiting[envelope], self._newer = 0, True
            self._changed.notify()

    def answers(self) -> list[AnsweredTransaction]:
        """Return what was answered since the last call."""
        with self._changed:
            found, self._answered = self._answered, []
        return found

    def drop(self) -> None:
        """Forget what waits and what was acknowledged; what the ledger lacks is found due again."""
        with self._changed:
            self._waiting.clear()
            self._settled.clear()
            self._refused.clear()

    def close(self) -> None:
        """Hand nothing more over; what has no answer yet is found due again after a restart."""
        with self._changed:
            self._stopped = True
            self._changed.notify()

    def _run(self) -> None:
        tries = 0
        while True:
            with self._changed:
                while not (self._waiting or self._stopped):
                    self._changed.wait()
                if tries:
                    self._changed.wait_for(self._goes_on, WAITS[min(tries, len(WAITS)) - 1])
                if self._stopped:
                    return
                batch = sorted(self._waiting, key=self._waiting.__getitem__)[:MOST]
                self._newer = False
            decided = self._hand_over(batch)
            tries = 0 if decided else tries + 1

    def _goes_on(self) -> bool:
        """Return whether it is to be gone on at once: whoever answers is given what is newer."""
        return self._stopped or (self._newer and self._trouble is None)

    def _hand_over(self, batch: list[bytes]) -> bool:
        """Return whether anything was decided."""
        try:
            answers = self._ordering.submit(batch)
            self._trouble = None
        except CollegiumError as error:
            self._trouble = error
            return False
        except Exception as error:  # a bug; this thread must not end without anybody noticing
            log.exception("sender failed")
            self._trouble = NodeError(
                "node.sender", "transactions cannot be handed over",
                f"{type(error).__name__}: {error}", "report it, with node.log",
            )  # fmt: skip
            return False
        decided = 0
        with self._changed:
            for envelope, answer in zip(batch, answers, strict=True):
                if isinstance(answer, NotYet):
                    if envelope in self._waiting:
                        self._waiting[envelope] += 1
                    continue
                decided, times = decided + 1, 0
                self._waiting.pop(envelope, None)
                if isinstance(answer, Ordered):
                    self._settled[envelope] = answer.index, monotonic() + RESTS
                    self._refused.pop(envelope, None)
                else:
                    times = self._refused.get(envelope, (0, 0.0))[0] + 1
                    rest = 0.0 if times < RESTS_FROM else 2.0 ** min(times - RESTS_FROM, 16)
                    self._refused[envelope] = times, monotonic() + min(rest, LONGEST_REST)
                    self._settled[envelope] = self._size, float("inf")
                self._answered.append(AnsweredTransaction(envelope, answer, times))
        return bool(decided)
