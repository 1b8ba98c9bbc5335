"""The node's loop: follow the ledger, ask everybody who acts for the member, hand over what is due.

A participant is asked only while everything that the node holds is final; a forked view would
extract reveals. Everything that the loop says twice is harmless, and everything that it loses by
being killed is found due again: what cannot be is in the outbox.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from threading import Event as Signal
from time import monotonic
from typing import TypeVar

import msgspec

from collegium.errors import CollegiumError, FormatError, NodeError
from collegium.ledger.application import AcceptedTransaction
from collegium.ledger.contract.events import (
    MembersSkipped,
    PhaseOpened,
    RoundOpened,
    UpdatesIncluded,
)
from collegium.ledger.contract.evidence import decode_transaction
from collegium.ledger.contract.tables import MEMBERS, MemberRecord
from collegium.ledger.contract.transactions import kind_of
from collegium.ledger.envelope import decode_envelope
from collegium.ledger.ordering import Ordered, Ordering, OrderingAlone, OrderingMisbehaved, Refused
from collegium.node.blob_replication import BlobReplicator
from collegium.node.conflicts import Conflicts
from collegium.node.mailbox import Mailbox
from collegium.node.operator_commands import OperatorCommands
from collegium.node.participants import Participants
from collegium.node.policy_file import PolicyFile
from collegium.node.registration_checks import in_a_line
from collegium.node.scrubbing import Scrubber
from collegium.node.sender import AnsweredTransaction, Sender
from collegium.node.status import RefusedTransaction
from collegium.node.timers import OnlineClock

WAIT = 1.0
"""Seconds for which the ordering is asked for news before timers are looked at."""

WAIT_BUSY = 0.1
"""The same while a site trains, or blobs are to be fetched."""

AMID_NEWS = 1
"""Blobs that are fetched in a turn in which something has become final."""

CHECK_EVERY = 60.0
"""Seconds between two looks at the ledger file: bytes that changed on the disk are healed."""

CHECK_SHARE = 100.0
"""A look that took long is followed by a rest that is so many times as long."""

AWAY = (0.5, 1.0, 2.0, 5.0)
"""Seconds between tries where whoever orders cannot be reached."""

NORMAL = ("already", "stale", "early")
"""Refusals that come of saying things twice, or at the same time as somebody else."""

DISK = "node.disk"
"""Code of a disk that refuses what has to be written before anything is said."""

OFTEN = 10
"""Times after which a refusal of one and the same transaction is normal no more."""

_EVERY_ROUND = (RoundOpened, PhaseOpened, UpdatesIncluded, MembersSkipped)

T = TypeVar("T")

log = logging.getLogger(__name__)


class Loop:
    """What a node does until it is stopped.

    Attributes:
        member: whose node it is.
        state: "starting", "following", "away", "disk", "refused", "expelled" or "halted": see
            `NodeStatus`.
        trouble: why it does not follow.
        refusals: how many of its transactions were refused, by code.
        rejected: what is refused now, by kind, study and code.
        troubles: what fails now beside following the ledger, by which part of the node.
        last_final: when something last became final, by the machine's clock.
    """

    def __init__(
        self,
        member: str,
        ordering: Ordering,
        sender: Sender,
        participants: Participants,
        policy: PolicyFile,
        replicator: BlobReplicator,
        scrubber: Scrubber,
        orders: OperatorCommands,
        conflicts: Conflicts,
        mailbox: Mailbox | None,
        clock: OnlineClock,
        show: Callable[[Loop], None],
    ) -> None:
        self.ordering, self.sender, self.participants = ordering, sender, participants
        self.policy = policy
        self.replicator, self.scrubber = replicator, scrubber
        self.orders, self.conflicts = orders, conflicts
        self.mailbox = mailbox
        self.member = member
        self.state = "starting"
        self.trouble: str | None = None
        self.refusals: Counter[str] = Counter()
        self.rejected: dict[tuple[str, str, str], RefusedTransaction] = {}
        self.troubles: dict[str, str] = {}
        self.failures = 0
        self._clock, self._show = clock, show
        self.last_final = monotonic()
        self._in_a_row = 0
        self._check_at = monotonic() + CHECK_EVERY

    def run(self, stopped: Signal) -> None:
        """Follow the ledger until told to stop, which it does between two steps."""
        while not stopped.is_set():
            rest = self.turn()
            self._apart("status", lambda: self._show(self), None)
            if rest:
                stopped.wait(rest)

    def turn(self) -> float:
        """Do one turn; return for how many seconds nothing is to be tried."""
        policy = self.policy.now()
        try:
            news = self.ordering.step(self._wait)
        except CollegiumError as error:
            return self._cannot_follow(error)
        except OSError as error:  # of the disk: of the line it would be a `CollegiumError`
            return self._cannot_follow(_disk_fails(error))
        self._follows(news)
        if self.ordering.state_of(self.member) is not None:
            due = list[bytes]()
            due += self._apart("participants", lambda: self.participants.due(policy), [])
            due += self._apart("orders", self.orders.due, [])
            due += self._apart("ordering", self.ordering.due, [])
            due += self._apart("conflicts", self.conflicts.due, [])
            size = self.ordering.application.size
            if self.mailbox is not None:
                mailbox, own = self.mailbox, tuple(due)
                due += self._apart("mailbox", lambda: mailbox.turn(own, size, self._is_past), [])
            self.sender.offer(due, size, self._is_past)
            if self.rejected:  # what is due no more needs nobody's attention
                still = {_about(envelope) for envelope in due}
                kept = {key: one for key, one in self.rejected.items() if key[:2] in still}
                self.rejected = kept
        for answered in self.sender.answers():
            self.orders.hear(answered)
            self._note(answered)
        self._apart("blobs", self.replicator.catch_up, None)
        self._apart("blobs", self.replicator.look, None)
        self._apart("conflicts", self.conflicts.look, None)
        if not news:
            self._apart("blobs", self.replicator.work, None)
            self._apart("scrubbing", self.scrubber.work, None)
            self._apart("ledger", self._check_file, None)
        else:  # where there is always news, a home that lacks much is to have it as well
            self._apart("blobs", lambda: self.replicator.fetch(AMID_NEWS), None)
        return 0.0

    def _is_past(self, envelope: bytes) -> bool:
        """Return whether the contract refuses a transaction now, and not because it is early."""
        rejected = self.ordering.application.check(envelope)
        return rejected is not None and rejected.code != "early"

    def _apart(self, who: str, work: Callable[[], T], otherwise: T) -> T:
        """Do a piece of work whose failure, whatever it is, is told and ends nothing else.

        What the node signs for the common order is not among it: cosigning goes on.
        """
        try:
            found = work()
        except Exception as error:
            told = f"{type(error).__name__}: {error}"[:300]
            if self.troubles.get(who) != told:
                log.error("work failed", exc_info=error, extra={"who": who, "why": told})
                self.failures += 1
            self.troubles[who] = told
            return otherwise
        self.troubles.pop(who, None)
        return found

    @property
    def _wait(self) -> float:
        """Seconds for which the ordering is asked for news: few where there is other work."""
        busy = self.participants.training or self.replicator.missing
        return WAIT_BUSY if busy else WAIT

    def _check_file(self) -> None:
        """Look from time to time whether the disk still holds what was replayed."""
        began = monotonic()
        if began >= self._check_at:
            self.ordering.check()
            now = monotonic()
            self._check_at = now + max(CHECK_EVERY, CHECK_SHARE * (now - began))

    def _follows(self, news: Sequence[AcceptedTransaction]) -> None:
        self._clock.tick(online=True)
        if self.state != "following":
            self.replicator.offer_again()
            self.sender.drop()  # whoever orders may lack what was acknowledged
            log.info("node following", extra={"entries": self.ordering.application.size})
        self.state, self.trouble, self._in_a_row = "following", None, 0
        if news:
            self.last_final = monotonic()
        for accepted in news:
            for event in accepted.events:
                level = logging.DEBUG if isinstance(event, _EVERY_ROUND) else logging.INFO
                fields = msgspec.to_builtins(event)
                log.log(level, fields.pop("event"), extra={"index": accepted.index, **fields})

    def _cannot_follow(self, error: CollegiumError) -> float:
        """Note why; return how long to wait. Nothing more is said to whoever lied."""
        lied = isinstance(error, OrderingMisbehaved)
        self._clock.tick(online=False)
        state, trouble = "halted" if lied else self._why_not(error), in_a_line(error)
        if (state, trouble) != (self.state, self.trouble):
            self.failures += 1
            level = logging.ERROR if lied else logging.WARNING
            log.log(level, f"node {state}", extra={"why": trouble})
        self.state, self.trouble = state, trouble
        if lied:
            self.sender.drop()
        self._in_a_row += 1
        if isinstance(error, OrderingAlone):
            return 0.0
        return AWAY[min(self._in_a_row, len(AWAY)) - 1]

    def _why_not(self, error: CollegiumError) -> str:
        """Return the state of a node that cannot follow, as far as its own copy tells."""
        if error.code == DISK:
            return "disk"
        if error.code != "transport.refused":
            return "away"
        record = self.ordering.application.state.record(MEMBERS, self.member, MemberRecord)
        return "refused" if record is None or record.active else "expelled"

    def _note(self, answered: AnsweredTransaction) -> None:
        answer, (kind, study) = answered.answer, _about(answered.envelope)
        if isinstance(answer, Ordered):
            for one in [one for one in self.rejected if one[:2] == (kind, study)]:
                del self.rejected[one]
        if not isinstance(answer, Refused):
            return
        self.refusals[answer.code] += 1
        normal = answer.code in NORMAL and answered.times < OFTEN
        level = logging.DEBUG if normal else logging.WARNING
        log.log(
            level, "transaction refused",
            extra={"kind": kind, "study": study, "code": answer.code, "why": answer.reason,
                   "times": answered.times},
        )  # fmt: skip
        if not normal:
            self._reject(kind, study, answer)

    def _reject(self, kind: str, study: str, answer: Refused) -> None:
        known = self.rejected.get((kind, study, answer.code))
        since = datetime.now(UTC).isoformat(timespec="seconds") if known is None else known.since
        self.rejected[kind, study, answer.code] = RefusedTransaction(
            kind=kind, study=study, code=answer.code, why=answer.reason, since=since,
            count=1 if known is None else known.count + 1,
        )  # fmt: skip


def _disk_fails(error: OSError) -> NodeError:
    why = error.strerror or str(error)
    return NodeError(
        DISK, "the disk under this home refuses what has to be written",
        why if error.filename is None else f"{error.filename}: {why}",
        "make room, or restore the home on a sound disk; the node goes on by itself",
    )  # fmt: skip


def _about(envelope: bytes) -> tuple[str, str]:
    """Return what a transaction of our own is, and its study's id or nothing.

    A bug that made it malformed must end nothing.
    """
    try:
        transaction = decode_transaction(decode_envelope(envelope).payload)
    except FormatError:
        return "malformed", ""
    return kind_of(transaction), str(getattr(transaction, "study", ""))
